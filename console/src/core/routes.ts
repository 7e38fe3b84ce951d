/** Where characters are led: along a line on the ground, or as somebody steers. */

export interface Point {
  x: number;
  z: number;
}

/** Where a character will be when a window begins. */
export interface Query extends Point {
  /** Seconds from what is on screen to the window's first frame. */
  secondsAhead: number;
  /** Metres a second. */
  vx: number;
  vz: number;
}

/** One sample of the path ahead: metres, seconds from the window's first frame on, metres a second. */
export interface Sample extends Point {
  time?: number;
  speed?: number;
  facing?: number;
}

export interface Route {
  /** The path ahead; empty to stand. */
  plan(query: Query): Sample[];
  /** The same way, elsewhere. */
  shifted(by: Point): Route;
}

const SPACING = 0.3;
const REACH = 2.4;
const TIMES = 0.2;
const SECONDS = 1.6;
const ARRIVED = 0.35;
/** Metres along the way, back and ahead, in which a character is looked for: ways may cross themselves. */
const BACK = 1;
const AHEAD = 2;

/** Along a line; round and round where it is closed, to a stand at its end else. */
export class PathRoute implements Route {
  private readonly lengths: number[] = [0];
  private at = 0;

  /**
   * @param points two or more corners, metres.
   * @param closed whether the last leads to the first.
   * @param speed metres a second; 0 for the style's own.
   */
  constructor(readonly points: readonly Point[], readonly closed: boolean, public speed = 0) {
    const line = closed ? [...points, points[0]!] : points;
    this.points = line;
    for (let i = 1; i < line.length; i++) {
      this.lengths.push(this.lengths[i - 1]! + Math.hypot(line[i]!.x - line[i - 1]!.x, line[i]!.z - line[i - 1]!.z));
    }
  }

  get length(): number {
    return this.lengths[this.lengths.length - 1]!;
  }

  /** Begins as far along the way as where it passes a place. */
  startNear(place: Point): void {
    this.at = this.nearest(place, 0, this.length);
  }

  /** The place after so many metres. */
  point(s: number): Point {
    const whole = this.length, along = this.closed ? ((s % whole) + whole) % whole : Math.min(Math.max(s, 0), whole);
    let i = 1;
    while (i < this.lengths.length - 1 && this.lengths[i]! < along) i++;
    const a = this.points[i - 1]!, b = this.points[i]!, size = this.lengths[i]! - this.lengths[i - 1]!;
    const t = size > 0 ? (along - this.lengths[i - 1]!) / size : 0;
    return { x: a.x + t * (b.x - a.x), z: a.z + t * (b.z - a.z) };
  }

  plan(query: Query): Sample[] {
    this.at = this.nearest(query, this.at - BACK, this.at + AHEAD);
    if (!this.closed && this.length - this.at < ARRIVED) return [];
    const samples: Sample[] = [];
    if (this.speed > 0) {
      for (let t = TIMES; t <= SECONDS + 1e-9; t += TIMES) samples.push({ ...this.point(this.at + this.speed * t), time: t });
      return samples;
    }
    for (let d = SPACING; d <= REACH + 1e-9; d += SPACING) {
      if (!this.closed && this.at + d > this.length) break;
      samples.push(this.point(this.at + d));
    }
    if (!this.closed && this.at + REACH > this.length) samples.push(this.point(this.length));
    return samples;
  }

  shifted(by: Point): PathRoute {
    const points = (this.closed ? this.points.slice(0, -1) : this.points).map(({ x, z }) => ({ x: x + by.x, z: z + by.z }));
    const moved = new PathRoute(points, this.closed, this.speed);
    moved.at = this.at;
    return moved;
  }

  private nearest(place: Point, from: number, to: number): number {
    let best = from, least = Infinity;
    for (let s = from; s <= to; s += 0.05) {
      const { x, z } = this.point(s), d = (x - place.x) ** 2 + (z - place.z) ** 2;
      if (d < least - 1e-9) [least, best] = [d, s];
    }
    return this.closed ? best : Math.min(Math.max(best, 0), this.length);
  }
}

const HALF_LIFE = 0.25;
const STEP = 0.15;
const HORIZON = 1.2;
const STILL = 0.05;

/** As somebody steers: the velocity goes over into the wanted one. */
export class SteerRoute implements Route {
  /** The velocity wanted, metres a second. */
  readonly wanted = { x: 0, z: 0 };

  plan(query: Query): Sample[] {
    const speed = Math.hypot(this.wanted.x, this.wanted.z);
    if (speed < STILL && Math.hypot(query.vx, query.vz) < 0.2) return [];
    const k = Math.LN2 / HALF_LIFE;
    const dx = query.vx - this.wanted.x, dz = query.vz - this.wanted.z;
    const samples: Sample[] = [];
    for (let t = STEP; t <= HORIZON + 1e-9; t += STEP) {
      const eased = (1 - Math.exp(-k * t)) / k;
      samples.push({ x: query.x + this.wanted.x * t + dx * eased, z: query.z + this.wanted.z * t + dz * eased, time: t });
    }
    samples[samples.length - 1]!.speed = speed;
    return samples;
  }

  shifted(): SteerRoute {
    return this;
  }
}

/** An eight, which shows straights and turns to either side. */
export function figureEight(center: Point, size: number): PathRoute {
  const points = Array.from({ length: 96 }, (_, i) => {
    const t = (2 * Math.PI * i) / 96;
    return { x: center.x + size * Math.sin(2 * t) * 0.6, z: center.z + size * Math.sin(t) };
  });
  return new PathRoute(points, true);
}

/** A drawn line without its jitter: corners no nearer than `spacing` metres, rounded off once. */
export function smoothed(points: readonly Point[], spacing = 0.25): Point[] {
  const kept: Point[] = [];
  for (const point of points) {
    const last = kept[kept.length - 1];
    if (!last || Math.hypot(point.x - last.x, point.z - last.z) >= spacing) kept.push(point);
  }
  return kept.map((point, i) => {
    const a = kept[i - 1], b = kept[i + 1];
    if (!a || !b) return point;
    return { x: (a.x + 2 * point.x + b.x) / 4, z: (a.z + 2 * point.z + b.z) / 4 };
  });
}
