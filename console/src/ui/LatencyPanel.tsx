/** Where the time of windows goes, as the server's telemetry tells it, and what this page sees of it. */
import { Code } from "@connectrpc/connect";
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { Stage as StageId, type Statistics } from "../gen/strut/v1/telemetry_service_pb";
import { failureOf, telemetry } from "../net/api";
import type { Director } from "../state/director";
import { useConsole } from "../state/store";
import { Section } from "./parts";

const STAGES = [
  [StageId.QUEUE, "Queue", "#6ea8ff"],
  [StageId.BATCH_WAIT, "Batch wait", "#4fd6d2"],
  [StageId.FEATURISE, "Featurise", "#7bd88f"],
  [StageId.INFERENCE, "Inference", "#ffb454"],
  [StageId.POSTPROCESS, "Post-process", "#ff7a90"],
  [StageId.SERIALISE, "Serialise", "#c49bff"],
  [StageId.WIRE, "Wire", "#9fb8d8"],
] as const;
const TABLE = [...STAGES, [StageId.SERVER_TOTAL, "Server in all", "#e8ecf1"]] as const;
const SECONDS = 60;
const AGAIN_MS = 1000;

/** The server's statistics every second, for as long as the panel is open. */
function useStatistics(): { rows: Statistics[]; refused: string } {
  const [rows, setRows] = useState<Statistics[]>([]), [refused, setRefused] = useState("");
  const ready = useConsole((state) => state.connection === "ready");
  useEffect(() => {
    if (!ready) return;
    const end = new AbortController();
    void (async () => {
      while (!end.signal.aborted) {
        try {
          for await (const { statistics } of telemetry.streamStatistics({ intervalSeconds: 1 }, { signal: end.signal })) {
            setRefused("");
            if (statistics) setRows((known) => [...known, statistics].slice(-SECONDS));
          }
        } catch (error) {
          if (end.signal.aborted) return;
          const failure = failureOf(error);
          if (failure.code === Code.PermissionDenied) return setRefused(failure.message);
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    })();
    return () => end.abort();
  }, [ready]);
  return { rows, refused };
}

export function LatencyPanel({ director }: { director: Director | null }) {
  const { rows, refused } = useStatistics(), now = rows[rows.length - 1];
  return (
    <div className="panel-body">
      {refused && <p role="alert" className="error">{refused}</p>}
      <Section title="A window's time, mean by second (ms)">
        <Chart rows={rows} />
        <ul className="legend">{STAGES.map(([id, name, colour]) => <li key={id}><span className="dot" style={{ background: colour }} />{name}</li>)}</ul>
      </Section>
      <Section title="Last second (ms)">
        <table className="figures">
          <thead><tr><th scope="col">Stage</th><th scope="col">mean</th><th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th><th scope="col">max</th></tr></thead>
          <tbody>
            {TABLE.map(([id, name]) => {
              const row = now?.stages.find((one) => one.stage === id);
              return (
                <tr key={id}><th scope="row">{name}</th>{([row?.meanMs, row?.p50Ms, row?.p95Ms, row?.p99Ms, row?.maxMs]).map((value, i) => <td key={i}>{value === undefined ? "–" : value.toFixed(value < 10 ? 2 : 1)}</td>)}</tr>
              );
            })}
          </tbody>
        </table>
      </Section>
      <Section title="Server">
        <dl className="tiles">
          <Tile name="Windows" value={now?.outcomes.find((one) => one.reason === "OK")?.count.toString() ?? "–"} unit="/s" />
          <Tile name="Mean batch" value={now?.meanBatchSize.toFixed(1) ?? "–"} />
          <Tile name="Queue" value={now?.queueDepth.toString() ?? "–"} />
          <Tile name="Streams" value={now?.streams.toString() ?? "–"} />
          <Tile name="Streaming" value={now?.characters.toString() ?? "–"} unit="characters" />
          <Tile name="Underruns" value={now?.underruns.toString() ?? "–"} />
          <Tile name="Late windows" value={now?.lateWindows.toString() ?? "–"} />
          <Tile name="Processor" value={now ? `${Math.round((100 * now.cpuSeconds) / now.intervalSeconds)}` : "–"} unit="%" />
          <Tile name="Sent" value={now ? (Number(now.bytesSent) / 1000 / now.intervalSeconds).toFixed(0) : "–"} unit="kB/s" />
        </dl>
        <Outcomes of={now} />
      </Section>
      <OwnFigures director={director} />
    </div>
  );
}

function Tile({ name, value, unit = "" }: { name: string; value: string; unit?: string }) {
  return <div className="tile"><dt>{name}</dt><dd>{value}<small> {unit}</small></dd></div>;
}

function Outcomes({ of }: { of: Statistics | undefined }) {
  const others = of?.outcomes.filter((one) => one.reason !== "OK") ?? [];
  if (!others.length) return null;
  return <p className="faint">Not answered with motion: {others.map((one) => `${one.reason} ${one.count}`).join(", ")}</p>;
}

function OwnFigures({ director }: { director: Director | null }) {
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const own = director?.figures();
  if (!own) return null;
  const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)}`;
  return (
    <Section title="This page">
      <dl className="tiles">
        <Tile name="Round trip p50 / p95" value={`${ms(own.roundTrip.p50)} / ${ms(own.roundTrip.p95)}`} unit="ms" />
        <Tile name="Wire p50 / p95" value={`${ms(own.wire.p50)} / ${ms(own.wire.p95)}`} unit="ms" />
        <Tile name="Change to picture p50" value={own.response.count ? ms(own.response.p50) : "–"} unit="ms" />
        <Tile name="Script a frame p95" value={own.script.p95.toFixed(2)} unit="ms" />
        <Tile name="Windows a call" value={own.batch.toFixed(1)} />
        <Tile name="Lead" value={ms(own.lead.p50)} unit="ms" />
        <Tile name="Underruns" value={String(own.underruns)} />
        <Tile name="Late" value={String(own.late)} />
      </dl>
    </Section>
  );
}

/** Stages on top of each other over the last minute. */
function Chart({ rows }: { rows: readonly Statistics[] }) {
  const place = useRef<HTMLDivElement>(null), plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = place.current!;
    const made = new uPlot(
      {
        width: element.clientWidth || 300, height: 170, legend: { show: false }, cursor: { show: false }, padding: [8, 16, 0, 0],
        scales: { x: { time: false, range: [-SECONDS, 0] }, y: { range: (_, __, most) => [0, Math.max(most * 1.15, 5)] } },
        axes: [
          { stroke: "#9aa4b2", grid: { stroke: "#2a3038" }, ticks: { show: false }, values: (_, ticks) => ticks.map((t) => `${t} s`) },
          { stroke: "#9aa4b2", grid: { stroke: "#2a3038" }, ticks: { show: false }, size: 38 },
        ],
        // The highest sum is drawn first, the ones below over it.
        series: [{}, ...[...STAGES].reverse().map(([, label, colour]) => ({ label, stroke: colour, fill: colour, width: 1, points: { show: false } }))],
      },
      [[]] as unknown as uPlot.AlignedData, element,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth || 300, height: 170 }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => {
    const sums = rows.map((row) => {
      let sum = 0;
      return STAGES.map(([id]) => (sum += row.stages.find((one) => one.stage === id)?.meanMs ?? 0));
    });
    const times = rows.map((_, i) => i - rows.length + 1);
    plot.current?.setData([times, ...STAGES.map((_, i) => sums.map((sum) => sum[STAGES.length - 1 - i]!))]);
  }, [rows]);
  return <div ref={place} className="chart" role="img" aria-label="Stacked means of the stages of a window over the last minute; the table below has the figures" />;
}
