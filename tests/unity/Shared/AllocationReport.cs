using System;
using System.Linq;
using Strut.Core;

namespace Strut.Testing;

/// <summary>What a game allocates in steady state, with poses put onto a rig.</summary>
/// <param name="Frames">updates.</param>
/// <param name="FrameThreadBytes">allocated on the thread of the updates.</param>
/// <param name="OtherBytes">allocated on all others, those of the transport among them.</param>
/// <param name="BytesReceived">replies.</param>
/// <param name="Errors">requests that were refused or came too late: then this is no steady state.</param>
internal sealed record AllocationReport(long Frames, long FrameThreadBytes, long OtherBytes, long BytesReceived, long Errors)
{
    /// <summary>Plays on the calling thread.</summary>
    public static AllocationReport Measure(string address, int characters, double warmUp, double seconds)
    {
        using var game = new Game(Channels.Transport(address));
        game.Add(characters);
        game.PlayUntilStreaming();
        var retargeter = Rigs.MakeCanonical();
        long frames = 0;
        Func<bool> update = () =>
        {
            for (var index = 0; index < game.Client.Characters.Count; index++)
            {
                retargeter.Retarget(game.Client.Characters[index].Pose);
            }

            frames++;
            return true;
        };
        game.Play(warmUp, 60, update);
        frames = 0;
        var (received, errors) = (game.Client.Statistics.BytesReceived, CountErrors(game));
        // In this order, so that nothing of the measurement itself counts.
        var total = GC.GetTotalAllocatedBytes(true);
        var own = GC.GetAllocatedBytesForCurrentThread();
        game.Play(seconds, 60, update);
        own = GC.GetAllocatedBytesForCurrentThread() - own;
        total = GC.GetTotalAllocatedBytes(true) - total;
        received = game.Client.Statistics.BytesReceived - received;
        return new AllocationReport(frames, own, total - own, received, CountErrors(game) - errors);
    }

    private static long CountErrors(Game game) => game.Client.Statistics.Errors.Values.Sum();
}

/// <summary>Rigs for measurements.</summary>
internal static class Rigs
{
    /// <summary>The canonical skeleton as a rig in Unity's space, with foot IK.</summary>
    public static Retargeter MakeCanonical()
    {
        var bones = new Bone[Skeleton.Joints];
        var map = new RigMap();
        for (var joint = 0; joint < bones.Length; joint++)
        {
            var offset = joint == 0 ? new Vec3(0, Skeleton.PelvisHeight, 0) : Skeleton.RestOffsets[joint];
            var place = Coordinates.PositionTo(EngineSpace.Unity, offset);
            bones[joint] = new Bone(Skeleton.Names[joint], Skeleton.Parents[joint], Quat.Identity, place);
            map.Bones.Add(new BoneMap(Skeleton.Names[joint], joint, joint, 0));
        }

        return new Retargeter(new Rig(bones), map);
    }
}
