// Draws bodies, floor and marks with WebGL 2.

const SHADOW_SIZE = 2048, SHADOW_REACH = 3.2;
const QUAD = new Float32Array([-1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, 1]);
const TRACE_COLOUR = [0.59, 0.63, 0.69], PATH_COLOUR = [0.886, 0.478, 0.247];

class Renderer {
  constructor(canvas, limbs, characters) {
    const gl = canvas.getContext("webgl2", { antialias: true, alpha: false });
    if (!gl) throw new Error("This page draws with WebGL 2, which this browser does not offer (is hardware acceleration off?).");
    this.gl = gl;
    this.canvas = canvas;
    this.body = this.program(BODY_VERTEX, BODY_FRAGMENT);
    this.depth = this.program(BODY_VERTEX, DEPTH_FRAGMENT);
    this.floor = this.program(FLOOR_VERTEX, FLOOR_FRAGMENT);
    this.mark = this.program(MARK_VERTEX, MARK_FRAGMENT);
    this.sky = this.program(SKY_VERTEX, SKY_FRAGMENT);
    const mesh = mannequin(limbs);
    this.mesh = this.arrays(mesh.vertices, [3, 3, 1, 1], mesh.indices);
    this.quad = this.arrays(QUAD, [2]);
    this.marks = characters.map((character) => ({
      path: this.arrays(band(Array.from(character.path), 0.022), [4]),
      trace: this.arrays(band(Array.from({ length: 2 * character.frames }, (_, i) => character.root[3 * (i >> 1) + (i & 1)]), 0.016, (f) => f), [4]),
      soles: this.arrays(soles(character.footprints), [4]),
    }));
    this.shadow = this.shadowMap();
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.CULL_FACE);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  program(vertex, fragment) {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    const uniforms = {};
    for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
      const name = gl.getActiveUniform(program, i).name.replace("[0]", "");
      uniforms[name] = gl.getUniformLocation(program, name);
    }
    return { program, uniforms };
  }

  arrays(vertices, sizes, indices) {
    const gl = this.gl, object = gl.createVertexArray(), width = sizes.reduce((a, b) => a + b);
    gl.bindVertexArray(object);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.STATIC_DRAW);
    let offset = 0;
    sizes.forEach((size, i) => {
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, size, gl.FLOAT, false, 4 * width, 4 * offset);
      offset += size;
    });
    if (indices) {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
    }
    gl.bindVertexArray(null);
    return { object, count: indices ? indices.length : vertices.length / width, indexed: Boolean(indices) };
  }

  shadowMap() {
    const gl = this.gl, texture = gl.createTexture(), target = gl.createFramebuffer();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.DEPTH_COMPONENT24, SHADOW_SIZE, SHADOW_SIZE);
    for (const [name, value] of [[gl.TEXTURE_COMPARE_MODE, gl.COMPARE_REF_TO_TEXTURE], [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
      [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]])
      gl.texParameteri(gl.TEXTURE_2D, name, value);
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, texture, 0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return target;
  }

  draw(arrays) {
    const gl = this.gl;
    if (!arrays.count) return;
    gl.bindVertexArray(arrays.object);
    if (arrays.indexed) gl.drawElements(gl.TRIANGLES, arrays.count, gl.UNSIGNED_SHORT, 0);
    else gl.drawArrays(gl.TRIANGLES, 0, arrays.count);
  }

  use({ program, uniforms }, values) {
    const gl = this.gl;
    gl.useProgram(program);
    for (const [name, value] of Object.entries(values)) {
      const at = uniforms[name];
      if (at === undefined) continue;
      if (name === "joints" || name === "view" || name === "lightView") gl.uniformMatrix4fv(at, false, value);
      else if (name === "feet") gl.uniform4fv(at, value);
      else if (name === "footCount" || name === "shadowMap" || name === "sole") gl.uniform1i(at, value);
      else if (typeof value === "number") gl.uniform1f(at, value);
      else gl[`uniform${value.length}fv`](at, value);
    }
  }

  // bodies: [{ matrices, colour }]; camera: { eye, target, shift: how far the target stands above the middle of the
  // picture, 1 = top }; time in frames. Returns the view's matrix.
  render(bodies, camera, time, showMarks) {
    const gl = this.gl, canvas = this.canvas;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });

    // The light hangs over the camera's left shoulder, as in the rendered previews.
    const back = unit([camera.eye[0] - camera.target[0], 0, camera.eye[2] - camera.target[2]]);
    const light = unit([-0.45 * back[2] + 0.4 * back[0], 0.8, 0.45 * back[0] + 0.4 * back[2]]);
    const centre = [camera.target[0], 0.7, camera.target[2]];
    const reach = SHADOW_REACH + 0.6 * (bodies.length - 1);
    const lightView = product(orthographic(reach, 0.1, 20), lookAt(add(centre, scale(light, 10)), centre));
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.shadow);
    gl.viewport(0, 0, SHADOW_SIZE, SHADOW_SIZE);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    for (const body of bodies) {
      this.use(this.depth, { joints: body.matrices, view: lightView });
      this.draw(this.mesh);
    }

    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const focus = Math.hypot(...subtract(camera.eye, camera.target));
    const lens = perspective(0.56, width / height, 0.05, 200);
    lens[9] = -camera.shift;
    const view = product(lens, lookAt(camera.eye, camera.target));
    const shared = { view, eye: camera.eye, light, lightView, shadowMap: 0, focus, pictureHeight: height };
    for (const body of bodies) {
      this.use(this.body, { ...shared, joints: body.matrices, colour: body.colour });
      this.draw(this.mesh);
    }
    gl.disable(gl.CULL_FACE);
    this.use(this.sky, { pictureHeight: height });
    this.draw(this.quad);
    const feet = new Float32Array(64);
    const ankles = bodies.slice(0, 4).flatMap((body) => [7, 8, 10, 11].map((joint) => body.matrices.slice(16 * joint + 12, 16 * joint + 15)));
    ankles.forEach((place, i) => feet.set([place[0], Math.max(place[1] - 0.03, 0.02), place[2], 1], 4 * i));
    this.use(this.floor, { ...shared, centre: [camera.target[0], camera.target[2]], feet, footCount: ankles.length });
    this.draw(this.quad);
    if (showMarks) this.drawMarks(bodies, shared, time);
    gl.enable(gl.CULL_FACE);
    return view;
  }

  drawMarks(bodies, shared, time) {
    const gl = this.gl;
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    this.marks.forEach((marks, i) => {
      const kinds = [
        [marks.path, [...PATH_COLOUR, 0.85], 0.24, false],
        [marks.trace, [...TRACE_COLOUR, 0.8], 0, false],
        [marks.soles, [...TRACE_COLOUR, 1], 0, true],
      ];
      kinds.forEach(([arrays, colour, dash, sole], layer) => {
        // Every layer lies a little above the one before, or they would flicker.
        this.use(this.mark, { ...shared, height: 0.002 + 0.001 * layer, colour, dash, sole, time, standing: bodies[i].colour });
        this.draw(arrays);
      });
    });
    gl.depthMask(true);
    gl.disable(gl.BLEND);
  }
}
