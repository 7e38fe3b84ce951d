#nullable enable
using Grpc.Core;
using Strut.V1;

namespace Strut.Core
{
    /// <summary>Turns the contract's replies into what the game thread takes over. The transport's reader.</summary>
    internal static class ReplyReader
    {
        /// <summary>Fills an item with a reply.</summary>
        /// <param name="reply">the contract's message.</param>
        /// <param name="nowNs">this client's clock when it came.</param>
        /// <param name="item">written.</param>
        public static InboxItem Read(WindowReply reply, ulong nowNs, InboxItem item)
        {
            item.Character = reply.Character;
            item.Sequence = reply.Sequence;
            item.Times = Times(reply.Timing, nowNs);
            if (reply.ResultCase != WindowReply.ResultOneofCase.Window)
            {
                item.Kind = InboxKind.Error;
                item.Failure = reply.Error != null
                    ? Failure.Of(reply.Error)
                    : new Failure(StatusCode.Internal, "INTERNAL", "a reply without window and error", 0);
                return item;
            }

            return ReadWindow(reply.Window, item);
        }

        private static InboxItem ReadWindow(Window window, InboxItem item)
        {
            item.Kind = InboxKind.Window;
            item.Start = window.StartFrame;
            item.Count = (int)window.Frames.Count;
            item.Encoding = (FrameEncoding)window.Frames.Encoding;
            item.Data = window.Frames.Data;
            item.Locks = window.FootLocks;
            item.GesturePhase = window.HasGesturePhase ? window.GesturePhase : (float?)null;
            item.ReserveFrames(item.Count);
            var record = FrameCodec.RecordBytes(item.Encoding);
            var whole = record > 0 && item.Count > 0 && item.Data.Length == record * item.Count;
            for (var index = 0; whole && index < item.Count; index++)
            {
                var bytes = item.Data.Span.Slice(index * record, record);
                whole = FrameCodec.Read(bytes, item.Encoding, item.Frames[index]);
            }

            if (!whole)
            {
                item.Kind = InboxKind.Error;
                item.Failure = new Failure(
                    StatusCode.DataLoss, "DATA_LOSS", $"{item.Data.Length} bytes are not {item.Count} whole frames", 0);
            }

            return item;
        }

        private static StageTimes Times(Timing? timing, ulong nowNs)
        {
            if (timing == null)
            {
                return default;
            }

            var roundTrip = timing.ClientSendTimeNs == 0 ? 0 : (long)(nowNs - timing.ClientSendTimeNs) / 1000;
            var server = (long)timing.ServerTotalNs / 1000;
            return new StageTimes
            {
                RoundTrip = roundTrip,
                Wire = System.Math.Max(roundTrip - server, 0),
                Server = server,
                Queue = (long)timing.QueueNs / 1000,
                BatchWait = (long)timing.BatchWaitNs / 1000,
                Inference = (long)timing.InferenceNs / 1000,
                Postprocess = (long)timing.PostprocessNs / 1000,
                BatchSize = (int)timing.BatchSize,
            };
        }
    }
}
