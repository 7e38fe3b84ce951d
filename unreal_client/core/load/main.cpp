// strut_load: a game without pictures. See --help.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "allocations.h"
#include "checks.h"
#include "options.h"
#include "strut/client.h"
#include "strut/grpc_transport.h"
#include "strut/paths.h"

namespace strut::load {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Walks round in a circle of its own.
class Circle final : public ControlSource {
  public:
    static constexpr double kRadius = 4.0, kSpeed = 1.2;

    Circle(double x, double z, std::shared_ptr<const Content> content, std::shared_ptr<const StyleMix> style,
           std::uint32_t steps, std::uint32_t min_steps)
        : x_(x), z_(z), content_(std::move(content)), style_(std::move(style)), steps_(steps), min_steps_(min_steps) {}

    void plan(const PlanQuery& query, Controls& controls) noexcept override {
        controls.content = content_;
        controls.style = style_;
        controls.steps = steps_;
        controls.min_steps = min_steps_;
        controls.scene = scene_;
        controls.surroundings = surroundings_;
        controls.keyframes = keyframes_;
        // From where the character is, on to the circle.
        const double at = std::atan2(query.x - x_, query.z - z_);
        if (scene_ != nullptr) {
            // By corners, at the style's own speed.
            CornerPath::Corner corners[4];
            for (int i = 0; i < 4; ++i) {
                const double angle = at + direction_ * 0.2 * (i + 1);
                corners[i] = {x_ + kRadius * std::sin(angle), z_ + kRadius * std::cos(angle)};
            }
            corners_.set(corners, 4, 0, 0.0);
            corners_.plan(query, controls.trajectory);
            return;
        }
        for (int i = 0; i <= 8; ++i) {
            const double time = 0.15 * i;
            const double angle = at + direction_ * kSpeed * time / kRadius;
            TrajectorySample sample;
            sample.x = x_ + kRadius * std::sin(angle);
            sample.z = z_ + kRadius * std::cos(angle);
            sample.time = static_cast<float>(time);
            controls.trajectory.add(sample);
        }
    }
    Placement start() const noexcept { return {x_, z_ + kRadius, direction_ * 1.5707963}; }
    void turn_round() noexcept { direction_ = -direction_; }
    void set_style(std::shared_ptr<const StyleMix> style) noexcept { style_ = std::move(style); }
    // Every kind of control, around where it walks.
    void add_everything() {
        auto scene = std::make_shared<Scene>();
        scene->descriptor.emplace();
        scene->descriptor->precipitation = 8.0f;
        scene->descriptor->wind = Vec3{3.0f, 0.0f, 1.0f};
        scene->alpha = 0.8f;
        scene_ = scene;
        auto around = std::make_shared<Surroundings>();
        HeightField& ground = around->ground.emplace();
        ground.origin = {x_ - 8.0, 0.0, z_ - 8.0};
        ground.spacing = 1.0f;
        ground.columns = 16;
        for (int i = 0; i < 256; ++i) ground.heights.push_back(0.02f * static_cast<float>(i % 16));
        around->obstacles.push_back({x_, z_, 1.0f, 0.0f, 0.0f, 0.0f, std::nullopt, 2.0});
        around->obstacles.push_back({x_ + 0.2, z_, 0.0f, 1.0f, 0.5f, 0.3f, 0.0, std::nullopt});
        around->bend_path = true;
        surroundings_ = around;
        auto keyframes = std::make_shared<std::vector<Keyframe>>(1);
        Keyframe& keyframe = keyframes->front();
        keyframe.time = 0.4f;
        keyframe.weight = 0.3f;
        keyframe.targets.push_back({Joint::right_wrist, DVec3{x_, 1.4, z_ + kRadius}, std::nullopt});
        keyframes_ = keyframes;
        auto style = std::make_shared<StyleMix>();
        if (style_ != nullptr) *style = *style_;
        style->parts.push_back({BodyPart::left_arm, {}, 0.5f});
        style_ = style;
    }
    void shift(double x, double z) noexcept {
        x_ += x;
        z_ += z;
    }

