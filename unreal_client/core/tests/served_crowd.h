// A crowd and a server that makes windows in batches, on a clock of their own: how pacing and batching act together.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "scripted.h"

namespace strut::test {

// One thread that makes one batch after another, by earliest deadline, as the server's scheduler does.
struct BatchServer {
    // Seconds that a batch of n windows takes: evaluations * (each batch + n * each window), as measured on one core
    // (docs/server.md): 10.6 ms for one window and 82 ms for 34 with two evaluations.
    double batch_cost = 0.0042, window_cost = 0.00108;
    double longest_batch = 0.06, target = 0.12;
    std::size_t smallest_batch = 16, largest_batch = 256;
};

// Characters at 60 Hz of a clock that does not depend on the machine.
class ServedCrowd {
  public:
    struct Figures {
        Histogram queue;             // seconds from a request to the start of its batch
        std::vector<int> asked;      // requests in each update
        std::uint64_t one_step = 0;  // windows made with fewer evaluations than asked for
        std::vector<double> leads;   // of each update
    };

    ServedCrowd(int characters, const BatchServer& server, std::uint32_t min_steps)
        : game_(characters), server_(server), source_(min_steps) {
        for (int i = 0; i < characters; ++i) {
            CharacterSettings made;
            made.source = &source_;
            made.start = {10.0 * (i % 20), 10.0 * (i / 20), 0.0};
            characters_.push_back(game_.client.add(made));
        }
    }

    Client& client() { return game_.client; }
    const std::vector<Character*>& characters() const { return characters_; }
    Figures figures;

    // replan: seconds between changed controls, spread over the characters; 0: never.
    void run(double seconds, double replan = 0.0) {
        constexpr double kStep = 1.0 / 60.0;
        for (int i = 0; i < static_cast<int>(seconds / kStep); ++i) {
            if (replan > 0.0)
                for (std::size_t c = 0; c < characters_.size(); ++c) {
                    const double phase = replan * static_cast<double>(c) / static_cast<double>(characters_.size());
                    if (std::floor((now_ + kStep - phase) / replan) > std::floor((now_ - phase) / replan))
                        characters_[c]->replan();
                }
            serve(now_ + kStep);
            now_ += kStep;
            game_.client.step_network(now_);
            const std::size_t before = game_.script->requests.size();
            game_.client.update(now_, kStep);
            game_.client.step_network(now_);
            figures.asked.push_back(static_cast<int>(game_.script->requests.size() - before));
            figures.leads.push_back(game_.client.latency().lead());
            while (!game_.script->requests.empty()) {
                put(std::move(game_.script->requests.front()));
                game_.script->requests.pop_front();
            }
        }
    }
    // The server is gone, then another one is there.
    void lose(double seconds) {
        waiting_.clear();
        making_.clear();
        game_.script->refuse = true;
        game_.script->end();
        run(seconds);
        game_.script->refuse = false;
    }
    void forget() {
        figures = Figures();
        game_.client.reset_statistics();
    }

  private:
    struct Source final : ControlSource {
        explicit Source(std::uint32_t least) : min_steps(least) {}
        void plan(const PlanQuery& query, Controls& controls) noexcept override {
            inner.plan(query, controls);
            controls.steps = 2;
            controls.min_steps = min_steps;
        }
        WalkOn inner;
        std::uint32_t min_steps;
    };
    struct Work {
        RequestSlot request;
        double arrived, deadline;
    };

    void put(RequestSlot&& request) {
        waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                      [&](const Work& w) { return w.request.character == request.character; }),
                       waiting_.end());
        const double deadline = now_ + request.request.deadline;
        waiting_.push_back({std::move(request), now_, deadline});
    }

    double cost(std::size_t count, std::uint32_t steps) const {
        return steps * (server_.batch_cost + server_.window_cost * static_cast<double>(count));
    }
    std::size_t limit(std::uint32_t steps) const {
        const double most = (server_.longest_batch / steps - server_.batch_cost) / server_.window_cost;
        return std::min(std::max(static_cast<std::size_t>(std::max(most, 1.0)), server_.smallest_batch),
                        server_.largest_batch);
    }
    // Two evaluations where everything that waits is done within the target and half of its time.
    std::uint32_t steps(double now) const {
        const std::size_t size = limit(2);
        double end = now;
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            if (i % size == 0) end += cost(std::min(size, waiting_.size() - i), 2);
            const Work& work = waiting_[i];
            const double allowed = std::min(work.arrived + server_.target, now + 0.5 * (work.deadline - now));
            if (end > allowed && work.request.controls.min_steps == 1) return 1;
        }
        return 2;
    }

    // Everything that happens up to a time.
    void serve(double until) {
        while (true) {
            if (!making_.empty()) {
                if (free_at_ > until) return;
                for (Work& work : making_) {
                    game_.script->requests.clear();
                    game_.script->requests.push_back(std::move(work.request));
                    game_.script->reply();
                }
                making_.clear();
            }
            if (waiting_.empty()) return;
            std::stable_sort(waiting_.begin(), waiting_.end(),
                             [](const Work& a, const Work& b) { return a.deadline < b.deadline; });
            const double begin = std::max(free_at_, now_);
            if (begin >= until) return;
            const std::uint32_t chosen = steps(begin);
            const std::size_t count = std::min(limit(chosen), waiting_.size());
            for (std::size_t i = 0; i < count; ++i) {
                figures.queue.add_seconds(begin - waiting_[i].arrived);
                figures.one_step += chosen == 1;
                making_.push_back(std::move(waiting_[i]));
            }
            waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
            free_at_ = begin + cost(count, chosen);
        }
    }

    Game game_;
    BatchServer server_;
    Source source_;
    std::vector<Character*> characters_;
    std::vector<Work> waiting_, making_;
    double now_ = 0.0, free_at_ = 0.0;
};

}  // namespace strut::test
