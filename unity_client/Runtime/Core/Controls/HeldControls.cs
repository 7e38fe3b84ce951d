#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>Controls that a game sets now and then, with times from the moment of setting. Game thread.</summary>
    public sealed class HeldControls : IControlSource
    {
        private readonly PathSample[] path = new PathSample[ControlPlan.MaxSamples];
        private int count;
        private double age;
        private bool replan;

        /// <summary>What to do. Call <see cref="Changed"/> after a change that shall show at once.</summary>
        public Controls Controls { get; set; } = new Controls();

        /// <summary>Asks for a new window at once.</summary>
        public void Changed() => replan = true;

        /// <summary>Sets the path ahead; an empty one leaves it to the network.</summary>
        /// <param name="samples">at most <see cref="ControlPlan.MaxSamples"/>, more are left out.</param>
        public void SetPath(ReadOnlySpan<PathSample> samples)
        {
            count = Math.Min(samples.Length, path.Length);
            samples.Slice(0, count).CopyTo(path);
            age = 0;
            replan = true;
        }

        public void Advance(double seconds) => age += seconds;

        public bool TakeReplan()
        {
            var wanted = replan;
            replan = false;
            return wanted;
        }

        public void Plan(in ControlQuery query, ControlPlan plan)
        {
            plan.Controls = Controls;
            var shift = age + query.SecondsAhead;
            var first = 0;
            while (first + 1 < count && path[first].HasTime && path[first + 1].HasTime && path[first + 1].Time - shift < 0)
            {
                first++;
            }

            for (var index = first; index < count; index++)
            {
                var sample = path[index];
                if (sample.HasTime && sample.Time < shift)
                {
                    sample = index + 1 < count ? Between(sample, path[index + 1], shift) : sample;
                    sample.Time = 0;
                }
                else if (sample.HasTime)
                {
                    sample.Time = (float)(sample.Time - shift);
                }

                plan.Add(sample);
            }
        }

        private static PathSample Between(in PathSample a, in PathSample b, double time)
        {
            if (!b.HasTime || b.Time <= a.Time)
            {
                return a;
            }

            var share = (time - a.Time) / (b.Time - a.Time);
            var between = a;
            if (a.HasPlace && b.HasPlace)
            {
                between.X = a.X + (b.X - a.X) * share;
                between.Z = a.Z + (b.Z - a.Z) * share;
            }

            if (a.HasFacing && b.HasFacing)
            {
                between.Facing = (float)(a.Facing + Maths.Wrap((double)b.Facing - a.Facing) * share);
            }

            if (a.HasSpeed && b.HasSpeed)
            {
                between.Speed = (float)(a.Speed + (b.Speed - a.Speed) * share);
            }

            return between;
        }
    }
}
