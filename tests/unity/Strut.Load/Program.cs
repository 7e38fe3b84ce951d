using System;
using System.Globalization;
using System.Linq;
using Strut.Load;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
try
{
    var options = new Options(args.Skip(1).ToArray());
    switch (args.FirstOrDefault())
    {
        case "stream":
            return new StreamLoad(options).Run();
        case "disturb":
            return DisturbLoad.Run(options);
        case "cost":
            return CostLoad.Run(options);
    }
}
catch (OptionException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}

Console.WriteLine("""
    Measures the C# client against a live server. Ends with 1, and names it, when a bound is exceeded.

      stream  late frames, latencies, allocations and the cost of a frame of characters that walk in circles
        --characters 200   --seconds 60   --rate 60 (updates a second)   --warm-up 10
        --replan 0         seconds between changed controls of each; 0: never
        --steps N          network evaluations a window; default: the server's choice
        --min-steps N      what a loaded server may go down to; default: the fewest that the model has
        --content walk     --styles NAME,NAME (in turn)
        --address URL      --token TOKEN; without an address a server is started, with
        --serve OPTION     of strut serve, such as --serve --threads=2; may be given several times
        --max-late-percent .1     of frames that the client had to make up
        --max-frame-bytes 0       allocated on the frame's thread, a frame
        --max-network-ratio 2     bytes allocated on other threads, to those received
        --max-microseconds 10     that a character costs a frame, with retargeting and foot IK; 0: only said

      disturb killed server, stalled network, reset, delay, pause, slow and fast motion, hitch, teleport, culling: the
              largest joint acceleration against the undisturbed 99.9th percentile
        --characters 8     --seconds 20 (undisturbed)    --serve OPTION
        --max-ratio 1.5

      cost    what a character costs a frame without a server: interpolation, and retargeting of 22 joints with foot IK
        --seconds 5        --max-microseconds 10

    STRUT_PYTHON names the Python that has Strut installed.
    """);
return args.Length == 0 || args[0] is "-h" or "--help" or "help" ? 0 : 2;
