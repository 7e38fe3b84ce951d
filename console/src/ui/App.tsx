/** The whole page. */
import { Tabs, Tooltip } from "radix-ui";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Director } from "../state/director";
import { access } from "../net/api";
import { dismiss, redo, switchTake, undo, useConsole } from "../state/store";
import { EnginePanel } from "./EnginePanel";
import { LatencyPanel } from "./LatencyPanel";
import { Button, Dialog, Icon } from "./parts";
import { ScenePanel } from "./ScenePanel";
import { StageView } from "./StageView";
import { StylePanel } from "./StylePanel";

const WIDE = "(min-width: 1180px)";
const NOTICE_MS = 6000;

declare global {
  interface Window {
    /** For tests: what is on screen, as numbers. */
    strut?: { director: Director; store: typeof useConsole };
  }
}

export function App() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [director, setDirector] = useState<Director | null>(null), [trouble, setTrouble] = useState("");
  const wide = useMedia(WIDE), [tab, setTab] = useState("style");
  useEffect(() => {
    let made: Director;
    try {
      made = new Director(canvas.current!);
    } catch (error) {
      setTrouble(`The stage needs WebGL 2: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    window.strut = { director: made, store: useConsole };
    setDirector(made);
    return () => made.dispose();
  }, []);
  useShortcuts(director);
  const shown = wide && tab === "style" ? "scene" : tab;
  const tabs = [["style", "Style"], ["scene", "Scene"], ["latency", "Latency"], ["engine", "Engine"]].filter(([id]) => !wide || id !== "style") as [string, string][];
  return (
    <Tooltip.Provider delayDuration={500}>
      <div className={wide ? "app wide" : "app"}>
        <TopBar />
        {wide && <aside className="panel left" aria-label="Style"><StylePanel director={director} /></aside>}
        <StageView canvas={canvas} director={director} />
        <aside className="panel right" aria-label="Panels">
          <Tabs.Root value={shown} onValueChange={setTab} className="tabs">
            <Tabs.List className="tab-list" aria-label="Panels">
              {tabs.map(([id, name]) => <Tabs.Trigger key={id} value={id} className="tab">{name}</Tabs.Trigger>)}
            </Tabs.List>
            {!wide && <Tabs.Content value="style" className="tab-content"><StylePanel director={director} /></Tabs.Content>}
            <Tabs.Content value="scene" className="tab-content"><ScenePanel /></Tabs.Content>
            <Tabs.Content value="latency" className="tab-content"><LatencyPanel director={director} /></Tabs.Content>
            <Tabs.Content value="engine" className="tab-content"><EnginePanel /></Tabs.Content>
          </Tabs.Root>
        </aside>
        <Notices />
        <TokenDialog director={director} />
        {trouble && <div className="trouble" role="alert">{trouble}</div>}
      </div>
    </Tooltip.Provider>
  );
}

const WORDS = { connecting: "Connecting…", ready: "Connected", lost: "Server gone, looking for it…", refused: "Not signed in" } as const;

function TopBar() {
  const { connection, hello, failure } = useConsole();
  return (
    <header className="top-bar">
      <h1>Strut <span>console</span></h1>
      <span className={`state ${connection}`} role="status">{WORDS[connection]}</span>
      <a className="skip" href="#stage">Skip to the stage</a>
      {connection !== "ready" && failure && <span className="faint cut" title={failure}>{failure}</span>}
      {hello?.model && <span className="faint model">{hello.model.name} · {hello.device} · server {hello.serverVersion}</span>}
    </header>
  );
}

function Notices() {
  const notices = useConsole((state) => state.notices);
  useEffect(() => {
    const timers = notices.map((one) => setTimeout(() => dismiss(one.id), NOTICE_MS));
    return () => timers.forEach(clearTimeout);
  }, [notices]);
  return (
    <div className="notices" role="region" aria-live="polite" aria-label="Messages">
      {notices.map((one) => (
        <div key={one.id} className={`notice ${one.kind}`}>
          <span>{one.text}</span>
          <Button kind="quiet" aria-label="Dismiss" onClick={() => dismiss(one.id)}><Icon name="close" /></Button>
        </div>
      ))}
    </div>
  );
}

function TokenDialog({ director }: { director: Director | null }) {
  const refused = useConsole((state) => state.connection === "refused"), failure = useConsole((state) => state.failure);
  const [token, setToken] = useState("");
  const enter = () => {
    access.token = token.trim();
    useConsole.setState({ connection: "connecting" });
    void director?.reconnect();
  };
  return (
    <Dialog title="Access token" text="This server asks who you are. The token is kept for this tab alone, until it is closed." open={refused} onOpen={() => {}}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); enter(); }}>
        <input type="password" aria-label="Token" autoComplete="off" autoFocus value={token} onChange={(event) => setToken(event.target.value)} />
        {access.token && failure && <p role="alert" className="error">{failure}</p>}
        <div className="row end"><Button kind="primary" type="submit" disabled={!token.trim()}>Enter</Button></div>
      </form>
    </Dialog>
  );
}

function useShortcuts(director: Director | null): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.closest("input, select, textarea, [role=dialog]")) return;
      const key = event.key.toLowerCase(), command = event.ctrlKey || event.metaKey;
      if (command && key === "z") (event.shiftKey ? redo : undo)();
      else if (command && key === "y") redo();
      else if (command || event.altKey) return;
      else if (key === "t") switchTake();
      else if (key === ".") director?.step();
      else if (key === " " && !target.closest("button, [role=button], [role=slider], [role=switch], summary")) useConsole.setState((state) => ({ paused: !state.paused }));
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [director]);
}

function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = matchMedia(query);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    () => matchMedia(query).matches,
  );
}
