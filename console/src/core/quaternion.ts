/** Unit quaternions x, y, z, w inside of larger arrays: `at` is the index of x. Nothing here allocates. */

const NEARLY_PARALLEL = 0.9995;

export type Numbers = Float64Array;

/** out = a b: the rotation b, then a. `out` may be either. */
export function multiply(out: Numbers, o: number, a: Numbers, i: number, b: Numbers, j: number): void {
  const ax = a[i]!, ay = a[i + 1]!, az = a[i + 2]!, aw = a[i + 3]!;
  const bx = b[j]!, by = b[j + 1]!, bz = b[j + 2]!, bw = b[j + 3]!;
  out[o] = aw * bx + bw * ax + ay * bz - az * by;
  out[o + 1] = aw * by + bw * ay + az * bx - ax * bz;
  out[o + 2] = aw * bz + bw * az + ax * by - ay * bx;
  out[o + 3] = aw * bw - ax * bx - ay * by - az * bz;
}

/** out = the inverse of a. */
export function invert(out: Numbers, o: number, a: Numbers, i: number): void {
  out[o] = -a[i]!;
  out[o + 1] = -a[i + 1]!;
  out[o + 2] = -a[i + 2]!;
  out[o + 3] = a[i + 3]!;
}

/** out = the rotation vector of the shorter way, radians, 3 numbers. */
export function logarithm(out: Numbers, o: number, a: Numbers, i: number): void {
  const sign = a[i + 3]! < 0 ? -1 : 1;
  const x = sign * a[i]!, y = sign * a[i + 1]!, z = sign * a[i + 2]!, w = sign * a[i + 3]!;
  const sine = Math.hypot(x, y, z);
  const factor = sine < 1e-9 ? 2 : (2 * Math.atan2(sine, w)) / sine;
  out[o] = x * factor;
  out[o + 1] = y * factor;
  out[o + 2] = z * factor;
}

/** out = the rotation of the rotation vector (x, y, z). */
export function exponential(out: Numbers, o: number, x: number, y: number, z: number): void {
  const angle = Math.hypot(x, y, z);
  const factor = angle < 1e-9 ? 0.5 : Math.sin(angle / 2) / angle;
  const w = angle < 1e-9 ? 1 : Math.cos(angle / 2);
  const scale = angle < 1e-9 ? 1 / Math.hypot(factor * x, factor * y, factor * z, w) : 1;
  out[o] = x * factor * scale;
  out[o + 1] = y * factor * scale;
  out[o + 2] = z * factor * scale;
  out[o + 3] = w * scale;
}

/** out = from a to b along the shorter way; linear where they are nearly parallel. */
export function slerp(out: Numbers, o: number, a: Numbers, b: Numbers, i: number, t: number): void {
  let dot = a[i]! * b[i]! + a[i + 1]! * b[i + 1]! + a[i + 2]! * b[i + 2]! + a[i + 3]! * b[i + 3]!;
  const sign = dot < 0 ? -1 : 1;
  dot *= sign;
  let p = 1 - t, q = t;
  if (dot <= NEARLY_PARALLEL) {
    const angle = Math.acos(dot), sine = Math.sin(angle);
    p = Math.sin((1 - t) * angle) / sine;
    q = Math.sin(t * angle) / sine;
  }
  q *= sign;
  const x = p * a[i]! + q * b[i]!, y = p * a[i + 1]! + q * b[i + 1]!;
  const z = p * a[i + 2]! + q * b[i + 2]!, w = p * a[i + 3]! + q * b[i + 3]!;
  const scale = 1 / Math.hypot(x, y, z, w);
  out[o] = x * scale;
  out[o + 1] = y * scale;
  out[o + 2] = z * scale;
  out[o + 3] = w * scale;
}

/** An angle brought to [-pi, pi). */
export function wrap(angle: number): number {
  const turn = 2 * Math.PI;
  return ((((angle + Math.PI) % turn) + turn) % turn) - Math.PI;
}
