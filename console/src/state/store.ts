/** What the panels show and turn. The director reads it for every frame; nothing here knows the stage. */
import { create } from "zustand";
import type { ServerHello } from "../gen/strut/v1/motion_service_pb";
import { Capability } from "../gen/strut/v1/motion_service_pb";
import type { ScenePreset } from "../gen/strut/v1/scene_service_pb";
import type { PreviewClipResponse, Preset, Style } from "../gen/strut/v1/style_service_pb";
import { History } from "./history";
import { type Look, newLook, type StyleLook } from "./look";

export type Connection = "connecting" | "ready" | "lost" | "refused";
export type Tool = "orbit" | "walk" | "draw";

export const MOST_CHARACTERS = 16;

export interface Notice {
  id: number;
  kind: "error" | "info";
  text: string;
}

export interface Clip {
  file: File;
  preview: PreviewClipResponse;
}

export interface State {
  connection: Connection;
  failure: string;
  hello: ServerHello | null;
  styles: Style[];
  presets: Preset[];
  scenePresets: ScenePreset[];
  /** One for each character. */
  looks: Look[];
  selected: number;
  everybody: boolean;
  /** Which of two takes is shown, and what the other one is. */
  take: "A" | "B";
  other: Look[] | null;
  ghost: boolean;
  ghostStyle: string;
  paused: boolean;
  speed: number;
  tool: Tool;
  follow: boolean;
  paths: boolean;
  contacts: boolean;
  clip: Clip | null;
  notices: Notice[];
  canUndo: boolean;
  canRedo: boolean;
}

export const useConsole = create<State>(() => ({
  connection: "connecting",
  failure: "",
  hello: null,
  styles: [],
  presets: [],
  scenePresets: [],
  looks: [newLook("")],
  selected: 0,
  everybody: true,
  take: "A",
  other: null,
  ghost: false,
  ghostStyle: "",
  paused: false,
  speed: 1,
  tool: "orbit",
  follow: true,
  paths: true,
  contacts: true,
  clip: null,
  notices: [],
  canUndo: false,
  canRedo: false,
}));

const { getState: get, setState: set } = useConsole;
const history = new History<Look[]>();
let notices = 0;

/** Changes the looks of who is being edited; `kind` names what changes, for undo. */
export function edit(kind: string, change: (look: Look) => Look): void {
  const { looks, everybody, selected } = get();
  history.remember(looks, kind, performance.now());
  setLooks(looks.map((look, i) => (everybody || i === selected ? change(look) : look)));
}

/** Changes the style of who is being edited. */
export function editStyle(kind: string, change: (style: StyleLook) => StyleLook): void {
  edit(kind, (look) => ({ ...look, style: change(look.style) }));
}

export function undo(): void {
  const looks = history.undo(get().looks);
  if (looks) setLooks(fitted(looks, get().looks.length));
}

export function redo(): void {
  const looks = history.redo(get().looks);
  if (looks) setLooks(fitted(looks, get().looks.length));
}

/** Shows the other one of two takes; the first time it is a copy. */
export function switchTake(): void {
  const { take, other, looks } = get();
  set({ take: take === "A" ? "B" : "A", other: looks });
  setLooks(fitted(other ?? looks, looks.length));
}

/** How many characters there are, 1 to 16. */
export function setCount(count: number): void {
  const { looks, selected } = get();
  const wanted = Math.min(Math.max(Math.round(count), 1), MOST_CHARACTERS);
  set({ looks: fitted(looks, wanted), selected: Math.min(selected, wanted - 1) });
}

/** Tells the user something for a few seconds. */
export function notify(text: string, kind: Notice["kind"] = "error"): void {
  const known = get().notices;
  if (known.some((one) => one.text === text)) return;
  set({ notices: [...known, { id: ++notices, kind, text }].slice(-4) });
}

export function dismiss(id: number): void {
  set({ notices: get().notices.filter((one) => one.id !== id) });
}

/** Whether the server can do something. */
export function able(state: State, capability: Capability): boolean {
  return state.hello?.capabilities.includes(capability) ?? false;
}

function setLooks(looks: Look[]): void {
  set({ looks, canUndo: history.canUndo, canRedo: history.canRedo });
}

function fitted(looks: Look[], count: number): Look[] {
  return Array.from({ length: count }, (_, i) => looks[i] ?? looks[looks.length - 1]!);
}
