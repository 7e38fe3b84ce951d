using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Strut.Core;
using Xunit;

namespace Strut.Tests.Vectors;

/// <summary>The test vectors that Python, C++ and C# share.</summary>
internal static class SharedVectors
{
    public const double Tolerance = 1e-5;

    private static readonly Lazy<JsonElement> Core = new(() => Load("client_core.json"));
    private static readonly Lazy<JsonElement> CoordinatesFile = new(() => Load("coordinates.json"));
    private static readonly Lazy<JsonElement> FramesFile = new(() => Load("frames.json"));

    public static JsonElement ClientCore => Core.Value;

    public static JsonElement Coordinates => CoordinatesFile.Value;

    public static JsonElement Frames => FramesFile.Value;

    public static IEnumerable<JsonElement> Items(this JsonElement owner, string name) =>
        owner.GetProperty(name).EnumerateArray();

    public static double Number(this JsonElement owner, string name) => owner.GetProperty(name).GetDouble();

    public static float[] Floats(this JsonElement value) => value.EnumerateArray().Select(item => item.GetSingle()).ToArray();

    public static Vec3 Vec3(this JsonElement value)
    {
        var v = value.Floats();
        return new Vec3(v[0], v[1], v[2]);
    }

    public static Quat Quat(this JsonElement value)
    {
        var q = value.Floats();
        return new Quat(q[0], q[1], q[2], q[3]);
    }

    public static Frame Frame(this JsonElement value)
    {
        var root = value.GetProperty("root").Floats();
        var contacts = value.GetProperty("contacts").Floats();
        var frame = new Frame
        {
            RootX = root[0],
            RootZ = root[1],
            Heading = (float)value.Number("heading"),
            Pelvis = value.GetProperty("pelvis").Vec3(),
            Contacts = new Contacts(contacts[0], contacts[1], contacts[2], contacts[3]),
        };
        var joint = 0;
        foreach (var rotation in value.Items("rotations"))
        {
            frame.Rotations[joint++] = rotation.Quat();
        }

        return frame;
    }

    public static Frame[] FrameList(this JsonElement owner, string name) =>
        owner.Items(name).Select(item => item.Frame()).ToArray();

    public static void Close(double expected, double actual, string what) =>
        Assert.True(Math.Abs(expected - actual) <= Tolerance * Math.Max(1, Math.Abs(expected)), $"{what}: {actual}, must be {expected}");

    public static void Close(Vec3 expected, Vec3 actual, string what)
    {
        Close(expected.X, actual.X, what + ".x");
        Close(expected.Y, actual.Y, what + ".y");
        Close(expected.Z, actual.Z, what + ".z");
    }

    /// <summary>The same rotation, whichever its sign.</summary>
    public static void Close(Quat expected, Quat actual, string what)
    {
        var sign = SignedDot(expected, actual) < 0 ? -1 : 1;
        Close(expected.X, sign * actual.X, what + ".x");
        Close(expected.Y, sign * actual.Y, what + ".y");
        Close(expected.Z, sign * actual.Z, what + ".z");
        Close(expected.W, sign * actual.W, what + ".w");
    }

    public static void Close(Frame expected, Frame actual, string what)
    {
        Close(expected.RootX, actual.RootX, what + " root x");
        Close(expected.RootZ, actual.RootZ, what + " root z");
        // Whole turns are no difference.
        Close(0, Maths.Wrap((double)expected.Heading - actual.Heading), what + " heading");
        Close(expected.Pelvis, actual.Pelvis, what + " pelvis");
        for (var joint = 0; joint < Skeleton.Joints; joint++)
        {
            Close(expected.Rotations[joint], actual.Rotations[joint], $"{what} {Skeleton.Names[joint]}");
        }

        Close(expected.Contacts.LeftAnkle, actual.Contacts.LeftAnkle, what + " left ankle");
        Close(expected.Contacts.LeftFoot, actual.Contacts.LeftFoot, what + " left foot");
        Close(expected.Contacts.RightAnkle, actual.Contacts.RightAnkle, what + " right ankle");
        Close(expected.Contacts.RightFoot, actual.Contacts.RightFoot, what + " right foot");
    }

    private static float SignedDot(Quat a, Quat b) => Strut.Core.Quat.Dot(a, b);

    private static JsonElement Load(string name) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "vectors", name))).RootElement;
}
