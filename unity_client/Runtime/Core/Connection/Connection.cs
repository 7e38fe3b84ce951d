#nullable enable
using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using Grpc.Core;
using Strut.V1;

namespace Strut.Core
{
    /// <summary>What a connection is doing.</summary>
    public enum ConnectionState
    {
        Disconnected,
        Connecting,
        Ready,

        /// <summary>The server is about to go: what waits is still answered, then a new stream is opened.</summary>
        Draining,

        /// <summary>Waits before the next attempt.</summary>
        Waiting,
        Closed,
    }

    /// <summary>
    /// Connects, reconnects, sends and receives, on a thread of its own and on a reader of the transport's. The game
    /// thread hands over and takes through queues; nothing here makes it wait.
    /// </summary>
    internal sealed class Connection : IDisposable
    {
        private readonly ITransport transport;
        private readonly ConnectionSettings settings;
        private readonly ConcurrentQueue<ulong> released = new ConcurrentQueue<ulong>();
        private readonly AutoResetEvent wake = new AutoResetEvent(false);
        private readonly StreamMotionRequest batchMessage = new StreamMotionRequest { Requests = new WindowRequestBatch() };
        private readonly StreamMotionRequest reportMessage = new StreamMotionRequest();
        private readonly System.Collections.Generic.List<Request> batch = new System.Collections.Generic.List<Request>();
        private readonly Thread thread;
        private AsyncDuplexStreamingCall<StreamMotionRequest, StreamMotionResponse>? call;
        private volatile ConnectionState state = ConnectionState.Disconnected;
        private volatile bool closing;
        private volatile bool readerEnded;
        private volatile bool draining;
        private volatile int session;
        private int unanswered;
        private long lastReply;
        private Failure readerFailure;
        private ClientReport? spareReport = new ClientReport();
        private ClientReport? waitingReport;
        private int maxBatch = 1;

        public Connection(ITransport transport, ConnectionSettings settings)
        {
            this.transport = transport;
            this.settings = settings;
            thread = new Thread(Run) { IsBackground = true, Name = "strut-connection" };
            thread.Start();
        }

        public ConnectionState State => state;

        /// <summary>What goes between the threads.</summary>
        public Mailbox Mail { get; } = new Mailbox();

        /// <summary>Nanoseconds of the clock that requests are stamped with.</summary>
        public static ulong NowNs => (ulong)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

        /// <summary>Ends a character on the server.</summary>
        public void Release(ulong character) => released.Enqueue(character);

        /// <summary>Game thread: a report to be filled in, perhaps with one in it that was not sent; null while one is being sent.</summary>
        public ClientReport? RentReport() =>
            Interlocked.Exchange(ref spareReport, null) ?? Interlocked.Exchange(ref waitingReport, null);

        /// <summary>Game thread: hands a rented report over.</summary>
        public void Report(ClientReport report) => Interlocked.Exchange(ref waitingReport, report);

        /// <summary>Tells the thread that there is something to be sent.</summary>
        public void Wake() => wake.Set();

        /// <summary>Begins to end: returns at once.</summary>
        public void Close()
        {
            closing = true;
            wake.Set();
        }

        /// <summary>Ends; waits for the thread, which hurries, for half a second at most.</summary>
        public void Dispose()
        {
            Close();
            thread.Join(500);
        }

        private void Run()
        {
            var attempt = 0;
            while (!closing)
            {
                var failure = RunStream(ref attempt);
                if (closing)
                {
                    break;
                }

                if (failure is Failure known)
                {
                    Pause(known.IsRefusal ? Constants.RefusedWait : Math.Max(known.Retry, Constants.BackOff(attempt++)));
                }
            }

            state = ConnectionState.Closed;
        }

        /// <summary>One stream from its hello to its end; null where the next one is to follow at once.</summary>
        private Failure? RunStream(ref int attempt)
        {
            Failure? failure = null;
            session = session + 1;
            state = ConnectionState.Connecting;
            readerEnded = false;
            draining = false;
            Interlocked.Exchange(ref unanswered, 0);
            using var cancellation = new CancellationTokenSource();
            try
            {
                var stub = new MotionService.MotionServiceClient(transport.Connect());
                call = stub.StreamMotion(settings.Headers(), null, cancellation.Token);
                // Before the first word: a server that refuses says why without having read any.
                _ = ReadAsync(call, session);
                Write(new StreamMotionRequest { Hello = Hello() });
                if (!WaitForHello())
                {
                    throw new TimeoutException($"no hello came within {settings.ReplyTimeout} s");
                }

                attempt = 0;
                Pump();
            }
            catch (Exception error)
            {
                // Whatever it is, it costs this stream and not the game.
                failure = WaitForStatus() ? readerFailure : Failure.Of(error);
            }

            End(cancellation);
            if (failure != null && !closing)
            {
                // Before the game hears of it: who asks why is told what is done about it.
                state = ConnectionState.Waiting;
            }

            var item = Rented(InboxKind.Disconnected);
            item.Failure = failure ?? default;
            Mail.Deliver(item);
            return failure;
        }

