using System;
using System.Collections.Generic;
using System.Linq;

namespace Strut.Load;

/// <summary>A command line that cannot be used; the message names the option.</summary>
internal sealed class OptionException(string message) : Exception(message);

/// <summary>A command's options by their names, checked as they are read.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, List<string>> values = new();
    private readonly HashSet<string> known = new();

    /// <exception cref="OptionException">an option has no value.</exception>
    public Options(IReadOnlyList<string> arguments)
    {
        for (var index = 0; index < arguments.Count; index += 2)
        {
            if (!arguments[index].StartsWith("--", StringComparison.Ordinal) || index + 1 == arguments.Count)
            {
                throw new OptionException($"{arguments[index]}: options are pairs of --name and value");
            }

            if (!values.TryGetValue(arguments[index], out var given))
            {
                values[arguments[index]] = given = new List<string>();
            }

            given.Add(arguments[index + 1]);
        }
    }

    /// <exception cref="OptionException">the value is no number, or less than the least.</exception>
    public double Number(string name, double otherwise, double least = 0)
    {
        if (Text(name) is not string text)
        {
            return otherwise;
        }

        return double.TryParse(text, out var value) && value >= least
            ? value
            : throw new OptionException($"{name}: is {text}; allowed: a number from {least} on");
    }

    public uint? Count(string name) => Text(name) == null ? null : (uint)Number(name, 0, 1);

    public string? Text(string name) => All(name).LastOrDefault();

    /// <summary>All values of an option that may be given several times.</summary>
    public IReadOnlyList<string> All(string name)
    {
        known.Add(name);
        return values.TryGetValue(name, out var given) ? given : Array.Empty<string>();
    }

    /// <exception cref="OptionException">an option was given that nobody asked for.</exception>
    public void RefuseOthers()
    {
        if (values.Keys.FirstOrDefault(name => !known.Contains(name)) is string unknown)
        {
            throw new OptionException($"{unknown}: is not an option here; allowed: {string.Join(", ", known.Order())}");
        }
    }
}

/// <summary>Collects what was more than it may be.</summary>
internal sealed class Bounds
{
    private readonly List<string> exceeded = new();

    public void AtMost(string what, double value, double most)
    {
        // Also what is no number.
        if (!(value <= most))
        {
            exceeded.Add($"{what} is {value:G4}, allowed: at most {most:G4}");
        }
    }

    public void Holds(string what, bool holds)
    {
        if (!holds)
        {
            exceeded.Add(what);
        }
    }

    /// <summary>Says what was exceeded, and gives the exit status.</summary>
    public int Verdict()
    {
        foreach (var line in exceeded)
        {
            Console.WriteLine($"EXCEEDED: {line}");
        }

        Console.WriteLine(exceeded.Count == 0 ? "all bounds hold" : $"{exceeded.Count} bounds are exceeded");
        return exceeded.Count == 0 ? 0 : 1;
    }
}
