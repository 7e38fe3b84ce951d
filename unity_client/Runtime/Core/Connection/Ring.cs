#nullable enable
using System.Threading;

namespace Strut.Core
{
    /// <summary>
    /// A queue of fixed size from one thread to one other, without locks. Where several threads are at one end, they
    /// take turns by a lock of theirs.
    /// </summary>
    internal sealed class Ring<T>
        where T : class
    {
        private readonly T?[] items;
        private int head;
        private int tail;

        /// <param name="capacity">a power of two.</param>
        public Ring(int capacity) => items = new T?[capacity];

        /// <summary>Adds an item; false where there is no room.</summary>
        public bool TryAdd(T item)
        {
            var at = tail;
            if (at - Volatile.Read(ref head) == items.Length)
            {
                return false;
            }

            items[at & (items.Length - 1)] = item;
            Volatile.Write(ref tail, at + 1);
            return true;
        }

        /// <summary>Takes the oldest item; null where there is none.</summary>
        public T? Take()
        {
            var at = head;
            if (at == Volatile.Read(ref tail))
            {
                return null;
            }

            var item = items[at & (items.Length - 1)];
            items[at & (items.Length - 1)] = null;
            Volatile.Write(ref head, at + 1);
            return item;
        }
    }
}
