#include "strut/connection.h"

#include <algorithm>
#include <chrono>

namespace strut {

namespace {

double monotonic_seconds() noexcept {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr int kDeadlineExceeded = 4, kPermissionDenied = 7, kUnauthenticated = 16;

// What a second attempt does not mend by itself, though a person may.
bool refused(const Error& error) noexcept {
    return error.code == kPermissionDenied || error.code == kUnauthenticated || error.reason == "PROTOCOL_VERSION";
}

Error timeout(const char* what) noexcept {
    Error error;
    error.code = kDeadlineExceeded;
    error.message = what;
    return error;
}

std::size_t slots(const ConnectionSettings& settings, int each) noexcept {
    return static_cast<std::size_t>(std::max(settings.max_characters, 1) * each + 16);
}

}  // namespace

Connection::Connection(std::unique_ptr<Transport> transport, const ConnectionSettings& settings)
    : transport_(std::move(transport)),
      settings_(settings),
      request_slots_(slots(settings, 1)),
      reply_slots_(slots(settings, 2)),
      free_requests_(request_slots_.size()),
      requests_(request_slots_.size()),
      free_replies_(reply_slots_.size()),
      replies_(reply_slots_.size()),
      releases_(slots(settings, 4)),
      reports_(4),
      events_(256) {
    for (RequestSlot& slot : request_slots_) free_requests_.push(&slot);
    for (ReplySlot& slot : reply_slots_) free_replies_.push(&slot);
    batch_.reserve(request_slots_.size());
    kept_.reserve(request_slots_.size());
    released_.reserve(slots(settings, 4));
    if (settings_.own_thread) thread_ = std::thread([this] { run(); });
}

Connection::~Connection() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
    }
    changed_.notify_one();
    transport_->cancel(true);
    if (thread_.joinable()) thread_.join();
    transport_->close();
}

RequestSlot* Connection::new_request() noexcept {
    RequestSlot* slot = nullptr;
    return free_requests_.pop(slot) ? slot : nullptr;
}

void Connection::send(RequestSlot* request) noexcept {
    requests_.push(request);
    flush_needed_ = true;
}

void Connection::release(std::uint64_t character) noexcept {
    releases_.push(character);
    flush_needed_ = true;
}

void Connection::report(const ClientReport& report) noexcept {
    // One too many is lost: it is telemetry.
    flush_needed_ = reports_.push(report) || flush_needed_;
}

void Connection::flush() noexcept {
    // A send that waits for a network which takes nothing would wait for minutes.
    const double since = sending_since_.load(std::memory_order_relaxed);
    if (since > 0.0 && monotonic_seconds() - since > kReplyTimeout) {
        sending_since_.store(0.0, std::memory_order_relaxed);
        transport_->cancel(false);
    }
    if (!flush_needed_) return;
    flush_needed_ = false;
    if (settings_.own_thread) wake();
}

void Connection::wake() noexcept {
    {
        // Held by the network thread only to look at flags and to swap the news: a few instructions.
        const std::lock_guard<std::mutex> lock(mutex_);
        work_ = true;
    }
    changed_.notify_one();
}

ReplySlot* Connection::next_ready_reply() noexcept {
    ReplySlot* reply = nullptr;
    return replies_.pop(reply) ? reply : nullptr;
}

void Connection::give_back(ReplySlot* reply) noexcept {
    free_replies_.push(reply);
}

bool Connection::next_event(ConnectionEvent& event) noexcept {
    return events_.pop(event);
}

void Connection::on_hello(std::shared_ptr<const ServerInfo> info) noexcept {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        news_.hello = std::move(info);
        work_ = true;
    }
    changed_.notify_one();
}

ReplySlot* Connection::next_reply() noexcept {
    ReplySlot* slot = nullptr;
    if (free_replies_.pop(slot)) return slot;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    answered_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
}

void Connection::on_reply(ReplySlot* reply) noexcept {
    replies_.push(reply);
    answered_.fetch_add(1, std::memory_order_relaxed);
}

void Connection::on_event(const ServerEvent& event) noexcept {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        news_.events.push_back(event);
        work_ = true;
    }
    changed_.notify_one();
}

void Connection::on_message_error(const Error& error) noexcept {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        news_.errors.push_back(error);
        work_ = true;
    }
    changed_.notify_one();
}

void Connection::on_closed(const Error& error) noexcept {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        news_.closed = true;
        news_.reason = error;
        work_ = true;
    }
    changed_.notify_one();
}

void Connection::run() noexcept {
    for (;;) {
        step(monotonic_seconds());
        std::unique_lock<std::mutex> lock(mutex_);
        // Times that pass without news: of connecting again, of draining, of a server that says nothing.
        changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return work_ || stop_; });
        work_ = false;
        if (stop_) return;
    }
}

