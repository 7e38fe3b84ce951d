/** The picture: characters, ground, paths, contacts, camera and light. It knows no panels and no network. */
import {
  BufferGeometry, type Camera, CircleGeometry, Color, DataTexture, DirectionalLight, DynamicDrawUsage,
  Float32BufferAttribute, Fog, HemisphereLight, InstancedMesh, Line, LineBasicMaterial, LinearFilter,
  LinearMipmapLinearFilter, Matrix4, Mesh, MeshBasicMaterial, MeshStandardMaterial, PCFShadowMap, PerspectiveCamera, Plane,
  PlaneGeometry, Raycaster, RepeatWrapping, RingGeometry, Scene, SphereGeometry, SRGBColorSpace, Vector2, Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { CONTACTS, type Frame, HEADING, JOINTS, ROOT_X, ROOT_Z } from "../core/frame";
import type { Point } from "../core/routes";
import { Skeleton } from "../core/skeleton";
import { Body, bodyGeometry } from "./body";

export const COLOURS = [
  0x6ea8ff, 0xffb454, 0x7bd88f, 0xff7a90, 0xc49bff, 0x4fd6d2, 0xf2e27a, 0xff9bd2,
  0x9fb8d8, 0xd98a5f, 0xa8e05f, 0xe06c75, 0x8f8fff, 0x56b6c2, 0xd7c29a, 0xc678dd,
] as const;

const BACKGROUND = 0x14171c;
const GROUND = [44, 49, 57] as const;
const GRID_LINE = [74, 83, 95] as const;
const GRID_BORDER = [104, 115, 130] as const;
const CONTACT_JOINTS = [7, 10, 8, 11] as const;
const MOST_CONTACTS = 4 * 40;
const PATH_POINTS = 24;
/** Pictures as they get simpler where a machine cannot keep up: pixels of the page's, shadows, milliseconds between two. */
const QUALITIES = [[2, true, 0], [1, true, 0], [1, false, 0], [0.5, false, 90]] as const;
const SLOW_SECONDS = 0.045;
const SLOW_FRAMES = 25;
const MOST_DRAWN = 400;
/** Metres of the ground, and of one tile of its grid; pixels of that. */
const GROUND_SIZE = 160;
const TILE = 4;
const TILE_PIXELS = 512;

/** Something to be drawn: a character, a ghost, a clip. */
export interface Actor {
  id: number;
  pose: Frame;
  colour: number;
  ghost: boolean;
  path: readonly Point[];
}

interface Drawn {
  body: Body;
  line: Line;
  colour: number;
}

export class Stage {
  readonly renderer: WebGLRenderer;
  readonly camera = new PerspectiveCamera(45, 1, 0.05, 200);
  readonly orbit: OrbitControls;
  /** Whether the camera goes along with who is followed. */
  follow = true;
  showPaths = true;
  showContacts = true;
  /** Height of the ground under a place. */
  height: (x: number, z: number) => number = () => 0;
  private readonly scene = new Scene();
  private readonly sun = new DirectionalLight(0xffffff, 2.4);
  private readonly ground: Mesh;
  private relief: Mesh | null = null;
  private readonly ring: Mesh;
  private readonly contacts: InstancedMesh;
  private readonly drawnPath: Line;
  private readonly goal: Mesh;
  private readonly drawn = new Map<number, Drawn>();
  private readonly lastRoot = new Vector3();
  private skeleton: Skeleton | null = null;
  private geometry: BufferGeometry | null = null;
  private readonly ray = new Raycaster();
  private readonly matrix = new Matrix4();
  private quality = 0;
  private pace = 0;
  private slow = 0;
  private drawnAt = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, powerPreference: "high-performance" });
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.useQuality(new URLSearchParams(location.search).get("quality") === "low" ? QUALITIES.length - 1 : 0);
    this.scene.background = new Color(BACKGROUND);
    this.scene.fog = new Fog(BACKGROUND, 14, 34);
    this.scene.add(new HemisphereLight(0xdfe8ff, 0x2a2520, 1.3));
    this.sun.shadow.mapSize.set(1024, 1024);
    this.sun.shadow.bias = -0.0006;
    const frustum = this.sun.shadow.camera;
    [frustum.left, frustum.right, frustum.top, frustum.bottom, frustum.near, frustum.far] = [-7, 7, 7, -7, 1, 26];
    this.scene.add(this.sun, this.sun.target);
    const plane = new PlaneGeometry(GROUND_SIZE, GROUND_SIZE).rotateX(-Math.PI / 2);
    const map = gridTexture(this.renderer.capabilities.getMaxAnisotropy());
    this.ground = new Mesh(plane, new MeshStandardMaterial({ map, roughness: 1 }));
    this.ground.receiveShadow = true;
    this.ring = new Mesh(new RingGeometry(0.34, 0.38, 48).rotateX(-Math.PI / 2), new MeshBasicMaterial({ color: 0xffffff, transparent: true, opacity: 0.7 }));
    const disc = new CircleGeometry(0.055, 20).rotateX(-Math.PI / 2);
    this.contacts = new InstancedMesh(disc, new MeshBasicMaterial({ color: 0x7dffb0, transparent: true, opacity: 0.85 }), MOST_CONTACTS);
    this.contacts.instanceMatrix.setUsage(DynamicDrawUsage);
    this.contacts.frustumCulled = false;
    this.drawnPath = new Line(lineGeometry(MOST_DRAWN), new LineBasicMaterial({ color: 0xffd479 }));
    this.drawnPath.frustumCulled = false;
    this.goal = new Mesh(new SphereGeometry(0.06, 16, 12), new MeshBasicMaterial({ color: 0xffd479 }));
    this.goal.visible = false;
    this.scene.add(this.ground, this.ring, this.contacts, this.drawnPath, this.goal);
    this.camera.position.set(3.4, 2.3, 4.6);
    this.orbit = new OrbitControls(this.camera, canvas);
    this.orbit.target.set(0, 0.9, 0);
    this.orbit.enableDamping = true;
    this.orbit.maxPolarAngle = 1.54;
    this.orbit.minDistance = 1.2;
    this.orbit.maxDistance = 24;
  }

  /** Whose bodies are drawn. */
  useSkeleton(skeleton: Skeleton): void {
    this.skeleton = skeleton;
    for (const id of [...this.drawn.keys()]) this.drop(id);
    this.geometry?.dispose();
    this.geometry = bodyGeometry(skeleton);
  }

  /** Fits the picture into its element. */
  resize(width: number, height: number): void {
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / Math.max(height, 1);
    this.camera.updateProjectionMatrix();
  }

  /** Makes the picture simpler where frames take too long for a while. */
  adapt(seconds: number): void {
    this.pace += 0.1 * (seconds - this.pace);
    this.slow = this.pace > SLOW_SECONDS ? this.slow + 1 : 0;
    if (this.slow < SLOW_FRAMES || this.quality === QUALITIES.length - 1) return;
    this.slow = 0;
    this.useQuality(this.quality + 1);
  }

  /** Poses everything; `selected` is who the ring and the camera belong to. */
  pose(actors: readonly Actor[], selected: number): void {
    if (!this.skeleton || !this.geometry) return;
    const present = new Set<number>();
    let contacts = 0;
    for (const actor of actors) {
      present.add(actor.id);
      const drawn = this.drawn.get(actor.id) ?? this.make(actor);
      this.skeleton.pose(actor.pose, drawn.body.places, drawn.body.matrices);
      drawn.line.visible = this.showPaths && actor.path.length > 1;
      if (drawn.line.visible) this.fillLine(drawn.line, actor.path, PATH_POINTS, 0.02);
      if (this.showContacts && !actor.ghost) contacts = this.addContacts(actor.pose, drawn.body.places, contacts);
      if (actor.id === selected) this.lookAt(actor.pose);
    }
    for (const id of [...this.drawn.keys()]) if (!present.has(id)) this.drop(id);
    this.ring.visible = present.has(selected);
    this.contacts.count = contacts;
    this.contacts.instanceMatrix.needsUpdate = true;
    this.orbit.update();
  }

  /** Draws the picture, or leaves the one before where pictures may come more slowly. */
  render(now: number): void {
    if (now - this.drawnAt < QUALITIES[this.quality]![2]) return;
    this.drawnAt = now;
    this.renderer.render(this.scene, this.camera as Camera);
  }

  /** Where the joints of an actor are, x, y, z each; null where it is not drawn. */
  places(id: number): Float32Array | null {
    return this.drawn.get(id)?.body.places ?? null;
  }

  /** The place on the ground under a point of the page; null above the horizon. */
  groundAt(clientX: number, clientY: number): Point | null {
    const box = this.canvas.getBoundingClientRect();
    const at = new Vector2(((clientX - box.left) / box.width) * 2 - 1, 1 - ((clientY - box.top) / box.height) * 2);
    this.ray.setFromCamera(at, this.camera);
    const hit = this.ray.ray.intersectPlane(new Plane(new Vector3(0, 1, 0), 0), new Vector3());
    return hit && hit.length() < 80 ? { x: hit.x, z: hit.z } : null;
  }

  /** The actor whose body is nearest to a point of the page, within half a metre of its ray; -1 for none. */
  actorAt(clientX: number, clientY: number, among: Iterable<number>): number {
    const box = this.canvas.getBoundingClientRect();
    this.ray.setFromCamera(new Vector2(((clientX - box.left) / box.width) * 2 - 1, 1 - ((clientY - box.top) / box.height) * 2), this.camera);
    let best = -1, least = 0.3;
    const point = new Vector3();
    for (const id of among) {
      const places = this.drawn.get(id)?.body.places;
      for (let i = 0; places && i < JOINTS; i++) {
        const d = this.ray.ray.distanceToPoint(point.fromArray(places, 3 * i));
        if (d < least) [least, best] = [d, id];
      }
    }
    return best;
  }

  /** The line that somebody draws, and where it leads. */
  showDrawing(points: readonly Point[], goal: Point | null): void {
    this.drawnPath.visible = points.length > 1;
    if (points.length > 1) this.fillLine(this.drawnPath, points.slice(-MOST_DRAWN), MOST_DRAWN, 0.03);
    this.goal.visible = goal !== null;
    if (goal) this.goal.position.set(goal.x, this.height(goal.x, goal.z) + 0.06, goal.z);
  }

  /** Directions on the ground for keys: ahead and to the right of the camera. */
  directions(): { ahead: Point; right: Point } {
    const way = this.camera.getWorldDirection(new Vector3()), size = Math.hypot(way.x, way.z) || 1;
    const ahead = { x: way.x / size, z: way.z / size };
    return { ahead, right: { x: -ahead.z, z: ahead.x } };
  }

  /** Ground that is not level; null for level ground. */
  showRelief(height: ((x: number, z: number) => number) | null, size: number, cells: number): void {
    if (this.relief) {
      this.scene.remove(this.relief);
      this.relief.geometry.dispose();
      (this.relief.material as MeshStandardMaterial).dispose();
      this.relief = null;
    }
    this.height = height ?? (() => 0);
    this.ground.visible = height === null;
    if (!height) return;
    const geometry = new PlaneGeometry(size, size, cells, cells).rotateX(-Math.PI / 2);
    const position = geometry.getAttribute("position");
    for (let i = 0; i < position.count; i++) position.setY(i, height(position.getX(i), position.getZ(i)));
    geometry.computeVertexNormals();
    this.relief = new Mesh(geometry, new MeshStandardMaterial({ color: 0x2b323b, roughness: 1 }));
    this.relief.receiveShadow = true;
    const wires = new Mesh(geometry, new MeshBasicMaterial({ color: 0x47505c, wireframe: true, transparent: true, opacity: 0.35 }));
    wires.position.y = 0.003;
    this.relief.add(wires);
    this.scene.add(this.relief);
  }

  dispose(): void {
    for (const id of [...this.drawn.keys()]) this.drop(id);
    this.orbit.dispose();
    this.renderer.dispose();
  }

  private useQuality(level: number): void {
    this.quality = level;
    const [ratio, shadows] = QUALITIES[level]!;
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, ratio));
    this.sun.castShadow = shadows;
  }

  private make(actor: Actor): Drawn {
    const body = new Body(this.geometry!, actor.colour, actor.ghost);
    const line = new Line(lineGeometry(PATH_POINTS), new LineBasicMaterial({ color: actor.colour, transparent: true, opacity: actor.ghost ? 0.3 : 0.9 }));
    line.frustumCulled = false;
    this.scene.add(body.mesh, line);
    const drawn = { body, line, colour: actor.colour };
    this.drawn.set(actor.id, drawn);
    return drawn;
  }

  private drop(id: number): void {
    const drawn = this.drawn.get(id)!;
    this.scene.remove(drawn.body.mesh, drawn.line);
    drawn.body.dispose();
    drawn.line.geometry.dispose();
    (drawn.line.material as LineBasicMaterial).dispose();
    this.drawn.delete(id);
  }

  private fillLine(line: Line, points: readonly Point[], most: number, above: number): void {
    const position = line.geometry.getAttribute("position");
    const count = Math.min(points.length, most);
    for (let i = 0; i < count; i++) position.setXYZ(i, points[i]!.x, this.height(points[i]!.x, points[i]!.z) + above, points[i]!.z);
    position.needsUpdate = true;
    line.geometry.setDrawRange(0, count);
  }

  private addContacts(pose: Frame, places: Float32Array, count: number): number {
    for (let i = 0; i < 4 && count < MOST_CONTACTS; i++) {
      if (pose[CONTACTS + i]! < 0.5) continue;
      const o = 3 * CONTACT_JOINTS[i]!, x = places[o]!, z = places[o + 2]!;
      this.contacts.setMatrixAt(count++, this.matrix.makeTranslation(x, this.height(x, z) + 0.012, z));
    }
    return count;
  }

  private lookAt(pose: Frame): void {
    const x = pose[ROOT_X]!, z = pose[ROOT_Z]!, y = this.height(x, z);
    this.ring.position.set(x, y + 0.015, z);
    this.ring.rotation.y = pose[HEADING]!;
    const root = new Vector3(x, y, z);
    if (this.follow) {
      const by = root.clone().sub(this.lastRoot);
      if (by.length() > 3) this.orbit.target.set(x, y + 0.9, z).sub(by);
      this.orbit.target.add(by);
      this.camera.position.add(by);
    }
    this.lastRoot.copy(root);
    this.sun.target.position.copy(this.orbit.target).setY(y);
    this.sun.position.copy(this.sun.target.position).add(new Vector3(4, 9, 5));
    // The ground goes along by whole tiles, so that it has no end.
    this.ground.position.x = TILE * Math.round(this.orbit.target.x / TILE);
    this.ground.position.z = TILE * Math.round(this.orbit.target.z / TILE);
  }
}

