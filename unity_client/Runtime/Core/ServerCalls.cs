#nullable enable
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Grpc.Core;
using Strut.V1;

namespace Strut.Core
{
    /// <summary>Calls outside of the stream: who serves, which styles and scenes there are. Any thread.</summary>
    public sealed class ServerCalls
    {
        private const int PageSize = 1000;

        private readonly CallInvoker invoker;
        private readonly ConnectionSettings settings;

        public ServerCalls(CallInvoker invoker, ConnectionSettings settings)
        {
            this.invoker = invoker;
            this.settings = settings;
        }

        /// <summary>Seconds after which a call fails. Default: 5.</summary>
        public double Timeout { get; set; } = 5;

        /// <summary>Who serves.</summary>
        /// <exception cref="RpcException">it cannot be reached, or refuses; <see cref="Failure.Of(System.Exception)"/> reads it.</exception>
        public async Task<ServerHello> ServerInfoAsync(CancellationToken cancellation = default)
        {
            var stub = new MotionService.MotionServiceClient(invoker);
            var request = new GetServerInfoRequest();
            var answer = await stub.GetServerInfoAsync(request, Options(cancellation)).ResponseAsync.ConfigureAwait(false);
            return answer.Server;
        }

        /// <summary>The stored styles by name.</summary>
        /// <exception cref="RpcException">as above.</exception>
        public async Task<List<Style>> ListStylesAsync(string query = "", CancellationToken cancellation = default)
        {
            var stub = new StyleService.StyleServiceClient(invoker);
            var found = new List<Style>();
            var request = new ListStylesRequest { PageSize = PageSize, Query = query };
            do
            {
                var page = await stub.ListStylesAsync(request, Options(cancellation)).ResponseAsync.ConfigureAwait(false);
                found.AddRange(page.Styles);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            return found;
        }

        /// <summary>The scene presets by name.</summary>
        /// <exception cref="RpcException">as above.</exception>
        public async Task<List<ScenePreset>> ListScenePresetsAsync(CancellationToken cancellation = default)
        {
            var stub = new SceneService.SceneServiceClient(invoker);
            var found = new List<ScenePreset>();
            var request = new ListScenePresetsRequest { PageSize = PageSize };
            do
            {
                var page = await stub.ListScenePresetsAsync(request, Options(cancellation)).ResponseAsync.ConfigureAwait(false);
                found.AddRange(page.Presets);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            return found;
        }

        private CallOptions Options(CancellationToken cancellation) =>
            new CallOptions(settings.Headers(), System.DateTime.UtcNow.AddSeconds(Timeout), cancellation);
    }
}