  private:
    double x_, z_, direction_ = 1.0;
    std::shared_ptr<const Content> content_;
    std::shared_ptr<const StyleMix> style_;
    std::uint32_t steps_, min_steps_;
    std::shared_ptr<const Scene> scene_;
    CornerPath corners_;
    std::shared_ptr<const Surroundings> surroundings_;
    std::shared_ptr<const std::vector<Keyframe>> keyframes_;
};

class Log final : public ClientListener {
  public:
    explicit Log(bool quiet) : quiet_(quiet) {}
    void on_ready(const std::shared_ptr<const ServerInfo>& info) noexcept override {
        if (!quiet_)
            std::fprintf(stderr, "connected: %s on %s, session %s\n", info->model_name.c_str(), info->device.c_str(),
                         info->session_id.c_str());
    }
    void on_lost(const Error& error) noexcept override { say("lost", error); }
    void on_connect_failed(const Error&) noexcept override { ++failed; }
    void on_server_event(const ServerEvent& event) noexcept override {
        if (!quiet_ && event.kind == ServerEvent::Kind::draining) std::fputs("the server drains\n", stderr);
    }
    void on_character_error(std::uint64_t, const Error& error) noexcept override {
        if (error.reason == last_reason_) return;
        say("error", error);
        std::snprintf(last_reason_, sizeof last_reason_, "%s", error.reason.c_str());
    }
    int failed = 0;

  private:
    void say(const char* what, const Error& error) const {
        if (!quiet_)
            std::fprintf(stderr, "%s: %d %s %s\n", what, error.code, error.reason.c_str(), error.message.c_str());
    }
    bool quiet_;
    char last_reason_[64] = "";
};

class Load {
  public:
    explicit Load(const Options& options)
        : options_(options),
          log_(options.json),
          client_(make_grpc_transport(), settings(options), &log_),
          slide_(kRestOffsets) {}

    int run();

  private:
    struct Walker {
        std::unique_ptr<Circle> circle;
        Character* character = nullptr;
        MotionCheck check;
        double replanned_at = 0.0;
    };

    static ConnectionSettings settings(const Options& options) {
        ConnectionSettings made;
        made.transport.target = options.target;
        made.transport.client_name = "strut_load";
        if (!options.token.empty()) made.transport.metadata.emplace_back("authorization", "Bearer " + options.token);
        made.transport.tls = !options.root_certificates.empty();
        made.transport.root_certificates = options.root_certificates;
        made.transport.encoding = options.quat48 ? FrameEncoding::quat48 : FrameEncoding::float32;
        made.max_characters = options.characters + 8;
        return made;
    }

    void add_walkers();
    Character* spawn(Circle& circle);
    void loop();
    void happen(double at);
    double scale_at(double at) const;
    void look(Walker& walker, double dt, bool calm);
    double bench();
    bool report();
    void bound(const char* what, double value, double most);