        private void End(CancellationTokenSource cancellation)
        {
            try
            {
                cancellation.Cancel();
                call?.Dispose();
                call = null;
                transport.Disconnect();
            }
            catch (Exception)
            {
                // A transport that fails while it ends has ended.
            }

            while (Mail.TakeRequest() is Request request)
            {
                Mail.Sent(request);
            }
        }

        private ClientHello Hello()
        {
            var hello = new ClientHello
            {
                ProtocolVersion = 1,
                ClientName = settings.ClientName,
                ClientVersion = settings.ClientVersion,
                Encoding = (V1.FrameEncoding)settings.Encoding,
            };
            hello.Capabilities.Add(Capability.Quat48);
            hello.Capabilities.Add(Capability.OverrideControls);
            return hello;
        }

        private bool WaitForHello()
        {
            var since = Stopwatch.StartNew();
            while (state == ConnectionState.Connecting && !closing)
            {
                if (readerEnded)
                {
                    throw new InvalidOperationException("the stream ended before its hello");
                }

                if (since.Elapsed.TotalSeconds > settings.ReplyTimeout)
                {
                    return false;
                }

                wake.WaitOne(20);
            }

            return !closing;
        }

        /// <summary>
        /// Whether the server said why the stream ends. A message that cannot be written, since the server has ended the
        /// stream, is noticed before the server's words are, and says nothing of the reason.
        /// </summary>
        private bool WaitForStatus()
        {
            var since = Stopwatch.StartNew();
            while (call != null && !readerEnded && !closing && since.Elapsed.TotalSeconds < Constants.StatusWait)
            {
                wake.WaitOne(20);
            }

            return readerEnded;
        }

        /// <summary>Sends until the stream ends.</summary>
        private void Pump()
        {
            Stopwatch? drainingSince = null;
            while (!closing)
            {
                wake.WaitOne(50);
                if (readerEnded)
                {
                    throw new InvalidOperationException("the stream has ended");
                }

                if (draining)
                {
                    drainingSince ??= Stopwatch.StartNew();
                    state = ConnectionState.Draining;
                    if (Volatile.Read(ref unanswered) <= 0 || drainingSince.Elapsed.TotalSeconds > Constants.DrainWait)
                    {
                        return;
                    }

                    continue;
                }

                SendReleased();
                SendReport();
                SendRequests();
                CheckForReplies();
            }
        }

        private void CheckForReplies()
        {
            var silence = (Stopwatch.GetTimestamp() - Interlocked.Read(ref lastReply)) / (double)Stopwatch.Frequency;
            if (Volatile.Read(ref unanswered) > 0 && silence > settings.ReplyTimeout)
            {
                throw new TimeoutException($"no reply came within {settings.ReplyTimeout} s");
            }
        }

        private void SendReleased()
        {
            if (released.IsEmpty)
            {
                return;
            }

            var message = new ReleaseCharacters();
            while (released.TryDequeue(out var character))
            {
                message.Characters.Add(character);
            }

            Write(new StreamMotionRequest { Release = message });
        }

        private void SendReport()
        {
            if (Interlocked.Exchange(ref waitingReport, null) is ClientReport report)
            {
                reportMessage.Report = report;
                var sent = false;
                try
                {
                    Write(reportMessage);
                    (report.LateWindows, report.Underruns) = (0, 0);
                    sent = true;
                }
                finally
                {
                    // What was not sent goes with the next stream.
                    Interlocked.Exchange(ref sent ? ref spareReport : ref waitingReport, report);
                }
            }
        }

        private void SendRequests()
        {
            while (Mail.TakeRequest() is Request request)
            {
                // Of several of a character only the newest is of use.
                if (request.Session != session || request.Owner?.Newest != request.Timing.Sequence)
                {
                    Mail.Sent(request);
                    continue;
                }

                batch.Add(request);
                if (batch.Count == maxBatch)
                {
                    SendBatch();
                }
            }

            if (batch.Count > 0)
            {
                SendBatch();
            }
        }

