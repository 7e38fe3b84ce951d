/** The picture with what steers it. */
import { type RefObject, useEffect } from "react";
import { ToggleGroup } from "radix-ui";
import { ContentKind } from "../gen/strut/v1/motion_service_pb";
import type { Director } from "../state/director";
import { edit, MOST_CHARACTERS, setCount, type Tool, useConsole } from "../state/store";
import { COLOURS } from "../stage/stage";
import { Button, Icon, Select, Switch } from "./parts";

const TOOLS: [Tool, "camera" | "target" | "pen", string][] = [
  ["orbit", "camera", "Turn the camera, choose characters"],
  ["walk", "target", "Click on the ground to walk there"],
  ["draw", "pen", "Draw a path on the ground"],
];

export function StageView({ canvas, director }: { canvas: RefObject<HTMLCanvasElement | null>; director: Director | null }) {
  const state = useConsole();
  useEffect(() => {
    const element = canvas.current?.parentElement;
    if (!element || !director) return;
    const watch = new ResizeObserver(() => director.stage.resize(element.clientWidth, element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, [canvas, director]);
  const contents = state.hello?.model?.contents ?? [], look = state.looks[state.selected]!;
  const kinds: [string, ContentKind][] = [["", ContentKind.LOCOMOTION], [" (gesture)", ContentKind.GESTURE], [" (idle)", ContentKind.IDLE]];
  const neutral = state.hello?.model?.neutralStyle ?? "";
  return (
    <main className="stage">
      <canvas ref={canvas} id="stage" tabIndex={0} className={`tool-${state.tool}`} aria-label="Stage: W A S D or the arrow keys steer the selected character, Shift runs, Space pauses, the point key plays one frame" />
      <div className="bar top">
        <ToggleGroup.Root type="single" className="row group" aria-label="Mouse" value={state.tool} onValueChange={(tool) => tool && useConsole.setState({ tool: tool as Tool })}>
          {TOOLS.map(([tool, icon, text]) => <ToggleGroup.Item key={tool} value={tool} className="button" aria-label={text} title={text}><Icon name={icon} /></ToggleGroup.Item>)}
        </ToggleGroup.Root>
        <Select label="Content" value={look.content} options={kinds.flatMap(([suffix, kind]) => contents.filter((one) => one.kind === kind).map((one) => ({ value: one.name, label: one.name.replaceAll("_", " ") + suffix })))} onChange={(content) => edit("content", (now) => ({ ...now, content }))} />
        <span className="row wide-gap" role="group" aria-label="Shown">
        <Switch label="Follow" checked={state.follow} onChange={(follow) => useConsole.setState({ follow })} />
        <Switch label="Paths" checked={state.paths} onChange={(paths) => useConsole.setState({ paths })} />
        <Switch label="Contacts" checked={state.contacts} onChange={(contacts) => useConsole.setState({ contacts })} />
        <Switch label="Ghost" checked={state.ghost} onChange={(ghost) => useConsole.setState({ ghost })} />
        {state.ghost && <Select label="Style of the ghost" hideLabel value={state.ghostStyle || neutral} options={state.styles.map((one) => one.name)} onChange={(ghostStyle) => useConsole.setState({ ghostStyle })} />}
        </span>
      </div>
      <div className="bar bottom">
        <div className="row">
          <Button aria-label={state.paused ? "Play" : "Pause"} hint="Space" onClick={() => useConsole.setState({ paused: !state.paused })}><Icon name={state.paused ? "play" : "pause"} /></Button>
          <Button aria-label="One frame" hint="One frame (.)" disabled={!state.paused} onClick={() => director?.step()}><Icon name="step" /></Button>
          <Button aria-label="Start again" hint="All characters back onto their way" onClick={() => director?.restart()}><Icon name="restart" /></Button>
          <Select label="Speed" hideLabel value={String(state.speed)} options={["0.25", "0.5", "1", "2"].map((value) => ({ value, label: `× ${value}` }))} onChange={(speed) => useConsole.setState({ speed: Number(speed) })} />
        </div>
        <div className="row" role="group" aria-label="Characters">
          <Button aria-label="One character fewer" disabled={state.looks.length === 1} onClick={() => setCount(state.looks.length - 1)}>−</Button>
          <span className="cast">
            {state.looks.map((_, i) => (
              <button key={i} type="button" className="chip" aria-pressed={i === state.selected} aria-label={`Character ${i + 1}`} onClick={() => useConsole.setState({ selected: i })}>
                <span className="dot" style={{ background: `#${COLOURS[i % COLOURS.length]!.toString(16).padStart(6, "0")}` }} />{i + 1}
              </button>
            ))}
          </span>
          <Button aria-label="One character more" disabled={state.looks.length === MOST_CHARACTERS} onClick={() => setCount(state.looks.length + 1)}>+</Button>
          <Switch label="Edit all" checked={state.everybody} onChange={(everybody) => useConsole.setState({ everybody })} />
        </div>
      </div>
    </main>
  );
}