    Options options_;
    Log log_;
    Client client_;
    std::vector<Walker> walkers_;
    std::shared_ptr<const Content> content_;
    std::vector<std::shared_ptr<const StyleMix>> styles_;
    MotionCheck::Totals totals_;
    SlideCheck slide_;
    Retargeter rig_;
    std::vector<Quat> rig_rest_, rig_rotations_;
    Histogram update_cost_, retarget_cost_;
    std::uint64_t game_allocations_ = 0, network_bytes_ = 0;
    std::size_t next_event_ = 0;
    double skip_ = 0.0;  // seconds of a hitch to be slept
    std::vector<std::string> faults_;
};

Character* Load::spawn(Circle& circle) {
    CharacterSettings settings;
    settings.source = &circle;
    settings.start = circle.start();
    settings.name = "walker";
    return client_.add(settings);
}

void Load::add_walkers() {
    auto content = std::make_shared<Content>();
    content->label = options_.content;
    content_ = std::move(content);
    for (const std::string& name : options_.styles) {
        auto mix = std::make_shared<StyleMix>();
        mix->components.push_back({name, {}, 1.0f, 0});
        styles_.push_back(std::move(mix));
    }
    walkers_.resize(static_cast<std::size_t>(options_.characters));
    const int row = static_cast<int>(std::ceil(std::sqrt(options_.characters)));
    for (int i = 0; i < options_.characters; ++i) {
        Walker& walker = walkers_[static_cast<std::size_t>(i)];
        const auto style = styles_.empty() ? nullptr : styles_[static_cast<std::size_t>(i) % styles_.size()];
        walker.circle = std::make_unique<Circle>(10.0 * (i % row), 10.0 * (i / row), content_, style,
                                                 static_cast<std::uint32_t>(options_.steps),
                                                 static_cast<std::uint32_t>(options_.min_steps));
        if (options_.everything) walker.circle->add_everything();
        walker.character = spawn(*walker.circle);
        if (options_.visible >= 0 && i >= options_.visible) walker.character->set_level(LevelOfDetail::culled);
        walker.replanned_at = options_.replan * i / options_.characters;
    }
}

double Load::scale_at(double at) const {
    for (const Event& event : options_.events) {
        if (at < event.at || at >= event.at + event.duration) continue;
        if (event.kind == Event::Kind::pause) return 0.0;
        if (event.kind == Event::Kind::slow) return 0.25;
        if (event.kind == Event::Kind::fast) return 2.0;
    }
    return 1.0;
}

void Load::happen(double at) {
    while (next_event_ < options_.events.size() && options_.events[next_event_].at <= at) {
        const Event& event = options_.events[next_event_++];
        Walker& walker = walkers_[next_event_ % walkers_.size()];
        switch (event.kind) {
            case Event::Kind::hitch:
                skip_ = event.duration;
                break;
            case Event::Kind::teleport: {
                const Placement root = walker.character->root();
                walker.circle->shift(200.0, -300.0);
                walker.character->teleport({root.x + 200.0, root.z - 300.0, root.heading});
                walker.check.restart();
                break;
            }
            case Event::Kind::respawn:
                client_.remove(walker.character);
                walker.character = spawn(*walker.circle);
                walker.check.restart();
                break;
            case Event::Kind::join: {
                Walker& late = walkers_.emplace_back();
                late.circle = std::make_unique<Circle>(-20.0, -20.0, content_, nullptr, 0u, 0u);
                late.character = spawn(*late.circle);
                break;
            }
            case Event::Kind::pause:
            case Event::Kind::slow:
            case Event::Kind::fast:
                break;
        }
    }
}

void Load::look(Walker& walker, double dt, bool calm) {
    if (walker.character->state() == CharacterState::starting) return;
    const auto& offsets = client_.server() != nullptr ? client_.server()->rest_offsets : kRestOffsets;
    walker.check.frame(*walker.character, offsets, dt, calm, totals_);
}

void Load::loop() {
    const Rig rig = proportioned_rig(kRestOffsets, 1.0f, 1.0f, 0.0f);
    for (const Bone& bone : rig) rig_rest_.push_back(bone.rotation);
    rig_rotations_ = rig_rest_;
    rig_.prepare(rig, automatic_map(rig, EngineSpace::unreal_facing_y));
    walkers_.reserve(walkers_.size() + options_.events.size());
    std::sort(options_.events.begin(), options_.events.end(),
              [](const Event& a, const Event& b) { return a.at < b.at; });
    exclude_thread();

    const Clock::time_point begin = Clock::now();
    const double step = 1.0 / options_.rate;
    double now = 0.0, last = 0.0, due = 0.0;
    bool measuring = false;
    std::uint64_t network_before = 0;
    while (now < options_.warm_up + options_.seconds) {
        due += step;
        if (skip_ > 0.0) {
            std::this_thread::sleep_for(std::chrono::duration<double>(skip_));
            due += skip_;
            skip_ = 0.0;
        }
        if (since(begin) < due)
            std::this_thread::sleep_until(
                begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due)));
        now = since(begin);
        if (now - due > 0.25) due = now;  // held up: no rush to catch up
        const double at = now - options_.warm_up;
        if (!measuring && at >= 0.0) {
            measuring = true;
            client_.reset_statistics();
            totals_ = MotionCheck::Totals();
            network_before = other_allocations().bytes;
        }
        if (measuring) happen(at);
        const double scale = measuring ? scale_at(at) : 1.0;
        // A fixed tick, as most games have; what a hitch swallows is the client's to cap.
        const double dt = (now - last > 10.0 * step ? now - last : step) * scale;
        if (options_.replan > 0.0) {
            for (Walker& walker : walkers_) {
                if (now < walker.replanned_at) continue;
                walker.replanned_at += options_.replan;
                walker.circle->turn_round();
                walker.character->replan();
            }
        }
        last = now;

