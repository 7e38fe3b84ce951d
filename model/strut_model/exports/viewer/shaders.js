const LIT = `
uniform sampler2DShadow shadowMap;
uniform mat4 lightView;
uniform vec3 light;
// Soft edge: two dozen comparisons on a turned spiral; the wider the further from what throws the shadow.
float lit(vec3 world, float spread, float bias) {
  vec3 p = (lightView * vec4(world, 1.0)).xyz * 0.5 + 0.5;
  if (any(lessThan(p, vec3(0.0))) || any(greaterThan(p, vec3(1.0)))) return 1.0;
  float turn = 6.2832 * fract(52.98 * fract(dot(gl_FragCoord.xy, vec2(0.0671, 0.00584))));
  float total = 0.0;
  for (int i = 0; i < 24; i++) {
    float angle = turn + 2.39996 * float(i);
    vec2 offset = spread * sqrt((float(i) + 0.5) / 24.0) * vec2(cos(angle), sin(angle));
    total += texture(shadowMap, vec3(p.xy + offset, p.z - bias));
  }
  return total / 24.0;
}
uniform float pictureHeight;
vec3 sky() {
  return mix(vec3(0.887, 0.906, 0.934), vec3(0.970, 0.974, 0.981), min(1.8 * (1.0 - gl_FragCoord.y / pictureHeight), 1.0));
}
`;

const BODY_VERTEX = `#version 300 es
layout(location = 0) in vec3 position; layout(location = 1) in vec3 normal;
layout(location = 2) in float joint; layout(location = 3) in float tone;
uniform mat4 joints[22]; uniform mat4 view;
out vec3 world; out vec3 facing; out float dark;
void main() {
  mat4 m = joints[int(joint + 0.5)];
  world = (m * vec4(position, 1.0)).xyz; facing = mat3(m) * normal; dark = tone;
  gl_Position = view * vec4(world, 1.0);
}`;

const BODY_FRAGMENT = `#version 300 es
precision highp float; precision highp sampler2DShadow;
in vec3 world; in vec3 facing; in float dark;
uniform vec3 eye; uniform vec3 colour;
out vec4 result;
${LIT}
void main() {
  vec3 n = normalize(facing), v = normalize(eye - world);
  float key = max(dot(n, light), 0.0) * lit(world + 0.012 * n, 0.004, 0.002);
  vec3 base = pow(mix(colour, vec3(0.227, 0.251, 0.298), step(0.5, dark)), vec3(2.2));
  float near = clamp(0.72 + 0.7 * world.y, 0.0, 1.0);
  vec3 ambient = near * (0.20 + 0.42 * (0.5 + 0.5 * n.y)) * vec3(0.94, 0.98, 1.06);
  float rim = pow(1.0 - max(dot(n, v), 0.0), 3.0);
  float gloss = pow(max(dot(n, normalize(light + v)), 0.0), 40.0) * step(0.001, key);
  vec3 c = base * (ambient + 0.95 * key * vec3(1.06, 1.0, 0.93)) + 0.10 * rim + 0.10 * gloss;
  result = vec4(pow(clamp(c, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}`;

const DEPTH_FRAGMENT = `#version 300 es
precision mediump float;
void main() {}`;

const FLOOR_VERTEX = `#version 300 es
layout(location = 0) in vec2 corner;
uniform mat4 view; uniform vec2 centre;
out vec3 world;
void main() { world = vec3(corner.x * 60.0 + centre.x, 0.0, corner.y * 60.0 + centre.y); gl_Position = view * vec4(world, 1.0); }`;

const FLOOR_FRAGMENT = `#version 300 es
precision highp float; precision highp sampler2DShadow;
in vec3 world;
uniform vec3 eye; uniform float focus; uniform vec4 feet[16]; uniform int footCount;
out vec4 result;
${LIT}
float lines(vec2 p, float spacing, float width) {
  vec2 level = fwidth(p), offset = abs(fract(p / spacing + 0.5) - 0.5) * spacing;
  vec2 cover = clamp((0.5 * width + 0.6 * level - offset) / (1.2 * level), 0.0, 1.0) * min(vec2(1.0), width / level);
  return max(cover.x, cover.y);
}
void main() {
  float grid = max(0.85 * lines(world.xz, 1.0, 0.012), 0.3 * lines(world.xz, 0.25, 0.006));
  vec3 c = mix(vec3(0.914, 0.925, 0.941), vec3(0.769, 0.796, 0.835), grid);
  float hidden = 0.0;
  for (int i = 0; i < footCount; i++) {
    vec3 d = feet[i].xyz - world;
    float square = max(dot(d, d), 0.0016);
    hidden += 0.0035 * max(feet[i].y, 0.02) / pow(square, 1.5) * clamp(1.0 - dot(d.xz, d.xz) / 0.12, 0.0, 1.0);
  }
  c *= (0.45 + 0.55 * lit(world, 0.011, 0.001)) * exp(-0.8 * hidden);
  float fog = smoothstep(0.0, 1.0, (distance(world, eye) - 1.2 * focus) / (6.0 + 2.0 * focus));
  result = vec4(mix(c, sky(), fog), 1.0);
}`;

const MARK_VERTEX = `#version 300 es
layout(location = 0) in vec4 mark;
uniform mat4 view; uniform float height;
out vec2 extent; out vec3 world;
void main() { extent = mark.zw; world = vec3(mark.x, height, mark.y); gl_Position = view * vec4(world, 1.0); }`;

// Bands: extent is (metres along, first frame seen). Soles: (last frame of the stance, first frame).
const MARK_FRAGMENT = `#version 300 es
precision highp float;
in vec2 extent; in vec3 world;
uniform vec4 colour; uniform vec3 standing; uniform float dash; uniform float time; uniform bool sole;
uniform vec3 eye; uniform float focus;
out vec4 result;
void main() {
  if (extent.y > time) discard;
  if (dash > 0.0 && fract(extent.x / dash) > 0.5) discard;
  vec4 c = colour;
  if (sole) {
    bool down = time < extent.x;
    c = down ? vec4(standing, 0.8) : vec4(c.rgb, 0.55 * clamp(1.0 - (time - extent.x) / 120.0, 0.0, 1.0));
  }
  c.a *= 1.0 - smoothstep(0.0, 1.0, (distance(world, eye) - 1.2 * focus) / (6.0 + 2.0 * focus));
  result = c;
}`;

const SKY_VERTEX = `#version 300 es
layout(location = 0) in vec2 corner;
void main() { gl_Position = vec4(corner, 0.9999, 1.0); }`;

const SKY_FRAGMENT = `#version 300 es
precision highp float; precision highp sampler2DShadow;
out vec4 result;
${LIT}
void main() { result = vec4(sky(), 1.0); }`;
