#nullable enable
using System;
using Grpc.Core;

namespace Strut.Core
{
    /// <summary>
    /// Where calls go. Used by the connection's own thread alone. <see cref="Connect"/> is called again for every
    /// stream: a lost one must not share a dead connection with its successor.
    /// </summary>
    public interface ITransport
    {
        /// <summary>A new connection, in place of the former one. Need not wait for it to be made.</summary>
        CallInvoker Connect();

        /// <summary>Ends the connection, if there is one.</summary>
        void Disconnect();
    }

    /// <summary>A transport over channels, such as those of Grpc.Net.Client.</summary>
    public sealed class ChannelTransport : ITransport
    {
        private readonly Func<ChannelBase> open;
        private ChannelBase? channel;

        /// <param name="open">makes a channel of its own every time, with a handler of its own.</param>
        public ChannelTransport(Func<ChannelBase> open) => this.open = open;

        public CallInvoker Connect()
        {
            Disconnect();
            channel = open();
            return channel.CreateCallInvoker();
        }

        public void Disconnect()
        {
            (channel as IDisposable)?.Dispose();
            channel = null;
        }
    }

    /// <summary>How a client connects.</summary>
    public sealed class ConnectionSettings
    {
        /// <summary>Who connects, for the server's logs. Default: unity.</summary>
        public string ClientName { get; set; } = "unity";

        /// <summary>Its version. Default: empty.</summary>
        public string ClientVersion { get; set; } = "";

        /// <summary>How frames shall come. Default: QUAT48, two fifths of the bytes of FLOAT32.</summary>
        public FrameEncoding Encoding { get; set; } = FrameEncoding.Quat48;

        /// <summary>Sent with every call as a bearer token. Default: null, none.</summary>
        public string? Token { get; set; }

        /// <summary>Seconds without any reply after which a stream counts as lost.</summary>
        public double ReplyTimeout { get; set; } = Constants.ReplyTimeout;

        /// <summary>The metadata of every call.</summary>
        public Metadata Headers()
        {
            var headers = new Metadata();
            if (!string.IsNullOrEmpty(Token))
            {
                headers.Add("authorization", "Bearer " + Token);
            }

            return headers;
        }
    }
}
