using System;
using System.Net.Http;
using Grpc.Net.Client;
using Strut.Core;

namespace Strut.Testing;

/// <summary>Channels for tests: .NET's own HTTP/2.</summary>
internal static class Channels
{
    public static ITransport Transport(string address) => new ChannelTransport(() => Open(address));

    public static GrpcChannel Open(string address, Action<SocketsHttpHandler>? configure = null)
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2) };
        configure?.Invoke(handler);
        return GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }
}
