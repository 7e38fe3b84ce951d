#nullable enable
using System;
using System.Net.Http;
using Grpc.Net.Client;
using Strut.Core;

namespace Strut.Motion
{
    /// <summary>
    /// Makes the transport. Unity's own HttpClient speaks no HTTP/2, so a handler is needed that does:
    /// YetAnotherHttpHandler where its package is installed, or whatever <see cref="HandlerFactory"/> gives.
    /// </summary>
    public static class StrutTransport
    {
        /// <summary>Makes a handler for HTTP/2; a new one for every connection. Null for the default.</summary>
        public static Func<StrutSettings, HttpMessageHandler>? HandlerFactory { get; set; }

        /// <summary>Makes the whole transport; null for Grpc.Net.Client over the handler.</summary>
        public static Func<StrutSettings, ITransport>? TransportFactory { get; set; }

        /// <summary>A transport for the settings.</summary>
        /// <exception cref="InvalidOperationException">no handler for HTTP/2 is there.</exception>
        public static ITransport Make(StrutSettings settings)
        {
            if (TransportFactory != null)
            {
                return TransportFactory(settings);
            }

            // Engine objects are read here, on the main thread; channels are made on the connection's.
            var address = settings.Address;
            var handler = Handler(settings);
            return new ChannelTransport(() => GrpcChannel.ForAddress(
                address, new GrpcChannelOptions { HttpHandler = handler(), DisposeHttpClient = true }));
        }

        internal static void Reset()
        {
            HandlerFactory = null;
            TransportFactory = null;
        }

        private static Func<HttpMessageHandler> Handler(StrutSettings settings)
        {
            if (HandlerFactory is Func<StrutSettings, HttpMessageHandler> factory)
            {
                return () => factory(settings);
            }

#if STRUT_YETANOTHERHTTPHANDLER
            var roots = settings.RootCertificates;
            return () => new Cysharp.Net.Http.YetAnotherHttpHandler
            {
                Http2Only = true,
                RootCertificates = roots,
                Http2KeepAliveInterval = TimeSpan.FromSeconds(5),
                Http2KeepAliveTimeout = TimeSpan.FromSeconds(5),
            };
#else
            throw new InvalidOperationException(
                "Strut needs a handler for HTTP/2: install com.cysharp.yetanotherhttphandler, or set StrutTransport.HandlerFactory");
#endif
        }
    }
}
