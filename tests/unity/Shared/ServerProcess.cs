using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Strut.Testing;

/// <summary>
/// `strut serve` on loopback as a process of its own, killed at the end. The Python that has Strut installed is named
/// by the environment variable STRUT_PYTHON, else it is python3.
/// </summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly Regex Ready = new(@"ready on (\S+):(\d+):");

    private readonly Process process;

    private ServerProcess(Process process, int port)
    {
        this.process = process;
        Port = port;
    }

    public int Port { get; }

    public string Address => $"http://127.0.0.1:{Port}";

    public static ServerProcess Start(int port = 0, params string[] options)
    {
        var arguments = new List<string> { "serve", "--port", port.ToString(), "--database", "sqlite://" };
        arguments.AddRange(options);
        var process = Run(arguments);
        var log = process.StandardError.ReadToEndAsync();
        while (process.StandardOutput.ReadLine() is string line)
        {
            var match = Ready.Match(line);
            if (match.Success)
            {
                // Whoever does not read what it says stops the server once the pipe is full.
                _ = process.StandardOutput.ReadToEndAsync();
                return new ServerProcess(process, int.Parse(match.Groups[2].Value));
            }
        }

        throw new InvalidOperationException($"strut serve did not become ready: {log.Result}");
    }

    /// <summary>Runs another command of Strut's and gives what it prints.</summary>
    public static string Command(params string[] arguments)
    {
        using var process = Run(arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException(errors.Result);
    }

    /// <summary>A port of the loopback interface that nobody listens on just now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Ends it without a word, as a crash would.</summary>
    public void Kill()
    {
        process.Kill(true);
        process.WaitForExit();
    }

    /// <summary>Asks it to drain and stop (SIGTERM); returns at once.</summary>
    public void Terminate() => Process.Start("kill", $"-TERM {process.Id}").WaitForExit();

    public void WaitForExit() => process.WaitForExit();

    public void Dispose()
    {
        if (!process.HasExited)
        {
            Kill();
        }

        process.Dispose();
    }

    private static Process Run(IEnumerable<string> arguments)
    {
        var python = Environment.GetEnvironmentVariable("STRUT_PYTHON") ?? "python3";
        var start = new ProcessStartInfo(python) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-m");
        start.ArgumentList.Add("strut_server.cli");
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start) ?? throw new InvalidOperationException($"{python} did not start");
    }
}
