using Strut.Core;
using Xunit;

namespace Strut.Tests;

public class FrameBufferTests
{
    [Fact]
    public void ALongUnderrunStaysWhereTheMotionEnded()
    {
        var buffer = new FrameBuffer(IdlePose.Make());
        var frames = Walk(16);
        buffer.Write(0, frames, 0, 16, false);
        for (var number = 16; number < 400; number++)
        {
            var shown = buffer.Get(number);
            Assert.InRange(shown.RootZ, 15f, 27f);
            buffer.Trim(number - 12);
        }

        Assert.True(buffer.End - buffer.Begin < 64);
    }

    [Fact]
    public void AMoveInAnUnderrunTakesWhatIsToComeAlong()
    {
        var (still, moved) = (new FrameBuffer(IdlePose.Make()), new FrameBuffer(IdlePose.Make()));
        var move = new GroundMove(0.7, 3, -2);
        foreach (var buffer in new[] { still, moved })
        {
            buffer.Write(0, Walk(8), 0, 8, false);
            buffer.Get(12);
        }

        moved.Move(move);
        moved.Trim(10);
        var expected = new Frame();
        expected.CopyFrom(still.Get(30));
        expected.Move(move);
        var actual = moved.Get(30);
        Assert.Equal(expected.RootX, actual.RootX, 4);
        Assert.Equal(expected.RootZ, actual.RootZ, 4);
        Assert.Equal(expected.Heading, actual.Heading, 4);
    }

    [Fact]
    public void MoreFramesThanEverAreTaken()
    {
        var buffer = new FrameBuffer(IdlePose.Make(), 8);
        buffer.Write(0, Walk(40), 0, 40, false);
        Assert.Equal(39f, buffer.Get(39).RootZ);
        Assert.Equal(0f, buffer.Get(0).RootZ);
    }

    private static Frame[] Walk(int count)
    {
        var frames = new Frame[count];
        for (var index = 0; index < count; index++)
        {
            frames[index] = IdlePose.Make();
            frames[index].RootZ = index;
        }

        return frames;
    }
}
