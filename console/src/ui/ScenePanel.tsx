/** Where characters are: presets, words, how strongly it shows, the ground. */
import { useEffect, useRef, useState } from "react";
import { Capability } from "../gen/strut/v1/motion_service_pb";
import type { SceneDescriptor } from "../gen/strut/v1/controls_pb";
import { failureOf, scenes } from "../net/api";
import { newLook, RELIEF_COLUMNS, RELIEF_SPACING, type Relief, type SceneLook } from "../state/look";
import { able, edit, useConsole } from "../state/store";
import { Button, Section, Slider } from "./parts";

const BRUSH = 2.6;
const LIFT = 0.05;
const HIGHEST = 1.2;

const UNITS: Record<string, string> = {
  slope: "rad", friction: "", compliance: "mm/kN", sinkDepth: "m", roughness: "m", waterDepth: "m", snowDepth: "m", clearance: "m",
  footingWidth: "m", precipitation: "mm/h", visibility: "m", temperature: "°C", groundTemperature: "°C", crowding: "/m²",
  platformTilt: "rad", platformPeriod: "s", stepHeight: "m",
};

const editScene = (kind: string, change: (scene: SceneLook) => SceneLook) =>
  edit(kind, (look) => ({ ...look, scene: change(look.scene) }));

export function ScenePanel() {
  const state = useConsole(), scene = state.looks[state.selected]!.scene;
  const [text, setText] = useState(""), [read, setRead] = useState<SceneDescriptor | null>(null), [error, setError] = useState("");
  const preset = state.scenePresets.find((one) => one.name === scene.preset);
  const known = able(state, Capability.SCENE) || able(state, Capability.SCENE_SPEED);
  const describe = async () => {
    setError("");
    try {
      const { sceneDescriptor } = await scenes.encodeScene({ scene: { case: "text", value: text } });
      setRead(sceneDescriptor ?? null);
      editScene("text", (now) => ({ ...now, text, preset: "" }));
    } catch (fault) {
      setError(failureOf(fault).message);
    }
  };
  return (
    <div className="panel-body">
      {known && (
        <Section title="Places" actions={<Button disabled={!scene.preset && !scene.text} onClick={() => editScene("none", (now) => ({ ...newLook("").scene, slope: now.slope, relief: now.relief }))}>None</Button>}>
          <ul className="places" aria-label="Scene presets" tabIndex={0}>
            {state.scenePresets.map((one) => (
              <li key={one.name}>
                <button type="button" className="style" aria-pressed={scene.preset === one.name} title={one.description} onClick={() => editScene("preset", (now) => ({ ...now, preset: one.name, text: "" }))}>{one.name.replaceAll("_", " ")}</button>
              </li>
            ))}
          </ul>
          {preset && <p className="faint">{preset.description}</p>}
          {!able(state, Capability.SCENE) && <p className="faint">This model knows no scenes: they change the pace alone.</p>}
        </Section>
      )}
      {able(state, Capability.SCENE_TEXT) && (
        <Section title="In words">
          <form className="row" onSubmit={(event) => { event.preventDefault(); void describe(); }}>
            <input aria-label="Scene in words" placeholder="a steep icy path in a storm" maxLength={500} value={text} onChange={(event) => setText(event.target.value)} />
            <Button type="submit" disabled={!text.trim()}>Use</Button>
          </form>
          {scene.text && <p>In effect: “{scene.text}”</p>}
          {error && <p role="alert" className="error">{error}</p>}
        </Section>
      )}
      <Section title="Strength">
        <Slider label="Alpha" value={scene.alpha} min={0} max={1.5} step={0.01} onChange={(alpha) => editScene("alpha", (now) => ({ ...now, alpha }))} />
      </Section>
      {(preset?.sceneDescriptor || (scene.text && read)) && <Descriptor of={scene.text && read ? read : preset!.sceneDescriptor!} />}
      {able(state, Capability.TERRAIN) && (
        <Section title="Ground" actions={<Button disabled={!scene.relief && scene.slope === 0} onClick={() => editScene("level", (now) => ({ ...now, relief: null, slope: 0 }))}>Level</Button>}>
          <Slider label="Slope" value={scene.slope} min={-20} max={20} step={0.5} format={(value) => `${value.toFixed(1)}°`} onChange={(slope) => editScene("slope", (now) => ({ ...now, slope }))} />
          <ReliefSketch relief={scene.relief} onChange={(relief) => editScene("relief", (now) => ({ ...now, relief }))} />
        </Section>
      )}
    </div>
  );
}

