using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using Grpc.Core;
using Strut.Core;
using Strut.Testing;
using Xunit;

namespace Strut.Tests.Live;

[Collection(LiveCollection.Name)]
public class ConnectionTests
{
    private readonly LiveServer server;

    public ConnectionTests(LiveServer server) => this.server = server;

    [Fact]
    public async Task StylesScenesAndServerAreListed()
    {
        using var channel = Channels.Open(server.Address);
        var calls = new ServerCalls(channel.CreateCallInvoker(), new ConnectionSettings());
        var info = await calls.ServerInfoAsync();
        var styles = await calls.ListStylesAsync();
        var presets = await calls.ListScenePresetsAsync();
        Assert.Equal((int)info.Model.StyleCount, styles.Count);
        Assert.Contains(styles, style => style.Neutral);
        Assert.Contains(presets, preset => preset.Name == "crowd");
    }

    [Fact]
    public async Task ACallThatIsCancelledEndsAsCancelled()
    {
        using var channel = Channels.Open(server.Address);
        using var cancellation = new CancellationTokenSource();
        using var call = new V1.MotionService.MotionServiceClient(channel).StreamMotion(null, null, cancellation.Token);
        var hello = new V1.ClientHello { ProtocolVersion = 1 };
        await call.RequestStream.WriteAsync(new V1.StreamMotionRequest { Hello = hello });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        var next = call.ResponseStream.MoveNext(CancellationToken.None);
        cancellation.Cancel();
        var error = await Assert.ThrowsAsync<RpcException>(() => next);
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
    }

    [Fact]
    public async Task ACallThatIsNotAnsweredEndsAtItsDeadline()
    {
        using var proxy = new TcpProxy(server.Port);
        using var channel = Channels.Open(proxy.Address);
        var calls = new ServerCalls(channel.CreateCallInvoker(), new ConnectionSettings());
        await calls.ServerInfoAsync();
        proxy.Stall();
        calls.Timeout = 0.3;
        var error = await Assert.ThrowsAsync<RpcException>(() => calls.ServerInfoAsync());
        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        proxy.Resume();
        calls.Timeout = 10;
        Assert.Equal(22, (await calls.ServerInfoAsync()).Model.Skeleton.Joints.Count);
    }

    [Fact]
    public async Task WhatTheClientSeesComesIntoTheServersStatistics()
    {
        using var channel = Channels.Open(server.Address);
        var telemetry = new V1.TelemetryService.TelemetryServiceClient(channel);
        var before = await Reported(telemetry);
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        // A clock that is an hour on: a report is due.
        game.Client.Update(0, 0, 3600);
        var give = DateTime.UtcNow.AddSeconds(30);
        while (await Reported(telemetry) <= before)
        {
            Assert.True(DateTime.UtcNow < give, "no report came");
            await Task.Delay(50);
        }

        Assert.Equal(ConnectionState.Ready, game.Client.State);
    }

    [Fact]
    public async Task AnErrorsReasonIsReadFromItsDetails()
    {
        using var channel = Channels.Open(server.Address);
        var stub = new V1.StyleService.StyleServiceClient(channel);
        var error = await Assert.ThrowsAsync<RpcException>(
            () => stub.GetStyleAsync(new V1.GetStyleRequest { Name = "nobody" }).ResponseAsync);
        var failure = Failure.Of(error);
        Assert.Equal((StatusCode.NotFound, "STYLE_UNKNOWN"), (failure.Code, failure.Reason));
    }

