/** Whole microseconds in buckets of 1/32 of an octave, as all clients count them. */
const LARGEST = 2 ** 31 - 1;

export class Histogram {
  private readonly counts = new Map<number, number>();
  count = 0;
  maximum = 0;

  /** Counts a value. */
  add(value: number): void {
    const capped = Math.min(Math.max(Math.floor(value), 0), LARGEST), bucket = bucketOf(capped);
    this.counts.set(bucket, (this.counts.get(bucket) ?? 0) + 1);
    this.count++;
    this.maximum = Math.max(this.maximum, capped);
  }

  /** The value that a share q of the values does not exceed. */
  percentile(q: number): number {
    const wanted = Math.max(Math.ceil(q * this.count), 1);
    let seen = 0;
    for (const bucket of [...this.counts.keys()].sort((a, b) => a - b)) {
      seen += this.counts.get(bucket)!;
      if (seen >= wanted) return Math.min(highest(bucket), this.maximum);
    }
    return 0;
  }
}

function bucketOf(value: number): number {
  if (value < 64) return value;
  const e = 26 - Math.clz32(value);
  return 64 + 32 * (e - 1) + (value >> e) - 32;
}

function highest(bucket: number): number {
  if (bucket < 64) return bucket;
  const e = Math.floor((bucket - 64) / 32), row = (bucket - 64) % 32;
  return (row + 33) * 2 ** (e + 1) - 1;
}
