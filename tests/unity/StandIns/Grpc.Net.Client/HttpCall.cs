using System;
using System.Buffers.Binary;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>One call as one HTTP/2 request. One read and one write may be under way at a time.</summary>
internal sealed class HttpCall<TRequest, TResponse> : IAsyncStreamReader<TResponse>, IClientStreamWriter<TRequest>
    where TRequest : class
    where TResponse : class
{
    private const int HeaderBytes = 5;

    private readonly GrpcChannel channel;
    private readonly Method<TRequest, TResponse> method;
    private readonly CallOptions options;
    private readonly CancellationTokenSource cancellation;
    private readonly RequestContent content = new();
    private readonly MessageBuffer outgoing = new();
    private readonly PayloadReader incoming = new();
    private readonly TaskCompletionSource<Metadata> headers =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Timer? deadlineTimer;
    private volatile bool expired;
    private Task<HttpResponseMessage>? response;
    private Stream? responseStream;
    private Status? status;
    private Metadata trailers = new();
    private TResponse? current;

    public HttpCall(GrpcChannel channel, Method<TRequest, TResponse> method, CallOptions options)
    {
        this.channel = channel;
        this.method = method;
        this.options = options;
        cancellation = CancellationTokenSource.CreateLinkedTokenSource(options.CancellationToken);
        // A call that nobody asks for its headers must not end as an unobserved exception.
        _ = headers.Task.ContinueWith(task => task.Exception, TaskContinuationOptions.OnlyOnFaulted);
    }

    public Task<Metadata> Headers => headers.Task;

    public TResponse Current => current ?? throw new InvalidOperationException("no message was read");

    public WriteOptions? WriteOptions { get; set; }

    public void Start()
    {
        if (options.Deadline is DateTime deadline)
        {
            var left = deadline.ToUniversalTime() - DateTime.UtcNow;
            deadlineTimer = new Timer(_ => Expire(), null, left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }

        var request = RequestHeaders.Make(channel.Address, method.FullName, options);
        request.Content = content;
        response = SendAsync(request);
    }

    /// <summary>Sends the one message of a call that has no more.</summary>
    public void SendOnly(TRequest message)
    {
        var sent = SendAndComplete(message);
        _ = sent.ContinueWith(task => task.Exception, TaskContinuationOptions.OnlyOnFaulted);
    }

    public async Task WriteAsync(TRequest message)
    {
        outgoing.Begin(HeaderBytes);
        method.RequestMarshaller.ContextualSerializer(message, outgoing);
        var length = outgoing.Length - HeaderBytes;
        if (length > channel.MaxSendMessageSize)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"a message of {length} bytes is too large"));
        }

        outgoing.WriteHeader((uint)length);
        try
        {
            var stream = await content.Stream.ConfigureAwait(false);
            await stream.WriteAsync(outgoing.Memory, cancellation.Token).ConfigureAwait(false);
            await stream.FlushAsync(cancellation.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not RpcException)
        {
            throw new RpcException(StatusOf(error));
        }
    }

    public Task CompleteAsync()
    {
        content.Complete();
        return Task.CompletedTask;
    }

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (status is Status ended)
        {
            return ended.StatusCode == StatusCode.OK ? false : throw new RpcException(ended, trailers);
        }

        using var registration = cancellationToken.CanBeCanceled
            ? cancellationToken.Register(Dispose)
            : default(CancellationTokenRegistration);
        try
        {
            responseStream ??= await OpenAsync().ConfigureAwait(false);
            if (responseStream != null && await ReadMessageAsync(responseStream).ConfigureAwait(false))
            {
                return true;
            }

            status ??= await TrailersAsync().ConfigureAwait(false);
        }
        catch (RpcException error)
        {
            status = error.Status;
        }
        catch (Exception error)
        {
            status = StatusOf(error);
        }

        content.Complete();
        headers.TrySetException(new RpcException(status.Value, trailers));
        if (status.Value.StatusCode != StatusCode.OK)
        {
            throw new RpcException(status.Value, trailers);
        }

        return false;
    }

    /// <summary>The message of a call that has one.</summary>
    public async Task<TResponse> SingleResponse()
    {
        if (!await MoveNext(CancellationToken.None).ConfigureAwait(false))
        {
            throw new RpcException(new Status(StatusCode.Internal, "the call ended without a message"));
        }

        var message = Current;
        // Its status comes after it.
        await MoveNext(CancellationToken.None).ConfigureAwait(false);
        return message;
    }

    public Status GetStatus() => status ?? throw new InvalidOperationException("the call has not ended");

    public Metadata GetTrailers() => status != null ? trailers : throw new InvalidOperationException("the call has not ended");

    public void Dispose()
    {
        deadlineTimer?.Dispose();
        if (status?.StatusCode != StatusCode.OK)
        {
            cancellation.Cancel();
            content.Cancel();
        }
    }

    private void Expire()
    {
        if (status == null)
        {
            expired = true;
            cancellation.Cancel();
        }
    }

    private async Task SendAndComplete(TRequest message)
    {
        await WriteAsync(message).ConfigureAwait(false);
        content.Complete();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request)
    {
        try
        {
            return await channel.Http.SendAsync(request, cancellation.Token).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            var failed = new RpcException(StatusOf(error));
            content.Fail(failed);
            status ??= failed.Status;
            headers.TrySetException(failed);
            throw failed;
        }
    }

    /// <summary>The stream of messages, or null where the server answered with a status alone.</summary>
    private async Task<Stream?> OpenAsync()
    {
        var answer = await response!.ConfigureAwait(false);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw new RpcException(new Status(ResponseHeaders.CodeOf(answer.StatusCode), $"HTTP status {(int)answer.StatusCode}"));
        }

        if (ResponseHeaders.TryStatus(answer.Headers, out var early))
        {
            trailers = ResponseHeaders.ToMetadata(answer.Headers);
            status = early;
            return null;
        }

        headers.TrySetResult(ResponseHeaders.ToMetadata(answer.Headers));
        return await answer.Content.ReadAsStreamAsync().ConfigureAwait(false);
    }

