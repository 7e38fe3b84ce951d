// A client: a connection to a server, and the characters that it moves.
//
// Made, used and destroyed on the game thread; a game has one. `update` once a game frame: it never waits, never
// throws, and after the first seconds never allocates.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "strut/character.h"
#include "strut/connection.h"

namespace strut {

// Hears what happens. Implemented by the game, called on the game thread within Client::update, outlives the client.
class ClientListener {
  public:
    virtual ~ClientListener() = default;
    // A stream is open; also after it was lost. `info` is valid as long as it is held.
    virtual void on_ready(const std::shared_ptr<const ServerInfo>& info) noexcept = 0;
    // The stream is gone; the client connects again by itself.
    virtual void on_lost(const Error& error) noexcept = 0;
    // An attempt to connect has failed; the client goes on trying.
    virtual void on_connect_failed(const Error& error) noexcept = 0;
    virtual void on_server_event(const ServerEvent& event) noexcept = 0;
    // A request was answered with an error that is not of the ordinary running.
    virtual void on_character_error(std::uint64_t character, const Error& error) noexcept = 0;
};

class Client {
  public:
    Client(std::unique_ptr<Transport> transport, const ConnectionSettings& settings,
           ClientListener* listener = nullptr);
    // Ends all characters and waits for the network thread.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // A new character; null when there are max_characters already, or the settings have no source. Allocates.
    Character* add(const CharacterSettings& settings);
    // Ends a character; its pointer is void from then on.
    void remove(Character* character) noexcept;

    // Everything of a game frame.
    //   now: seconds of a monotonic clock of the wall.
    //   dt: seconds of game time since the last update; 0 in a pause.
    //   time_scale: game seconds in a wall second.
    void update(double now, double dt, double time_scale = 1.0) noexcept;

    // For engines that update characters one by one: begin_update, update_character for each, end_update.
    void begin_update(double now, double dt, double time_scale = 1.0) noexcept;
    void update_character(Character& character, double dt) noexcept;
    void end_update() noexcept;

    // Game seconds that have been played.
    double game_time() const noexcept { return game_time_; }
    ConnectionState connection_state() const noexcept { return connection_.state(); }
    // Of the newest stream; null before the first.
    const std::shared_ptr<const ServerInfo>& server() const noexcept { return server_; }
    const Statistics& statistics() const noexcept { return statistics_; }
    void reset_statistics() noexcept { statistics_ = Statistics(); }
    const LatencyEstimator& latency() const noexcept { return latency_; }
    int character_count() const noexcept { return count_; }

    // For tests without the network thread (ConnectionSettings::own_thread false).
    void step_network(double now) noexcept { connection_.step(now); }

  private:
    static constexpr double kReportInterval = 10.0;

    void take_events() noexcept;
    void take_replies() noexcept;
    void take_ready(const ConnectionEvent& event) noexcept;
    void apply_limits(Character& character) noexcept;
    void report() noexcept;
    Character* find(std::uint64_t number) noexcept;

    ClientListener* listener_;
    Connection connection_;
    std::vector<std::unique_ptr<Character>> characters_;  // slots, used again
    std::vector<std::uint64_t> generations_;
    int count_ = 0;
    LatencyEstimator latency_;
    Statistics statistics_;
    std::shared_ptr<const ServerInfo> server_;
    std::uint64_t epoch_ = 0;
    bool ready_ = false;
    double now_ = 0.0, game_time_ = 0.0, time_scale_ = 1.0, reported_at_ = 0.0;
    std::uint64_t reported_late_ = 0, reported_underruns_ = 0;
    MeanSince reported_lead_, reported_wire_;
    ConnectionEvent event_;
};

}  // namespace strut
