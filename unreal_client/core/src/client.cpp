#include "strut/client.h"

#include <algorithm>
#include <chrono>

namespace strut {

namespace {

constexpr std::uint64_t kIndexBits = 20;

}  // namespace

Client::Client(std::unique_ptr<Transport> transport, const ConnectionSettings& settings, ClientListener* listener)
    : listener_(listener),
      connection_(std::move(transport), settings),
      characters_(static_cast<std::size_t>(std::max(settings.max_characters, 1))),
      generations_(characters_.size(), 0) {}

Client::~Client() = default;

Character* Client::add(const CharacterSettings& settings) {
    if (settings.source == nullptr && !settings.passive) return nullptr;
    for (std::size_t i = 0; i < characters_.size(); ++i) {
        std::unique_ptr<Character>& slot = characters_[i];
        if (slot != nullptr && slot->alive_) continue;
        if (slot == nullptr) slot = std::make_unique<Character>();
        // A number is never used twice, so that a late reply finds nobody.
        const std::uint64_t number = generations_[i]++ << kIndexBits | (i + 1);
        slot->begin(number, settings, &latency_, &statistics_);
        slot->pacer_.set_connected(ready_);
        apply_limits(*slot);
        ++count_;
        return slot.get();
    }
    return nullptr;
}

void Client::remove(Character* character) noexcept {
    if (character == nullptr || !character->alive_) return;
    character->alive_ = false;
    character->shown_.reset();
    for (Character::Sent& sent : character->sent_) sent.content.reset();
    --count_;
    if (!character->passive_ && ready_) connection_.release(character->number_);
}

Character* Client::find(std::uint64_t number) noexcept {
    const std::size_t index = static_cast<std::size_t>(number & ((1u << kIndexBits) - 1)) - 1;
    if (index >= characters_.size() || characters_[index] == nullptr) return nullptr;
    Character* found = characters_[index].get();
    return found->alive_ && found->number_ == number ? found : nullptr;
}

void Client::apply_limits(Character& character) noexcept {
    if (server_ == nullptr) return;
    PacerSettings pacing;
    pacing.window_frames = std::max(std::min(server_->window_frames, static_cast<int>(server_->max_frames)), 1);
    pacing.history_frames = server_->history_frames;
    pacing.min_replan_frames = static_cast<int>(server_->min_replan_frames);
    pacing.max_deadline = server_->max_deadline_ms / 1000.0;
    character.history_frames_ = server_->history_frames;
    character.capabilities_ = server_->capability_bits();
    const auto least = std::min_element(server_->steps.begin(), server_->steps.end());
    character.least_steps_ = least == server_->steps.end() ? 0 : *least;
    character.pacer_.set_limits(pacing);
}

void Client::take_ready(const ConnectionEvent& event) noexcept {
    server_ = event.info;
    epoch_ = event.epoch;
    ready_ = true;
    for (const auto& character : characters_) {
        if (character == nullptr || !character->alive_) continue;
        character->pacer_.set_connected(true);
        character->named_ = false;
        apply_limits(*character);
    }
    if (epoch_ > 1) ++statistics_.reconnects;
    if (listener_ != nullptr) listener_->on_ready(server_);
}

void Client::take_events() noexcept {
    while (connection_.next_event(event_)) {
        switch (event_.kind) {
            case ConnectionEvent::Kind::ready:
                take_ready(event_);
                break;
            case ConnectionEvent::Kind::lost:
                ready_ = false;
                for (const auto& character : characters_) {
                    if (character == nullptr) continue;
                    character->pacer_.set_connected(false);
                    character->pacer_.on_disconnected();
                }
                if (listener_ != nullptr) listener_->on_lost(event_.error);
                break;
            case ConnectionEvent::Kind::failed:
                if (listener_ != nullptr) listener_->on_connect_failed(event_.error);
                break;
            case ConnectionEvent::Kind::server:
                if (listener_ != nullptr) listener_->on_server_event(event_.event);
                break;
            case ConnectionEvent::Kind::message_error:
                // Which requests it held is not said: all are asked anew.
                for (const auto& character : characters_)
                    if (character != nullptr) character->pacer_.on_disconnected();
                if (listener_ != nullptr) listener_->on_character_error(0, event_.error);
                break;
        }
    }
}

void Client::take_replies() noexcept {
    while (ReplySlot* reply = connection_.next_ready_reply()) {
        if (Character* character = find(reply->character)) {
            const std::uint64_t errors = character->errors_;
            character->on_reply(*reply, now_);
            if (character->errors_ != errors && listener_ != nullptr)
                listener_->on_character_error(character->number_, character->last_error_);
        }
        connection_.give_back(reply);
    }
}

void Client::begin_update(double now, double dt, double time_scale) noexcept {
    now_ = now;
    time_scale_ = time_scale;
    game_time_ += dt;
    take_events();
    int in_flight = 0;
    for (const auto& character : characters_)
        in_flight += character != nullptr && character->alive_ && character->pacer_.waits();
    latency_.set_in_flight(in_flight);
    take_replies();
}

void Client::update_character(Character& character, double dt) noexcept {
    character.advance(dt);
    if (ready_) character.ask(connection_, epoch_, now_, time_scale_, game_time_);
    if (character.level_ != LevelOfDetail::culled) character.sample();
}

void Client::end_update() noexcept {
    report();
    connection_.flush();
}

void Client::update(double now, double dt, double time_scale) noexcept {
    const auto begin = std::chrono::steady_clock::now();
    begin_update(now, dt, time_scale);
    for (const auto& character : characters_)
        if (character != nullptr && character->alive_) update_character(*character, dt);
    end_update();
    statistics_.frame.add_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

void Client::report() noexcept {
    if (!ready_ || now_ - reported_at_ < kReportInterval) return;
    reported_at_ = now_;
    if (statistics_.late_windows < reported_late_ || statistics_.underruns < reported_underruns_)
        reported_late_ = reported_underruns_ = 0;  // the statistics were reset
    ClientReport made;
    made.late_windows = statistics_.late_windows - reported_late_;
    made.underruns = statistics_.underruns - reported_underruns_;
    made.mean_lead_ms = reported_lead_.look(statistics_.lead);
    made.mean_wire_ms = reported_wire_.look(statistics_.wire);
    reported_late_ = statistics_.late_windows;
    reported_underruns_ = statistics_.underruns;
    connection_.report(made);
}

}  // namespace strut
