#include "options.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace strut::load {

namespace {

constexpr const char* kHelp =
    R"(strut_load: a game without pictures. Walks characters against a running `strut serve`, checks every frame that it
would show, and prints where the time went.

  --target HOST:PORT      server                                              [localhost:50051]
  --token TEXT            of a caller, see `strut token`                      [none]
  --tls-root FILE         PEM file of the server's authority; turns TLS on    [no TLS]
  --characters N          how many                                            [16]
  --visible N             how many of them are seen; the rest are culled      [all]
  --rate HZ               frames a second                                     [60]
  --warm-up S             seconds before measuring                            [4]
  --seconds S             seconds of measuring                                [10]
  --calm S                first seconds that count as undisturbed             [all]
  --replan S              seconds between changed controls; 0: never          [0]
  --encoding NAME         quat48 or float32                                   [quat48]
  --content NAME          what they do                                        [walk]
  --styles A,B,...        styles, in turns                                    [the neutral one]
  --steps N               network evaluations a window; 0: the server's       [0]
  --min-steps N           what a loaded server may go down to; 0: the fewest  [0]
  --everything            ask with every kind of control that the server knows: styles of parts, a scene, the ground,
                          obstacles, keyframes
  --events LIST           KIND@AT:SECONDS,... with pause, slow, fast, hitch, teleport, respawn, join
  --bench                 also measure the cost of a character's frame in a loop of its own
  --json                  print the report as JSON
  --max-late-share X      fail when more frames lack motion
  --max-p99-ms X          fail when 1 % of the windows takes longer
  --max-acceleration X    fail when a joint's acceleration exceeds X times the undisturbed 99.9th percentile
  --max-slide X           fail when feet slide X times as much on the other rigs
Frames that are broken (rotations, heights, leaps) and allocations on the game thread always fail.
)";

bool number(const char* text, double& out) {
    char* end = nullptr;
    out = std::strtod(text, &end);
    return end != text && *end == '\0';
}

bool parse_events(const std::string& text, std::vector<Event>& out) {
    const std::map<std::string, Event::Kind> kinds = {
        {"pause", Event::Kind::pause}, {"slow", Event::Kind::slow},         {"fast", Event::Kind::fast},
        {"hitch", Event::Kind::hitch}, {"teleport", Event::Kind::teleport}, {"respawn", Event::Kind::respawn},
        {"join", Event::Kind::join}};
    std::stringstream list(text);
    std::string entry;
    while (std::getline(list, entry, ',')) {
        const std::size_t at = entry.find('@'), colon = entry.find(':');
        const auto kind = kinds.find(entry.substr(0, at));
        if (at == std::string::npos || kind == kinds.end()) return false;
        Event event;
        event.kind = kind->second;
        if (!number(entry.substr(at + 1, colon - at - 1).c_str(), event.at)) return false;
        if (colon != std::string::npos && !number(entry.substr(colon + 1).c_str(), event.duration)) return false;
        out.push_back(event);
    }
    return true;
}

}  // namespace

bool parse(int argc, char** argv, Options& options, int& status) {
    const std::map<std::string, std::function<void()>> flags = {
        {"--everything", [&] { options.everything = true; }},
        {"--json", [&] { options.json = true; }},
        {"--bench", [&] { options.bench = true; }},
    };
    const auto set_int = [](int& out) { return [&out](const char*, double value) { out = static_cast<int>(value); }; };
    const auto set = [](double& out) { return [&out](const char*, double value) { out = value; }; };
    const std::map<std::string, std::function<void(const char*, double)>> numbers = {
        {"--characters", set_int(options.characters)},
        {"--visible", set_int(options.visible)},
        {"--rate", set(options.rate)},
        {"--warm-up", set(options.warm_up)},
        {"--seconds", set(options.seconds)},
        {"--calm", set(options.calm)},
        {"--replan", set(options.replan)},
        {"--steps", set_int(options.steps)},
        {"--min-steps", set_int(options.min_steps)},
        {"--max-late-share", set(options.max_late_share)},
        {"--max-p99-ms", set(options.max_p99_ms)},
        {"--max-acceleration", set(options.max_acceleration_ratio)},
        {"--max-slide", set(options.max_slide_ratio)},
    };
    status = 2;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--help" || name == "-h") {
            std::fputs(kHelp, stdout);
            status = 0;
            return false;
        }
        const auto flag = flags.find(name);
        if (flag != flags.end()) {
            flag->second();
            continue;
        }
        if (i + 1 == argc) {
            std::fprintf(stderr, "%s: unknown, or lacks its value; see --help\n", name.c_str());
            return false;
        }
        const char* value = argv[++i];
        const auto found = numbers.find(name);
        double parsed = 0.0;
        if (found != numbers.end()) {
            if (!number(value, parsed) || parsed < 0.0) {
                std::fprintf(stderr, "%s: is %s, it must be a number of 0 or more\n", name.c_str(), value);
                return false;
            }
            found->second(value, parsed);
        } else if (name == "--target") {
            options.target = value;
        } else if (name == "--token") {
            options.token = value;
        } else if (name == "--tls-root") {
            std::ifstream file(value);
            std::stringstream text;
            text << file.rdbuf();
            options.root_certificates = text.str();
            if (options.root_certificates.empty()) {
                std::fprintf(stderr, "--tls-root %s: cannot be read, or is empty\n", value);
                return false;
            }
        } else if (name == "--content") {
            options.content = value;
        } else if (name == "--encoding" && (std::string(value) == "quat48" || std::string(value) == "float32")) {
            options.quat48 = std::string(value) == "quat48";
        } else if (name == "--styles") {
            std::stringstream list{std::string(value)};
            std::string style;
            while (std::getline(list, style, ',')) options.styles.push_back(style);
        } else if (name != "--events" || !parse_events(value, options.events)) {
            std::fprintf(stderr, "%s %s: not understood; see --help\n", name.c_str(), value);
            return false;
        }
    }
    if (options.characters < 1 || options.rate < 1.0) {
        std::fputs("--characters must be 1 or more, --rate 1 or more\n", stderr);
        return false;
    }
    return true;
}

}  // namespace strut::load
