using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;

namespace Grpc.Net.Client;

/// <summary>A request's body that stays open until it is completed.</summary>
internal sealed class RequestContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RequestContent()
    {
        Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        _ = stream.Task.ContinueWith(task => task.Exception, TaskContinuationOptions.OnlyOnFaulted);
    }

    /// <summary>Where messages are written to, once the request is under way.</summary>
    public Task<Stream> Stream => stream.Task;

    public void Complete() => end.TrySetResult(true);

    public void Cancel()
    {
        end.TrySetCanceled();
        stream.TrySetCanceled();
    }

    public void Fail(Exception error)
    {
        end.TrySetResult(false);
        stream.TrySetException(error);
    }

    protected override Task SerializeToStreamAsync(Stream target, TransportContext? context)
    {
        stream.TrySetResult(target);
        return end.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