        private void SendBatch()
        {
            var requests = batchMessage.Requests.Requests;
            try
            {
                var now = NowNs;
                foreach (var request in batch)
                {
                    RequestWriter.Write(request, now);
                    requests.Add(request.Message);
                }

                if (Interlocked.Add(ref unanswered, batch.Count) == batch.Count)
                {
                    // Nobody waited until now, so nobody was kept waiting.
                    Interlocked.Exchange(ref lastReply, Stopwatch.GetTimestamp());
                }

                Write(batchMessage);
            }
            finally
            {
                while (requests.Count > 0)
                {
                    requests.RemoveAt(requests.Count - 1);
                }

                foreach (var request in batch)
                {
                    Mail.Sent(request);
                }

                batch.Clear();
            }
        }

        private void Write(StreamMotionRequest message)
        {
            var write = call!.RequestStream.WriteAsync(message);
            var since = Stopwatch.GetTimestamp();
            var wait = default(SpinWait);
            while (!write.IsCompleted)
            {
                // A stalled network takes no more than its windows hold.
                if (closing || readerEnded || (Stopwatch.GetTimestamp() - since) / (double)Stopwatch.Frequency > settings.ReplyTimeout)
                {
                    throw new TimeoutException("a message could not be sent");
                }

                wait.SpinOnce();
            }

            write.GetAwaiter().GetResult();
        }

        private void Pause(double seconds)
        {
            var until = Stopwatch.StartNew();
            while (!closing && until.Elapsed.TotalSeconds < seconds)
            {
                wake.WaitOne(TimeSpan.FromSeconds(Math.Max(seconds - until.Elapsed.TotalSeconds, 0.001)));
            }
        }

        private async Task ReadAsync(
            AsyncDuplexStreamingCall<StreamMotionRequest, StreamMotionResponse> stream, int number)
        {
            var failure = new Failure(StatusCode.Unavailable, "UNAVAILABLE", "the server ended the stream", 0);
            try
            {
                while (await stream.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
                {
                    TakeMessage(stream.ResponseStream.Current, number);
                }
            }
            catch (Exception error)
            {
                failure = Failure.Of(error);
            }

            if (number == session)
            {
                readerFailure = failure;
                readerEnded = true;
                wake.Set();
            }
        }

        private void TakeMessage(StreamMotionResponse message, int number)
        {
            if (number != session)
            {
                return;
            }

            switch (message.MessageCase)
            {
                case StreamMotionResponse.MessageOneofCase.Hello:
                    maxBatch = Math.Max(1, (int)message.Hello.Limits.MaxBatch);
                    var hello = Rented(InboxKind.Connected);
                    hello.Hello = message.Hello;
                    Mail.Deliver(hello);
                    state = ConnectionState.Ready;
                    wake.Set();
                    break;
                case StreamMotionResponse.MessageOneofCase.Replies:
                    TakeReplies(message);
                    break;
                case StreamMotionResponse.MessageOneofCase.Event:
                    TakeEvent(message.Event);
                    break;
                case StreamMotionResponse.MessageOneofCase.Error:
                    // Its requests will not be answered one by one; they expire at their deadlines.
                    Interlocked.Exchange(ref unanswered, 0);
                    var refused = Rented(InboxKind.MessageRefused);
                    refused.Failure = Failure.Of(message.Error);
                    Mail.Deliver(refused);
                    break;
            }
        }

        private void TakeReplies(StreamMotionResponse message)
        {
            var now = NowNs;
            var bytes = message.CalculateSize();
            var replies = message.Replies.Replies;
            Interlocked.Exchange(ref lastReply, Stopwatch.GetTimestamp());
            Interlocked.Add(ref unanswered, -replies.Count);
            for (var index = 0; index < replies.Count; index++)
            {
                var item = ReplyReader.Read(replies[index], now, Rented(InboxKind.Window));
                item.Bytes = bytes / replies.Count;
                Mail.Deliver(item);
            }

            if (draining)
            {
                wake.Set();
            }
        }

        private void TakeEvent(ServerEvent happened)
        {
            switch (happened.EventCase)
            {
                case ServerEvent.EventOneofCase.Draining:
                    draining = true;
                    wake.Set();
                    break;
                case ServerEvent.EventOneofCase.ModelChanged:
                    var changed = Rented(InboxKind.ModelChanged);
                    changed.Model = happened.ModelChanged.Model;
                    Mail.Deliver(changed);
                    break;
                case ServerEvent.EventOneofCase.ControlsOverridden:
                    var overridden = Rented(InboxKind.ControlsOverridden);
                    overridden.Character = happened.ControlsOverridden.Character;
                    overridden.Count = happened.ControlsOverridden.Controls == null ? 0 : 1;
                    Mail.Deliver(overridden);
                    break;
            }
        }

        private InboxItem Rented(InboxKind kind)
        {
            var item = Mail.RentItem();
            item.Kind = kind;
            item.Session = session;
            return item;
        }
    }
}
