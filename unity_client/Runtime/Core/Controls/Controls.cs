#nullable enable
using Strut.V1;

namespace Strut.Core
{
    /// <summary>
    /// What a character is to do besides its path. The contract's messages in it belong to the client once they are
    /// set: put new ones in their place instead of changing them. Game thread.
    /// </summary>
    public sealed class Controls
    {
        /// <summary>What it does, such as walk. Default: idle.</summary>
        public Content Content { get; set; } = new Content { Label = "idle" };

        /// <summary>How it moves. Default: null, the model's neutral style.</summary>
        public StyleMix? Style { get; set; }

        /// <summary>Where it is. Default: null, level ground and no scene.</summary>
        public SceneControl? Scene { get; set; }

        /// <summary>Chooses among the motions that fit. Default: null, the character's number.</summary>
        public ulong? Seed { get; set; }

        /// <summary>Network evaluations a window. Default: null, the server's choice.</summary>
        public uint? Steps { get; set; }

        /// <summary>
        /// What a loaded server may go down to. Default: null, the fewest that the model has: a window in time is worth
        /// more than a second evaluation. For exactly <see cref="Steps"/> set both.
        /// </summary>
        public uint? MinSteps { get; set; }

        /// <summary>Whether the scene may scale the speed along the path. Default: it may.</summary>
        public TrajectoryTiming Timing { get; set; }
    }

    /// <summary>A sample of the path ahead, in the world's place and Strut's space; any subset of its fields may be given.</summary>
    public struct PathSample
    {
        /// <summary>Metres.</summary>
        public double X;

        /// <summary>Metres.</summary>
        public double Z;

        /// <summary>Radians.</summary>
        public float Facing;

        /// <summary>Metres a second.</summary>
        public float Speed;

        /// <summary>Seconds.</summary>
        public float Time;

        public bool HasPlace;
        public bool HasFacing;
        public bool HasSpeed;
        public bool HasTime;

        /// <summary>A place to be at at a time.</summary>
        public static PathSample At(double x, double z, float time) =>
            new PathSample { X = x, Z = z, HasPlace = true, Time = time, HasTime = true };

        /// <summary>The same with a heading.</summary>
        public PathSample WithFacing(float facing)
        {
            var sample = this;
            sample.Facing = facing;
            sample.HasFacing = true;
            return sample;
        }

        /// <summary>The same with a speed.</summary>
        public PathSample WithSpeed(float speed)
        {
            var sample = this;
            sample.Speed = speed;
            sample.HasSpeed = true;
            return sample;
        }
    }

    /// <summary>What a request is made for.</summary>
    public readonly struct ControlQuery
    {
        /// <summary>Seconds of game time from now to the window's first frame.</summary>
        public readonly double SecondsAhead;

        /// <summary>Where the root will be one frame before, in the world.</summary>
        public readonly Placement Place;

        /// <summary>Metres a second, along the world's X.</summary>
        public readonly float VelocityX;

        /// <summary>Metres a second, along the world's Z.</summary>
        public readonly float VelocityZ;

        /// <summary>Frames of the window.</summary>
        public readonly int Frames;

        public ControlQuery(double secondsAhead, in Placement place, float velocityX, float velocityZ, int frames)
        {
            SecondsAhead = secondsAhead;
            Place = place;
            VelocityX = velocityX;
            VelocityZ = velocityZ;
            Frames = frames;
        }
    }

    /// <summary>What a control source answers with; it belongs to the client and is used again.</summary>
    public sealed class ControlPlan
    {
        /// <summary>Most samples of a path.</summary>
        public const int MaxSamples = 32;

        internal readonly PathSample[] Samples = new PathSample[MaxSamples];
        private int most = MaxSamples;

        /// <summary>What to do. Must be set.</summary>
        public Controls? Controls { get; set; }

        public int SampleCount { get; private set; }

        /// <summary>Takes the next sample of the path, its time counted from the window's first frame.</summary>
        /// <returns>false where there are as many as can be.</returns>
        public bool Add(in PathSample sample)
        {
            if (SampleCount == most)
            {
                return false;
            }

            Samples[SampleCount++] = sample;
            return true;
        }

        /// <summary>A sample that was taken.</summary>
        public PathSample this[int index] => Samples[index];

        /// <summary>Empties the plan.</summary>
        /// <param name="limit">most samples that the server takes.</param>
        public void Clear(int limit = MaxSamples)
        {
            most = System.Math.Min(limit, MaxSamples);
            Controls = null;
            SampleCount = 0;
        }
    }

    /// <summary>Asked for controls at the moment when a request is made. Game thread; it must neither wait nor throw.</summary>
    public interface IControlSource
    {
        /// <summary>Game time goes on.</summary>
        void Advance(double seconds);

        /// <summary>Whether controls have changed since it was asked last.</summary>
        bool TakeReplan();

        /// <summary>Fills in the plan for a window.</summary>
        void Plan(in ControlQuery query, ControlPlan plan);
    }
}
