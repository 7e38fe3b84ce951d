// The recording's arrays, its pose at any time, and the smoothed place that the camera follows.

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
}

// QUAT48, smallest three: 15 bits for each of three components, the spare bits of the first two words name the fourth.
const REMAINING = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]];
const HALF_STEPS = 16383;

function decodeQuat48(words, at) {
  const largest = (words[at] >> 15) | ((words[at + 1] >> 15) << 1);
  const q = [0, 0, 0, 0];
  let rest = 1;
  REMAINING[largest].forEach((component, i) => {
    q[component] = ((words[at + i] & 0x7fff) - HALF_STEPS) * (Math.SQRT1_2 / HALF_STEPS);
    rest -= q[component] ** 2;
  });
  q[largest] = Math.sqrt(Math.max(rest, 0));
  return q;
}

class Character {
  constructor(data, skeleton) {
    this.title = data.title;
    this.styles = data.styles; // [first frame, name, [r, g, b]]
    this.footprints = data.footprints; // [side, first, last, [[x, z], ...]]
    this.skeleton = skeleton;
    this.root = new Float32Array(bytes(data.root)); // x, z, heading
    this.pelvis = new Float32Array(bytes(data.pelvis));
    this.rotations = new Uint16Array(bytes(data.rotations));
    this.contacts = new Uint8Array(bytes(data.contacts)); // bits: left heel, left toe, right heel, right toe
    this.path = data.path ? new Float32Array(bytes(data.path)) : new Float32Array(0);
    this.frames = this.contacts.length;
    this.followed = this.smoothed();
  }

  style(frame) {
    let found = null;
    for (const style of this.styles) if (style[0] <= frame) found = style;
    return found;
  }

  colour(frame) {
    const now = this.style(frame);
    if (!now) return [0.3, 0.52, 0.77];
    const before = this.style(now[0] - 1);
    const share = before ? clamp((frame - now[0]) / 12, 0, 1) : 1;
    return now[2].map((value, i) => (share * value + (1 - share) * (before ? before[2][i] : value)) / 255);
  }

  rotation(frame, joint) {
    return decodeQuat48(this.rotations, 3 * (frame * this.skeleton.parents.length + joint));
  }

  // World matrices of all joints at a frame with a fraction, and the root's place on the ground.
  pose(time) {
    const a = clamp(Math.floor(time), 0, this.frames - 1), b = Math.min(a + 1, this.frames - 1), share = clamp(time - a, 0, 1);
    const mix = (array, width, i) => array[a * width + i] + (array[b * width + i] - array[a * width + i]) * share;
    const turn = ((this.root[3 * b + 2] - this.root[3 * a + 2] + 3 * Math.PI) % (2 * Math.PI)) - Math.PI;
    const heading = this.root[3 * a + 2] + turn * share;
    const ground = [mix(this.root, 3, 0), 0, mix(this.root, 3, 1)];
    const facing = [0, Math.sin(heading / 2), 0, Math.cos(heading / 2)];
    const { parents, offsets } = this.skeleton;
    const orientations = [], positions = [], matrices = new Float32Array(16 * parents.length);
    for (let joint = 0; joint < parents.length; joint++) {
      const local = blend(this.rotation(a, joint), this.rotation(b, joint), share);
      const parent = parents[joint];
      orientations[joint] = multiply(parent < 0 ? facing : orientations[parent], local);
      positions[joint] = parent < 0
        ? add(ground, rotate(facing, [0, 1, 2].map((i) => mix(this.pelvis, 3, i))))
        : add(positions[parent], rotate(orientations[parent], offsets[joint]));
      matrices.set(rigid(orientations[joint], positions[joint]), 16 * joint);
    }
    return { matrices, ground };
  }

  // Place and heading for the camera: the root's, averaged over a second, the heading over three.
  smoothed() {
    const headings = new Float32Array(this.frames);
    for (let f = 0; f < this.frames; f++) {
      const step = f ? this.root[3 * f + 2] - this.root[3 * f - 1] : 0;
      headings[f] = f ? headings[f - 1] + Math.atan2(Math.sin(step), Math.cos(step)) : this.root[2];
    }
    const mean = (value, width) => Float32Array.from({ length: this.frames }, (_, f) => {
      let total = 0, weight = 0;
      for (let g = Math.max(0, f - 2 * width); g <= Math.min(this.frames - 1, f + 2 * width); g++) {
        const w = Math.exp(-0.5 * ((g - f) / width) ** 2);
        total += w * value(g);
        weight += w;
      }
      return total / weight;
    });
    return { x: mean((f) => this.root[3 * f], 12), z: mean((f) => this.root[3 * f + 1], 12), heading: mean((f) => headings[f], 45) };
  }

  follow(time) {
    const a = clamp(Math.floor(time), 0, this.frames - 1), b = Math.min(a + 1, this.frames - 1), share = clamp(time - a, 0, 1);
    const at = (array) => array[a] + (array[b] - array[a]) * share;
    return { place: [at(this.followed.x), 0, at(this.followed.z)], heading: at(this.followed.heading) };
  }
}
