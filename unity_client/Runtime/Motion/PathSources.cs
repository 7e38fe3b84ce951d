#nullable enable
using Strut.Core;
using UnityEngine;
using UnityEngine.AI;

namespace Strut.Motion
{
    /// <summary>Where a character's path comes from.</summary>
    public enum PathSource
    {
        /// <summary>Set by <see cref="StrutCharacter.SetPath"/> and its like.</summary>
        Script,

        /// <summary>The NavMeshAgent's path.</summary>
        NavMeshAgent,

        /// <summary>The CharacterController's velocity, carried on.</summary>
        CharacterController,
    }

    /// <summary>Follows a NavMeshAgent: along the corners of its path at its speed, to a stand at the end. Main thread.</summary>
    internal sealed class NavMeshPathSource
    {
        private const int MaxCorners = 16;
        private const float SampleSeconds = 0.2f;
        private const float Ahead = 1.6f;

        private readonly Vector3[] corners = new Vector3[MaxCorners];
        private readonly NavMeshAgent agent;
        private NavMeshPath? path;
        private Vector3 target;
        private Vector3 destination;
        private int count;

        public NavMeshPathSource(NavMeshAgent agent) => this.agent = agent;

        /// <summary>Whether the path is another one than when it was asked last.</summary>
        public bool Refresh()
        {
            if (!agent.hasPath || agent.pathPending)
            {
                var had = count > 0;
                count = 0;
                return had && !agent.pathPending;
            }

            if (count > 0 && agent.steeringTarget == target && agent.destination == destination)
            {
                return false;
            }

            var other = agent.destination != destination || count == 0;
            (target, destination) = (agent.steeringTarget, agent.destination);
            // The engine makes a new object each time that it is asked, so only when the path has changed.
            path = agent.path;
            count = path.GetCornersNonAlloc(corners);
            return other;
        }

        /// <summary>Samples of the path from the character on.</summary>
        public void Plan(in ControlQuery query, ControlPlan plan)
        {
            var here = StrutSpace.PositionOf(query.Place, 0f);
            if (count < 2)
            {
                plan.Add(PathSample.At(query.Place.X, query.Place.Z, 0f));
                plan.Add(PathSample.At(query.Place.X, query.Place.Z, Ahead));
                return;
            }

            var next = NextCorner(here);
            var step = agent.speed * SampleSeconds;
            for (var time = 0f; time <= Ahead; time += SampleSeconds)
            {
                plan.Add(PathSample.At(-here.x, here.z, time));
                here = Walk(here, step, ref next);
            }
        }

        private int NextCorner(Vector3 here)
        {
            for (var corner = 1; corner < count; corner++)
            {
                if (corners[corner] == target)
                {
                    return corner;
                }
            }

            var last = Flat(corners[count - 1] - here);
            return last.sqrMagnitude > 0f ? count - 1 : count;
        }

        private Vector3 Walk(Vector3 here, float distance, ref int next)
        {
            while (next < count)
            {
                var way = Flat(corners[next] - here);
                var length = way.magnitude;
                if (length > distance)
                {
                    return here + way * (distance / length);
                }

                here += way;
                distance -= length;
                next++;
            }

            return here;
        }

        private static Vector3 Flat(Vector3 v) => new Vector3(v.x, 0f, v.z);
    }

    /// <summary>Carries a velocity on, facing as the object does. Main thread.</summary>
    internal sealed class VelocityPathSource
    {
        private const float Ahead = 1.2f;
        private const float Turned = 0.94f;
        private const float Faster = 0.3f;

        private Vector3 planned;

        /// <summary>Metres a second that are wanted now.</summary>
        public Vector3 Velocity { get; set; }

        /// <summary>Radians; null to face along the path.</summary>
        public float? Facing { get; set; }

        /// <summary>Whether the velocity is another one than what was planned with.</summary>
        public bool Refresh()
        {
            var (now, then) = (Velocity.magnitude, planned.magnitude);
            var turned = now > Faster && then > Faster && Vector3.Dot(Velocity, planned) < Turned * now * then;
            return turned || Mathf.Abs(now - then) > Faster;
        }

        public void Plan(in ControlQuery query, ControlPlan plan)
        {
            planned = Velocity;
            for (var time = 0f; time <= Ahead; time += 0.3f)
            {
                var sample = PathSample.At(query.Place.X - Velocity.x * time, query.Place.Z + Velocity.z * time, time);
                if (Facing is float facing)
                {
                    sample = sample.WithFacing(facing);
                }

                // With a speed the path goes on past its last sample.
                plan.Add(time + 0.3f > Ahead ? sample.WithSpeed(Velocity.magnitude) : sample);
            }
        }
    }
}
