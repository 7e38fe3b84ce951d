/** How long windows take: a moving mean and deviation (Jacobson), one for all characters of a client. */
import {
  DEVIATION_GAIN, FPS, INITIAL_DEVIATION, INITIAL_LATENCY, LATENCY_GAIN, LEAD_MARGIN, MAX_AHEAD, MAX_LEAD, MIN_LEAD,
} from "./constants";

export class LatencyEstimator {
  latency = INITIAL_LATENCY;
  deviation = INITIAL_DEVIATION;
  /** Requests that wait: samples that measure the same moment share their weight. */
  inFlight = 1;
  private samples = 0;

  /** Takes a sample, seconds. */
  add(seconds: number): void {
    if (this.samples++ === 0) {
      this.latency = seconds;
      this.deviation = seconds / 2;
      return;
    }
    this.deviation += (DEVIATION_GAIN / this.inFlight) * (Math.abs(seconds - this.latency) - this.deviation);
    this.latency += (LATENCY_GAIN / this.inFlight) * (seconds - this.latency);
  }

  /** Wall seconds of motion to have in hand. */
  get lead(): number {
    return Math.min(Math.max(this.latency + 4 * this.deviation + LEAD_MARGIN, MIN_LEAD), MAX_LEAD);
  }

  /** Frames from the first that may change to the start of a window asked for now. */
  ahead(timeScale: number, most = MAX_AHEAD): number {
    const frames = Math.ceil((this.latency + 2 * this.deviation) * FPS * timeScale);
    return Math.min(Math.max(frames, 1), most);
  }
}