#if NET
    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder<>))]
#endif
    private async ValueTask<bool> ReadMessageAsync(Stream stream)
    {
        var header = incoming.Rent(HeaderBytes);
        var read = await FillAsync(stream, header).ConfigureAwait(false);
        if (read == 0)
        {
            return false;
        }

        if (read < HeaderBytes)
        {
            throw new IOException("the stream ended within a message's header");
        }

        if (IsCompressed(header))
        {
            throw new RpcException(new Status(StatusCode.Internal, "the message is compressed, which was not offered"));
        }

        var length = LengthOf(header);
        if (length > channel.MaxReceiveMessageSize)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"a message of {length} bytes is too large"));
        }

        var payload = incoming.Rent((int)length);
        if (await FillAsync(stream, payload).ConfigureAwait(false) < length)
        {
            throw new IOException("the stream ended within a message");
        }

        current = method.ResponseMarshaller.ContextualDeserializer(incoming);
        return true;
    }

    private static bool IsCompressed(ReadOnlyMemory<byte> header) => header.Span[0] != 0;

    private static uint LengthOf(ReadOnlyMemory<byte> header) => BinaryPrimitives.ReadUInt32BigEndian(header.Span[1..]);

#if NET
    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder<>))]
#endif
    private async ValueTask<int> FillAsync(Stream stream, Memory<byte> buffer)
    {
        var filled = 0;
        while (filled < buffer.Length)
        {
            var read = await stream.ReadAsync(buffer[filled..], cancellation.Token).ConfigureAwait(false);
            if (read == 0)
            {
                break;
            }

            filled += read;
        }

        return filled;
    }

    private async Task<Status> TrailersAsync()
    {
        var answer = await response!.ConfigureAwait(false);
        var found = ResponseHeaders.Trailers(answer);
        trailers = ResponseHeaders.ToMetadata(found);
        return ResponseHeaders.TryStatus(found, out var last)
            ? last
            : new Status(StatusCode.Unknown, "the server sent no status");
    }

    private Status StatusOf(Exception error)
    {
        if (error is RpcException known)
        {
            return known.Status;
        }

        if (error is OperationCanceledException || cancellation.IsCancellationRequested)
        {
            return expired
                ? new Status(StatusCode.DeadlineExceeded, "the deadline passed", error)
                : new Status(StatusCode.Cancelled, "the call was cancelled", error);
        }

        return error is HttpRequestException or IOException or ObjectDisposedException
            ? new Status(StatusCode.Unavailable, error.Message, error)
            : new Status(StatusCode.Internal, error.Message, error);
    }
}
