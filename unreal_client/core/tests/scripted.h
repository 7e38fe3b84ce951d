// A transport that a test plays the server of, by hand or on a thread, and a made-up motion that it serves.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "strut/client.h"

namespace strut::test {

// A smooth walk in a bend; every joint swings.
inline Frame walking(std::int64_t number) {
    const auto t = static_cast<float>(static_cast<double>(number) / kFps);
    Frame f;
    f.heading = 0.4f * t;
    f.root_x = 1.2f / 0.4f * (1.0f - std::cos(f.heading));
    f.root_z = 1.2f / 0.4f * std::sin(f.heading);
    f.heading = wrap(f.heading);
    f.pelvis = {0.02f * std::sin(6.0f * t), 0.92f + 0.02f * std::cos(12.0f * t), 0.0f};
    for (std::size_t j = 0; j < kJoints; ++j) {
        const auto phase = static_cast<float>(j);
        const Vec3 swing = {0.4f * std::sin(6.0f * t + phase), 0.1f * std::cos(6.0f * t + phase), 0.05f};
        f.rotations[j] = exponential(swing) * idle_pose().rotations[j];
    }
    f.contacts = {1.0f, 0.0f, 1.0f, 0.0f};
    return f;
}

// Where each character's walk lies: what a server remembers.
using Memory = std::map<std::uint64_t, Move>;

// What a server answers: walking from the request's start on, joined to the history that came along, if any did.
inline void answer(const RequestSlot& request, ReplySlot& reply, Memory& memory) {
    reply.character = request.character;
    reply.sequence = request.request.sequence;
    reply.has_window = true;
    reply.start = request.request.start;
    reply.count = request.request.frames;
    reply.encoding = FrameEncoding::float32;
    reply.data.resize(kFloat32Record * static_cast<std::size_t>(reply.count));
    std::vector<Frame> frames;
    for (int i = 0; i < reply.count; ++i) frames.push_back(walking(reply.start + i));
    if (request.request.origin != Origin::continues) {
        const int known = std::min(request.history_count, 3);
        Frame history[3];
        for (int i = 0; i < known; ++i)
            decode_record(
                FrameEncoding::float32,
                request.history.data() + kFloat32Record * static_cast<std::size_t>(request.history_count - known + i),
                history[i]);
        // The whole walk is brought to where the history stands.
        const Frame before = walking(reply.start - 1);
        const Frame& last = history[known - 1];
        const Move move =
            Move::between(before.root_x, before.root_z, before.heading, last.root_x, last.root_z, last.heading);
        memory[request.character] = move;
        for (Frame& frame : frames) move.frame(frame);
        const Seam seam(history, known, frames.data());
        for (int i = 0; i < reply.count; ++i) seam.apply(i + 1, frames[static_cast<std::size_t>(i)]);
    } else {
        for (Frame& frame : frames) memory[request.character].frame(frame);
    }
    for (int i = 0; i < reply.count; ++i)
        encode_float32(frames[static_cast<std::size_t>(i)],
                       reply.data.data() + kFloat32Record * static_cast<std::size_t>(i));
    reply.has_phase = false;
    reply.locks = FootLocks();
    reply.timing = ServerTiming();
    reply.timing.total = 0.01;
    reply.warnings = 0;
    reply.error = Error();
}

inline std::shared_ptr<const ServerInfo> server_info() {
    auto info = std::make_shared<ServerInfo>();
    info->max_batch = 256;
    info->max_characters = 1024;
    info->steps = {1, 2, 4};
    return info;
}

// What has gone over a ScriptedTransport; the test holds it together with the transport.
struct Script {
    TransportListener* listener = nullptr;  // null while no stream is open
    int opened = 0;
    bool refuse = false;  // streams cannot be opened
    bool greet = true;    // streams are answered with a hello
    Memory memory;
    std::deque<RequestSlot> requests;
    std::vector<std::size_t> batches;
    std::vector<std::uint64_t> released;
    int reports = 0;
    ClientReport newest_report;

    // Answers the oldest request.
    bool reply() {
        if (requests.empty()) return false;
        ReplySlot* slot = listener->next_reply();
        if (slot != nullptr) {
            answer(requests.front(), *slot, memory);
            listener->on_reply(slot);
        }
        requests.pop_front();
        return true;
    }
    void fail(const char* reason, double retry = 0.0, int code = 9) {
        ReplySlot* slot = listener->next_reply();
        slot->character = requests.front().character;
        slot->sequence = requests.front().request.sequence;
        slot->has_window = false;
        slot->error = Error();
        slot->error.code = code;
        slot->error.reason = reason;
        slot->error.retry = retry;
        listener->on_reply(slot);
        requests.pop_front();
    }
    void end(int code = 14) {
        Error error;
        error.code = code;
        error.message = "ended by the test";
        TransportListener* heard = listener;
        listener = nullptr;
        requests.clear();
        heard->on_closed(error);
    }
};

class ScriptedTransport final : public Transport {
  public:
    explicit ScriptedTransport(std::shared_ptr<Script> script) : script_(std::move(script)) {}

