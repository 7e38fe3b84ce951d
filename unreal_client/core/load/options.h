// The command line of strut_load.
#pragma once

#include <string>
#include <vector>

namespace strut::load {

// Something that happens to the game at a time.
struct Event {
    enum class Kind { pause, slow, fast, hitch, teleport, respawn, join };
    Kind kind = Kind::pause;
    double at = 0.0;        // seconds after warm-up
    double duration = 1.0;  // seconds
};

struct Options {
    std::string target = "localhost:50051";
    std::string token;              // sent as a bearer; empty: none
    std::string root_certificates;  // PEM, turns TLS on; empty: off
    int characters = 16;
    int visible = -1;      // -1: all
    double rate = 60.0;    // frames a second
    double warm_up = 4.0;  // seconds
    double seconds = 10.0;
    double calm = 0.0;    // seconds after warm-up that count as undisturbed; 0: all
    double replan = 0.0;  // seconds between changed controls; 0: never
    bool quat48 = true;
    std::string content = "walk";
    std::vector<std::string> styles;
    int steps = 0, min_steps = 0;
    std::vector<Event> events;
    bool everything = false;  // ask with every kind of control
    bool json = false;
    bool bench = false;
    // Bounds; what is exceeded is named, and the exit status is 1.
    double max_late_share = -1.0, max_p99_ms = -1.0, max_acceleration_ratio = -1.0, max_slide_ratio = -1.0;
    bool allow_late = false;
};

// Reads the command line. False when the program is to end, with `status`.
bool parse(int argc, char** argv, Options& options, int& status);

}  // namespace strut::load
