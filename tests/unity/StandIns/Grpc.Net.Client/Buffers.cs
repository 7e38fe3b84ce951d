using System;
using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>A message that is being written, in a buffer that is used again.</summary>
internal sealed class MessageBuffer : SerializationContext, IBufferWriter<byte>
{
    private byte[] bytes = new byte[4096];

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Memory => bytes.AsMemory(0, Length);

    /// <summary>Empties the buffer but for some bytes at its front.</summary>
    public void Begin(int front) => Length = front;

    /// <summary>Writes the five bytes in front: not compressed, and the message's length.</summary>
    public void WriteHeader(uint length)
    {
        bytes[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1, 4), length);
    }

    public override void SetPayloadLength(int payloadLength) => Reserve(payloadLength);

    public override IBufferWriter<byte> GetBufferWriter() => this;

    public override void Complete()
    {
    }

    public override void Complete(byte[] payload)
    {
        Reserve(payload.Length);
        payload.CopyTo(bytes, Length);
        Length += payload.Length;
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    private void Reserve(int count)
    {
        if (bytes.Length - Length < count)
        {
            Array.Resize(ref bytes, Math.Max(bytes.Length * 2, Length + count));
        }
    }
}

/// <summary>A message that is being read, in a buffer that is used again.</summary>
internal sealed class PayloadReader : DeserializationContext
{
    private byte[] bytes = new byte[4096];
    private int length;

    public override int PayloadLength => length;

    /// <summary>The buffer for the next so many bytes.</summary>
    public Memory<byte> Rent(int count)
    {
        if (bytes.Length < count)
        {
            bytes = new byte[Math.Max(count, bytes.Length * 2)];
        }

        length = count;
        return bytes.AsMemory(0, count);
    }

    public override byte[] PayloadAsNewBuffer() => bytes.AsSpan(0, length).ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(bytes, 0, length);
}
