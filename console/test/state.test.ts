/** What the panels turn, and where characters are led. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { figureEight, PathRoute, smoothed, SteerRoute } from "../src/core/routes";
import { ControlsSchema, StyleMixSchema } from "../src/gen/strut/v1/controls_pb";
import { BodyPart } from "../src/gen/strut/v1/skeleton_pb";
import { History } from "../src/state/history";
import { controlsOf, groundHeight, mixOf, newLook, RELIEF_COLUMNS, RELIEF_SPACING, sceneOf, styleLookOf } from "../src/state/look";

const query = (x: number, z: number, vx = 0, vz = 0) => ({ x, z, vx, vz, secondsAhead: 0.1 });

describe("undo", () => {
  it("goes back change by change and forth again", () => {
    const history = new History<number>();
    history.remember(0, "a", 0);
    history.remember(1, "b", 1);
    expect([history.undo(2), history.undo(1), history.undo(0)]).toEqual([1, 0, null]);
    expect([history.redo(0), history.redo(1), history.redo(2)]).toEqual([1, 2, null]);
  });

  it("takes a slider's way as one change, until it rests", () => {
    const history = new History<number>();
    for (let i = 0; i < 10; i++) history.remember(i, "slider", 100 * i);
    expect(history.undo(10)).toBe(0);
    expect(history.canUndo).toBe(false);
    history.remember(0, "slider", 5000);
    history.remember(5, "slider", 7000);
    expect([history.undo(9), history.undo(5)]).toEqual([5, 0]);
  });

  it("forgets what was undone once something else is changed", () => {
    const history = new History<string>();
    history.remember("a", "x", 0);
    history.undo("b");
    history.remember("a", "y", 1);
    expect(history.canRedo).toBe(false);
  });

  it("keeps a bounded past", () => {
    const history = new History<number>();
    for (let i = 0; i < 500; i++) history.remember(i, String(i), i * 1000);
    let steps = 0;
    while (history.undo(0) !== null) steps++;
    expect(steps).toBe(100);
  });
});

describe("looks", () => {
  it("become the contract's controls", () => {
    const look = newLook("proud");
    look.style.components.push({ name: "a clip", weight: 0.5, vector: [1, 2] });
    look.style.parts.leftArm = { style: "angry", strength: 1.2 };
    look.style.parts.torso = { style: "", strength: 0.3 };
    const made = create(ControlsSchema, controlsOf(look, "walk"));
    expect(made.content?.content).toEqual({ case: "label", value: "walk" });
    expect(made.style?.components.map((one) => one.style.case)).toEqual(["name", "vector"]);
    expect(made.style?.parts.map((part) => [part.part, part.components.length])).toEqual([[BodyPart.LEFT_ARM, 1], [BodyPart.TORSO, 0]]);
    expect(made.scene).toBeUndefined();
  });

  it("come back from a stored mix", () => {
    const { style } = newLook("proud");
    style.parts.rightLeg = { style: "angry", strength: 1 };
    expect(styleLookOf(create(StyleMixSchema, mixOf(style)))).toEqual(style);
  });

  it("are the neutral style where every weight is 0, which a mix may not be", () => {
    const { style } = newLook("proud");
    style.components[0]!.weight = 0;
    expect(mixOf(style).components).toEqual([]);
  });

  it("have ground as a grid around the origin", () => {
    const { scene } = newLook("");
    scene.slope = 10;
    const heights = new Array<number>(RELIEF_COLUMNS ** 2).fill(0);
    heights[16 * RELIEF_COLUMNS + 18] = 1;
    scene.relief = { columns: RELIEF_COLUMNS, spacing: RELIEF_SPACING, heights };
    const field = sceneOf(scene)!.heightField!;
    expect(field.heights!.length).toBe(RELIEF_COLUMNS ** 2);
    const at = (column: number, row: number) => ({ x: field.origin!.x! + column * field.spacing!, z: field.origin!.z! + row * field.spacing! });
    for (const [column, row] of [[18, 16], [0, 0], [32, 5]] as const) {
      const { x, z } = at(column, row);
      const lifted = column === 18 && row === 16 ? 1 : 0;
      expect(field.heights![row * RELIEF_COLUMNS + column]).toBeCloseTo(Math.tan(Math.PI / 18) * z + lifted, 6);
      expect(groundHeight(scene, x, z)).toBeCloseTo(field.heights![row * RELIEF_COLUMNS + column]!, 2);
    }
  });
});

describe("routes", () => {
  it("leads along a line to a stand at its end", () => {
    const route = new PathRoute([{ x: 0, z: 0 }, { x: 0, z: 4 }], false);
    const begin = route.plan(query(0, 0));
    expect(begin.at(-1)!.z).toBeCloseTo(2.4, 5);
    expect(begin.every((sample, i) => i === 0 || sample.z > begin[i - 1]!.z)).toBe(true);
    for (let z = 0; z < 4; z += 0.2) route.plan(query(0.05, z));
    expect(route.plan(query(0, 3.2)).at(-1)!.z).toBeCloseTo(4, 5);
    expect(route.plan(query(0, 3.9))).toEqual([]);
  });

  it("goes round and round an eight without taking the wrong branch where it crosses itself", () => {
    const route = figureEight({ x: 5, z: -3 }, 3);
    let place = route.point(0), turned = 0;
    for (let i = 0; i < 400; i++) {
      const [next] = route.plan(query(place.x, place.z));
      const step = Math.hypot(next!.x - place.x, next!.z - place.z);
      expect(step).toBeLessThan(0.6);
      turned += step;
      place = { x: next!.x, z: next!.z };
    }
    expect(turned).toBeGreaterThan(2 * route.length);
  });

  it("keeps a speed that is asked for", () => {
    const route = new PathRoute([{ x: 0, z: 0 }, { x: 9, z: 0 }], false, 2);
    const [first, second] = route.plan(query(0, 0));
    expect([first!.time, first!.x, second!.x]).toEqual([0.2, expect.closeTo(0.4, 5), expect.closeTo(0.8, 5)]);
  });

  it("is the same elsewhere", () => {
    const route = figureEight({ x: 0, z: 0 }, 3).shifted({ x: 1, z: 2 });
    expect(route.point(0)).toEqual({ x: 1, z: 2 });
    expect(route.closed).toBe(true);
  });

  it("steers from one velocity to another without a jump", () => {
    const route = new SteerRoute();
    expect(route.plan(query(0, 0))).toEqual([]);
    route.wanted.z = 1.3;
    const samples = route.plan(query(0, 0, 1, 0));
    expect(samples[0]!.x).toBeGreaterThan(0.05);
    const speeds = samples.slice(1).map((s, i) => Math.hypot(s.x - samples[i]!.x, s.z - samples[i]!.z) / 0.15);
    // Half-life 0.25 s, in the middle of the last interval.
    const left = 0.5 ** (1.125 / 0.25);
    expect(speeds.at(-1)).toBeCloseTo(Math.hypot(left, 1.3 * (1 - left)), 2);
    expect(samples.at(-1)!.speed).toBeCloseTo(1.3);
  });

  it("takes the jitter out of drawn lines", () => {
    const drawn = Array.from({ length: 200 }, (_, i) => ({ x: i * 0.02, z: i % 2 ? 0.03 : -0.03 }));
    const line = smoothed(drawn);
    expect(line.length).toBeLessThan(20);
    expect(Math.max(...line.slice(1, -1).map((p) => Math.abs(p.z)))).toBeLessThan(0.03);
  });
});
