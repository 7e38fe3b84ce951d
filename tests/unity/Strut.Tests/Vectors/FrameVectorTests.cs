using System;
using System.Linq;
using System.Text.Json;
using Strut.Core;
using Xunit;

namespace Strut.Tests.Vectors;

public class FrameVectorTests
{
    [Theory]
    [InlineData("FLOAT32")]
    [InlineData("QUAT48")]
    public void RecordsDecodeToWhatPythonDecodes(string name)
    {
        var entry = SharedVectors.Frames.GetProperty("encodings").GetProperty(name);
        var encoding = (FrameEncoding)entry.GetProperty("number").GetInt32();
        var data = entry.GetProperty("data").GetBytesFromBase64();
        var size = FrameCodec.RecordBytes(encoding);
        var received = entry.GetProperty("received");
        var headings = received.GetProperty("root_heading").Floats();
        Assert.Equal(headings.Length * size, data.Length);
        for (var index = 0; index < headings.Length; index++)
        {
            var frame = new Frame();
            Assert.True(FrameCodec.Read(data.AsSpan(index * size, size), encoding, frame));
            var root = received.GetProperty("root_position")[index].Floats();
            SharedVectors.Close(root[0], frame.RootX, "root x");
            SharedVectors.Close(root[1], frame.RootZ, "root z");
            SharedVectors.Close(headings[index], frame.Heading, "heading");
            SharedVectors.Close(received.GetProperty("pelvis")[index].Vec3(), frame.Pelvis, "pelvis");
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                SharedVectors.Close(received.GetProperty("rotations")[index][joint].Quat(), frame.Rotations[joint], "rotation");
            }

            var contacts = received.GetProperty("contacts")[index].Floats();
            SharedVectors.Close(contacts[0], frame.Contacts.LeftAnkle, "contact");
            SharedVectors.Close(contacts[3], frame.Contacts.RightFoot, "contact");
        }
    }

    [Fact]
    public void RecordsOfFullPrecisionAreWrittenAsPythonWritesThem()
    {
        var entry = SharedVectors.Frames.GetProperty("encodings").GetProperty("FLOAT32");
        var data = entry.GetProperty("data").GetBytesFromBase64();
        var record = new byte[FrameCodec.RecordBytes(FrameEncoding.Float32)];
        for (var at = 0; at < data.Length; at += record.Length)
        {
            var frame = new Frame();
            FrameCodec.Read(data.AsSpan(at, record.Length), FrameEncoding.Float32, frame);
            FrameCodec.WriteFloat32(frame, record);
            Assert.Equal(data.AsSpan(at, record.Length).ToArray(), record);
        }
    }

    [Fact]
    public void RecordsThatAreNotFiniteAreRefused()
    {
        var record = new byte[FrameCodec.RecordBytes(FrameEncoding.Float32)];
        BitConverter.TryWriteBytes(record.AsSpan(24), float.NaN);
        Assert.False(FrameCodec.Read(record, FrameEncoding.Float32, new Frame()));
    }

    [Fact]
    public void EngineSpacesAreThoseOfPython()
    {
        var file = SharedVectors.Coordinates;
        var strut = file.GetProperty("strut");
        foreach (var (name, space) in new[]
        {
            ("unity", EngineSpace.Unity),
            ("unreal_facing_y", EngineSpace.UnrealFacingY),
            ("unreal_facing_x", EngineSpace.UnrealFacingX),
        })
        {
            var there = file.GetProperty(name);
            for (var index = 0; index < strut.GetProperty("positions").GetArrayLength(); index++)
            {
                var place = strut.GetProperty("positions")[index].Vec3();
                var turn = strut.GetProperty("rotations")[index].Quat();
                var placeThere = there.GetProperty("positions")[index].Vec3();
                var turnThere = there.GetProperty("rotations")[index].Quat();
                SharedVectors.Close(placeThere, Coordinates.PositionTo(space, place), name);
                SharedVectors.Close(place, Coordinates.PositionFrom(space, placeThere), name);
                SharedVectors.Close(turnThere, Coordinates.RotationTo(space, turn), name);
                SharedVectors.Close(turn, Coordinates.RotationFrom(space, turnThere), name);
                var yaw = there.GetProperty("yaws")[index].GetDouble();
                var heading = strut.GetProperty("headings")[index].GetDouble();
                SharedVectors.Close(yaw, Coordinates.HeadingToYaw(heading), name);
                SharedVectors.Close(heading, Coordinates.YawToHeading(yaw), name);
            }
        }
    }

    [Fact]
    public void InterpolationAtAnyFrameRate()
    {
        var file = SharedVectors.ClientCore.GetProperty("interpolation");
        var frames = file.FrameList("frames");
        var shown = new Frame();
        foreach (var item in file.Items("shown"))
        {
            var playhead = item.Number("playhead");
            var first = (int)Math.Floor(playhead);
            shown.Interpolate(frames[first], frames[first + 1], (float)(playhead - first));
            SharedVectors.Close(item.GetProperty("frame").Frame(), shown, $"frame {playhead}");
        }
    }

    [Fact]
    public void SeamsJoinPositionAndVelocity()
    {
        foreach (var item in SharedVectors.ClientCore.Items("seams"))
        {
            var old = item.FrameList("old");
            var added = item.FrameList("new");
            var buffer = new FrameBuffer(old[0]);
            buffer.Write(0, old, 0, old.Length, false);
            buffer.Write(old.Length, added, 0, added.Length, true);
            Assert.Equal(old.Length + added.Length, buffer.End);
            foreach (var (frame, index) in item.FrameList("joined").Select((frame, index) => (frame, index)))
            {
                SharedVectors.Close(frame, buffer.Get(old.Length + index), $"joined {index}");
            }
        }
    }

    [Fact]
    public void MotionThatEndsEasesIntoTheIdlePose()
    {
        var idle = SharedVectors.ClientCore.GetProperty("idle_pose").Frame();
        foreach (var item in SharedVectors.ClientCore.Items("easing"))
        {
            var buffer = new FrameBuffer(idle);
            var frames = new[] { item.GetProperty("before").Frame(), item.GetProperty("last").Frame() };
            buffer.Write(0, frames, 0, 2, false);
            foreach (var local in item.Items("local"))
            {
                var time = local.GetProperty("t").GetInt32();
                SharedVectors.Close(local.GetProperty("frame").Frame(), buffer.Get(1 + time), $"local {time}");
            }
        }
    }

    [Fact]
    public void TheIdlePoseIsThatOfTheVectors() =>
        SharedVectors.Close(SharedVectors.ClientCore.GetProperty("idle_pose").Frame(), IdlePose.Make(), "idle");

    [Fact]
    public void MovesComposeAndFollowTheGame()
    {
        var file = SharedVectors.ClientCore.GetProperty("moves");
        foreach (var item in file.Items("composed"))
        {
            var both = Move(item.GetProperty("first")).Then(Move(item.GetProperty("second")));
            var expected = Move(item.GetProperty("both"));
            SharedVectors.Close(expected.Turn, both.Turn, "turn");
            SharedVectors.Close(expected.X, both.X, "x");
            SharedVectors.Close(expected.Z, both.Z, "z");
            var root = item.GetProperty("root").Floats();
            var moved = item.GetProperty("moved").Floats();
            var (x, z) = both.Apply(root[0], root[1]);
            SharedVectors.Close(moved[0], x, "moved x");
            SharedVectors.Close(moved[1], z, "moved z");
        }

        foreach (var item in file.Items("follow"))
        {
            var after = RootDriver.Follow(
                Place(item, "root", "heading"),
                Place(item, "place", "place_heading"),
                item.Number("dt"),
                item.Number("weight"));
            var expected = Place(item, "root_after", "heading_after");
            SharedVectors.Close(expected.X, after.X, "follow x");
            SharedVectors.Close(expected.Z, after.Z, "follow z");
            SharedVectors.Close(expected.Heading, after.Heading, "follow heading");
        }
    }

    private static GroundMove Move(JsonElement value)
    {
        var numbers = value.EnumerateArray().Select(item => item.GetDouble()).ToArray();
        return new GroundMove(numbers[0], numbers[1], numbers[2]);
    }

    private static Placement Place(JsonElement item, string place, string heading) => new(
        item.GetProperty(place)[0].GetDouble(), item.GetProperty(place)[1].GetDouble(), item.Number(heading));
}