/** A tile of the ground: lines a metre apart, heavier at its border. */
function gridTexture(anisotropy: number): DataTexture {
  const size = TILE_PIXELS, metre = size / TILE, data = new Uint8Array(4 * size * size);
  for (let i = 0; i < size * size; i++) {
    const x = i % size, y = Math.floor(i / size);
    const edge = (at: number, every: number, width: number) => at % every < width || at % every >= every - width;
    const border = edge(x, size, 2) || edge(y, size, 2), line = edge(x, metre, 1) || edge(y, metre, 1);
    data.set([...(border ? GRID_BORDER : line ? GRID_LINE : GROUND), 255], 4 * i);
  }
  const texture = new DataTexture(data, size, size);
  texture.wrapS = texture.wrapT = RepeatWrapping;
  texture.repeat.set(GROUND_SIZE / TILE, GROUND_SIZE / TILE);
  texture.colorSpace = SRGBColorSpace;
  texture.magFilter = LinearFilter;
  texture.minFilter = LinearMipmapLinearFilter;
  texture.generateMipmaps = true;
  texture.anisotropy = anisotropy;
  texture.needsUpdate = true;
  return texture;
}

function lineGeometry(points: number): BufferGeometry {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new Float32BufferAttribute(new Float32Array(3 * points), 3).setUsage(DynamicDrawUsage));
  geometry.setDrawRange(0, 0);
  return geometry;
}
