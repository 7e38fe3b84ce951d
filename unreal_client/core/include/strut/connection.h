// Keeps a stream to a server: connects, connects again, sends, receives.
//
// Made, used and destroyed on the game thread; works on a thread of its own (or, for tests, in `step`). The two meet in
// rings of slots that are made in the constructor: the game thread never waits for the network and never allocates.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "strut/messages.h"
#include "strut/ring.h"
#include "strut/transport.h"

namespace strut {

enum class ConnectionState : std::uint8_t { disconnected, connecting, ready, draining, waiting, closed };

// What the game thread hears of the connection.
struct ConnectionEvent {
    enum class Kind : std::uint8_t { ready, lost, failed, server, message_error };
    Kind kind = Kind::lost;
    std::uint64_t epoch = 0;                 // of the stream, from 1
    std::shared_ptr<const ServerInfo> info;  // of ready
    ServerEvent event;                       // of server
    Error error;  // of lost (a stream that was ready), failed (one that was not), message_error
};

struct ConnectionSettings {
    TransportSettings transport;
    int max_characters = 512;
    bool own_thread = true;  // false: `step` is called by hand
};

class Connection final : private TransportListener {
  public:
    static constexpr double kConnectTimeout = 5.0, kReplyTimeout = 5.0, kDrainTime = 0.5, kRefusedPause = 5.0;

    Connection(std::unique_ptr<Transport> transport, const ConnectionSettings& settings);
    // Ends the stream and waits for the thread.
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Game thread.
    // Whether there is a slot for a request.
    bool has_room() const noexcept { return !free_requests_.empty(); }
    // A slot for a request; null when all are on their way.
    RequestSlot* new_request() noexcept;
    void send(RequestSlot* request) noexcept;
    void release(std::uint64_t character) noexcept;
    void report(const ClientReport& report) noexcept;
    // Wakes the network thread if there is something for it, and ends a stream that takes nothing: once an update.
    void flush() noexcept;
    ReplySlot* next_ready_reply() noexcept;
    void give_back(ReplySlot* reply) noexcept;
    bool next_event(ConnectionEvent& event) noexcept;
    ConnectionState state() const noexcept { return state_.load(std::memory_order_relaxed); }
    std::uint64_t dropped_replies() const noexcept { return dropped_.load(std::memory_order_relaxed); }

    // One pass of the network thread's work, without waiting but for the transport. Only where own_thread is false.
    // now: seconds of a monotonic clock.
    void step(double now) noexcept;

  private:
    // Of TransportListener: the transport's thread.
    void on_hello(std::shared_ptr<const ServerInfo> info) noexcept override;
    ReplySlot* next_reply() noexcept override;
    void on_reply(ReplySlot* reply) noexcept override;
    void on_event(const ServerEvent& event) noexcept override;
    void on_message_error(const Error& error) noexcept override;
    void on_closed(const Error& error) noexcept override;

    // What the transport's thread leaves for the network thread.
    struct News {
        std::shared_ptr<const ServerInfo> hello;
        std::vector<ServerEvent> events;
        std::vector<Error> errors;
        bool closed = false;
        Error reason;
    };

    void run() noexcept;
    void wake() noexcept;
    void open(double now) noexcept;
    void lose(const Error& error, double now, double pause) noexcept;
    void take_news(double now) noexcept;
    void forward_requests() noexcept;
    void forward_releases() noexcept;
    void tell(ConnectionEvent::Kind kind, const Error& error) noexcept;
    std::uint64_t outstanding() const noexcept {
        const std::uint64_t answered = answered_.load(std::memory_order_relaxed);
        return sent_ > answered ? sent_ - answered : 0;
    }

    std::unique_ptr<Transport> transport_;
    ConnectionSettings settings_;
    std::vector<RequestSlot> request_slots_;
    std::vector<ReplySlot> reply_slots_;
    Ring<RequestSlot*> free_requests_, requests_;
    Ring<ReplySlot*> free_replies_, replies_;
    Ring<std::uint64_t> releases_;
    Ring<ClientReport> reports_;
    Ring<ConnectionEvent> events_;
    std::atomic<ConnectionState> state_{ConnectionState::disconnected};
    std::atomic<std::uint64_t> dropped_{0}, answered_{0};
    std::atomic<double> sending_since_{0.0};  // 0: not sending
    bool flush_needed_ = false;               // game thread

    // Network thread.
    std::uint64_t epoch_ = 0;
    int attempt_ = 0;
    bool was_ready_ = false;
    double opened_at_ = 0.0, connect_at_ = 0.0, drain_until_ = 0.0, active_at_ = 0.0;
    std::uint64_t sent_ = 0, seen_answers_ = 0;
    std::uint32_t max_batch_ = 1;
    std::vector<RequestSlot*> batch_, kept_;
    std::vector<std::uint64_t> released_;
    News taken_;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool work_ = false, stop_ = false;  // under the mutex
    News news_;                         // under the mutex
    std::thread thread_;
};

}  // namespace strut
