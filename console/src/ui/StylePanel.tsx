/** How characters move: styles to choose and mix, parts of the body, presets, two takes, undo, styles of clips. */
import { useMemo, useState } from "react";
import type { Director } from "../state/director";
import { PARTS, type PartName, mixOf, sceneOf, withPreset } from "../state/look";
import { able, edit, editStyle, notify, redo, switchTake, undo, useConsole } from "../state/store";
import { Capability } from "../gen/strut/v1/motion_service_pb";
import { StyleSource } from "../gen/strut/v1/style_service_pb";
import { failureOf, styles as styleCalls } from "../net/api";
import { BodyFigure } from "./BodyFigure";
import { ClipSection } from "./ClipSection";
import { Button, Dialog, Icon, Section, Select, Slider } from "./parts";

export function StylePanel({ director }: { director: Director | null }) {
  return (
    <div className="panel-body">
      <TakeBar />
      <Browser director={director} />
      <Mix />
      <Parts />
      <Presets director={director} />
      <ClipSection director={director} />
    </div>
  );
}

function useLook() {
  return useConsole((state) => state.looks[state.selected]!);
}

function TakeBar() {
  const { take, canUndo, canRedo } = useConsole();
  return (
    <div className="row spread">
      <div className="row" role="group" aria-label="Take">
        {(["A", "B"] as const).map((name) => (
          <Button key={name} aria-pressed={take === name} hint={`Show take ${name}; T switches`} onClick={() => take !== name && switchTake()}>{name}</Button>
        ))}
      </div>
      <div className="row">
        <Button kind="quiet" aria-label="Undo" hint="Undo (Ctrl+Z)" disabled={!canUndo} onClick={undo}><Icon name="undo" /></Button>
        <Button kind="quiet" aria-label="Redo" hint="Redo (Ctrl+Shift+Z)" disabled={!canRedo} onClick={redo}><Icon name="redo" /></Button>
      </div>
    </div>
  );
}

