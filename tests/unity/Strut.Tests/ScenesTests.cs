using Strut.Core;
using Strut.V1;
using Xunit;

namespace Strut.Tests;

public class ScenesTests
{
    [Fact]
    public void AServerThatIsNotKnownYetOrKnowsNoScenesIsToldOfNone()
    {
        Assert.Null(Scenes.Control(null, "rain", "", 1));
        Assert.Null(Scenes.Control(Serving(), "rain", "heavy rain", 1));
        Assert.Null(Scenes.Control(Serving(Capability.SceneSpeed), "", "", 1));
    }

    [Theory]
    [InlineData(Capability.Scene)]
    [InlineData(Capability.SceneSpeed)]
    public void APresetIsAskedForOfWhoShowsItAndOfWhoScalesTheSpeedByIt(Capability capability)
    {
        var scene = Scenes.Control(Serving(capability), "rain", "", 0.5f);
        Assert.Equal(("rain", 0.5f), (scene!.Preset, scene.Alpha));
    }

    [Fact]
    public void WordsCountWhereTheyAreReadAndThePresetElse()
    {
        var reader = Serving(Capability.SceneSpeed, Capability.SceneText);
        Assert.Equal("a windy ridge", Scenes.Control(reader, "rain", "a windy ridge", 1)!.Text);
        Assert.Equal("rain", Scenes.Control(Serving(Capability.SceneSpeed), "rain", "a windy ridge", 1)!.Preset);
        Assert.Equal(Scenes.MaxText, Scenes.Control(reader, "", new string('x', 600), 1)!.Text.Length);
    }

    private static ServerHello Serving(params Capability[] capabilities) => new() { Capabilities = { capabilities } };
}
