#nullable enable
using System;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Strut.Core
{
    /// <summary>Why a request or a call failed: the contract's code, reason and message.</summary>
    public readonly struct Failure
    {
        private const string StatusDetails = "grpc-status-details-bin";

        public readonly StatusCode Code;

        /// <summary>The contract's stable reason, such as QUEUE_FULL; else the code's name.</summary>
        public readonly string Reason;

        /// <summary>For people.</summary>
        public readonly string Message;

        /// <summary>Seconds after which to try again; 0 where none was said.</summary>
        public readonly double Retry;

        public Failure(StatusCode code, string reason, string message, double retry)
        {
            Code = code;
            Reason = reason;
            Message = message;
            Retry = retry;
        }

        /// <summary>Whether trying again soon has no prospect.</summary>
        public bool IsRefusal => Code == StatusCode.Unauthenticated
            || Code == StatusCode.PermissionDenied
            || Reason == "PROTOCOL_VERSION";

        public override string ToString() => string.IsNullOrEmpty(Reason) ? Message : $"{Reason}: {Message}";

        /// <summary>From the contract's status. Uses no descriptors, so that stripped builds need none.</summary>
        public static Failure Of(Google.Rpc.Status status)
        {
            var code = (StatusCode)status.Code;
            var (reason, message, retry) = (code.ToString(), status.Message, 0.0);
            foreach (var detail in status.Details)
            {
                if (detail.TypeUrl.EndsWith("/google.rpc.ErrorInfo", StringComparison.Ordinal))
                {
                    reason = ErrorInfo.Parser.ParseFrom(detail.Value).Reason;
                }
                else if (detail.TypeUrl.EndsWith("/google.rpc.RetryInfo", StringComparison.Ordinal))
                {
                    var delay = RetryInfo.Parser.ParseFrom(detail.Value).RetryDelay;
                    retry = delay == null ? 0 : delay.Seconds + delay.Nanos * 1e-9;
                }
                else if (detail.TypeUrl.EndsWith("/google.rpc.BadRequest", StringComparison.Ordinal))
                {
                    foreach (var violation in BadRequest.Parser.ParseFrom(detail.Value).FieldViolations)
                    {
                        message += $"\n{violation.Field}: {violation.Description}";
                    }
                }
            }

            return new Failure(code, reason, message, retry);
        }

        /// <summary>From whatever a call threw.</summary>
        public static Failure Of(Exception error)
        {
            if (error is AggregateException several && several.InnerException != null)
            {
                return Of(several.InnerException);
            }

            if (!(error is RpcException call))
            {
                return new Failure(StatusCode.Unavailable, "UNAVAILABLE", error.Message, 0);
            }

            try
            {
                var details = call.Trailers.GetValueBytes(StatusDetails);
                if (details != null)
                {
                    return Of(Google.Rpc.Status.Parser.ParseFrom(details));
                }
            }
            catch (InvalidProtocolBufferException)
            {
                // The plain status is what is left.
            }

            return new Failure(call.StatusCode, call.StatusCode.ToString(), call.Status.Detail, 0);
        }
    }
}
