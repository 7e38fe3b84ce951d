// What goes between the game thread and the network: requests, replies and events as plain values.
//
// Requests and replies live in slots that a Connection owns and makes once; a slot belongs to whoever holds its pointer
// and is given back through a ring. Nothing here knows protobuf.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "strut/codec.h"
#include "strut/controls.h"
#include "strut/pacer.h"

namespace strut {

inline constexpr int kMaxHistory = 16;
inline constexpr int kMaxWindow = 64;  // frames; longer replies are refused by the transport

// Why something failed. Codes are those of google.rpc.Code.
struct Error {
    int code = 0;
    std::string reason;   // of ErrorInfo, such as SEQUENCE_UNKNOWN; empty where the server gave none
    std::string message;  // for people
    std::string field;    // the first field of a BadRequest
    double retry = 0.0;   // seconds, of RetryInfo
};

// How far a character is in a scene, as the server says it: given back as it is.
struct SceneState {
    static constexpr std::size_t kMaxCodes = 64, kMaxStrides = 16;
    bool known = false;
    float sunk = 0.0f, sinking = 0.0f;  // metres, and metres a frame
    float alpha = 0.0f;
    std::size_t count = 0;
    std::array<float, kMaxCodes> codes{};
    std::size_t stride_count = 0;
    std::array<float, kMaxStrides> strides{};
};

// Feet that are held on the ground, and how the body goes with the ground and the scene.
struct FootLocks {
    std::array<bool, kContacts> active{};
    std::array<Vec3, kContacts> position{};  // metres in the window's space
    float lowered = 0.0f, lowering = 0.0f;   // metres, and metres a frame
    SceneState scene;
};

// The space of a character's frames, at a place in the world.
struct Anchor {
    std::uint32_t id = 0;
    double x = 0.0, y = 0.0, z = 0.0;  // metres
};

// A request on its way to the network thread. The game thread fills it.
struct RequestSlot {
    std::uint64_t character = 0;
    std::uint64_t epoch = 0;  // of the stream that it is meant for
    Request request;
    Anchor anchor;
    Controls controls;
    // Places of the trajectory are relative to the anchor already.
    bool has_phase = false;
    float phase = 0.0f;
    std::uint32_t priority = 0;
    bool first = false;  // the name goes with it
    std::array<char, 64> name{};
    // FLOAT32 records: the history, or the one pose of a cold start.
    int history_count = 0;
    std::array<std::uint8_t, kMaxHistory * kFloat32Record> history{};
    bool has_locks = false;
    FootLocks locks;
    double root_x = 0.0, root_z = 0.0, heading = 0.0;  // of a cold start
};

// Where a window's time went, seconds.
struct ServerTiming {
    double queue = 0.0, batch_wait = 0.0, featurise = 0.0, inference = 0.0, postprocess = 0.0, serialise = 0.0,
           total = 0.0;
    std::uint32_t batch_size = 0;
};

// Number of a warning of the contract: a loaded server has used fewer evaluations than asked for.
inline constexpr int kWarningFewerSteps = 2;

// A reply on its way to the game thread. The transport fills it.
struct ReplySlot {
    std::uint64_t character = 0;
    std::uint64_t sequence = 0;
    bool has_window = false;
    std::int64_t start = 0;
    FrameEncoding encoding = FrameEncoding::float32;
    int count = 0;
    std::vector<std::uint8_t> data;  // whole, valid records; keeps its memory from reply to reply
    bool has_phase = false;
    float phase = 0.0f;  // of a gesture at the frame after the last
    FootLocks locks;
    std::uint32_t steps = 0;
    std::uint64_t warnings = 0;  // bit n: a warning of code n
    ServerTiming timing;
    Error error;  // where has_window is false
};

// Kinds of content; the numbers are those of the contract.
enum class ContentKind : std::uint8_t { unknown = 0, locomotion = 1, gesture = 2, idle = 3 };

struct ContentInfo {
    std::string name;
    ContentKind kind = ContentKind::unknown;
    float mean_seconds = 0.0f;
};

// Who serves and with what.
struct ServerInfo {
    std::string server_version, session_id, device, model_name, model_hash, neutral_style, weights_licence;
    FrameEncoding encoding = FrameEncoding::float32;
    std::vector<int> capabilities;  // numbers of the contract's Capability
    bool has(int capability) const noexcept { return (capability_bits() >> capability & 1) != 0; }
    std::uint64_t capability_bits() const noexcept {
        std::uint64_t bits = 0;
        for (int capability : capabilities)
            if (capability >= 0 && capability < 64) bits |= 1ull << capability;
        return bits;
    }
    std::array<Vec3, kJoints> rest_offsets = kRestOffsets;
    std::vector<ContentInfo> contents;
    std::vector<std::string> styles;  // names that requests may use, as listed when the stream was opened
    std::vector<std::uint32_t> steps;
    int history_frames = 8, window_frames = 16;
    std::uint32_t max_characters = 0, max_batch = 1, max_frames = 16, min_replan_frames = 4, max_deadline_ms = 10000,
                  max_trajectory_samples = 64;
};

// What only the client sees, since the report before.
struct ClientReport {
    std::uint64_t late_windows = 0, underruns = 0;
    float mean_lead_ms = 0.0f, mean_wire_ms = 0.0f;
};

// Something that the server says of itself.
struct ServerEvent {
    enum class Kind : std::uint8_t { draining, model_changed, controls_overridden };
    Kind kind = Kind::draining;
    double remaining = 0.0;                  // seconds, of draining
    std::shared_ptr<const ServerInfo> info;  // of model_changed: the model's fields alone
    std::uint64_t character = 0;             // of controls_overridden
    bool lifted = false;                     // of controls_overridden
};

}  // namespace strut
