using Strut.Core;
using Xunit;

namespace Strut.Tests;

public class HeldControlsTests
{
    private static readonly PathSample[] Path = [PathSample.At(0, 0, 0), PathSample.At(0, 2, 1), PathSample.At(2, 2, 2)];

    [Fact]
    public void TimesAreCountedFromTheWindowsStart()
    {
        var plan = Planned(held => held.SetPath(Path), 0.25, 0.25);
        Assert.Equal(3, plan.SampleCount);
        // Half a second has gone: half of the first metre's way.
        Assert.Equal((0, 1, 0), (plan[0].X, plan[0].Z, plan[0].Time));
        Assert.Equal((2, 0.5f), (plan[1].Z, plan[1].Time));
        Assert.Equal((2, 1.5f), (plan[2].X, plan[2].Time));
    }

    [Fact]
    public void OfWhatIsPastOnlyTheLastSampleStays()
    {
        var plan = Planned(held => held.SetPath(Path), 1.25, 0.25);
        Assert.Equal(2, plan.SampleCount);
        Assert.Equal((1, 2, 0), (plan[0].X, plan[0].Z, plan[0].Time));
        Assert.Equal((2, 0.5f), (plan[1].X, plan[1].Time));
    }

    [Fact]
    public void APathThatIsPastStaysAtItsEnd()
    {
        var plan = Planned(held => held.SetPath(Path), 9, 0);
        Assert.Equal(1, plan.SampleCount);
        Assert.Equal((2, 2, 0), (plan[0].X, plan[0].Z, plan[0].Time));
    }

    [Fact]
    public void HeadingsTakeTheShorterWay()
    {
        PathSample[] turning = [PathSample.At(0, 0, 0).WithFacing(3), PathSample.At(0, 0, 1).WithFacing(-3)];
        var plan = Planned(held => held.SetPath(turning), 0.5, 0);
        Assert.Equal(System.Math.PI, System.Math.Abs(plan[0].Facing), 2);
    }

    [Fact]
    public void SamplesWithoutTimesStayAsTheyAre()
    {
        PathSample[] untimed = [new() { HasPlace = true, X = 1 }, new() { HasPlace = true, X = 5 }];
        var plan = Planned(held => held.SetPath(untimed), 3, 1);
        Assert.Equal((2, 1, 5), (plan.SampleCount, plan[0].X, plan[1].X));
    }

    [Fact]
    public void AChangeIsToldOnce()
    {
        var held = new HeldControls();
        Assert.False(held.TakeReplan());
        held.SetPath(Path);
        Assert.True(held.TakeReplan());
        Assert.False(held.TakeReplan());
    }

    private static ControlPlan Planned(System.Action<HeldControls> set, double age, double ahead)
    {
        var held = new HeldControls();
        held.Advance(5);
        set(held);
        held.Advance(age);
        var plan = new ControlPlan();
        held.Plan(new ControlQuery(ahead, default, 0, 0, 16), plan);
        Assert.Same(held.Controls, plan.Controls);
        return plan;
    }
}
