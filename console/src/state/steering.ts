/** Keyboard and mouse on the stage: steering, walking to a place, drawing a path, choosing a character. */
import { ROOT_X, ROOT_Z } from "../core/frame";
import { PathRoute, type Point, smoothed, SteerRoute } from "../core/routes";
import type { Director } from "./director";
import { useConsole } from "./store";

const WALK_SPEED = 1.3;
const RUN_SPEED = 3;
/** Metres a second by which the wanted velocity must change before the way is planned anew. */
const NOTABLE = 0.3;
const CLICK_PIXELS = 5;
const LETTERS = new Set(["w", "a", "s", "d", "shift"]);
const ARROWS = new Set(["arrowup", "arrowdown", "arrowleft", "arrowright"]);

export class Steering {
  private readonly keys = new Set<string>();
  private readonly ended = new AbortController();
  private pressed: { x: number; y: number } | null = null;
  private line: Point[] = [];

  constructor(private readonly canvas: HTMLCanvasElement, private readonly director: Director) {
    const { signal } = this.ended;
    window.addEventListener("keydown", (event) => this.onKey(event), { signal });
    window.addEventListener("keyup", (event) => this.keys.delete(event.key.toLowerCase()), { signal });
    window.addEventListener("blur", () => this.keys.clear(), { signal });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    canvas.addEventListener("pointerup", (event) => this.onUp(event), { signal });
  }

  /** Whether the chosen character shall run. */
  get running(): boolean {
    return this.keys.has("shift");
  }

  dispose(): void {
    this.ended.abort();
  }

  /** Turns the keys that are held into the velocity of the chosen character. */
  update(): void {
    const slot = this.director.chosen;
    if (!slot) return;
    const held = (...names: string[]) => (names.some((name) => this.keys.has(name)) ? 1 : 0);
    const forward = held("w", "arrowup") - held("s", "arrowdown"), sideways = held("d", "arrowright") - held("a", "arrowleft");
    const moving = forward !== 0 || sideways !== 0;
    if (!moving && !(slot.route instanceof SteerRoute)) return;
    if (!(slot.route instanceof SteerRoute)) this.director.lead(new SteerRoute());
    const route = slot.route as SteerRoute, { ahead, right } = this.director.stage.directions();
    const x = ahead.x * forward + right.x * sideways, z = ahead.z * forward + right.z * sideways;
    const speed = moving ? (this.running ? RUN_SPEED : WALK_SPEED) / (Math.hypot(x, z) || 1) : 0;
    const wanted = { x: x * speed, z: z * speed };
    const turned = Math.hypot(wanted.x - route.wanted.x, wanted.z - route.wanted.z);
    if (turned === 0) return;
    if (turned > NOTABLE || !moving) slot.character.changed(performance.now() / 1000);
    Object.assign(route.wanted, wanted);
  }

  private onKey(event: KeyboardEvent): void {
    const key = event.key.toLowerCase(), target = event.target as HTMLElement;
    if (target.closest("input, select, textarea, [role=dialog]") || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS.has(key) && target === this.canvas;
    if (LETTERS.has(key) || arrow) this.keys.add(key);
    if (arrow) event.preventDefault();
  }

  private onDown(event: PointerEvent): void {
    this.pressed = { x: event.clientX, y: event.clientY };
    if (useConsole.getState().tool !== "draw") return;
    this.canvas.setPointerCapture(event.pointerId);
    const here = this.here();
    this.line = here ? [here] : [];
  }

  private onMove(event: PointerEvent): void {
    if (!this.pressed || useConsole.getState().tool !== "draw") return;
    const point = this.director.stage.groundAt(event.clientX, event.clientY);
    if (point) this.line.push(point);
    this.director.stage.showDrawing(this.line, null);
  }

  private onUp(event: PointerEvent): void {
    const pressed = this.pressed, { tool } = useConsole.getState(), { stage } = this.director;
    this.pressed = null;
    if (!pressed) return;
    if (tool === "draw") {
      this.walk(smoothed(this.line));
      return;
    }
    if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > CLICK_PIXELS) return;
    if (tool === "walk") {
      const goal = stage.groundAt(event.clientX, event.clientY), here = this.here();
      if (goal && here) this.walk([here, goal]);
      return;
    }
    const selected = this.director.slotAt(event.clientX, event.clientY);
    if (selected >= 0) useConsole.setState({ selected });
  }

  private walk(line: Point[]): void {
    if (line.length < 2) return;
    this.director.stage.showDrawing(line, line[line.length - 1]!);
    this.director.lead(new PathRoute(line, false));
  }

  private here(): Point | null {
    const pose = this.director.chosen?.character.pose;
    return pose ? { x: pose[ROOT_X]!, z: pose[ROOT_Z]! } : null;
  }
}
