/** How a character looks and where it is, as the panels turn it, and the contract's controls of that. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Preset } from "../gen/strut/v1/style_service_pb";
import { type ControlsSchema, type HeightFieldSchema, type SceneControl, type SceneControlSchema, type StyleMix, type StyleMixSchema } from "../gen/strut/v1/controls_pb";
import { BodyPart } from "../gen/strut/v1/skeleton_pb";

/** One style of a mix. Styles that are not stored yet have their vector with them. */
export interface Component {
  name: string;
  weight: number;
  vector?: number[];
}

export interface PartLook {
  /** The part's own style; empty for the mix's. */
  style: string;
  strength: number;
}

export type PartName = "torso" | "leftArm" | "rightArm" | "leftLeg" | "rightLeg";

export const PARTS: Record<PartName, { label: string; part: BodyPart }> = {
  torso: { label: "Torso and head", part: BodyPart.TORSO },
  leftArm: { label: "Left arm", part: BodyPart.LEFT_ARM },
  rightArm: { label: "Right arm", part: BodyPart.RIGHT_ARM },
  leftLeg: { label: "Left leg", part: BodyPart.LEFT_LEG },
  rightLeg: { label: "Right leg", part: BodyPart.RIGHT_LEG },
};

export interface StyleLook {
  components: Component[];
  strength: number;
  parts: Partial<Record<PartName, PartLook>>;
}

/** A square of ground heights, metres, row by row from the corner of least x and z. */
export interface Relief {
  columns: number;
  spacing: number;
  heights: number[];
}

export interface SceneLook {
  preset: string;
  text: string;
  alpha: number;
  /** Incline along +Z, degrees. */
  slope: number;
  relief: Relief | null;
}

export interface Look {
  content: string;
  style: StyleLook;
  scene: SceneLook;
}

export const RELIEF_COLUMNS = 33;
export const RELIEF_SPACING = 0.5;
const SLOPE_COLUMNS = 64;
const SLOPE_SPACING = 2;

export function newLook(style: string, content = "walk"): Look {
  return {
    content,
    style: { components: style ? [{ name: style, weight: 1 }] : [], strength: 1, parts: {} },
    scene: { preset: "", text: "", alpha: 1, slope: 0, relief: null },
  };
}

/** The contract's mix of a style. */
export function mixOf(style: StyleLook): MessageInitShape<typeof StyleMixSchema> {
  return {
    components: style.components.some((one) => one.weight > 0) ? style.components.map(componentOf) : [],
    strength: style.strength,
    parts: (Object.entries(style.parts) as [PartName, PartLook][]).map(([name, part]) => ({
      part: PARTS[name].part,
      components: part.style ? [componentOf({ name: part.style, weight: 1 })] : [],
      strength: part.strength,
    })),
  };
}

function componentOf({ name, weight, vector }: Component) {
  return {
    style: vector ? { case: "vector" as const, value: { values: vector } } : { case: "name" as const, value: name },
    weight,
  };
}

/** The contract's scene of a look; nothing on plain ground. */
export function sceneOf(scene: SceneLook): MessageInitShape<typeof SceneControlSchema> | undefined {
  const field = heightField(scene);
  if (!scene.preset && !scene.text && !field) return undefined;
  return {
    scene: scene.text ? { case: "text", value: scene.text } : scene.preset ? { case: "preset", value: scene.preset } : { case: undefined },
    alpha: scene.alpha,
    heightField: field,
  };
}

/** The contract's controls of a look. */
export function controlsOf(look: Look, content: string): MessageInitShape<typeof ControlsSchema> {
  return {
    content: { content: { case: "label", value: content } },
    style: mixOf(look.style),
    scene: sceneOf(look.scene),
  };
}

/** Height of the ground, metres. */
export function groundHeight(scene: SceneLook, x: number, z: number): number {
  let height = Math.tan((scene.slope * Math.PI) / 180) * z;
  const relief = scene.relief;
  if (relief) {
    const half = ((relief.columns - 1) * relief.spacing) / 2;
    const u = Math.min(Math.max((x + half) / relief.spacing, 0), relief.columns - 1.001);
    const v = Math.min(Math.max((z + half) / relief.spacing, 0), relief.columns - 1.001);
    const i = Math.floor(u), j = Math.floor(v), a = u - i, b = v - j;
    const at = (row: number, column: number) => relief.heights[row * relief.columns + column]!;
    height += (1 - b) * ((1 - a) * at(j, i) + a * at(j, i + 1)) + b * ((1 - a) * at(j + 1, i) + a * at(j + 1, i + 1));
  }
  return height;
}

function heightField(scene: SceneLook): MessageInitShape<typeof HeightFieldSchema> | undefined {
  if (!scene.relief && scene.slope === 0) return undefined;
  const columns = scene.relief?.columns ?? SLOPE_COLUMNS, spacing = scene.relief?.spacing ?? SLOPE_SPACING;
  const origin = -((columns - 1) * spacing) / 2;
  const heights: number[] = [];
  for (let row = 0; row < columns; row++) {
    for (let column = 0; column < columns; column++) {
      heights.push(groundHeight(scene, origin + column * spacing, origin + row * spacing));
    }
  }
  return { origin: { x: origin, z: origin }, spacing, columns, heights };
}

/** A style as a stored mix has it. */
export function styleLookOf(mix: StyleMix): StyleLook {
  const component = (one: StyleMix["components"][number], index: number): Component => ({
    name: one.style.case === "name" ? one.style.value : `vector ${index + 1}`,
    weight: one.weight ?? 1,
    ...(one.style.case === "vector" ? { vector: one.style.value.values } : {}),
  });
  const parts: StyleLook["parts"] = {};
  for (const part of mix.parts) {
    const name = (Object.keys(PARTS) as PartName[]).find((key) => PARTS[key].part === part.part);
    const first = part.components[0];
    if (name) parts[name] = { style: first?.style.case === "name" ? first.style.value : "", strength: part.strength ?? mix.strength ?? 1 };
  }
  return { components: mix.components.map(component), strength: mix.strength ?? 1, parts };
}

/** A scene as a stored control has it; what the panel cannot show is left out. */
export function sceneLookOf(control: SceneControl): SceneLook {
  const look = newLook("").scene;
  if (control.scene.case === "preset") look.preset = control.scene.value;
  if (control.scene.case === "text") look.text = control.scene.value;
  look.alpha = control.alpha ?? 1;
  const field = control.heightField;
  if (field && field.columns === RELIEF_COLUMNS) look.relief = { columns: field.columns, spacing: field.spacing, heights: field.heights };
  return look;
}

/** A look with a stored preset over it. */
export function withPreset(look: Look, preset: Preset): Look {
  return {
    ...look,
    style: preset.style ? styleLookOf(preset.style) : look.style,
    scene: preset.scene ? sceneLookOf(preset.scene) : look.scene,
  };
}
