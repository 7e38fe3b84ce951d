/** The frames that a character holds, by their number on its timeline. From `serverEnd` on they are the client's own. */
import { ease, join } from "./blending";
import { type Frame, idleFrame } from "./frame";

export class FrameBuffer {
  private readonly idle = idleFrame();
  private frames: Frame[] = [];
  private from: [last: Frame, before: Frame] | null = null;

  /** Number of the first frame held. */
  begin = 0;
  /** Number of the first frame that is not the server's. */
  serverEnd = 0;

  /** @param rest until a window comes, all frames are this one. */
  constructor(private readonly rest: Frame) {}

  /** Number of the frame after the last one held. */
  get end(): number {
    return this.begin + this.frames.length;
  }

  /** The frame of a number; made where it is not held yet. It stays the buffer's. */
  get(number: number): Frame {
    if (number < this.begin) return this.frames[0] ?? this.rest;
    while (this.end <= number) this.frames.push(this.local(this.end));
    return this.frames[number - this.begin]!;
  }

  /** Takes a window's frames from `splice` on; what was held from there on goes. `seam` blends them onto the frames before. */
  write(splice: number, frames: readonly Frame[], seam: boolean): void {
    if (splice > this.begin) this.get(splice - 1);
    if (splice <= this.begin) {
      this.begin = splice;
      this.frames = [];
      seam = false;
    }
    this.frames.length = splice - this.begin;
    this.frames.push(...(seam ? join(this.frames, frames) : frames));
    this.serverEnd = this.end;
    this.from = null;
  }

  /** Lets frames go that come before a number. */
  trim(number: number): void {
    const gone = Math.min(number - this.begin, this.frames.length);
    if (gone > 0) {
      this.frames.splice(0, gone);
      this.begin += gone;
    }
  }

  private local(number: number): Frame {
    if (this.serverEnd === 0) return this.rest;
    // The frames that it begins with may be let go later.
    this.from ??= [this.get(this.serverEnd - 1), this.get(Math.max(this.serverEnd - 2, this.begin))];
    return ease(this.from[0], this.from[1], this.idle, number - this.serverEnd + 1);
  }
}
