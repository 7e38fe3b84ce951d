#nullable enable
using System.Collections.Generic;
using Google.Protobuf;

namespace Strut.Core
{
    /// <summary>
    /// Requests and what came, on their way between the game thread and the network's: rings of fixed size, in slots
    /// that are used again. The game thread never waits here.
    /// </summary>
    internal sealed class Mailbox
    {
        private const int Capacity = 4096;

        private readonly Ring<Request> outgoing = new Ring<Request>(Capacity);
        private readonly Ring<Request> sent = new Ring<Request>(Capacity);
        private readonly Ring<InboxItem> incoming = new Ring<InboxItem>(Capacity);
        private readonly Ring<InboxItem> free = new Ring<InboxItem>(Capacity);
        private readonly Stack<Request> spare = new Stack<Request>(64);
        // The connection's thread and the reader are both at the network's end of the two rings of items.
        private readonly object network = new object();

        /// <summary>Game thread: a request that may be filled in; null while all of them are on their way.</summary>
        public Request? Rent() => spare.Count > 0 ? spare.Pop() : sent.Take();

        /// <summary>Game thread: takes back what was rented and not sent.</summary>
        public void GiveBack(Request request) => spare.Push(request);

        /// <summary>Game thread: makes requests before they are needed.</summary>
        public void Reserve(int count)
        {
            for (var index = 0; index < count; index++)
            {
                spare.Push(new Request());
            }
        }

        /// <summary>Game thread: hands a request over; false where more wait than ever should.</summary>
        public bool Send(Request request)
        {
            if (outgoing.TryAdd(request))
            {
                return true;
            }

            GiveBack(request);
            return false;
        }

        /// <summary>Game thread: the next thing that came; null where there is none.</summary>
        public InboxItem? Take() => incoming.Take();

        /// <summary>Game thread: gives an item back.</summary>
        public void Return(InboxItem item)
        {
            item.Locks = null;
            item.Hello = null;
            item.Model = null;
            item.Data = ByteString.Empty;
            free.TryAdd(item);
        }

        /// <summary>Connection's thread: the next request to be sent; null where there is none.</summary>
        public Request? TakeRequest() => outgoing.Take();

        /// <summary>Connection's thread: a request may be used again.</summary>
        public void Sent(Request request) => sent.TryAdd(request);

        /// <summary>Network: an item that may be filled in.</summary>
        public InboxItem RentItem()
        {
            lock (network)
            {
                return free.Take() ?? new InboxItem();
            }
        }

        /// <summary>Network: hands an item over.</summary>
        public void Deliver(InboxItem item)
        {
            lock (network)
            {
                // A game that has not looked for so long has no use for more.
                incoming.TryAdd(item);
            }
        }
    }
}
