/** Frames to the byte, both encodings of docs/contract.md. */
import { CONTACTS, type Frame, HEADING, JOINTS, PELVIS, ROOT_X, ROOT_Z, ROTATIONS, SIZE } from "./frame";

export const FLOAT32_BYTES = 28 + 16 * JOINTS;
export const QUAT48_BYTES = 20 + 6 * JOINTS;

const HALF_STEPS = 16383;
const SMALLEST_STEP = 1 / (HALF_STEPS * Math.SQRT2);
const HEADING_STEP = (2 * Math.PI) / 65536;

/** The frames of QUAT48 records. */
export function readQuat48(data: Uint8Array, count: number): Frame[] {
  if (data.length !== count * QUAT48_BYTES) {
    throw new RangeError(`frames: ${data.length} bytes for ${count} frames; allowed: ${count * QUAT48_BYTES}`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: count }, (_, index) => readRecord(view, index * QUAT48_BYTES));
}

function readRecord(view: DataView, at: number): Frame {
  const frame = new Float64Array(SIZE);
  frame[ROOT_X] = view.getFloat32(at, true);
  frame[ROOT_Z] = view.getFloat32(at + 4, true);
  const heading = view.getUint16(at + 12, true);
  frame[HEADING] = (heading > 32768 ? heading - 65536 : heading) * HEADING_STEP;
  frame[PELVIS] = view.getInt16(at + 14, true) / 10000;
  frame[PELVIS + 1] = view.getFloat32(at + 8, true);
  frame[PELVIS + 2] = view.getInt16(at + 16, true) / 10000;
  for (let joint = 0; joint < JOINTS; joint++) smallestThree(frame, ROTATIONS + 4 * joint, view, at + 18 + 6 * joint);
  const contacts = view.getUint16(at + 150, true);
  for (let i = 0; i < 4; i++) frame[CONTACTS + i] = ((contacts >> (4 * i)) & 15) / 15;
  return frame;
}

/** A rotation in the smallest-three code, with w >= 0. */
export function smallestThree(out: Frame, o: number, view: DataView, at: number): void {
  const first = view.getUint16(at, true), second = view.getUint16(at + 2, true), third = view.getUint16(at + 4, true);
  const a = ((first & 0x7fff) - HALF_STEPS) * SMALLEST_STEP;
  const b = ((second & 0x7fff) - HALF_STEPS) * SMALLEST_STEP;
  const c = ((third & 0x7fff) - HALF_STEPS) * SMALLEST_STEP;
  const largest = Math.sqrt(Math.max(1 - a * a - b * b - c * c, 0));
  const index = (first >> 15) | ((second >> 15) << 1);
  const q = index === 0 ? [largest, a, b, c] : index === 1 ? [a, largest, b, c] : index === 2 ? [a, b, largest, c] : [a, b, c, largest];
  const sign = q[3]! < 0 ? -1 : 1;
  for (let i = 0; i < 4; i++) out[o + i] = sign * q[i]!;
}

/** FLOAT32 records of frames, as histories go to the server. */
export function writeFloat32(frames: readonly Frame[]): Uint8Array {
  const data = new Uint8Array(frames.length * FLOAT32_BYTES);
  const view = new DataView(data.buffer);
  frames.forEach((frame, index) => {
    const at = index * FLOAT32_BYTES;
    for (let i = 0; i < ROTATIONS; i++) view.setFloat32(at + 4 * i, frame[i]!, true);
    for (let i = ROTATIONS; i < CONTACTS; i += 4) {
      const sign = frame[i + 3]! < 0 ? -1 : 1;
      for (let k = 0; k < 4; k++) view.setFloat32(at + 4 * (i + k), sign * frame[i + k]!, true);
    }
    for (let i = 0; i < 4; i++) {
      data[at + 4 * CONTACTS + i] = Math.round(255 * Math.min(Math.max(frame[CONTACTS + i]!, 0), 1));
    }
  });
  return data;
}

/** The frames of FLOAT32 records. */
export function readFloat32(data: Uint8Array, count: number): Frame[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const frame = new Float64Array(SIZE), at = index * FLOAT32_BYTES;
    for (let i = 0; i < CONTACTS; i++) frame[i] = view.getFloat32(at + 4 * i, true);
    for (let i = 0; i < 4; i++) frame[CONTACTS + i] = data[at + 4 * CONTACTS + i]! / 255;
    return frame;
  });
}
