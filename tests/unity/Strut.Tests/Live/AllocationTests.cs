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
        // On a machine that is too busy for forty characters there is no steady state: a few are tried, then it is
        // said that none was seen.
        for (var characters = 40; characters >= 5 && report is not { Errors: 0 }; characters /= 2)
        {
            var thread = new Thread(() => report = AllocationReport.Measure(server.Address, characters, 4, 4));
            thread.Start();
            thread.Join();
            output.WriteLine($"{characters} characters: {report}");
            Assert.Equal(0, report!.FrameThreadBytes);
        }

        if (report is { Errors: 0 })
        {
            Assert.True(report.OtherBytes <= 2 * report.BytesReceived, report.ToString());
        }
        else
        {
            output.WriteLine("no steady state was reached: what the network's threads allocate was not measured");
        }
    }
}
