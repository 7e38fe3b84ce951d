/**
 * The console as a client of motion: characters that ask for windows, all that want one in an update by one call of
 * GenerateWindows, each with its history. It is the engines' client (docs/client_core.md) without a stream.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type ControlsSchema } from "../gen/strut/v1/controls_pb";
import { type FootLocks, FrameEncoding } from "../gen/strut/v1/frames_pb";
import {
  ClientReportSchema, type GenerateWindowsRequestSchema, type GenerateWindowsResponse, type ServerHello, type WindowReply,
  type WindowRequestSchema,
} from "../gen/strut/v1/motion_service_pb";
import { FrameBuffer } from "./buffer";
import { readQuat48, writeFloat32 } from "./codec";
import { FPS } from "./constants";
import { type Frame, HEADING, idleFrame, interpolate, ROOT_X, ROOT_Z, SIZE } from "./frame";
import { Histogram } from "./histogram";
import { LatencyEstimator } from "./latency";
import { Pacer, type Plan } from "./pacer";
import type { Point, Query, Sample } from "./routes";

type Controls = MessageInitShape<typeof ControlsSchema>;
type Request = MessageInitShape<typeof WindowRequestSchema>;

export interface CallFailure {
  /** Whether the server could not be reached, or is about to go. */
  lost: boolean;
  reason: string;
  message: string;
  retry: number;
}

export interface Transport {
  generate(request: MessageInitShape<typeof GenerateWindowsRequestSchema>): Promise<GenerateWindowsResponse>;
  failureOf(error: unknown): CallFailure;
}

/** What a character is to do, asked for when a request is made: its controls, and the path ahead for drawing. */
export type ControlSource = (query: Query) => { controls: Controls; path: Sample[] };

const REASON = "type.googleapis.com/google.rpc.ErrorInfo";
/** Frames before the playhead that a history or a seam may still need, besides the history itself. */
const BEHIND = 4;
const REPORT_SECONDS = 2;
const MOST_CALLS = 4;

export class Statistics {
  readonly roundTrip = new Histogram();
  readonly wire = new Histogram();
  readonly lead = new Histogram();
  /** From a changed control to the first frame that shows it. */
  readonly response = new Histogram();
  windows = 0;
  late = 0;
  dropped = 0;
  underruns = 0;
  /** Requests that came to nothing, by reason. */
  readonly errors: Record<string, number> = {};
  batches = 0;
  requests = 0;

  /** Takes notice of requests that came to nothing. */
  failed(reason: string, count = 1): void {
    this.errors[reason] = (this.errors[reason] ?? 0) + count;
  }
}

export class Character {
  /** What is on screen. */
  readonly pose: Frame = new Float64Array(SIZE);
  /** The path that was asked for last. */
  path: Sample[] = [];
  /** Number of the first frame that ever came from the server. */
  begins = Infinity;
  /** Why its last request failed; empty after a window. */
  failure = "";
  warnings: string[] = [];
  readonly pacer: Pacer;
  readonly buffer: FrameBuffer;
  private locks: FootLocks | undefined;
  private phase: { content: string; start: number; frames: number; from: number; to: number } | null = null;
  private content = "";
  private change: { at: number; sequence: number; frame: number } | null = null;

  constructor(
    readonly number: number,
    public name: string,
    place: Point & { heading: number },
    public source: ControlSource,
    latency: LatencyEstimator,
  ) {
    this.pacer = new Pacer(number, latency);
    const rest = idleFrame();
    rest[ROOT_X] = place.x;
    rest[ROOT_Z] = place.z;
    rest[HEADING] = place.heading;
    this.buffer = new FrameBuffer(rest);
    this.pose.set(rest);
  }

  /** Asks anew as soon as may be: its controls have changed. */
  changed(now: number): void {
    this.pacer.replanWanted = true;
    if (!this.change || this.change.sequence > 0) this.change = { at: now, sequence: 0, frame: Infinity };
  }

  /** Seconds of motion in hand; negative in an underrun. */
  get lead(): number {
    return (this.pacer.serverEnd - this.pacer.playhead) / FPS;
  }

  /** Plays on and shows. */
  play(seconds: number, history: number, now: number, statistics: Statistics): void {
    this.pacer.advance(seconds);
    if (this.change && this.pacer.playhead + 1 > this.change.frame) {
      statistics.response.add((now - this.change.at) * 1e6);
      this.change = null;
    }
    const number = Math.floor(this.pacer.playhead);
    const next = this.buffer.get(number + 1);
    interpolate(this.pose, this.buffer.get(number), next, this.pacer.playhead - number);
    this.buffer.trim(number - history - BEHIND);
  }

