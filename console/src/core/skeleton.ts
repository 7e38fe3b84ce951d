/** Forward kinematics of the canonical skeleton, into matrices that a skinned mesh is drawn with. */
import { type Frame, HEADING, JOINTS, PELVIS, ROOT_X, ROOT_Z, ROTATIONS } from "./frame";
import { multiply } from "./quaternion";

export interface Joint {
  name: string;
  parent: number;
  /** Relative to the parent at rest, metres; of the first joint, above the ground. */
  offset: readonly [number, number, number];
}

export class Skeleton {
  /** Places at rest, x, y, z of each joint. */
  readonly rest: Float64Array;
  readonly index: ReadonlyMap<string, number>;
  private readonly turns = new Float64Array(4 * JOINTS + 4);

  constructor(readonly joints: readonly Joint[]) {
    if (joints.length !== JOINTS) throw new RangeError(`joints: ${joints.length}; allowed: ${JOINTS}`);
    this.index = new Map(joints.map((joint, i) => [joint.name, i]));
    this.rest = new Float64Array(3 * JOINTS);
    joints.forEach((joint, i) => {
      for (let k = 0; k < 3; k++) {
        this.rest[3 * i + k] = joint.offset[k]! + (joint.parent < 0 ? 0 : this.rest[3 * joint.parent + k]!);
      }
    });
  }

  /**
   * A frame's joints in the world.
   * @param places takes x, y, z of each joint, metres.
   * @param matrices takes a 4 x 4 matrix for each joint, by columns, that moves what hangs on it at rest; null for none.
   */
  pose(frame: Frame, places: Float32Array, matrices: Float32Array | null): void {
    const turns = this.turns, root = 4 * JOINTS, heading = frame[HEADING]!;
    turns[root] = turns[root + 2] = 0;
    turns[root + 1] = Math.sin(heading / 2);
    turns[root + 3] = Math.cos(heading / 2);
    for (let i = 0; i < JOINTS; i++) {
      const { parent, offset } = this.joints[i]!, above = parent < 0 ? root : 4 * parent, o = 3 * i;
      if (parent < 0) {
        const c = Math.cos(heading), s = Math.sin(heading), x = frame[PELVIS]!, z = frame[PELVIS + 2]!;
        places[o] = frame[ROOT_X]! + c * x + s * z;
        places[o + 1] = frame[PELVIS + 1]!;
        places[o + 2] = frame[ROOT_Z]! - s * x + c * z;
      } else {
        rotate(places, o, turns, above, offset[0], offset[1], offset[2]);
        for (let k = 0; k < 3; k++) places[o + k]! += places[3 * parent + k]!;
      }
      multiply(turns, 4 * i, turns, above, frame, ROTATIONS + 4 * i);
      if (matrices) this.matrix(matrices, 16 * i, turns, 4 * i, places, o);
    }
  }

  private matrix(out: Float32Array, m: number, turns: Float64Array, q: number, places: Float32Array, o: number): void {
    const x = turns[q]!, y = turns[q + 1]!, z = turns[q + 2]!, w = turns[q + 3]!;
    out[m] = 1 - 2 * (y * y + z * z);
    out[m + 1] = 2 * (x * y + w * z);
    out[m + 2] = 2 * (x * z - w * y);
    out[m + 4] = 2 * (x * y - w * z);
    out[m + 5] = 1 - 2 * (x * x + z * z);
    out[m + 6] = 2 * (y * z + w * x);
    out[m + 8] = 2 * (x * z + w * y);
    out[m + 9] = 2 * (y * z - w * x);
    out[m + 10] = 1 - 2 * (x * x + y * y);
    out[m + 3] = out[m + 7] = out[m + 11] = 0;
    out[m + 15] = 1;
    const a = this.rest[o]!, b = this.rest[o + 1]!, c = this.rest[o + 2]!;
    for (let k = 0; k < 3; k++) {
      out[m + 12 + k] = places[o + k]! - (out[m + k]! * a + out[m + 4 + k]! * b + out[m + 8 + k]! * c);
    }
  }
}

function rotate(out: Float32Array, o: number, q: Float64Array, i: number, x: number, y: number, z: number): void {
  const qx = q[i]!, qy = q[i + 1]!, qz = q[i + 2]!, qw = q[i + 3]!;
  const tx = 2 * (qy * z - qz * y), ty = 2 * (qz * x - qx * z), tz = 2 * (qx * y - qy * x);
  out[o] = x + qw * tx + qy * tz - qz * ty;
  out[o + 1] = y + qw * ty + qz * tx - qx * tz;
  out[o + 2] = z + qw * tz + qx * ty - qy * tx;
}
