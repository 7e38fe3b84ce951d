// Triangles: the mannequin's limbs (rounded cones, each rigid on a joint), and marks that lie on the floor.

const AROUND = 24, CAP = 6;

// Interleaved position, normal, joint, tone.
function mannequin(limbs) {
  const vertices = [], indices = [];
  for (const limb of limbs) {
    const axis = subtract(limb.end, limb.start).map((v, i) => v / limb.squeeze[i]);
    const length = Math.hypot(...axis);
    const direction = length > 0 ? scale(axis, 1 / length) : [0, 1, 0];
    const side = unit(cross(direction, Math.abs(direction[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0]));
    const other = cross(direction, side);
    const lean = Math.asin(clamp((limb.radii[0] - limb.radii[1]) / Math.max(length, 1e-9), -1, 1));
    const first = vertices.length / 8, rings = 2 * CAP + 2;
    for (let ring = 0; ring < rings; ring++) {
      const end = ring > CAP ? 1 : 0;
      const share = (ring - end * (CAP + 1)) / CAP;
      const angle = end ? lean + share * (Math.PI / 2 - lean) : -Math.PI / 2 + share * (lean + Math.PI / 2);
      const radius = limb.radii[end];
      for (let step = 0; step < AROUND; step++) {
        const turn = (2 * Math.PI * step) / AROUND;
        const out = add(scale(side, Math.cos(turn)), scale(other, Math.sin(turn)));
        const normal = add(scale(direction, Math.sin(angle)), scale(out, Math.cos(angle)));
        const point = add(scale(direction, end * length), scale(normal, radius));
        vertices.push(
          ...point.map((v, i) => v * limb.squeeze[i] + limb.start[i]),
          ...unit(normal.map((v, i) => v / limb.squeeze[i])),
          limb.joint, limb.tone,
        );
        if (ring + 1 < rings) {
          const a = first + ring * AROUND + step, b = first + ring * AROUND + ((step + 1) % AROUND);
          indices.push(a, b, b + AROUND, a, b + AROUND, a + AROUND);
        }
      }
    }
  }
  return { vertices: new Float32Array(vertices), indices: new Uint16Array(indices) };
}

// A band along points [x, z, ...]: x, z, metres along it, time from which it is seen.
function band(points, width, times) {
  const out = [];
  let along = 0;
  for (let i = 0; i + 3 < points.length; i += 2) {
    const [ax, az, bx, bz] = points.slice(i, i + 4);
    const length = Math.hypot(bx - ax, bz - az);
    if (length < 1e-4) continue;
    const sx = (-(bz - az) / length) * width * 0.5, sz = ((bx - ax) / length) * width * 0.5;
    const a = times ? times(i / 2) : -1, b = times ? times(i / 2 + 1) : -1;
    const corner = (x, z, sign, l, t) => [x + sign * sx, z + sign * sz, l, t];
    const quad = [corner(ax, az, 1, along, a), corner(bx, bz, 1, along + length, b),
      corner(bx, bz, -1, along + length, b), corner(ax, az, -1, along, a)];
    for (const k of [0, 1, 2, 0, 2, 3]) out.push(...quad[k]);
    along += length;
  }
  return new Float32Array(out);
}

// Footprints as fans: x, z, last frame of the stance, first frame.
function soles(footprints) {
  const out = [];
  for (const [, first, last, outline] of footprints) {
    for (let i = 1; i + 1 < outline.length; i++)
      for (const [x, z] of [outline[0], outline[i], outline[i + 1]]) out.push(x, z, last, first);
  }
  return new Float32Array(out);
}
