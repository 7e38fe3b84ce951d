/** Puts it all together: the connection, the characters and what they are to do, the stage, and the clock. */
import { Code } from "@connectrpc/connect";
import { type Character, type ControlSource, MotionClient, Statistics } from "../core/client";
import { readQuat48 } from "../core/codec";
import { FPS } from "../core/constants";
import { type Frame, HEADING, interpolate, poseDistance, ROOT_X, ROOT_Z, SIZE } from "../core/frame";
import { Histogram } from "../core/histogram";
import { figureEight, type Point, type Route, SteerRoute } from "../core/routes";
import { Skeleton } from "../core/skeleton";
import { ContentKind } from "../gen/strut/v1/motion_service_pb";
import { failureOf, motion, scenes, styles } from "../net/api";
import { type Actor, COLOURS, Stage } from "../stage/stage";
import { controlsOf, groundHeight, type Look, newLook, RELIEF_COLUMNS, RELIEF_SPACING } from "./look";
import { Steering } from "./steering";
import { notify, type State, useConsole } from "./store";

const { getState: get, setState: set, subscribe } = useConsole;

const SPACING = 1.5;
const ABREAST = 4;
const EIGHT = 3;
const RETRY_MS = [200, 400, 800, 1500] as const;
/** A server that goes again so soon after it was there, such as one that drains, is not asked at once. */
const SHORT_LIVED_MS = 2000;
const PAGE = 200;
const GHOST_SHIFT: Point = { x: 1.3, z: 0 };
const CLIP_ACTOR = -1;
const SLOPE_SIZE = 60;
/** The list of stored styles and presets is looked at again this often. */
const REFRESH_MS = 15_000;

export interface Slot {
  character: Character;
  route: Route;
}

/** Milliseconds since the page was asked for at which something first happened; NaN before it. */
export interface Milestones {
  connected: number;
  moving: number;
}

export class Director {
  readonly stage: Stage;
  readonly client: MotionClient;
  /** Microseconds of script in a frame, without drawing; and of drawing. */
  script = new Histogram();
  drawing = new Histogram();
  readonly milestones: Milestones = { connected: NaN, moving: NaN };
  private readonly slots: Slot[] = [];
  private readonly steering: Steering;
  private ghost: Slot | null = null;
  private clip: { frames: Frame[]; pose: Frame; at: number; place: Point } | null = null;
  private last = performance.now();
  private steps = 0;
  private attempt = 0;
  private readyAt = -Infinity;
  private alive = true;
  private reconnecting = false;
  private readonly unsubscribe: () => void;
  private readonly timers: number[] = [];

