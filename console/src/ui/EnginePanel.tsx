/** Who streams now in games and engines, and a designer's hand on them. */
import { Code } from "@connectrpc/connect";
import { useCallback, useEffect, useState } from "react";
import { Capability, type CharacterInfo } from "../gen/strut/v1/motion_service_pb";
import type { StyleMix } from "../gen/strut/v1/controls_pb";
import { failureOf, motion } from "../net/api";
import { mixOf } from "../state/look";
import { able, notify, useConsole } from "../state/store";
import { Button, Section, Select, Slider } from "./parts";

const EVERY_MS = 1000;

export function EnginePanel() {
  const state = useConsole();
  const [rows, setRows] = useState<CharacterInfo[]>([]), [refused, setRefused] = useState(""), [chosen, setChosen] = useState("");
  const load = useCallback(async () => {
    try {
      const { characters } = await motion.listCharacters({ pageSize: 200 });
      setRows(characters);
      setRefused("");
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === Code.PermissionDenied || failure.code === Code.Unauthenticated) setRefused(failure.message);
    }
  }, []);
  useEffect(() => {
    if (state.connection !== "ready") return;
    void load();
    const timer = setInterval(() => void load(), EVERY_MS);
    return () => clearInterval(timer);
  }, [state.connection, load]);
  const current = rows.find((row) => keyOf(row) === chosen);
  return (
    <div className="panel-body">
      <Section title="Streaming now" actions={<span className="count">{rows.length}</span>}>
        {refused && <p role="alert" className="error">{refused}</p>}
        {!refused && rows.length === 0 && <p className="faint">Nobody streams. Characters of Unity, Unreal and Python clients show up here while they run; those of this page are its own.</p>}
        {rows.length > 0 && (
          <ul className="characters" aria-label="Characters">
            {rows.map((row) => (
              <li key={keyOf(row)}>
                <button type="button" aria-pressed={keyOf(row) === chosen} onClick={() => setChosen(keyOf(row) === chosen ? "" : keyOf(row))}>
                  <strong>{row.name || `Character ${row.character}`}</strong>
                  <span>{row.clientName || row.sessionId}</span>
                  <span className="faint">{contentOf(row)}, {styleText(row.controlsOverride?.style ?? row.controls?.style)}</span>
                  {row.controlsOverride && <span className="badge">overridden</span>}
                </button>
              </li>
            ))}
          </ul>
        )}
      </Section>
      {current && able(state, Capability.OVERRIDE_CONTROLS) && <Override key={chosen} of={current} onDone={load} />}
    </div>
  );
}

function Override({ of, onDone }: { of: CharacterInfo; onDone: () => Promise<void> }) {
  const styles = useConsole((state) => state.styles), own = useConsole((state) => state.looks[state.selected]!.style);
  const [style, setStyle] = useState(styles[0]?.name ?? ""), [strength, setStrength] = useState(1), [hold, setHold] = useState("0");
  const send = async (mix: ReturnType<typeof mixOf> | null) => {
    try {
      await motion.overrideControls({
        sessionId: of.sessionId, character: of.character,
        controls: mix ? { style: mix } : undefined, holdMs: Number(hold) > 0 ? Number(hold) * 1000 : undefined,
      });
      await onDone();
    } catch (error) {
      notify(failureOf(error).message);
    }
  };
  return (
    <Section title={`Style of ${of.name || `character ${of.character}`}`}>
      <p className="faint">The game asks for {styleText(of.controls?.style)}; it is told of the change and goes on with its own style when the override is lifted.</p>
      <Select label="Style" value={style} options={styles.map((one) => one.name)} onChange={setStyle} />
      <Slider label="Strength" value={strength} min={0} max={1.5} step={0.01} onChange={setStrength} />
      <Select label="For" value={hold} options={[{ value: "0", label: "until lifted" }, { value: "10", label: "10 s" }, { value: "60", label: "1 min" }, { value: "600", label: "10 min" }]} onChange={setHold} />
      <div className="row end">
        <Button disabled={!of.controlsOverride} onClick={() => void send(null)}>Lift</Button>
        <Button hint="The selected character's mix, with its parts" onClick={() => void send(mixOf(own))}>Use the mix here</Button>
        <Button kind="primary" disabled={!style} onClick={() => void send({ components: [{ style: { case: "name", value: style }, weight: 1 }], strength })}>Override</Button>
      </div>
    </Section>
  );
}

const keyOf = (row: CharacterInfo) => `${row.sessionId}/${row.character}`;

function contentOf(row: CharacterInfo): string {
  const content = row.controls?.content?.content;
  return content?.case === "label" ? content.value : content?.case ?? "nothing";
}

function styleText(mix: StyleMix | undefined): string {
  const names = mix?.components.map((one) => (one.style.case === "name" ? one.style.value : "a vector")) ?? [];
  const strength = mix?.strength !== undefined && mix.strength !== 1 ? ` × ${mix.strength.toFixed(2)}` : "";
  return (names.join(" + ") || "neutral") + strength;
}
