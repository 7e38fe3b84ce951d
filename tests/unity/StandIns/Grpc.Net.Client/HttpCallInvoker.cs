using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>Makes the four kinds of calls out of one.</summary>
internal sealed class HttpCallInvoker : CallInvoker
{
    private readonly GrpcChannel channel;

    public HttpCallInvoker(GrpcChannel channel) => this.channel = channel;

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        AsyncUnaryCall(method, host, options, request).ResponseAsync.GetAwaiter().GetResult();

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, options);
        call.SendOnly(request);
        return new AsyncUnaryCall<TResponse>(
            call.SingleResponse(), call.Headers, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, options);
        call.SendOnly(request);
        return new AsyncServerStreamingCall<TResponse>(
            call, call.Headers, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Start(method, options);
        return new AsyncClientStreamingCall<TRequest, TResponse>(
            call, call.SingleResponse(), call.Headers, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Start(method, options);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            call, call, call.Headers, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    private HttpCall<TRequest, TResponse> Start<TRequest, TResponse>(
        Method<TRequest, TResponse> method, CallOptions options)
        where TRequest : class
        where TResponse : class
    {
        var call = new HttpCall<TRequest, TResponse>(channel, method, options);
        call.Start();
        return call;
    }
}
