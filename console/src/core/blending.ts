/** Where a client makes or bends frames itself: easing into an idle pose, and seams. docs/client_core.md has the formulas. */
import { EASE_DECAY, SEAM_DECAY, SETTLED } from "./constants";
import { CONTACTS, type Frame, HEADING, PELVIS, ROOT_X, ROTATIONS, SIZE } from "./frame";
import { exponential, invert, logarithm, multiply, wrap } from "./quaternion";

const scratch = new Float64Array(64);

/** A critically damped spring, t frames after it had the offset x and the step v. */
export function spring(x: number, v: number, decay: number, t: number): number {
  return (x + (v + decay * x) * t) * Math.exp(-decay * t);
}

/** The frame that the client makes t frames after `last`, which came after `before`: the motion comes to rest. */
export function ease(last: Frame, before: Frame, idle: Frame, t: number): Frame {
  const out = new Float64Array(SIZE);
  const y = EASE_DECAY, rolled = 2 / y - (2 / y + t) * Math.exp(-y * t);
  for (let i = ROOT_X; i < PELVIS; i++) {
    const step = last[i]! - before[i]!;
    out[i] = last[i]! + (i === HEADING ? wrap(step) : step) * rolled;
  }
  for (let i = PELVIS; i < ROTATIONS; i++) {
    out[i] = idle[i]! + spring(last[i]! - idle[i]!, last[i]! - before[i]!, y, t);
  }
  const s = scratch;
  for (let i = ROTATIONS; i < CONTACTS; i += 4) {
    invert(s, 0, idle, i);
    multiply(s, 4, last, i, s, 0);
    logarithm(s, 8, s, 4);
    multiply(s, 4, before, i, s, 0);
    logarithm(s, 12, s, 4);
    for (let k = 0; k < 3; k++) s[16 + k] = s[8 + k]! - s[12 + k]!;
    if (Math.hypot(s[16]!, s[17]!, s[18]!) > Math.PI) {
      invert(s, 0, before, i);
      multiply(s, 4, last, i, s, 0);
      logarithm(s, 16, s, 4);
    }
    exponential(s, 20, spring(s[8]!, s[16]!, y, t), spring(s[9]!, s[17]!, y, t), spring(s[10]!, s[18]!, y, t));
    multiply(out, i, s, 20, idle, i);
  }
  out.fill(t <= SETTLED ? 0 : 1, CONTACTS);
  return out;
}

/** New frames (three at least) that join the last three old ones in position and velocity. */
export function join(old: readonly Frame[], fresh: readonly Frame[]): Frame[] {
  const known = old.slice(-3);
  while (known.length < 3) known.unshift(known[0]!);
  const six = [...known, fresh[0]!, fresh[1]!, fresh[2]!];
  const shift = new Float64Array(2 * ROTATIONS), turn = new Float64Array(2 * 3 * 22);
  const s = scratch;
  for (let i = 0; i < ROTATIONS; i++) {
    for (let k = 0; k < 5; k++) {
      const step = six[k + 1]![i]! - six[k]![i]!;
      s[k] = i === HEADING ? wrap(step) : step;
    }
    offsets(shift, 2 * i, s[3]! - s[2]!, s[0]!, s[1]!, s[3]!, s[4]!);
  }
  for (let i = ROTATIONS, o = 0; i < CONTACTS; i += 4, o += 6) {
    for (let k = 0; k < 5; k++) {
      invert(s, 0, six[k]!, i);
      multiply(s, 4 + 4 * k, six[k + 1]!, i, s, 0);
    }
    invert(s, 0, s, 12);
    multiply(s, 0, s, 0, s, 16);
    logarithm(s, 24, s, 0);
    for (const [slot, ratio] of [[27, 4], [30, 8], [33, 16], [36, 20]] as const) logarithm(s, slot, s, ratio);
    for (let k = 0; k < 3; k++) {
      offsets(turn, o + 2 * k, s[24 + k]!, s[27 + k]!, s[30 + k]!, s[33 + k]!, s[36 + k]!);
    }
  }
  return fresh.map((frame, index) => {
    const out = frame.slice(), t = index + 1, y = SEAM_DECAY;
    for (let i = 0; i < ROTATIONS; i++) out[i] = frame[i]! + spring(shift[2 * i]!, shift[2 * i + 1]!, y, t);
    for (let i = ROTATIONS, o = 0; i < CONTACTS; i += 4, o += 6) {
      exponential(
        s, 0,
        spring(turn[o]!, turn[o + 1]!, y, t), spring(turn[o + 2]!, turn[o + 3]!, y, t), spring(turn[o + 4]!, turn[o + 5]!, y, t),
      );
      multiply(out, i, s, 0, frame, i);
    }
    return out;
  });
}

/** Offset and step of the spring that takes up a gap, given the steps around it. */
function offsets(out: Float64Array, o: number, gap: number, s1: number, s2: number, s4: number, s5: number): void {
  const acceleration = s2 - s1 + s5 - s4;
  out[o] = gap - acceleration / 2;
  out[o + 1] = acceleration + s2 - s4;
}
