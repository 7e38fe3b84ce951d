/**
 * One frame of motion as 98 numbers: root x, z (metres), heading (radians), pelvis x, y, z (metres, relative to the
 * root), 22 local rotations x, y, z, w, 4 contacts (0 to 1).
 */
import { IDLE_PELVIS, IDLE_ROTATIONS } from "./idle";
import { slerp, wrap } from "./quaternion";

export type Frame = Float64Array;

export const JOINTS = 22;
export const ROOT_X = 0;
export const ROOT_Z = 1;
export const HEADING = 2;
export const PELVIS = 3;
export const ROTATIONS = 6;
export const CONTACTS = ROTATIONS + 4 * JOINTS;
export const SIZE = CONTACTS + 4;

/** Standing at ease at the origin. */
export function idleFrame(): Frame {
  const frame = new Float64Array(SIZE);
  frame.set(IDLE_PELVIS, PELVIS);
  frame.set(IDLE_ROTATIONS, ROTATIONS);
  frame.fill(1, CONTACTS);
  return frame;
}

/** out = the pose between two frames. */
export function interpolate(out: Frame, a: Frame, b: Frame, t: number): void {
  const heading = a[HEADING]! + t * wrap(b[HEADING]! - a[HEADING]!);
  for (let i = 0; i < ROTATIONS; i++) out[i] = a[i]! + t * (b[i]! - a[i]!);
  out[HEADING] = heading;
  for (let i = ROTATIONS; i < CONTACTS; i += 4) slerp(out, i, a, b, i, t);
  for (let i = CONTACTS; i < SIZE; i++) out[i] = a[i]! + t * (b[i]! - a[i]!);
}

/** The distance between two poses: the mean angle, in radians, between their joints' local rotations. */
export function poseDistance(a: Frame, b: Frame): number {
  let sum = 0;
  for (let i = ROTATIONS; i < CONTACTS; i += 4) {
    const dot = a[i]! * b[i]! + a[i + 1]! * b[i + 1]! + a[i + 2]! * b[i + 2]! + a[i + 3]! * b[i + 3]!;
    sum += 2 * Math.acos(Math.min(Math.abs(dot), 1));
  }
  return sum / JOINTS;
}