  /** The request of a plan. */
  ask(plan: Plan, history: number): Request {
    const last = this.buffer.get(plan.start - 1), before = this.buffer.get(plan.start - 2);
    const query: Query = {
      secondsAhead: (plan.start - this.pacer.playhead) / FPS,
      x: last[ROOT_X]!, z: last[ROOT_Z]!,
      vx: (last[ROOT_X]! - before[ROOT_X]!) * FPS, vz: (last[ROOT_Z]! - before[ROOT_Z]!) * FPS,
    };
    const { controls, path } = this.source(query);
    this.path = path.length ? [{ x: query.x, z: query.z }, ...path] : [];
    if (this.change?.sequence === 0) this.change.sequence = plan.sequence;
    const content = controls.content?.content, label = content?.case === "label" ? (content.value as string) : "";
    this.content = label;
    if (this.phase && this.phase.content === label && controls.content) {
      controls.content.gesture = { ...controls.content.gesture, phase: this.phaseAt(plan.start) };
    }
    return {
      character: BigInt(this.number),
      sequence: BigInt(plan.sequence),
      timeline: { startFrame: BigInt(plan.start), origin: this.origin(plan, history) },
      controls,
      frames: plan.frames,
      deadlineMs: Math.ceil(plan.deadline * 1000),
      name: this.name,
    };
  }

  /** Takes a window over. */
  take(reply: WindowReply, now: number, statistics: Statistics): void {
    const sequence = Number(reply.sequence);
    this.warnings = reply.warnings.map((warning) => warning.message);
    if (reply.result.case !== "window") {
      const error = reply.result.case === "error" ? reply.result.value : undefined;
      const reason = reasonOf(error?.details ?? []);
      this.fail(sequence, reason, error?.message ?? "", 0, now);
      statistics.failed(reason);
      return;
    }
    const window = reply.result.value, start = Number(window.startFrame), count = window.frames?.count ?? 0;
    statistics.lead.add(Math.max(this.lead, 0) * 1e6);
    const decision = this.pacer.onWindow(sequence, start, count, now);
    if (decision.action === "dropped") statistics.dropped++;
    if (decision.action !== "joined") return;
    statistics.windows++;
    if (decision.late) statistics.late++;
    this.failure = "";
    this.begins = Math.min(this.begins, decision.splice);
    if (this.change && this.change.sequence > 0 && sequence >= this.change.sequence) {
      this.change.frame = Math.min(this.change.frame, decision.splice);
    }
    const frames = readQuat48(window.frames!.data, count);
    this.buffer.write(decision.splice, frames.slice(decision.splice - start), decision.seam);
    this.locks = window.footLocks;
    const from = this.phase === null || this.phase.content !== this.content ? 0 : this.phaseAt(start);
    this.phase = window.gesturePhase === undefined
      ? null
      : { content: this.content, start, frames: count, from, to: window.gesturePhase };
  }

  /** A request came to nothing. */
  fail(sequence: number, reason: string, message: string, retry: number, now: number): void {
    this.pacer.onError(sequence, reason, retry, now);
    if (reason !== "SUPERSEDED" && reason !== "RELEASED") this.failure = message || reason;
  }

  private phaseAt(frame: number): number {
    const { start, frames, from, to } = this.phase!;
    return Math.min(Math.max(from + ((frame - start) / frames) * (to - from), 0), 1);
  }

  private origin(plan: Plan, history: number): NonNullable<Request["timeline"]>["origin"] {
    if (plan.origin === "cold") {
      const last = this.buffer.get(plan.start - 1);
      return {
        case: "coldStart",
        value: { position: { x: last[ROOT_X]!, z: last[ROOT_Z]! }, heading: last[HEADING]! },
      };
    }
    // Without a stream the server remembers nothing: what a stream would continue is the history here.
    const first = Math.max(plan.start - history, this.buffer.begin);
    const frames = Array.from({ length: plan.start - first }, (_, i) => this.buffer.get(first + i));
    const whole = this.pacer.base !== null && plan.start === this.pacer.base.end;
    return {
      case: "history",
      value: {
        frames: { encoding: FrameEncoding.FLOAT32, count: frames.length, data: writeFloat32(frames) },
        footLocks: whole ? this.locks : undefined,
        endFrame: BigInt(plan.start - 1),
      },
    };
  }
}

export class MotionClient {
  readonly characters = new Map<number, Character>();
  readonly latency = new LatencyEstimator();
  statistics = new Statistics();
  /** Called when a call failed because the server is not there. */
  onLost: (failure: CallFailure) => void = () => {};
  private connected = false;
  private history = 8;
  private maxBatch = 256;
  private calls = 0;
  private spent = 0;
  private reported = { late: 0, underruns: 0, at: 0 };
  private nextNumber = 1;
  private model: ServerHello | null = null;

  constructor(
    private readonly transport: Transport,
    private readonly clock: () => number = () => performance.now() / 1000,
  ) {}

