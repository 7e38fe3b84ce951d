// Playback, the camera in the user's hand, and the timeline.

const element = (id) => document.getElementById(id);
const ICONS = {
  play: '<svg width="14" height="14" viewBox="0 0 14 14"><path d="M3 1l9 6-9 6z"/></svg>',
  pause: '<svg width="14" height="14" viewBox="0 0 14 14"><path d="M2 1h4v12H2zM8 1h4v12H8z"/></svg>',
};

function start() {
  const recording = JSON.parse(element("recording").textContent);
  const characters = recording.characters.map((data) => new Character(data, recording.skeleton));
  const frames = Math.max(...characters.map((character) => character.frames));
  const last = Math.max(frames - 1, 1e-3);
  const lead = characters[0];
  const state = { time: 0, playing: true, speed: 1, follow: true, marks: true, azimuth: 0.483, height: 0.144, distance: 3.9, before: 0 };
  const initial = { azimuth: state.azimuth, height: state.height, distance: state.distance };
  const spread = characters.length > 1 ? Math.max(...characters.map((c) => Math.hypot(c.root[0] - lead.root[0], c.root[1] - lead.root[1]))) : 0;
  initial.distance = state.distance = 3.9 + 0.9 * spread;
  let held = null; // where the camera stands when it does not follow

  element("title").textContent = recording.title;
  for (const note of recording.notes) element("notes").append(Object.assign(document.createElement("li"), { textContent: note }));
  element("scrub").max = last;
  buildTimeline(lead, frames);
  // One character has its style in the heading; several carry theirs over their heads.
  const tags = characters.length > 1 ? characters.map(() => element("tags").appendChild(document.createElement("span"))) : [];
  const renderer = new Renderer(element("view"), recording.limbs, characters);

  function camera() {
    const seen = characters.map((character) => character.follow(Math.min(state.time, character.frames - 1)));
    const place = scale(seen.reduce((sum, s) => add(sum, s.place), [0, 0, 0]), 1 / seen.length);
    const base = state.follow || !held ? { place, heading: seen[0].heading } : held;
    held = base;
    const angle = base.heading + state.azimuth;
    const target = add(base.place, [0, 0.83, 0]);
    const flat = Math.cos(state.height) * state.distance;
    // The panel hides the lower edge: the character stands in the middle of what is left.
    const shift = element("panel").offsetHeight / window.innerHeight;
    return { target, shift, eye: add(target, [Math.sin(angle) * flat, Math.sin(state.height) * state.distance, Math.cos(angle) * flat]) };
  }

  function show() {
    const bodies = characters.map((character) => {
      const time = Math.min(state.time, character.frames - 1);
      return { matrices: character.pose(time).matrices, colour: character.colour(time) };
    });
    const view = renderer.render(bodies, camera(), state.time, state.marks);
    tags.forEach((tag, i) => placeTag(tag, characters[i].style(state.time), bodies[i].matrices, view));
    const style = lead.style(state.time);
    const badge = element("badge");
    badge.hidden = !style || tags.length > 0;
    if (style) {
      badge.textContent = style[1];
      badge.style.backgroundColor = `rgb(${style[2]})`;
    }
    element("clock").textContent = `${(state.time / recording.fps).toFixed(2)} s`;
    element("playhead").style.left = `${(100 * state.time) / last}%`;
    if (document.activeElement !== element("scrub") || state.playing) element("scrub").value = state.time;
  }

  function tick(now) {
    const elapsed = Math.min((now - state.before) / 1000, 0.1);
    state.before = now;
    if (state.playing) state.time = (state.time + elapsed * recording.fps * state.speed) % last;
    show();
    requestAnimationFrame(tick);
  }

  function play(on) {
    state.playing = on;
    element("play").innerHTML = on ? ICONS.pause : ICONS.play;
    element("play").setAttribute("aria-label", on ? "Pause" : "Play");
  }
  const press = (id, name) => {
    state[name] = !state[name];
    element(id).setAttribute("aria-pressed", state[name]);
  };
  const seek = (time) => {
    play(false);
    state.time = clamp(time, 0, last);
  };

  element("play").onclick = () => play(!state.playing);
  element("follow").onclick = () => press("follow", "follow");
  element("marks").onclick = () => press("marks", "marks");
  element("speed").onchange = (event) => { state.speed = Number(event.target.value); };
  element("scrub").oninput = (event) => seek(Number(event.target.value));
  window.onkeydown = (event) => {
    if (["SELECT", "BUTTON"].includes(event.target.tagName) && event.key === " ") return;
    const actions = {
      " ": () => play(!state.playing), f: () => press("follow", "follow"), p: () => press("marks", "marks"),
      ArrowLeft: () => seek(Math.ceil(state.time) - 1), ArrowRight: () => seek(Math.floor(state.time) + 1),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  };
  orbit(element("view"), state, initial);
  // "#t=1.5" in the address opens the page paused at that time.
  const asked = /[#&]t=([\d.]+)/.exec(location.hash);
  if (asked) seek(Number(asked[1]) * recording.fps);
  else play(true);
  requestAnimationFrame((now) => { state.before = now; tick(now); });
}

// A style's name over a head (joint 15), where the view matrix puts it.
function placeTag(tag, style, matrices, view) {
  const [x, y, z] = [matrices[16 * 15 + 12], matrices[16 * 15 + 13] + 0.36, matrices[16 * 15 + 14]];
  const seen = [0, 1, 3].map((row) => view[row] * x + view[4 + row] * y + view[8 + row] * z + view[12 + row]);
  tag.hidden = !style || seen[2] < 0.1;
  if (tag.hidden) return;
  tag.textContent = style[1];
  tag.style.backgroundColor = `rgb(${style[2]})`;
  tag.style.left = `${50 + (50 * seen[0]) / seen[2]}%`;
  tag.style.top = `${50 - (50 * seen[1]) / seen[2]}%`;
}

// Drag turns, wheel and pinch come nearer, a double click goes back.
function orbit(canvas, state, initial) {
  const pointers = new Map();
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => pointers.delete(event.pointerId);
  canvas.onpointermove = (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (pointers.size === 1) {
      state.azimuth -= 0.006 * (event.clientX - before.clientX);
      state.height = clamp(state.height + 0.005 * (event.clientY - before.clientY), -0.2, 1.5);
    } else {
      const other = [...pointers.values()].find((p) => p.pointerId !== event.pointerId);
      const span = (p) => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY) || 1;
      state.distance = clamp((state.distance * span(before)) / span(event), 1.2, 25);
    }
    pointers.set(event.pointerId, event);
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    state.distance = clamp(state.distance * Math.exp(0.001 * event.deltaY), 1.2, 25);
  }, { passive: false });
  canvas.ondblclick = () => Object.assign(state, initial);
}

function buildTimeline(character, frames) {
  character.styles.forEach(([first, name, colour], i) => {
    const next = i + 1 < character.styles.length ? character.styles[i + 1][0] : frames;
    const part = Object.assign(document.createElement("div"), { textContent: name, title: name });
    part.style.width = `${(100 * (next - first)) / frames}%`;
    part.style.backgroundColor = `rgb(${colour})`;
    element("styles").append(part);
  });
  const svg = element("contacts");
  svg.setAttribute("viewBox", `0 0 ${frames} 15`);
  [0b0011, 0b1100].forEach((feet, row) => {
    let first = -1;
    for (let frame = 0; frame <= character.frames; frame++) {
      const down = frame < character.frames && (character.contacts[frame] & feet) !== 0;
      if (down && first < 0) first = frame;
      if (!down && first >= 0) {
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        for (const [name, value] of Object.entries({ x: first, y: 8 * row, width: frame - first, height: 6, rx: 1 })) rect.setAttribute(name, value);
        svg.append(rect);
        first = -1;
      }
    }
  });
}

try {
  start();
} catch (error) {
  element("failure").hidden = false;
  element("failure").textContent = error.message;
  console.error(error);
}
