#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>A window as it came, for a game to relay where poses must match.</summary>
    public readonly struct RelayedWindow
    {
        /// <summary>Number of the first frame.</summary>
        public readonly long Start;

        public readonly int Count;
        public readonly FrameEncoding Encoding;

        /// <summary>The space of the frames.</summary>
        public readonly Anchor Anchor;

        /// <summary>The contract's records; valid for the length of the call.</summary>
        public readonly ReadOnlyMemory<byte> Data;

        public RelayedWindow(long start, int count, FrameEncoding encoding, in Anchor anchor, ReadOnlyMemory<byte> data)
        {
            Start = start;
            Count = count;
            Encoding = encoding;
            Anchor = anchor;
            Data = data;
        }
    }
}