function Descriptor({ of }: { of: SceneDescriptor }) {
  const rows = Object.entries(of).filter(([name, value]) => typeof value === "number" && name in UNITS) as [string, number][];
  if (!rows.length) return null;
  return (
    <Section title="Quantities">
      <table className="facts">
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}><th scope="row">{name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}</th><td>{Number(value.toPrecision(3))} {UNITS[name]}</td></tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

/** The ground from above, to be raised and lowered with a brush, or with the arrow keys. */
function ReliefSketch({ relief, onChange }: { relief: Relief | null; onChange: (relief: Relief) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [lower, setLower] = useState(false), [cursor, setCursor] = useState({ u: 16, v: 16 }), [focused, setFocused] = useState(false);
  const columns = RELIEF_COLUMNS;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(columns, columns);
    for (let i = 0; i < columns * columns; i++) {
      const share = (relief?.heights[i] ?? 0) / HIGHEST, bright = 44 + 150 * Math.max(share, 0), deep = 150 * Math.max(-share, 0);
      image.data.set([bright - deep * 0.2, bright + 6, bright + 14 + deep, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    if (focused) {
      context.fillStyle = "#ffd479";
      context.fillRect(Math.round(cursor.u), Math.round(cursor.v), 1, 1);
    }
  }, [relief, cursor, focused, columns]);
  const paint = (u: number, v: number, by: number) => {
    const now = useConsole.getState(), known = now.looks[now.selected]!.scene.relief;
    const heights = known ? [...known.heights] : new Array<number>(columns * columns).fill(0);
    for (let row = 0; row < columns; row++) {
      for (let column = 0; column < columns; column++) {
        const d = ((column - u) ** 2 + (row - v) ** 2) / (BRUSH * BRUSH), i = row * columns + column;
        if (d < 6) heights[i] = Math.min(Math.max(heights[i]! + by * Math.exp(-d), -HIGHEST), HIGHEST);
      }
    }
    onChange({ columns, spacing: RELIEF_SPACING, heights });
  };
  const at = (event: React.PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * columns - 0.5, ((event.clientY - box.top) / box.height) * columns - 0.5] as const;
  };
  return (
    <div className="stack">
      <canvas
        ref={canvas} width={columns} height={columns} className="relief" tabIndex={0} role="application"
        aria-label="Sketch of the ground: arrow keys move the brush, plus raises, minus lowers"
        onFocus={() => setFocused(true)} onBlur={() => setFocused(false)}
        onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); paint(...at(event), lower ? -3 * LIFT : 3 * LIFT); }}
        onPointerMove={(event) => event.buttons > 0 && paint(...at(event), lower ? -LIFT : LIFT)}
        onKeyDown={(event) => {
          const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
          if (by) setCursor({ u: Math.min(Math.max(cursor.u + by[0]!, 0), columns - 1), v: Math.min(Math.max(cursor.v + by[1]!, 0), columns - 1) });
          else if (event.key === "+" || event.key === "-") paint(cursor.u, cursor.v, event.key === "+" ? 2 * LIFT : -2 * LIFT);
          else return;
          event.preventDefault();
        }}
      />
      <div className="row">
        <Button aria-pressed={!lower} onClick={() => setLower(false)}>Raise</Button>
        <Button aria-pressed={lower} onClick={() => setLower(true)}>Lower</Button>
        <span className="faint">16 × 16 m, ± {HIGHEST} m</span>
      </div>
    </div>
  );
}
