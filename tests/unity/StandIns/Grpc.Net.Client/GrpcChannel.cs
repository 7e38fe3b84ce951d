using System;
using System.Net.Http;
using System.Threading.Tasks;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>Options of a channel.</summary>
public sealed class GrpcChannelOptions
{
    /// <summary>What makes the HTTP/2 requests. Default: .NET's own.</summary>
    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>Whether the channel owns the handler. Default: false.</summary>
    public bool DisposeHttpClient { get; set; }

    /// <summary>The largest message that may come, in bytes; null for any. Default: 4 MiB.</summary>
    public int? MaxReceiveMessageSize { get; set; } = 4 * 1024 * 1024;

    /// <summary>The largest message that may go, in bytes; null for any. Default: null.</summary>
    public int? MaxSendMessageSize { get; set; }
}

/// <summary>A connection to a server.</summary>
public sealed class GrpcChannel : ChannelBase, IDisposable
{
    private readonly bool ownsHandler;

    private GrpcChannel(Uri address, GrpcChannelOptions options) : base(address.Authority)
    {
        Address = address;
        ownsHandler = options.HttpHandler == null || options.DisposeHttpClient;
        Http = new HttpMessageInvoker(options.HttpHandler ?? new HttpClientHandler(), ownsHandler);
        MaxReceiveMessageSize = options.MaxReceiveMessageSize ?? int.MaxValue;
        MaxSendMessageSize = options.MaxSendMessageSize ?? int.MaxValue;
    }

    internal Uri Address { get; }

    internal HttpMessageInvoker Http { get; }

    internal int MaxReceiveMessageSize { get; }

    internal int MaxSendMessageSize { get; }

    public static GrpcChannel ForAddress(string address) => ForAddress(address, new GrpcChannelOptions());

    public static GrpcChannel ForAddress(string address, GrpcChannelOptions channelOptions) =>
        ForAddress(new Uri(address), channelOptions);

    public static GrpcChannel ForAddress(Uri address, GrpcChannelOptions channelOptions) => new(address, channelOptions);

    public override CallInvoker CreateCallInvoker() => new HttpCallInvoker(this);

    public void Dispose() => Http.Dispose();

    protected override Task ShutdownAsyncCore()
    {
        Dispose();
        return Task.CompletedTask;
    }
}