        const std::uint64_t before = thread_allocations().count;
        const Clock::time_point update = Clock::now();
        client_.update(now, dt, scale);
        const Clock::time_point retarget = Clock::now();
        int shown = 0;
        for (Walker& walker : walkers_) {
            if (walker.character->level() == LevelOfDetail::culled) continue;
            Vec3 pelvis;
            rig_.retarget(walker.character->pose(), rig_rotations_.data(), pelvis);
            ++shown;
        }
        const Clock::time_point done = Clock::now();
        if (measuring && shown > 0) {
            const auto nanoseconds = [&](Clock::time_point a, Clock::time_point b) {
                return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(b - a).count() /
                                                  shown);
            };
            update_cost_.add(nanoseconds(update, retarget));
            retarget_cost_.add(nanoseconds(retarget, done));
            game_allocations_ += thread_allocations().count - before;
        }
        const bool calm = options_.calm <= 0.0 || at < options_.calm;
        for (Walker& walker : walkers_) {
            if (!measuring || walker.character->level() == LevelOfDetail::culled) continue;
            look(walker, std::min(dt, Pacer::kMaxStep), calm);
        }
        if (measuring) slide_.frame(*walkers_[0].character);
    }
    network_bytes_ = other_allocations().bytes - network_before;
}

double Load::bench() {
    // Sample, blend, convert and retarget, for characters whose frames lie in memory as they do in a game.
    const int rounds = 2000;
    std::vector<double> costs;
    for (int round = 0; round < rounds; ++round) {
        const Clock::time_point begin = Clock::now();
        int shown = 0;
        for (Walker& walker : walkers_) {
            if (walker.character->level() == LevelOfDetail::culled) continue;
            client_.update_character(*walker.character, 1e-9);
            Vec3 pelvis;
            rig_.retarget(walker.character->pose(), rig_rotations_.data(), pelvis);
            ++shown;
        }
        costs.push_back(since(begin) / std::max(shown, 1));
    }
    std::sort(costs.begin(), costs.end());
    return costs[costs.size() / 2];
}

void Load::bound(const char* what, double value, double most) {
    if (most < 0.0 || value <= most) return;
    char text[160];
    std::snprintf(text, sizeof text, "%s: is %.4g, allowed is %.4g", what, value, most);
    faults_.push_back(text);
}

