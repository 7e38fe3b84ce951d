// A stream of requests and replies, behind an interface: gRPC (grpc_transport.h), or a script in tests.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "strut/messages.h"

namespace strut {

// How to connect and what to say in the hello.
struct TransportSettings {
    std::string target = "localhost:50051";
    std::string client_name = "strut", client_version;
    FrameEncoding encoding = FrameEncoding::quat48;
    std::vector<std::pair<std::string, std::string>> metadata;  // such as {"authorization", "Bearer ..."}
    bool tls = false;
    std::string root_certificates;               // PEM; empty: the system's
    std::string client_certificate, client_key;  // PEM, for mutual TLS
    std::string server_name;                     // expected in the certificate; empty: the target's
};

// Hears what comes on a stream. Implemented by Connection. Called by the transport on one thread at a time, the
// transport's own or that which called open; never from within cancel.
class TransportListener {
  public:
    virtual ~TransportListener() = default;
    // The server's hello: before anything else, once a stream.
    virtual void on_hello(std::shared_ptr<const ServerInfo> info) noexcept = 0;
    // A slot to fill with a reply; null when none is free, and the reply is then dropped. To be given to on_reply next.
    virtual ReplySlot* next_reply() noexcept = 0;
    virtual void on_reply(ReplySlot* reply) noexcept = 0;
    virtual void on_event(const ServerEvent& event) noexcept = 0;
    // A message as a whole was refused; the stream goes on.
    virtual void on_message_error(const Error& error) noexcept = 0;
    // The stream has ended, or could not be opened: exactly once after each open, and the last call for it.
    virtual void on_closed(const Error& error) noexcept = 0;
};

// A stream at a time. Called on the network thread, except cancel; owned by a Connection. Throws nothing.
class Transport {
  public:
    virtual ~Transport() = default;
    // Opens a stream and says hello; what comes of it the listener hears. Not while one is open.
    virtual void open(const TransportSettings& settings, TransportListener& listener) noexcept = 0;
    // Sends requests in one message. May wait for the network; false when the stream is gone.
    virtual bool send(const RequestSlot* const* requests, std::size_t count) noexcept = 0;
    // Ends characters.
    virtual bool release(const std::uint64_t* characters, std::size_t count) noexcept = 0;
    // Tells the server what only the client sees.
    virtual bool report(const ClientReport& report) noexcept = 0;
    // Ends the stream, if one is open. When it returns the listener hears nothing more and no thread of it runs.
    virtual void close() noexcept = 0;
    // Makes a send that waits return, by ending the stream; for good: also every later one. Any thread.
    virtual void cancel(bool for_good) noexcept = 0;
};

}  // namespace strut
