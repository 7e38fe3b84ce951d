using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using Google.Protobuf;
using Grpc.Core;
using Strut.Core;
using Strut.V1;

namespace Strut.Tests.Scripted;

/// <summary>
/// A transport whose other end is a test: it sees every message that the client sends, and says what comes back. It
/// shows that any CallInvoker will do.
/// </summary>
internal sealed class ScriptedServer : CallInvoker, ITransport
{
    private Stream? stream;

    /// <summary>Streams that were opened.</summary>
    public int Connections { get; private set; }

    public int MaxBatch { get; init; } = 256;

    /// <summary>Requests that came, by all streams.</summary>
    public ConcurrentQueue<WindowRequest> Requests { get; } = new();

    /// <summary>How many requests each message held.</summary>
    public ConcurrentQueue<int> Batches { get; } = new();

    /// <summary>Whether requests are answered as they come.</summary>
    public bool Answers { get; set; } = true;

    /// <summary>What answers a request; null for nothing. By default a window of standing still.</summary>
    public Func<WindowRequest, WindowReply?> Answer { get; set; } = request => new WindowReply { Window = Standing(request) };

    /// <summary>Where set, no message can be written, and a moment later the call ends with this.</summary>
    public RpcException? Refusal { get; set; }

    /// <summary>Reports that came.</summary>
    public ConcurrentQueue<ClientReport> Reports { get; } = new();

    public CallInvoker Connect() => this;

    public void Disconnect() => stream?.End(null);

    public void Say(StreamMotionResponse message) => stream!.Responses.Writer.TryWrite(message);

    /// <summary>Ends the stream, as a server that was killed would.</summary>
    public void Drop() => stream!.End(new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "gone")));

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        Connections++;
        stream = new Stream(this);
        return (AsyncDuplexStreamingCall<TRequest, TResponse>)(object)new AsyncDuplexStreamingCall<StreamMotionRequest, StreamMotionResponse>(
            stream, stream, Task.FromResult(new Metadata()), () => Grpc.Core.Status.DefaultSuccess, () => new Metadata(), () => { });
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public static Window Standing(WindowRequest request)
    {
        var count = (int)request.Frames;
        var record = FrameCodec.RecordBytes(Core.FrameEncoding.Float32);
        var bytes = new byte[count * record];
        for (var index = 0; index < count; index++)
        {
            FrameCodec.WriteFloat32(IdlePose.Make(), bytes.AsSpan(index * record, record));
        }

        return new Window
        {
            StartFrame = request.Timeline.StartFrame,
            Frames = new PackedFrames { Encoding = V1.FrameEncoding.Float32, Count = (uint)count, Data = ByteString.CopyFrom(bytes) },
            FootLocks = new FootLocks(),
            Steps = 2,
        };
    }

    /// <summary>What answers a request by default.</summary>
    public static WindowReply Reply(WindowRequest request) => Addressed(new WindowReply { Window = Standing(request) }, request);

    private static WindowReply Addressed(WindowReply reply, WindowRequest request)
    {
        reply.Character = request.Character;
        reply.Sequence = request.Sequence;
        reply.Timing = new Timing { ClientSendTimeNs = request.ClientSendTimeNs };
        return reply;
    }

    private ServerHello Hello() => new()
    {
        ProtocolVersion = 1,
        ServerVersion = "script",
        Encoding = V1.FrameEncoding.Float32,
        Model = new ModelInfo { Name = "script", WindowFrames = 16, HistoryFrames = 8, Fps = 30, Steps = { 1, 2, 4 } },
        Limits = new Limits
        {
            MaxBatch = (uint)MaxBatch, MaxDeadlineMs = 10_000, MinReplanFrames = 4, MaxTrajectorySamples = 256, MaxFrames = 64,
        },
    };

    private void Take(StreamMotionRequest message)
    {
        if (message.Hello != null)
        {
            Say(new StreamMotionResponse { Hello = Hello() });
        }

        if (message.Report != null)
        {
            Reports.Enqueue(message.Report.Clone());
        }

        if (message.Requests == null)
        {
            return;
        }

        Batches.Enqueue(message.Requests.Requests.Count);
        var replies = new WindowReplyBatch();
        foreach (var request in message.Requests.Requests)
        {
            // The client uses its messages again.
            var kept = request.Clone();
            Requests.Enqueue(kept);
            if (Answers && Answer(kept) is { } answer)
            {
                replies.Replies.Add(Addressed(answer, kept));
            }
        }

        if (replies.Replies.Count > 0)
        {
            Say(new StreamMotionResponse { Replies = replies });
        }
    }

    private sealed class Stream(ScriptedServer server) : IClientStreamWriter<StreamMotionRequest>, IAsyncStreamReader<StreamMotionResponse>
    {
        public Channel<StreamMotionResponse> Responses { get; } = Channel.CreateUnbounded<StreamMotionResponse>();

        public WriteOptions? WriteOptions { get; set; }

        public StreamMotionResponse Current { get; private set; } = new();

        public void End(Exception? error) => Responses.Writer.TryComplete(error);

        public Task WriteAsync(StreamMotionRequest message)
        {
            if (server.Refusal is { } refusal)
            {
                _ = Task.Delay(50).ContinueWith(_ => End(refusal));
                throw new IOException("the other end reads nothing more");
            }

            server.Take(message);
            return Task.CompletedTask;
        }

        public Task CompleteAsync() => Task.CompletedTask;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await Responses.Reader.WaitToReadAsync(cancellationToken))
            {
                return false;
            }

            Responses.Reader.TryRead(out var next);
            Current = next!;
            return true;
        }
    }
}
