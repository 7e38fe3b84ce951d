#nullable enable
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>The project's settings: an asset in a Resources folder, edited under Project Settings > Strut.</summary>
    public sealed class StrutSettings : ScriptableObject
    {
        /// <summary>Name of the asset in its Resources folder.</summary>
        public const string ResourceName = "StrutSettings";

        [Tooltip("Where the server listens. https:// for TLS.")]
        [SerializeField]
        private string address = "http://127.0.0.1:50051";

        [Tooltip("PEM text of the authority that the server's certificate is checked against; empty for the usual ones.")]
        [SerializeField]
        private TextAsset? rootCertificates;

        [Tooltip("Name of the environment variable that holds the token, so that none is stored in the project.")]
        [SerializeField]
        private string tokenVariable = "STRUT_TOKEN";

        [Tooltip("QUAT48 takes two fifths of the bytes of FLOAT32, and is off by less than 0.02 degrees.")]
        [SerializeField]
        private FrameEncoding encoding = FrameEncoding.Quat48;

        [Tooltip("Seconds without any reply after which the connection counts as lost.")]
        [Range(1f, 30f)]
        [SerializeField]
        private float replyTimeout = (float)Constants.ReplyTimeout;

        /// <summary>Where the server listens.</summary>
        public string Address
        {
            get => address;
            set => address = value;
        }

        /// <summary>PEM text of the authority of the server's certificate; null for the usual ones.</summary>
        public string? RootCertificates => rootCertificates == null ? null : rootCertificates.text;

        /// <summary>The token; set it from where your game keeps its secrets, or by the environment variable.</summary>
        public string? Token { get; set; }

        /// <summary>The project's settings, or the defaults where there are none.</summary>
        public static StrutSettings Load()
        {
            var found = Resources.Load<StrutSettings>(ResourceName);
            return found != null ? found : CreateInstance<StrutSettings>();
        }

        /// <summary>How the client connects.</summary>
        public ConnectionSettings ToConnection() => new ConnectionSettings
        {
            ClientName = Limited(Application.productName),
            ClientVersion = Limited(Application.version),
            Encoding = encoding,
            ReplyTimeout = replyTimeout,
            Token = Token ?? System.Environment.GetEnvironmentVariable(tokenVariable),
        };

        // The contract allows 64 characters.
        private static string Limited(string text) => text.Length <= 64 ? text : text.Substring(0, 64);
    }
}
