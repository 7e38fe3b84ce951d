/** When to ask for what, and what to do with an answer; knows no poses. Times in seconds of the wall. */
import {
  BACK_OFF, COMMITTED, FPS, MAX_AHEAD, MAX_AHEAD_AT_REST, MAX_STEP, MIN_DEADLINE, MIN_USABLE, RECENT_REQUESTS, SETTLED,
} from "./constants";
import { LatencyEstimator } from "./latency";

export type PacerState = "Culled" | "Starting" | "Easing" | "Idle" | "Streaming";

export interface Plan {
  sequence: number;
  start: number;
  frames: number;
  /** `continues` is for streams; without one the frames of that window are sent as the history. */
  origin: "cold" | "continues" | "history";
  continues: number;
  deadline: number;
}

export type Decision =
  | { action: "ignored" | "dropped" }
  | { action: "joined"; splice: number; seam: boolean; late: boolean };

interface Waiting {
  sequence: number;
  start: number;
  sentAt: number;
  expiresAt: number;
  intact: boolean;
}

export class Pacer {
  windowFrames = 16;
  minReplanFrames = 4;
  maxDeadline = 10;
  connected = true;
  playhead = 0;
  serverEnd = 0;
  started = false;
  base: { sequence: number; start: number; end: number } | null = null;
  sequence = 0;
  replanWanted = false;
  culled = false;
  lateFrames = 0;
  underruns = 0;
  private waiting: Waiting[] = [];
  private attempt = 0;
  private notBefore = 0;
  private replannedAt = -Infinity;
  private windows = 0;

  constructor(
    private readonly character = 1,
    private readonly latency = new LatencyEstimator(),
  ) {}

  /** Number of the first frame that may change. */
  get first(): number {
    return Math.floor(this.playhead) + COMMITTED;
  }

  get underrun(): boolean {
    return this.serverEnd < this.first;
  }

  get state(): PacerState {
    if (this.culled) return "Culled";
    if (!this.started) return "Starting";
    if (!this.underrun) return "Streaming";
    return this.first - 1 - this.serverEnd >= SETTLED ? "Idle" : "Easing";
  }

  /** How many requests wait for a reply. */
  get pending(): number {
    return this.waiting.length;
  }

  /** Plays seconds of game time. */
  advance(seconds: number): void {
    if (this.culled) return;
    const before = this.started && this.underrun;
    this.playhead += Math.min(seconds, MAX_STEP) * FPS;
    if (this.started && this.underrun) {
      this.lateFrames++;
      if (!before) this.underruns++;
    }
  }

  /** The request to be made now, if any. */
  decide(now: number, timeScale = 1): Plan | null {
    if (this.culled || !this.connected || timeScale <= 0 || now < this.notBefore) return null;
    const pause = !this.started || this.underrun;
    const ahead = this.first + this.latency.ahead(timeScale, pause ? MAX_AHEAD_AT_REST : MAX_AHEAD);
    const append = pause || this.serverEnd - this.playhead <= this.latency.lead * FPS * Math.max(timeScale, 1);
    let start = pause ? ahead : this.serverEnd;
    const newest = this.waiting[this.waiting.length - 1];
    const heldBack = newest !== undefined && now < newest.expiresAt;
    const replan = this.replanWanted && !pause && this.playhead - this.replannedAt >= this.minReplanFrames;
    if (replan) {
      const least = this.base === null ? ahead : Math.max(ahead, this.base.start + this.minReplanFrames);
      start = Math.min(least, this.serverEnd);
    } else if (!append || heldBack) {
      return null;
    }
    return this.request(start, now, timeScale);
  }

  /** What is to be done with a window. */
  onWindow(sequence: number, start: number, count: number, now: number): Decision {
    const request = this.waiting.find((one) => one.sequence === sequence);
    if (!request) return { action: "ignored" };
    this.latency.add(now - request.sentAt);
    this.waiting = this.waiting.filter((one) => one.sequence > sequence);
    this.attempt = 0;
    this.notBefore = 0;
    const splice = Math.max(start, this.first);
    if (start + count - splice < MIN_USABLE) {
      this.base = null;
      return { action: "dropped" };
    }
    const clean = request.intact && start >= this.first, late = start < this.first;
    for (const other of this.waiting) other.intact &&= splice >= other.start;
    this.serverEnd = start + count;
    this.started = true;
    this.windows++;
    this.base = clean ? { sequence, start, end: start + count } : null;
    return { action: "joined", splice, seam: !clean, late };
  }

  /** Takes note of an error that answers a request; `retry` in seconds. */
  onError(sequence: number, reason: string, retry: number, now: number): void {
    const request = this.waiting.find((one) => one.sequence === sequence);
    if (!request) return;
    this.waiting = this.waiting.filter((one) => one !== request);
    if (reason === "SEQUENCE_UNKNOWN" || reason === "REPLAN_TOO_SOON") this.base = null;
    if (reason !== "SEQUENCE_UNKNOWN" && reason !== "SUPERSEDED" && reason !== "RELEASED") {
      this.notBefore = now + Math.max(retry, BACK_OFF[Math.min(this.attempt, BACK_OFF.length - 1)]!);
      this.attempt++;
    }
  }

  /** The connection is gone. */
  onDisconnected(): void {
    this.waiting = [];
    this.base = null;
    this.attempt = 0;
    this.notBefore = 0;
  }

  /** The character was moved. */
  onMoved(): void {
    this.base = null;
  }

  private request(start: number, now: number, timeScale: number): Plan {
    const base = this.base;
    const goesOn = base !== null && base.start < start && start <= base.end
      && (start - base.start >= this.minReplanFrames || start === base.end);
    const origin = !this.started ? "cold" : goesOn ? "continues" : "history";
    if (!this.started || this.underrun) this.windows = 0;
    const spread = this.character % this.windowFrames;
    const shorter = this.windows === 0 ? Math.floor((spread + 1) / 2) : this.windows === 1 ? Math.floor(spread / 2) : 0;
    const frames = this.windowFrames - shorter;
    const left = (start + frames - MIN_USABLE - this.playhead) / FPS / timeScale;
    const deadline = Math.min(Math.max(left, MIN_DEADLINE), this.maxDeadline);
    this.sequence++;
    const waiting = { sequence: this.sequence, start, sentAt: now, expiresAt: now + deadline, intact: true };
    this.waiting = [...this.waiting, waiting].slice(-RECENT_REQUESTS);
    this.replanWanted = false;
    this.replannedAt = this.playhead;
    return { sequence: this.sequence, start, frames, origin, continues: goesOn && this.started ? base.sequence : 0, deadline };
  }
}
