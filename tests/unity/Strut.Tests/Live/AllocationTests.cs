using System.Threading;
using Strut.Testing;
using Xunit;
using Xunit.Abstractions;

namespace Strut.Tests.Live;

[Collection(LiveCollection.Name)]
public class AllocationTests
{
    private readonly LiveServer server;
    private readonly ITestOutputHelper output;

    public AllocationTests(LiveServer server, ITestOutputHelper output)
    {
        this.server = server;
        this.output = output;
    }

    [Fact]
    public void AFrameAllocatesNothing()
    {
        AllocationReport? report = null;
        var thread = new Thread(() => report = AllocationReport.Measure(server.Address, 20, 4, 4));
        thread.Start();
        thread.Join();
        output.WriteLine(report!.ToString());
        Assert.Equal(0, report.FrameThreadBytes);
        Assert.True(report.BytesReceived > 0);
        // The goal is at most twice; the transport here is the stand-in's.
        Assert.True(report.OtherBytes <= 2 * report.BytesReceived, report.ToString());
    }
}
