using System;
using System.Linq;
using Strut.Testing;

namespace Strut.Load;

/// <summary>What disturbances do to the motion on screen.</summary>
internal static class DisturbLoad
{
    /// <exception cref="OptionException">an option cannot be used.</exception>
    public static int Run(Options options)
    {
        var characters = (int)options.Number("--characters", 8, 1);
        var seconds = options.Number("--seconds", 20, 1);
        var most = options.Number("--max-ratio", 1.5);
        var serve = options.All("--serve").ToArray();
        options.RefuseOthers();
        using var game = new Disturbances(characters, serve);
        var undisturbed = game.Undisturbed(seconds);
        Console.WriteLine($"undisturbed, 99.9th percentile: {undisturbed:F1} m/s^2");
        var bounds = new Bounds();
        foreach (var found in game.All())
        {
            var ratio = found.Largest / undisturbed;
            Console.WriteLine($"{found.Name,-32} {found.Largest,8:F1} m/s^2  {ratio,5:F2}  broken {found.Broken}  recovered {found.Recovered}");
            bounds.AtMost($"{found.Name}: the largest acceleration, to the undisturbed,", ratio, most);
            bounds.AtMost($"{found.Name}: frames that are not whole", found.Broken, 0);
            bounds.Holds($"{found.Name}: not all characters recovered", found.Recovered);
        }

        return bounds.Verdict();
    }
}