function Browser({ director }: { director: Director | null }) {
  const styles = useConsole((state) => state.styles), look = useLook();
  const [query, setQuery] = useState("");
  const found = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    return styles.filter((style) => `${style.name} ${style.description}`.toLowerCase().includes(wanted));
  }, [styles, query]);
  const used = new Set(look.style.components.map((one) => one.name));
  const remove = async (name: string) => {
    try {
      await styleCalls.deleteStyle({ name });
      if (used.has(name)) editStyle("delete", (style) => ({ ...style, components: style.components.filter((one) => one.name !== name) }));
      await director?.refresh();
    } catch (error) {
      notify(failureOf(error).message);
    }
  };
  return (
    <Section title="Styles" actions={<span className="count">{found.length} of {styles.length}</span>}>
      <input type="search" aria-label="Search styles" placeholder="Search styles" value={query} onChange={(event) => setQuery(event.target.value)} />
      <ul className="styles" aria-label="Stored styles" tabIndex={0}>
        {found.map((style) => (
          <li key={style.name}>
            <button
              type="button" className="style" aria-pressed={used.has(style.name)} title={style.description || style.provenance}
              onClick={() => editStyle("style", (now) => ({ ...now, components: [{ name: style.name, weight: 1 }] }))}
            >
              {style.name}
              {style.neutral && <small> neutral</small>}
            </button>
            <button
              type="button" className="add" aria-label={`Add ${style.name} to the mix`} disabled={used.has(style.name)}
              onClick={() => editStyle("add", (now) => ({ ...now, components: [...now.components, { name: style.name, weight: 1 }] }))}
            >
              <Icon name="plus" />
            </button>
            {style.source !== StyleSource.MODEL && (
              <button type="button" className="add" aria-label={`Delete ${style.name}`} onClick={() => void remove(style.name)}><Icon name="trash" /></button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Mix() {
  const { style } = useLook();
  const total = style.components.reduce((sum, one) => sum + one.weight, 0);
  return (
    <Section title="Mix">
      {style.components.length === 0 && <p className="faint">No style: the neutral one.</p>}
      {style.components.map((one, index) => (
        <div className="mix" key={one.name}>
          <Slider
            label={one.name} value={one.weight} min={0} max={1} step={0.01}
            format={(value) => `${total > 0 ? Math.round((100 * value) / total) : 0} %`}
            onChange={(weight) => editStyle(`weight ${one.name}`, (now) => ({ ...now, components: now.components.map((other, i) => (i === index ? { ...other, weight } : other)) }))}
          />
          <Button kind="quiet" aria-label={`Take ${one.name} out of the mix`} onClick={() => editStyle("remove", (now) => ({ ...now, components: now.components.filter((_, i) => i !== index) }))}><Icon name="close" /></Button>
        </div>
      ))}
      <Slider label="Strength" value={style.strength} min={0} max={1.5} step={0.01} onChange={(strength) => editStyle("strength", (now) => ({ ...now, strength }))} />
    </Section>
  );
}

function Parts() {
  const { style } = useLook(), styles = useConsole((state) => state.styles);
  const [chosen, setChosen] = useState<PartName | null>(null);
  const own = chosen ? style.parts[chosen] : undefined;
  const change = (kind: string, next: { style: string; strength: number } | undefined) => chosen && editStyle(kind, (now) => {
    const parts = { ...now.parts };
    if (next) parts[chosen] = next;
    else delete parts[chosen];
    return { ...now, parts };
  });
  return (
    <Section title="Body parts">
      <div className="parts">
        <BodyFigure style={style} chosen={chosen} onChoose={setChosen} />
        <div className="stack">
          {!chosen && <p className="faint">Choose a part of the body to give it a style of its own.</p>}
          {chosen && (
            <>
              <strong>{PARTS[chosen].label}</strong>
              <Select
                label="Style of the part" hideLabel value={own ? own.style || "=" : ""}
                options={[{ value: "", label: "As the body" }, { value: "=", label: "The mix, own strength" }, ...styles.map((one) => one.name)]}
                onChange={(name) => change("part", name ? { style: name === "=" ? "" : name, strength: own?.strength ?? style.strength } : undefined)}
              />
              {own && <Slider label="Part strength" value={own.strength} min={0} max={1.5} step={0.01} onChange={(strength) => change(`part strength ${chosen}`, { ...own, strength })} />}
            </>
          )}
        </div>
      </div>
    </Section>
  );
}

function Presets({ director }: { director: Director | null }) {
  const state = useConsole(), look = useLook();
  const [name, setName] = useState(""), [saving, setSaving] = useState(false), [chosen, setChosen] = useState("");
  const preset = state.presets.find((one) => one.name === chosen);
  const save = async () => {
    try {
      const scene = able(state, Capability.SCENE) ? sceneOf(look.scene) : undefined;
      await styleCalls.savePreset({ preset: { name, style: mixOf(look.style), scene } });
      setSaving(false);
      setChosen(name);
      await director?.refresh();
      notify(`Saved preset ${name}`, "info");
    } catch (error) {
      notify(failureOf(error).message);
    }
  };
  const remove = async () => {
    try {
      await styleCalls.deletePreset({ name: chosen });
      setChosen("");
      await director?.refresh();
    } catch (error) {
      notify(failureOf(error).message);
    }
  };
  return (
    <Section title="Presets" actions={<Button onClick={() => setSaving(true)}>Save as…</Button>}>
      <div className="row">
        <Select label="Preset" hideLabel value={chosen} options={[{ value: "", label: state.presets.length ? "Choose a preset" : "None stored yet" }, ...state.presets.map((one) => one.name)]} onChange={setChosen} />
        <Button disabled={!preset} onClick={() => preset && edit("preset", (now) => withPreset(now, preset))}>Apply</Button>
        <Button kind="quiet" aria-label="Delete the preset" disabled={!preset} onClick={() => void remove()}><Icon name="trash" /></Button>
      </div>
      <Dialog title="Save preset" text="Stored on the server, for everybody who may use it. A preset of the same name is replaced." open={saving} onOpen={setSaving}>
        <form className="stack" onSubmit={(event) => { event.preventDefault(); void save(); }}>
          <input aria-label="Name of the preset" placeholder="Name" maxLength={64} value={name} autoFocus onChange={(event) => setName(event.target.value)} />
          <div className="row end">
            <Button onClick={() => setSaving(false)}>Cancel</Button>
            <Button kind="primary" type="submit" disabled={!name.trim()}>Save</Button>
          </div>
        </form>
      </Dialog>
    </Section>
  );
}
