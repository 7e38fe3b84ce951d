using System;
using System.Collections.Generic;
using System.Linq;
using Strut.Core;
using Strut.Testing;
using Xunit;

namespace Strut.Tests.Live;

/// <summary>One server for all tests that leave it as it is.</summary>
public sealed class LiveServer : IDisposable
{
    private readonly ServerProcess server = ServerProcess.Start();

    public string Address => server.Address;

    public int Port => server.Port;

    /// <summary>Nothing was refused: what a busy machine does to deadlines is no fault.</summary>
    internal static void AssertOnlyLate(Statistics statistics) =>
        Assert.Subset(new HashSet<string> { "DEADLINE", "SUPERSEDED" }, statistics.Errors.Keys.ToHashSet());

    public void Dispose() => server.Dispose();
}

/// <summary>Tests with servers run one after another: they share two cores with them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LiveCollection : ICollectionFixture<LiveServer>
{
    public const string Name = "live";
}