  /** A new character. */
  add(name: string, place: Point & { heading: number }, source: ControlSource): Character {
    const character = new Character(this.nextNumber++, name, place, source, this.latency);
    this.characters.set(character.number, character);
    if (this.model) this.welcome(character, this.model);
    character.pacer.connected = this.connected;
    return character;
  }

  /** A character goes; what is on its way to it is ignored. */
  remove(character: Character): void {
    this.characters.delete(character.number);
  }

  /** The server is there. */
  connect(hello: ServerHello): void {
    this.model = hello;
    this.connected = true;
    this.history = hello.model?.historyFrames ?? this.history;
    this.maxBatch = hello.limits?.maxBatch ?? this.maxBatch;
    for (const character of this.characters.values()) this.welcome(character, hello);
  }

  /** The server is gone: characters go over into standing. */
  disconnect(): void {
    this.connected = false;
    for (const character of this.characters.values()) {
      character.pacer.connected = false;
      character.pacer.onDisconnected();
    }
  }

  /** Seconds that taking windows over has cost since the last time that this was asked. */
  takeSpent(): number {
    const { spent } = this;
    this.spent = 0;
    return spent;
  }

  /**
   * Plays on, shows, and asks for what is needed.
   * @param seconds of game time.
   * @param timeScale game seconds in a wall second; 0 asks for nothing.
   */
  update(seconds: number, timeScale: number): void {
    const now = this.clock(), wanted: [Character, Request, Plan][] = [];
    for (const character of this.characters.values()) {
      const underruns = character.pacer.underruns;
      character.play(seconds, this.history, now, this.statistics);
      this.statistics.underruns += character.pacer.underruns - underruns;
      if (this.calls >= MOST_CALLS || wanted.length >= this.maxBatch) continue;
      const plan = character.pacer.decide(now, timeScale);
      if (plan) wanted.push([character, character.ask(plan, this.history), plan]);
    }
    if (wanted.length) void this.call(wanted, now);
  }

  private welcome(character: Character, hello: ServerHello): void {
    character.pacer.connected = true;
    character.pacer.windowFrames = hello.model?.windowFrames ?? 16;
    character.pacer.minReplanFrames = hello.limits?.minReplanFrames ?? 4;
    character.pacer.maxDeadline = (hello.limits?.maxDeadlineMs ?? 5000) / 1000;
  }

  private async call(wanted: [Character, Request, Plan][], sent: number): Promise<void> {
    const statistics = this.statistics;
    this.calls++;
    statistics.batches++;
    statistics.requests += wanted.length;
    try {
      const response = await this.transport.generate({
        requests: wanted.map(([, request]) => request), encoding: FrameEncoding.QUAT48, report: this.report(sent),
      });
      const now = this.clock(), taken = (now - sent) * 1e6;
      this.latency.inFlight = Math.max(wanted.length, 1);
      response.replies.forEach((reply, index) => {
        const character = wanted[index]![0];
        if (this.characters.get(character.number) !== character) return;
        const server = Number(reply.timing?.serverTotalNs ?? 0n) / 1000;
        statistics.roundTrip.add(taken);
        statistics.wire.add(Math.max(taken - server, 0));
        character.take(reply, now, statistics);
      });
      this.spent += this.clock() - now;
    } catch (error) {
      const failure = this.transport.failureOf(error), now = this.clock();
      statistics.failed(failure.reason || "UNAVAILABLE", wanted.length);
      for (const [character, , plan] of wanted) {
        character.fail(plan.sequence, failure.reason || "UNAVAILABLE", failure.message, failure.retry, now);
      }
      if (failure.lost) this.onLost(failure);
    } finally {
      this.calls--;
    }
  }

  /** What only the client sees, for the server's telemetry. */
  private report(now: number): MessageInitShape<typeof ClientReportSchema> | undefined {
    const { late, underruns } = this.statistics, before = this.reported;
    if (now - before.at < REPORT_SECONDS) return undefined;
    this.reported = { late, underruns, at: now };
    return create(ClientReportSchema, {
      lateWindows: BigInt(Math.max(late - before.late, 0)),
      underruns: BigInt(Math.max(underruns - before.underruns, 0)),
      meanLeadMs: this.statistics.lead.percentile(0.5) / 1000,
      meanWireMs: this.statistics.wire.percentile(0.5) / 1000,
    });
  }
}

function reasonOf(details: readonly { typeUrl: string; value: Uint8Array }[]): string {
  const info = details.find((detail) => detail.typeUrl === REASON);
  if (!info) return "INTERNAL";
  // ErrorInfo's first field is its reason: tag 0x0a, length, text.
  return new TextDecoder().decode(info.value.subarray(2, 2 + info.value[1]!));
}