void Connection::step(double now) noexcept {
    take_news(now);
    switch (state_.load(std::memory_order_relaxed)) {
        case ConnectionState::disconnected:
            open(now);
            break;
        case ConnectionState::waiting:
            if (now >= connect_at_) open(now);
            break;
        case ConnectionState::connecting:
            if (now - opened_at_ > kConnectTimeout) lose(timeout("no hello came in time"), now, -1.0);
            break;
        case ConnectionState::ready: {
            const std::uint64_t answers = answered_.load(std::memory_order_relaxed);
            if (answers != seen_answers_ || outstanding() == 0) active_at_ = now;
            seen_answers_ = answers;
            if (now - active_at_ > kReplyTimeout) {
                lose(timeout("the server has stopped answering"), now, 0.0);
                break;
            }
            sending_since_.store(settings_.own_thread ? now : 0.0, std::memory_order_relaxed);
            forward_releases();
            forward_requests();
            sending_since_.store(0.0, std::memory_order_relaxed);
            break;
        }
        case ConnectionState::draining:
            // What still waits is answered; nothing new is sent here.
            if (outstanding() == 0 || now >= drain_until_) lose(timeout("the server is about to go"), now, 0.0);
            break;
        case ConnectionState::closed:
            break;
    }
}

void Connection::open(double now) noexcept {
    ++epoch_;
    was_ready_ = false;
    opened_at_ = now;
    sent_ = answered_.load(std::memory_order_relaxed);
    seen_answers_ = sent_;
    state_.store(ConnectionState::connecting, std::memory_order_relaxed);
    transport_->open(settings_.transport, *this);
}

void Connection::lose(const Error& error, double now, double pause) noexcept {
    transport_->close();
    {
        // What the old stream still had to say is void.
        const std::lock_guard<std::mutex> lock(mutex_);
        news_ = News();
    }
    tell(was_ready_ ? ConnectionEvent::Kind::lost : ConnectionEvent::Kind::failed, error);
    if (pause < 0.0) {
        pause = Pacer::kBackOff[static_cast<std::size_t>(std::min(attempt_, 3))];
        ++attempt_;
    }
    if (refused(error)) pause = kRefusedPause;
    connect_at_ = now + pause;
    state_.store(ConnectionState::waiting, std::memory_order_relaxed);
}

void Connection::tell(ConnectionEvent::Kind kind, const Error& error) noexcept {
    ConnectionEvent event;
    event.kind = kind;
    event.epoch = epoch_;
    event.error = error;
    events_.push(event);
}

void Connection::take_news(double now) noexcept {
    taken_.events.clear();
    taken_.errors.clear();
    taken_.hello.reset();
    taken_.closed = false;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::swap(taken_, news_);
    }
    if (taken_.hello != nullptr && state_.load(std::memory_order_relaxed) == ConnectionState::connecting) {
        attempt_ = 0;
        was_ready_ = true;
        active_at_ = now;
        max_batch_ = std::max(taken_.hello->max_batch, 1u);
        state_.store(ConnectionState::ready, std::memory_order_relaxed);
        ConnectionEvent event;
        event.kind = ConnectionEvent::Kind::ready;
        event.epoch = epoch_;
        event.info = taken_.hello;
        events_.push(event);
    }
    // What a refused message held is never answered.
    if (!taken_.errors.empty()) sent_ = answered_.load(std::memory_order_relaxed);
    for (const Error& error : taken_.errors) tell(ConnectionEvent::Kind::message_error, error);
    for (const ServerEvent& heard : taken_.events) {
        if (heard.kind == ServerEvent::Kind::draining &&
            state_.load(std::memory_order_relaxed) == ConnectionState::ready) {
            state_.store(ConnectionState::draining, std::memory_order_relaxed);
            drain_until_ = now + std::min(heard.remaining, kDrainTime);
        }
        ConnectionEvent event;
        event.kind = ConnectionEvent::Kind::server;
        event.epoch = epoch_;
        event.event = heard;
        events_.push(event);
    }
    if (taken_.closed) lose(taken_.reason, now, -1.0);
}

void Connection::forward_releases() noexcept {
    released_.clear();
    std::uint64_t character = 0;
    while (releases_.pop(character)) released_.push_back(character);
    if (!released_.empty()) transport_->release(released_.data(), released_.size());
    ClientReport report;
    while (reports_.pop(report)) transport_->report(report);
}

void Connection::forward_requests() noexcept {
    RequestSlot* slot = nullptr;
    for (;;) {
        batch_.clear();
        while (requests_.pop(slot)) batch_.push_back(slot);
        if (batch_.empty()) return;
        // Of several of a character the newest counts; those for a stream that is gone are void.
        kept_.clear();
        for (std::size_t i = batch_.size(); i-- > 0;) {
            RequestSlot* request = batch_[i];
            const bool superseded = std::any_of(kept_.begin(), kept_.end(), [request](const RequestSlot* later) {
                return later->character == request->character;
            });
            if (!superseded && request->epoch == epoch_) kept_.push_back(request);
        }
        std::reverse(kept_.begin(), kept_.end());
        for (std::size_t i = 0; i < kept_.size(); i += max_batch_) {
            const std::size_t count = std::min<std::size_t>(max_batch_, kept_.size() - i);
            // Counted before: the answer may come before send returns.
            sent_ += count;
            if (!transport_->send(kept_.data() + i, count)) break;
        }
        for (RequestSlot* request : batch_) {
            // The game's objects are let go here, not when the slot is used again.
            request->controls.clear();
            free_requests_.push(request);
        }
    }
}

}  // namespace strut
