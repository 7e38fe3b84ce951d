using System;
using Strut.Core;

namespace Strut.Testing;

/// <summary>Walks along a circle, from wherever the character is.</summary>
internal sealed class CirclePath : IControlSource
{
    private const double Radius = 4;
    private const double Speed = 1.2;

    private readonly double x;
    private readonly double z;
    private bool replan;

    public CirclePath(double x, double z)
    {
        this.x = x;
        this.z = z;
    }

    public Strut.Core.Controls Controls { get; } = new() { Content = new V1.Content { Label = "walk" } };

    /// <summary>Where to begin: on the circle, facing along it.</summary>
    public Placement Start => new(x, z + Radius, Math.PI / 2);

    public (double X, double Z) Centre => (x, z);

    public void Replan() => replan = true;

    public void Advance(double seconds)
    {
    }

    public bool TakeReplan()
    {
        var wanted = replan;
        replan = false;
        return wanted;
    }

    public void Plan(in ControlQuery query, ControlPlan plan)
    {
        plan.Controls = Controls;
        var angle = Math.Atan2(query.Place.X - x, query.Place.Z - z);
        for (var index = 0; index < 8; index++)
        {
            var time = 0.2f * index;
            var there = angle + Speed * time / Radius;
            plan.Add(PathSample.At(x + Radius * Math.Sin(there), z + Radius * Math.Cos(there), time));
        }
    }
}