  constructor(canvas: HTMLCanvasElement) {
    this.stage = new Stage(canvas);
    this.client = new MotionClient({
      generate: (request) => motion.generateWindows(request),
      failureOf: (error) => {
        const failure = failureOf(error);
        const lost = failure.code === Code.Unavailable || failure.code === Code.Unknown || failure.code === Code.Unauthenticated;
        return { ...failure, lost };
      },
    });
    this.client.onLost = () => void this.reconnect();
    this.unsubscribe = subscribe((state, before) => this.onState(state, before));
    this.timers.push(window.setInterval(() => void this.refresh(), REFRESH_MS));
    this.steering = new Steering(canvas, this);
    void this.reconnect();
    const loop = () => {
      if (!this.alive) return;
      this.tick(performance.now());
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  }

  dispose(): void {
    this.alive = false;
    this.unsubscribe();
    this.steering.dispose();
    this.timers.forEach((timer) => clearInterval(timer));
    this.stage.dispose();
  }

  /** The character of a slot; undefined where there is none. */
  character(slot: number): Character | undefined {
    return this.slots[slot]?.character;
  }

  /** Looks for the server until it answers. */
  async reconnect(): Promise<void> {
    if (this.reconnecting) return;
    this.reconnecting = true;
    this.client.disconnect();
    if (get().connection === "ready") set({ connection: "lost", failure: "" });
    if (performance.now() - this.readyAt < SHORT_LIVED_MS) await pause(RETRY_MS[RETRY_MS.length - 1]!);
    while (this.alive) {
      try {
        await this.greet();
        break;
      } catch (error) {
        const failure = failureOf(error);
        const refused = failure.code === Code.Unauthenticated || failure.code === Code.PermissionDenied;
        set({ connection: refused ? "refused" : get().hello ? "lost" : "connecting", failure: failure.message });
        if (refused) break;
        await pause(RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)]!);
      }
    }
    this.reconnecting = false;
  }

  /** Reads the stored styles and presets anew. */
  async refresh(): Promise<void> {
    if (get().connection !== "ready") return;
    try {
      const [stored, presets] = await Promise.all([allStyles(), allPresets()]);
      set({ styles: stored, presets });
    } catch (error) {
      if (failureOf(error).code !== Code.Unavailable) notify(failureOf(error).message);
    }
  }

  /** Plays one frame while paused. */
  step(): void {
    this.steps++;
  }

  /** All characters go back to where they began, on their eights. */
  restart(): void {
    for (const slot of this.slots.splice(0)) this.client.remove(slot.character);
    this.dropGhost();
    this.fill();
  }

  /** Who is steered, and along what; undefined before there is anybody. */
  get chosen(): Slot | undefined {
    return this.slots[get().selected];
  }

  /** Leads the chosen character along another route. */
  lead(route: Route): void {
    const slot = this.chosen;
    if (!slot) return;
    slot.route = route;
    slot.character.changed(performance.now() / 1000);
    this.placeGhost();
  }

  /** The slot of the character under a point of the page; -1 for none. */
  slotAt(clientX: number, clientY: number): number {
    const found = this.stage.actorAt(clientX, clientY, this.slots.map(({ character }) => character.number));
    return this.slots.findIndex(({ character }) => character.number === found);
  }

  /** The figures that tests and the latency panel read. */
  figures() {
    const ms = (histogram: Histogram, q: number) => histogram.percentile(q) / 1000;
    const s = this.client.statistics;
    return {
      script: { p50: ms(this.script, 0.5), p95: ms(this.script, 0.95), frames: this.script.count },
      drawing: { p50: ms(this.drawing, 0.5), p95: ms(this.drawing, 0.95) },
      roundTrip: { p50: ms(s.roundTrip, 0.5), p95: ms(s.roundTrip, 0.95) },
      wire: { p50: ms(s.wire, 0.5), p95: ms(s.wire, 0.95) },
      lead: { p50: ms(s.lead, 0.5) },
      response: { p50: ms(s.response, 0.5), p95: ms(s.response, 0.95), count: s.response.count },
      windows: s.windows, late: s.late, dropped: s.dropped, underruns: s.underruns, errors: s.errors,
      batch: s.batches ? s.requests / s.batches : 0,
      milestones: this.milestones,
    };
  }

  /** Measures anew from now on. */
  restartFigures(): void {
    this.script = new Histogram();
    this.drawing = new Histogram();
    this.client.statistics = new Statistics();
  }

  /** A character as it is on screen, for tests: its state, its playhead, its joints' places. */
  snapshot(slot: number) {
    const character = this.character(slot);
    if (!character) return null;
    const { pacer } = character;
    return {
      state: pacer.state, playhead: pacer.playhead, failure: character.failure, warnings: character.warnings,
      root: [character.pose[ROOT_X]!, character.pose[ROOT_Z]!, character.pose[HEADING]!],
      pose: [...character.pose], joints: [...(this.stage.places(character.number) ?? [])],
    };
  }

  /** The mean angle between the joints of two characters, radians. */
  distance(a: number, b: number): number {
    return poseDistance(this.character(a)!.pose, this.character(b)!.pose);
  }

  /** The script of a frame but for drawing: what is held and asked for, and every joint. */
  play(seconds: number, scale: number): void {
    const state = get();
    this.steering.update();
    this.client.update(seconds, scale);
    this.stage.pose(this.actors(state, seconds), this.slots[state.selected]?.character.number ?? -2);
  }

  private tick(now: number): void {
    const began = performance.now(), state = get();
    const elapsed = Math.min((now - this.last) / 1000, 0.25);
    this.last = now;
    const stepped = state.paused ? Math.min(this.steps, 1) : 0;
    this.steps -= stepped;
    const scale = state.paused ? stepped : state.speed;
    const seconds = state.paused ? stepped / FPS : elapsed * state.speed;
    this.play(seconds, scale);
    if (!state.paused) this.stage.adapt(elapsed);
    if (Number.isNaN(this.milestones.moving) && this.slots.some(({ character }) => character.pacer.playhead >= character.begins)) {
      this.milestones.moving = performance.now();
    }
    const posed = performance.now();
    this.script.add((posed - began) * 1000 + this.client.takeSpent() * 1e6);
    this.stage.render(now);
    this.drawing.add((performance.now() - posed) * 1000);
  }

  private actors(state: State, seconds: number): Actor[] {
    const actors: Actor[] = this.slots.map(({ character }, i) => ({
      id: character.number, pose: character.pose, colour: COLOURS[i % COLOURS.length]!, ghost: false, path: character.path,
    }));
    if (this.ghost) {
      const { character } = this.ghost;
      actors.push({ id: character.number, pose: character.pose, colour: 0xffffff, ghost: true, path: character.path });
    }
    if (this.clip) {
      const { clip } = this, length = clip.frames.length - 1;
      clip.at = (clip.at + (state.paused ? seconds : seconds || 0) * FPS) % length;
      const i = Math.floor(clip.at);
      interpolate(clip.pose, clip.frames[i]!, clip.frames[i + 1]!, clip.at - i);
      clip.pose[ROOT_X]! += clip.place.x;
      clip.pose[ROOT_Z]! += clip.place.z;
      actors.push({ id: CLIP_ACTOR, pose: clip.pose, colour: 0xffd479, ghost: false, path: [] });
    }
    return actors;
  }

  private async greet(): Promise<void> {
    const { server } = await motion.getServerInfo({}, { timeoutMs: 5000 });
    if (!server?.model?.skeleton) throw new Error("the server tells no skeleton");
    const [stored, presets, known] = await Promise.all([allStyles(), allPresets(), allScenes()]);
    this.attempt = 0;
    const first = get().hello === null;
    this.stage.useSkeleton(new Skeleton(server.model.skeleton.joints.map((joint) => ({
      name: joint.name,
      parent: joint.parent,
      offset: [joint.restOffset?.x ?? 0, joint.restOffset?.y ?? 0, joint.restOffset?.z ?? 0],
    }))));
    this.readyAt = performance.now();
    this.client.connect(server);
    if (first) {
      this.milestones.connected = performance.now();
      const looks = get().looks.map(() => newLook(firstStyle(stored.map((one) => one.name), server.model!.neutralStyle)));
      set({ looks, ghostStyle: server.model.neutralStyle });
    }
    set({ connection: "ready", failure: "", hello: server, styles: stored, presets, scenePresets: known });
    this.fill();
  }

  private onState(state: State, before: State): void {
    if (state.looks !== before.looks) {
      this.fill();
      const now = performance.now() / 1000;
      this.slots.forEach((slot, i) => {
        if (state.looks[i] !== before.looks[i]) {
          slot.character.changed(now);
          if (i === state.selected) this.ghost?.character.changed(now);
        }
      });
    }
    const scene = state.looks[state.selected]?.scene, was = before.looks[before.selected]?.scene;
    if (scene && (scene.slope !== was?.slope || scene.relief !== was?.relief)) this.showGround(state.looks[state.selected]!);
    if (state.ghost !== before.ghost || state.selected !== before.selected) this.placeGhost();
    if (state.ghostStyle !== before.ghostStyle) this.ghost?.character.changed(performance.now() / 1000);
    if (state.clip !== before.clip) this.showClip(state);
    this.stage.follow = state.follow;
    this.stage.showPaths = state.paths;
    this.stage.showContacts = state.contacts;
    this.stage.orbit.enabled = state.tool === "orbit";
    if (state.tool !== before.tool) this.stage.showDrawing([], null);
  }

  /** Has as many characters as there are looks. */
  private fill(): void {
    const { looks, connection } = get();
    if (connection !== "ready" && this.slots.length === 0) return;
    while (this.slots.length > looks.length) this.client.remove(this.slots.pop()!.character);
    while (this.slots.length < looks.length) {
      const slot = this.slots.length, column = slot % ABREAST, row = Math.floor(slot / ABREAST);
      const abreast = Math.min(looks.length, ABREAST);
      const center = { x: (column - (abreast - 1) / 2) * SPACING, z: -row * SPACING };
      const route = figureEight(center, EIGHT), begin = route.point(0), next = route.point(0.3);
      const heading = Math.atan2(next.x - begin.x, next.z - begin.z);
      const made: Slot = { route, character: null as unknown as Character };
      made.character = this.client.add(`Console ${slot + 1}`, { ...begin, heading }, this.sourceOf(made, () => get().looks[this.slots.indexOf(made)]));
      this.slots.push(made);
    }
    this.placeGhost();
  }

  private sourceOf(slot: Slot, lookOf: () => Look | undefined): ControlSource {
    return (query) => {
      const { hello } = get(), look = lookOf() ?? newLook(hello?.model?.neutralStyle ?? "");
      const contents = hello?.model?.contents ?? [];
      const kind = contents.find((one) => one.name === look.content)?.kind;
      if (kind !== ContentKind.LOCOMOTION) return { controls: controlsOf(look, look.content), path: [] };
      const path = slot.route.plan(query);
      const idle = contents.find((one) => one.kind === ContentKind.IDLE)?.name ?? look.content;
      const running = slot.route instanceof SteerRoute && this.steering.running && contents.some((one) => one.name === "run");
      const controls = controlsOf(look, path.length === 0 ? idle : running ? "run" : look.content);
      if (path.length) {
        controls.trajectory = {
          samples: path.map(({ x, z, time, speed, facing }) => ({ position: { x, z }, time, speed, facing })),
        };
      }
      return { controls, path };
    };
  }


  private dropGhost(): void {
    if (this.ghost) this.client.remove(this.ghost.character);
    this.ghost = null;
  }

  /** The same way beside the selected character, in another style. */
  private placeGhost(): void {
    this.dropGhost();
    const { ghost, selected } = get(), slot = this.slots[selected];
    if (!ghost || !slot) return;
    const pose = slot.character.pose;
    const made: Slot = { route: slot.route.shifted(GHOST_SHIFT), character: null as unknown as Character };
    const place = { x: pose[ROOT_X]! + GHOST_SHIFT.x, z: pose[ROOT_Z]! + GHOST_SHIFT.z, heading: pose[HEADING]! };
    made.character = this.client.add("Ghost", place, this.sourceOf(made, () => {
      const { looks, ghostStyle } = get(), look = looks[get().selected];
      return look && { ...look, style: { components: [{ name: ghostStyle, weight: 1 }], strength: 1, parts: {} } };
    }));
    this.ghost = made;
  }

  private showClip(state: State): void {
    const packed = state.clip?.preview.frames;
    if (!packed) {
      this.clip = null;
      return;
    }
    const pose = this.slots[state.selected]?.character.pose;
    const place = { x: (pose?.[ROOT_X] ?? 0) - 1.4, z: pose?.[ROOT_Z] ?? 0 };
    this.clip = { frames: readQuat48(packed.data, packed.count), pose: new Float64Array(SIZE), at: 0, place };
  }

  private showGround(look: Look): void {
    const { scene } = look;
    if (!scene.relief && scene.slope === 0) {
      this.stage.showRelief(null, 0, 0);
      return;
    }
    const size = scene.relief ? (RELIEF_COLUMNS - 1) * RELIEF_SPACING : SLOPE_SIZE;
    this.stage.showRelief((x, z) => groundHeight(scene, x, z), size, scene.relief ? RELIEF_COLUMNS - 1 : 30);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function firstStyle(names: readonly string[], neutral: string): string {
  return ["youthful", "active", "proud"].find((name) => names.includes(name)) ?? neutral;
}

async function allStyles() {
  return pages(async (pageToken) => {
    const answer = await styles.listStyles({ pageSize: PAGE, pageToken });
    return [answer.styles, answer.nextPageToken];
  });
}

async function allPresets() {
  return pages(async (pageToken) => {
    const answer = await styles.listPresets({ pageSize: PAGE, pageToken });
    return [answer.presets, answer.nextPageToken];
  });
}

async function allScenes() {
  return pages(async (pageToken) => {
    const answer = await scenes.listScenePresets({ pageSize: PAGE, pageToken });
    return [answer.presets, answer.nextPageToken];
  });
}

async function pages<Row>(page: (token: string) => Promise<[Row[], string]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let token = "", first = true; first || token; first = false) {
    const [more, next] = await page(token);
    rows.push(...more);
    token = next;
  }
  return rows;
}
