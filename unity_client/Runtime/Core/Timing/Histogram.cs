#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>Counts whole microseconds in fixed memory, off by a 32nd at most. One thread writes.</summary>
    public sealed class Histogram
    {
        private const long Largest = int.MaxValue;

        private readonly long[] counts = new long[64 + 32 * 25];

        /// <summary>How many values.</summary>
        public long Count { get; private set; }

        /// <summary>Microseconds, the greatest value.</summary>
        public long Maximum { get; private set; }

        /// <summary>Microseconds, the mean.</summary>
        public double Mean => Count == 0 ? 0 : Sum / Count;

        internal double Sum { get; private set; }

        public void Add(long microseconds)
        {
            var value = Math.Max(0, Math.Min(microseconds, Largest));
            counts[Bucket(value)]++;
            Count++;
            Sum += value;
            Maximum = Math.Max(Maximum, value);
        }

        /// <summary>The value that a share <paramref name="q"/> (0 to 1) of the values does not exceed; 0 where there is none.</summary>
        public long Percentile(double q)
        {
            var wanted = Math.Max((long)Math.Ceiling(q * Count), 1);
            long seen = 0;
            for (var bucket = 0; bucket < counts.Length; bucket++)
            {
                seen += counts[bucket];
                if (seen >= wanted)
                {
                    return Math.Min(Highest(bucket), Maximum);
                }
            }

            return 0;
        }

        public void Clear()
        {
            Array.Clear(counts, 0, counts.Length);
            Count = Maximum = 0;
            Sum = 0;
        }

        /// <summary>The bucket of a value.</summary>
        public static int Bucket(long value)
        {
            if (value < 64)
            {
                return (int)value;
            }

            var exponent = 0;
            for (var rest = value >> 6; rest > 0; rest >>= 1)
            {
                exponent++;
            }

            return 64 + 32 * (exponent - 1) + (int)(value >> exponent) - 32;
        }

        /// <summary>The highest value of a bucket.</summary>
        public static long Highest(int bucket)
        {
            if (bucket < 64)
            {
                return bucket;
            }

            var exponent = (bucket - 64) / 32 + 1;
            long row = (bucket - 64) % 32 + 32;
            return ((row + 1) << exponent) - 1;
        }
    }
}
