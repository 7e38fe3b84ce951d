/** A new style from a BVH file: shown on the canonical skeleton, tried on, and stored only then. */
import { create } from "@bufbuild/protobuf";
import { useRef, useState } from "react";
import { CreateStyleHeaderSchema, StyleSource } from "../gen/strut/v1/style_service_pb";
import { Capability } from "../gen/strut/v1/motion_service_pb";
import { createStyle, failureOf, previewClip } from "../net/api";
import type { Director } from "../state/director";
import { able, editStyle, notify, useConsole } from "../state/store";
import { Button, Icon, Section } from "./parts";

const NAME = /^[a-z0-9_-]{1,64}$/;

export function ClipSection({ director }: { director: Director | null }) {
  const clip = useConsole((state) => state.clip), can = useConsole((state) => able(state, Capability.CLIP_PREVIEW));
  const [busy, setBusy] = useState(""), [error, setError] = useState(""), [name, setName] = useState("");
  const input = useRef<HTMLInputElement>(null);
  if (!can) return null;
  const open = async (file: File | undefined) => {
    if (!file) return;
    setBusy(`Reading ${file.name}…`);
    setError("");
    try {
      const preview = await previewClip(file);
      setName(file.name.toLowerCase().replace(/\.bvh$/, "").replace(/[^a-z0-9_-]+/g, "-").slice(0, 64));
      useConsole.setState({ clip: { file, preview } });
    } catch (fault) {
      setError(failureOf(fault).message);
    } finally {
      setBusy("");
      if (input.current) input.current.value = "";
    }
  };
  const save = async () => {
    if (!clip) return;
    setError("");
    setBusy("Making the style…");
    try {
      const header = create(CreateStyleHeaderSchema, { name, source: StyleSource.CLIP, fileNames: [clip.file.name] });
      await createStyle(header, clip.file, (share) => setBusy(`Making the style… ${Math.round(100 * share)} %`));
      await director?.refresh();
      editStyle("style", (style) => ({ ...style, components: [{ name, weight: 1 }] }));
      useConsole.setState({ clip: null });
      notify(`Stored style ${name}`, "info");
    } catch (fault) {
      setError(failureOf(fault).message);
    } finally {
      setBusy("");
    }
  };
  const bones = Object.entries(clip?.preview.boneMap ?? {});
  return (
    <Section title="New style from a clip">
      <input ref={input} id="clip-file" type="file" accept=".bvh" className="file" aria-label="BVH file" disabled={busy !== ""} onChange={(event) => void open(event.target.files?.[0])} />
      {!clip && !busy && <p className="faint">BVH of any skeleton. What it becomes is shown beside the character before anything is stored.</p>}
      {busy && <p role="status">{busy}</p>}
      {error && <p role="alert" className="error">{error}</p>}
      {clip && (
        <div className="stack clip">
          <p><strong>{clip.file.name}</strong>: {(clip.preview.totalFrames / 30).toFixed(1)} s, {bones.length} of 22 joints mapped.</p>
          <details>
            <summary>Bone mapping</summary>
            <table className="facts"><tbody>{bones.map(([joint, bone]) => <tr key={joint}><th scope="row">{joint}</th><td>{bone}</td></tr>)}</tbody></table>
          </details>
          <input aria-label="Name of the style" value={name} aria-invalid={!NAME.test(name)} onChange={(event) => setName(event.target.value)} />
          {!NAME.test(name) && <p className="error">1 to 64 of the characters a to z, 0 to 9, hyphen and underscore.</p>}
          <div className="row end">
            <Button onClick={() => useConsole.setState({ clip: null })}>Discard</Button>
            <Button onClick={() => editStyle("try", (style) => ({ ...style, components: [{ name: `${name} (not stored)`, weight: 1, vector: clip.preview.vector?.values ?? [] }] }))}>Try it</Button>
            <Button kind="primary" disabled={!NAME.test(name) || busy !== ""} onClick={() => void save()}><Icon name="upload" /> Store</Button>
          </div>
        </div>
      )}
    </Section>
  );
}
