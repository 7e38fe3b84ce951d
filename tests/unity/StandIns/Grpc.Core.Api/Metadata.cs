using System;
using System.Collections;
using System.Collections.Generic;
using System.Text;

namespace Grpc.Core;

/// <summary>Headers or trailers of a call.</summary>
public sealed class Metadata : IList<Metadata.Entry>
{
    public const string BinaryHeaderSuffix = "-bin";

    private readonly List<Entry> entries = new();

    public int Count => entries.Count;

    public bool IsReadOnly => false;

    public Entry this[int index]
    {
        get => entries[index];
        set => entries[index] = value;
    }

    public Entry? Get(string key) =>
        entries.FindLast(entry => string.Equals(entry.Key, key, StringComparison.OrdinalIgnoreCase));

    public string? GetValue(string key) => Get(key)?.Value;

    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    public void Add(string key, string value) => Add(new Entry(key, value));

    public void Add(string key, byte[] valueBytes) => Add(new Entry(key, valueBytes));

    public void Add(Entry item) => entries.Add(item);

    public int IndexOf(Entry item) => entries.IndexOf(item);

    public void Insert(int index, Entry item) => entries.Insert(index, item);

    public void RemoveAt(int index) => entries.RemoveAt(index);

    public void Clear() => entries.Clear();

    public bool Contains(Entry item) => entries.Contains(item);

    public void CopyTo(Entry[] array, int arrayIndex) => entries.CopyTo(array, arrayIndex);

    public bool Remove(Entry item) => entries.Remove(item);

    public IEnumerator<Entry> GetEnumerator() => entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => entries.GetEnumerator();

    /// <summary>A name with a text, or, where the name ends in -bin, with bytes.</summary>
    public class Entry
    {
        private readonly string? text;
        private readonly byte[]? bytes;

        public Entry(string key, string value)
        {
            Key = key.ToLowerInvariant();
            text = value;
        }

        public Entry(string key, byte[] valueBytes)
        {
            Key = key.ToLowerInvariant();
            bytes = (byte[])valueBytes.Clone();
        }

        public string Key { get; }

        public string Value => text ?? throw new InvalidOperationException($"{Key}: has bytes, not a text");

        public byte[] ValueBytes => bytes ?? Encoding.ASCII.GetBytes(Value);

        public bool IsBinary => text == null;
    }
}