    [Fact]
    public void ADeadAddressIsTriedAgainUntilSomebodyListens()
    {
        var port = ServerProcess.FreePort();
        using var game = new Game(Channels.Transport($"http://127.0.0.1:{port}"));
        game.Add(1);
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Errors.Values.Sum() >= 3));
        Assert.Equal(StatusCode.Unavailable, game.Client.LastFailure!.Value.Code);
        Assert.Equal(CharacterState.Starting, game.Client.Characters[0].State);
        using var late = ServerProcess.Start(port);
        Assert.True(game.PlayUntilStreaming());
        Assert.Null(game.Client.LastFailure);
    }

    [Fact]
    public void ADrainingServerIsLeftForItsSuccessor()
    {
        var port = ServerProcess.FreePort();
        var first = ServerProcess.Start(port, "--drain-seconds", "3");
        using var game = new Game(Channels.Transport($"http://127.0.0.1:{port}"));
        game.Add(3);
        Assert.True(game.PlayUntilStreaming());
        first.Terminate();
        Assert.True(game.PlayUntil(() => game.Client.State != ConnectionState.Ready));
        first.WaitForExit();
        using var second = ServerProcess.Start(port);
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Reconnects > 0 && game.All(CharacterState.Streaming)));
        first.Dispose();
    }

    [Fact]
    public void TlsAndTokenAreAskedForAndGiven()
    {
        var folder = Directory.CreateTempSubdirectory("strut-tls-").FullName;
        try
        {
            using var certificate = MakeCertificate(folder);
            var tokens = Path.Combine(folder, "tokens.yaml");
            var printed = ServerProcess.Command("token", "--name", "game", "--role", "stream", "--file", tokens);
            var token = printed.Trim().Split(' ')[^1];
            using var guarded = ServerProcess.Start(
                0,
                "--tls-certificate", Path.Combine(folder, "server.pem"),
                "--tls-key", Path.Combine(folder, "server.key"),
                "--tokens", tokens);
            var address = $"https://127.0.0.1:{guarded.Port}";

            using var strangers = new Game(Secured(address, certificate), new ConnectionSettings { Token = "wrong" });
            // On a busy machine a first attempt may fail before it comes as far as the token.
            Assert.True(
                strangers.PlayUntil(() => strangers.Client.LastFailure?.Code == StatusCode.Unauthenticated),
                $"{strangers.Client.State}, {strangers.Client.LastFailure}");

            using var unencrypted = new Game(Channels.Transport($"http://127.0.0.1:{guarded.Port}"));
            Assert.True(unencrypted.PlayUntil(() => unencrypted.Client.LastFailure != null));

            using var game = new Game(Secured(address, certificate), new ConnectionSettings { Token = token });
            game.Add(2);
            Assert.True(game.PlayUntilStreaming(), $"{game.Client.State}, {game.Client.LastFailure}");
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public void EndingNeverWaitsForTheNetwork()
    {
        using var proxy = new TcpProxy(server.Port);
        var streaming = new Game(Channels.Transport(proxy.Address));
        streaming.Add(2);
        Assert.True(streaming.PlayUntilStreaming());
        proxy.Stall();
        var unreachable = new Game(Channels.Transport("http://192.0.2.1:50051"));
        unreachable.Play(0.3);
        foreach (var game in new[] { streaming, unreachable })
        {
            // What leaving play mode does, and what a domain reload does after it.
            game.Client.Close();
            game.Client.Update(1 / 60.0);
            game.Client.Dispose();
            Assert.True(SpinWait.SpinUntil(() => game.Client.State == ConnectionState.Closed, TimeSpan.FromSeconds(30)));
        }
    }

    /// <summary>How many times clients told of their wire in the last hour.</summary>
    private static async Task<ulong> Reported(V1.TelemetryService.TelemetryServiceClient telemetry)
    {
        var statistics = await telemetry.GetStatisticsAsync(new V1.GetStatisticsRequest { IntervalSeconds = 3600 }).ResponseAsync;
        return statistics.Statistics.Stages.SingleOrDefault(stage => stage.Stage == V1.Stage.Wire)?.Count ?? 0;
    }

    private static ITransport Secured(string address, X509Certificate2 certificate) => new ChannelTransport(
        () => Channels.Open(address, handler => handler.SslOptions.RemoteCertificateValidationCallback =
            (_, given, _, _) => given!.GetCertHashString() == certificate.GetCertHashString()));

    private static X509Certificate2 MakeCertificate(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(folder, "server.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "server.key"), key.ExportPkcs8PrivateKeyPem());
        return certificate;
    }
}