    void open(const TransportSettings&, TransportListener& listener) noexcept override {
        ++script_->opened;
        script_->listener = &listener;
        if (script_->refuse)
            script_->end();
        else if (script_->greet)
            listener.on_hello(server_info());
    }
    bool send(const RequestSlot* const* requests, std::size_t count) noexcept override {
        if (script_->listener == nullptr) return false;
        script_->batches.push_back(count);
        for (std::size_t i = 0; i < count; ++i) script_->requests.push_back(*requests[i]);
        return true;
    }
    bool release(const std::uint64_t* characters, std::size_t count) noexcept override {
        script_->released.insert(script_->released.end(), characters, characters + count);
        return true;
    }
    bool report(const ClientReport& report) noexcept override {
        ++script_->reports;
        script_->newest_report = report;
        return true;
    }
    void close() noexcept override {
        script_->listener = nullptr;
        script_->requests.clear();
    }
    void cancel(bool) noexcept override {}

  private:
    std::shared_ptr<Script> script_;
};

// Answers on a thread of its own, a little late, and ends its stream after so many replies.
class ThreadedTransport final : public Transport {
  public:
    explicit ThreadedTransport(int replies_per_stream) : replies_per_stream_(replies_per_stream) {}
    ~ThreadedTransport() override { close(); }

    void open(const TransportSettings&, TransportListener& listener) noexcept override {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stop_ = false;
        }
        reader_ = std::thread([this, &listener] { serve(listener); });
    }
    bool send(const RequestSlot* const* requests, std::size_t count) noexcept override {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stop_) return false;
        for (std::size_t i = 0; i < count; ++i) requests_.push_back(*requests[i]);
        changed_.notify_one();
        return true;
    }
    bool release(const std::uint64_t*, std::size_t) noexcept override { return true; }
    bool report(const ClientReport&) noexcept override { return true; }
    void close() noexcept override {
        cancel(false);
        if (reader_.joinable()) reader_.join();
        requests_.clear();
    }
    void cancel(bool) noexcept override {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
        changed_.notify_one();
    }

  private:
    void serve(TransportListener& listener) {
        Memory memory;
        listener.on_hello(server_info());
        for (int replies = 0; replies < replies_per_stream_; ++replies) {
            RequestSlot request;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                changed_.wait(lock, [this] { return stop_ || !requests_.empty(); });
                if (stop_) break;
                request = requests_.front();
                requests_.pop_front();
            }
            ReplySlot* slot = listener.next_reply();
            if (slot == nullptr) continue;
            answer(request, *slot, memory);
            listener.on_reply(slot);
        }
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stop_ = true;
        }
        listener.on_closed(Error());
    }

    const int replies_per_stream_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<RequestSlot> requests_;
    bool stop_ = false;
    std::thread reader_;
};

// Walks on ahead of where the root is.
class WalkOn final : public ControlSource {
  public:
    WalkOn() {
        auto content = std::make_shared<Content>();
        content->label = "walk";
        content_ = std::move(content);
    }
    void plan(const PlanQuery& query, Controls& controls) noexcept override {
        last = query;
        ++plans;
        controls.content = content_;
        for (int i = 1; i <= 4; ++i) {
            TrajectorySample sample;
            sample.x = query.x + 0.3 * i * std::sin(query.heading);
            sample.z = query.z + 0.3 * i * std::cos(query.heading);
            sample.time = 0.25f * static_cast<float>(i);
            controls.trajectory.add(sample);
        }
    }
    PlanQuery last;
    int plans = 0;

  private:
    std::shared_ptr<const Content> content_;
};

// A client over a script, and a clock that the test moves.
struct Game {
    std::shared_ptr<Script> script = std::make_shared<Script>();
    WalkOn source;
    Client client;
    double now = 0.0;
    double latency = 0.06;  // seconds from a request to its reply
    bool answering = true;
    std::deque<double> due;

    explicit Game(int max_characters = 8, ClientListener* listener = nullptr)
        : client(std::make_unique<ScriptedTransport>(script), settings(max_characters), listener) {}

    static ConnectionSettings settings(int max_characters) {
        ConnectionSettings made;
        made.max_characters = max_characters;
        made.own_thread = false;
        return made;
    }
    Character* add(double x = 0.0, double z = 0.0, double heading = 0.0) {
        CharacterSettings made;
        made.source = &source;
        made.start = {x, z, heading};
        return client.add(made);
    }
    void step(double wall = 1.0 / 60.0, double scale = 1.0) {
        now += wall;
        while (answering && !due.empty() && due.front() <= now && !script->requests.empty()) {
            script->reply();
            due.pop_front();
        }
        client.step_network(now);
        const std::size_t before = script->requests.size();
        client.update(now, wall * scale, scale);
        client.step_network(now);
        if (script->requests.size() < before) due.clear();
        while (due.size() < script->requests.size()) due.push_back(now + latency);
    }
    void run(double seconds, double rate = 60.0, double scale = 1.0) {
        for (int i = 0; i < static_cast<int>(seconds * rate); ++i) step(1.0 / rate, scale);
    }
};

}  // namespace strut::test
