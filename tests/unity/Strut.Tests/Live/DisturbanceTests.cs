using System.Linq;
using Strut.Testing;
using Xunit;
using Xunit.Abstractions;

namespace Strut.Tests.Live;

[Collection(LiveCollection.Name)]
public class DisturbanceTests
{
    private readonly ITestOutputHelper output;

    public DisturbanceTests(ITestOutputHelper output) => this.output = output;

    [Fact]
    public void NoDisturbanceMakesAPop()
    {
        using var game = new Disturbances(8);
        var undisturbed = game.Undisturbed(6);
        output.WriteLine($"undisturbed: {undisturbed:F1} m/s^2");
        var found = game.All().ToArray();
        foreach (var disturbance in found)
        {
            output.WriteLine($"{disturbance} {disturbance.Largest / undisturbed:F2}");
        }

        Assert.All(found, disturbance => Assert.True(disturbance.Recovered, disturbance.ToString()));
        Assert.All(found, disturbance => Assert.Equal(0, disturbance.Broken));
        Assert.All(found, disturbance => Assert.True(
            disturbance.Largest <= 1.5 * undisturbed, $"{disturbance}, undisturbed {undisturbed:F1}"));
    }
}
