using System;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Strut.Testing;

/// <summary>A TCP proxy on loopback that can stall, delay and reset what goes through it.</summary>
internal sealed class TcpProxy : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> sockets = new();
    private readonly CancellationTokenSource ended = new();
    private readonly int target;
    private volatile TaskCompletionSource? stalled;

    public TcpProxy(int target)
    {
        this.target = target;
        listener.Start();
        _ = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";

    /// <summary>By how much everything is late, either way.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Nothing goes through until <see cref="Resume"/>; connections stay open.</summary>
    public void Stall() => stalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Resume()
    {
        var held = stalled;
        stalled = null;
        held?.TrySetResult();
    }

    /// <summary>Ends all connections, as a router that is switched off and on would.</summary>
    public void Reset()
    {
        foreach (var socket in sockets.Keys)
        {
            socket.Close(0);
        }
    }

    public void Dispose()
    {
        ended.Cancel();
        listener.Stop();
        Resume();
        Reset();
    }

    private async Task AcceptAsync()
    {
        while (!ended.IsCancellationRequested)
        {
            try
            {
                var client = await listener.AcceptSocketAsync(ended.Token);
                _ = ServeAsync(client);
            }
            catch (Exception)
            {
                // Closed, by its end or by the other side's.
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        client.NoDelay = server.NoDelay = true;
        sockets[client] = sockets[server] = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, target, ended.Token);
            await Task.WhenAny(PumpAsync(client, server), PumpAsync(server, client));
        }
        catch (Exception)
        {
            // A side that is gone ends the other.
        }

        sockets.TryRemove(client, out _);
        sockets.TryRemove(server, out _);
        client.Dispose();
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        var buffer = new byte[65536];
        while (await from.ReceiveAsync(buffer, ended.Token) is var count and > 0)
        {
            if (Delay > TimeSpan.Zero)
            {
                await Task.Delay(Delay, ended.Token);
            }

            if (stalled is { } held)
            {
                await held.Task;
            }

            for (var sent = 0; sent < count;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), ended.Token);
            }
        }
    }
}