bool Load::report() {
    const Statistics s = client_.statistics();
    const double late = s.frames > 0 ? static_cast<double>(s.late_frames) / static_cast<double>(s.frames) : 0.0;
    const double undisturbed = static_cast<double>(totals_.calm.percentile(0.999)) / 1000.0;
    const double largest = static_cast<double>(totals_.disturbed.maximum()) / 1000.0;
    const double ratio = undisturbed > 0.0 ? largest / undisturbed : 0.0;
    const double p99 = static_cast<double>(s.round_trip.percentile(0.99)) / 1000.0;
    double slide = 0.0;
    for (std::size_t i = 0; i < slide_.rigs().size(); ++i) slide = std::max(slide, slide_.ratio(i));
    const double bytes = static_cast<double>(std::max<std::uint64_t>(s.bytes_received, 1));

    if (s.windows == 0) faults_.push_back("no window came");
    if (totals_.broken > 0) faults_.push_back(totals_.first_fault);
    bound("allocations on the game thread", static_cast<double>(game_allocations_), 0.0);
    bound("late frames, share", late, options_.max_late_share);
    bound("99th percentile of windows, ms", p99, options_.max_p99_ms);
    bound("largest acceleration over the undisturbed 99.9th percentile", ratio, options_.max_acceleration_ratio);
    bound("foot slide over that on the canonical skeleton", slide, options_.max_slide_ratio);
    const double cost = options_.bench ? bench() * 1e6 : 0.0;

    const auto line = [&](const char* name, const Histogram& h) {
        if (options_.json)
            std::printf("  \"%s_ms\": [%.3f, %.3f, %.3f, %.3f],\n", name,
                        static_cast<double>(h.percentile(0.5)) / 1000.0,
                        static_cast<double>(h.percentile(0.9)) / 1000.0,
                        static_cast<double>(h.percentile(0.99)) / 1000.0, static_cast<double>(h.maximum()) / 1000.0);
        else
            std::printf("%-12s %8.2f %8.2f %8.2f %8.2f ms\n", name, static_cast<double>(h.percentile(0.5)) / 1000.0,
                        static_cast<double>(h.percentile(0.9)) / 1000.0,
                        static_cast<double>(h.percentile(0.99)) / 1000.0, static_cast<double>(h.maximum()) / 1000.0);
    };
    const auto value = [&](const char* name, double number) {
        if (options_.json)
            std::printf("  \"%s\": %.9g,\n", name, number);
        else
            std::printf("%-28s %.6g\n", name, number);
    };
    if (options_.json)
        std::puts("{");
    else
        std::printf("%d characters at %g Hz for %g s\n%-12s %8s %8s %8s %8s\n", options_.characters, options_.rate,
                    options_.seconds, "", "50 %", "90 %", "99 %", "most");
    line("round_trip", s.round_trip);
    line("wire", s.wire);
    line("server", s.server);
    line("queue", s.queue);
    line("batch_wait", s.batch_wait);
    line("inference", s.inference);
    line("postprocess", s.postprocess);
    line("lead", s.lead);
    line("frame", s.frame);
    value("windows", static_cast<double>(s.windows));
    value("within_200_ms", s.round_trip.share_within(200000));
    value("within_250_ms", s.round_trip.share_within(250000));
    value("late_windows", static_cast<double>(s.late_windows));
    value("fewer_steps", static_cast<double>(s.fewer_steps));
    value("dropped_windows", static_cast<double>(s.dropped_windows));
    value("frames", static_cast<double>(s.frames));
    value("late_frames", static_cast<double>(s.late_frames));
    value("late_share", late);
    value("underruns", static_cast<double>(s.underruns));
    value("seams", static_cast<double>(s.seams));
    value("replans", static_cast<double>(s.replans));
    value("errors", static_cast<double>(s.errors));
    value("reconnects", static_cast<double>(s.reconnects));
    value("failed_connects", log_.failed);
    value("styles", client_.server() == nullptr ? 0.0 : static_cast<double>(client_.server()->styles.size()));
    value("broken_frames", static_cast<double>(totals_.broken));
    value("acceleration_p999", undisturbed);
    value("acceleration_calm_most", static_cast<double>(totals_.calm.maximum()) / 1000.0);
    value("acceleration_most", largest);
    value("acceleration_ratio", ratio);
    value("slide_metres_per_second", slide_.metres_per_second());
    for (std::size_t i = 0; i < slide_.rigs().size(); ++i)
        value(i == 0 ? "slide_ratio_long" : "slide_ratio_short", slide_.ratio(i));
    value("game_allocations", static_cast<double>(game_allocations_));
    value("network_bytes_per_byte", static_cast<double>(network_bytes_) / bytes);
    value("update_us_per_character", static_cast<double>(update_cost_.percentile(0.5)) / 1000.0);
    value("retarget_us_per_character", static_cast<double>(retarget_cost_.percentile(0.5)) / 1000.0);
    if (options_.bench) value("bench_us_per_character", cost);
    if (options_.json) {
        std::printf("  \"faults\": [");
        for (std::size_t i = 0; i < faults_.size(); ++i) std::printf("%s\"%s\"", i ? ", " : "", faults_[i].c_str());
        std::puts("]\n}");
    }
    for (const std::string& fault : faults_) std::fprintf(stderr, "FAILED %s\n", fault.c_str());
    return faults_.empty();
}

int Load::run() {
    add_walkers();
    loop();
    return report() ? 0 : 1;
}

}  // namespace

}  // namespace strut::load

int main(int argc, char** argv) {
    strut::load::Options options;
    int status = 0;
    if (!strut::load::parse(argc, argv, options, status)) return status;
    return strut::load::Load(options).run();
}
