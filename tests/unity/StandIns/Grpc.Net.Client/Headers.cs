using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>What a call says first.</summary>
internal static class RequestHeaders
{
    public static HttpRequestMessage Make(Uri address, string method, CallOptions options)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, method)) { Version = new Version(2, 0) };
#if NET
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
#endif
        request.Headers.TryAddWithoutValidation("te", "trailers");
        request.Headers.TryAddWithoutValidation("user-agent", "strut-tests");
        if (options.Deadline is DateTime deadline)
        {
            var left = Math.Max((deadline.ToUniversalTime() - DateTime.UtcNow).TotalMilliseconds, 1);
            // At most eight digits.
            var milliseconds = ((long)Math.Min(Math.Ceiling(left), 99_999_999)).ToString(CultureInfo.InvariantCulture);
            request.Headers.TryAddWithoutValidation("grpc-timeout", milliseconds + "m");
        }

        foreach (var entry in options.Headers ?? new Metadata())
        {
            var value = entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value;
            request.Headers.TryAddWithoutValidation(entry.Key, value);
        }

        return request;
    }
}

/// <summary>What a call is told first and last.</summary>
internal static class ResponseHeaders
{
    public static HttpHeaders Trailers(HttpResponseMessage response)
    {
#if NET
        return response.TrailingHeaders;
#else
        throw new PlatformNotSupportedException("trailers need .NET 5 or later");
#endif
    }

    public static bool TryStatus(HttpHeaders headers, out Status status)
    {
        status = default;
        if (!headers.TryGetValues("grpc-status", out var values))
        {
            return false;
        }

        var code = int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (StatusCode)number
            : StatusCode.Unknown;
        var detail = headers.TryGetValues("grpc-message", out var texts) ? Uri.UnescapeDataString(texts.First()) : "";
        status = new Status(code, detail);
        return true;
    }

    public static Metadata ToMetadata(HttpHeaders headers)
    {
        var metadata = new Metadata();
        foreach (KeyValuePair<string, IEnumerable<string>> header in headers)
        {
            // These two are the status.
            if (header.Key is "grpc-status" or "grpc-message")
            {
                continue;
            }

            foreach (var value in header.Value)
            {
                if (header.Key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.Ordinal))
                {
                    metadata.Add(header.Key, FromBase64(value));
                }
                else
                {
                    metadata.Add(header.Key, value);
                }
            }
        }

        return metadata;
    }

    public static StatusCode CodeOf(HttpStatusCode code) => (int)code switch
    {
        400 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    // Padding may be left out.
    private static byte[] FromBase64(string value) =>
        Convert.FromBase64String(value.PadRight((value.Length + 3) / 4 * 4, '='));
}
