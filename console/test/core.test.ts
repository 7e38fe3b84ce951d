/** The console's client gives the same answers as the C#, C++ and numpy cores: tests/vectors. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ease, join } from "../src/core/blending";
import { readFloat32, readQuat48, smallestThree, writeFloat32 } from "../src/core/codec";
import * as constants from "../src/core/constants";
import { type Frame, idleFrame, interpolate, SIZE } from "../src/core/frame";
import { FrameBuffer } from "../src/core/buffer";
import { Histogram } from "../src/core/histogram";
import { LatencyEstimator } from "../src/core/latency";
import { Pacer } from "../src/core/pacer";

interface FrameNumbers { root: number[]; heading: number; pelvis: number[]; rotations: number[][]; contacts: number[] }

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}`, import.meta.url), "utf8"));
const vectors = read("client_core.json"), wire = read("frames.json");

const frameOf = (f: FrameNumbers): Frame =>
  Float64Array.from([...f.root, f.heading, ...f.pelvis, ...f.rotations.flat(), ...f.contacts]);

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) expect(Math.abs(actual[i]! - expected[i]!), `number ${i}`).toBeLessThan(tolerance);
}

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));

describe("frames", () => {
  it("has the constants of the other clients", () => {
    for (const [name, value] of Object.entries(constants)) expect(value, name).toEqual(vectors.constants[name]);
  });

  it("stands at ease as the others do", () => close(idleFrame(), frameOf(vectors.idle_pose)));

  for (const [name, decode] of [["FLOAT32", readFloat32], ["QUAT48", readQuat48]] as const) {
    it(`reads ${name} as the server packs it`, () => {
      const encoding = wire.encodings[name], got = encoding.received;
      const data = /^[0-9a-f]+$/.test(encoding.data) ? bytes(encoding.data) : Uint8Array.from(atob(encoding.data), (c) => c.charCodeAt(0));
      const frames = decode(data, data.length / encoding.record_bytes);
      frames.forEach((frame, i) => {
        const expected = frameOf({ root: got.root_position[i], heading: got.root_heading[i], pelvis: got.pelvis[i], rotations: got.rotations[i], contacts: got.contacts[i] });
        close(frame, expected);
      });
    });
  }

  it("writes histories that read back the same", () => {
    const frames = vectors.interpolation.frames.map(frameOf) as Frame[];
    readFloat32(writeFloat32(frames), frames.length).forEach((frame, i) => close(frame.slice(0, 6), frames[i]!.slice(0, 6), 1e-4));
  });

  it("refuses frames of another length", () => expect(() => readQuat48(new Uint8Array(151), 1)).toThrow(/151 bytes/));

  it("decodes the smallest three", () => {
    vectors.quat48.words.forEach((words: number[], i: number) => {
      const view = new DataView(new ArrayBuffer(6)), out = new Float64Array(SIZE);
      words.forEach((word, k) => view.setUint16(2 * k, word, true));
      smallestThree(out, 0, view, 0);
      close(out.slice(0, 4), vectors.quat48.rotations[i]);
    });
  });

  it("interpolates as the others do", () => {
    const frames = vectors.interpolation.frames.map(frameOf) as Frame[];
    for (const shown of vectors.interpolation.shown) {
      const out = new Float64Array(SIZE), at = Math.min(Math.floor(shown.playhead), frames.length - 2);
      interpolate(out, frames[at]!, frames[at + 1]!, shown.playhead - at);
      close(out, frameOf(shown.frame));
    }
  });

  it("joins seams as the others do", () => {
    for (const seam of vectors.seams) {
      const joined = join(seam.old.map(frameOf), seam.new.map(frameOf));
      joined.forEach((frame, i) => close(frame, frameOf(seam.joined[i])));
    }
  });

  it("eases as the others do", () => {
    for (const easing of vectors.easing) {
      for (const local of easing.local) {
        close(ease(frameOf(easing.last), frameOf(easing.before), idleFrame(), local.t ?? local.time ?? local.frames_after), frameOf(local.frame));
      }
    }
  });

  it("never runs dry, and goes on from what it made", () => {
    const buffer = new FrameBuffer(idleFrame());
    const frames = vectors.seams[0].new.map(frameOf) as Frame[];
    buffer.write(4, frames, false);
    expect(buffer.serverEnd).toBe(4 + frames.length);
    const local = buffer.get(buffer.serverEnd + 9);
    close(local, ease(frames.at(-1)!, frames.at(-2)!, idleFrame(), 10));
    buffer.trim(buffer.serverEnd + 5);
    close(buffer.get(buffer.serverEnd + 9), local);
    buffer.write(buffer.serverEnd + 8, frames, true);
    expect(buffer.end).toBe(buffer.serverEnd);
  });
});

describe("timing", () => {
  it("estimates latency as the others do", () => {
    const estimator = new LatencyEstimator();
    const state = () => [estimator.latency, estimator.deviation, estimator.lead, estimator.ahead(1)];
    close(state(), vectors.latency.after[0]);
    vectors.latency.samples.forEach((sample: number, i: number) => {
      estimator.add(sample);
      close(state(), vectors.latency.after[i + 1]);
    });
    const shared = new LatencyEstimator();
    vectors.latency.samples.forEach((sample: number, i: number) => {
      shared.inFlight = vectors.latency.in_flight[i];
      shared.add(sample);
      close([shared.latency, shared.deviation, shared.lead, shared.ahead(1)], vectors.latency.after_in_flight[i + 1]);
    });
  });

  it("counts percentiles as the others do", () => {
    for (const { values, shares, percentiles } of vectors.percentiles) {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      expect(shares.map((q: number) => histogram.percentile(q))).toEqual(percentiles);
    }
  });

  for (const script of vectors.pacing) {
    it(`paces as the others do: ${script.name}`, () => {
      const pacer = new Pacer(script.settings.character ?? 1);
      for (const step of script.steps) {
        for (const answer of step.arrived ?? []) {
          if (answer.reason) pacer.onError(answer.sequence, answer.reason, answer.retry, step.now);
          else expect(pacer.onWindow(answer.sequence, answer.start, answer.count, step.now)).toEqual(answer.result);
        }
        for (const call of step.calls ?? []) {
          if (call === "replan") pacer.replanWanted = true;
          else if (call === "disconnect") { pacer.connected = false; pacer.onDisconnected(); }
          else if (call === "connect") pacer.connected = true;
          else if (call === "move") pacer.onMoved();
          else pacer.culled = call === "cull";
        }
        pacer.advance(step.dt);
        const plan = pacer.decide(step.now, step.scale ?? 1);
        if (step.request) expect(plan).toEqual({ ...step.request, deadline: expect.closeTo(step.request.deadline, 9) });
        else expect(plan).toBeNull();
        if (step.state) expect(pacer.state).toBe(step.state);
        if (step.server_end !== undefined) expect(pacer.serverEnd).toBe(step.server_end);
        if (step.late_frames !== undefined) expect(pacer.lateFrames).toBe(step.late_frames);
      }
    });
  }
});
