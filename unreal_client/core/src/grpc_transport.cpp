// The only file that knows gRPC and protobuf: streams, and the translation of messages.
#include "strut/grpc_transport.h"

#include <google/protobuf/arena.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "strut/v1/motion_service.grpc.pb.h"
#include "strut/v1/style_service.grpc.pb.h"

namespace strut {

namespace {

using google::protobuf::Arena;

constexpr unsigned kProtocolVersion = 1;
// A server that does not list its styles in this time serves without.
constexpr std::chrono::seconds kListPatience{2};
constexpr int kListPage = 1000;

// The memory of one message after another: messages go, their memory stays. One thread at a time.
//
// (Cleared messages would not do: protobuf frees what lives in a oneof or in a field without presence.)
class MessageMemory {
  public:
    // bytes: of a large message without its byte strings; a larger one takes more and gives it back.
    explicit MessageMemory(std::size_t bytes)
        : block_(std::make_unique<char[]>(bytes)), arena_(options(block_.get(), bytes)) {}
    // An empty message; the one before is void.
    template <typename Message>
    Message& next() {
        arena_.Reset();
        return *Arena::CreateMessage<Message>(&arena_);
    }
    Arena& arena() { return arena_; }

  private:
    static google::protobuf::ArenaOptions options(char* block, std::size_t bytes) {
        google::protobuf::ArenaOptions made;
        made.initial_block = block;
        made.initial_block_size = bytes;
        return made;
    }

    std::unique_ptr<char[]> block_;
    Arena arena_;
};

// 64 replies, and as many requests as a message may hold.
constexpr std::size_t kIncomingBytes = 256 * 1024, kOutgoingBytes = 1024 * 1024;

// Byte strings have memory of their own, which an arena gives back: frames that go out are kept apart, and only lent to
// the messages.
struct LentFrames {
    v1::History history;
    v1::ColdStart start;
};

std::uint64_t monotonic_ns() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count());
}

double seconds(std::uint64_t ns) {
    return static_cast<double>(ns) * 1e-9;
}

// Errors.

void read_status(const google::rpc::Status& status, Arena& arena, Error& out) {
    out.code = status.code();
    out.message.assign(status.message());
    out.reason.clear();
    out.field.clear();
    out.retry = 0.0;
    for (const google::protobuf::Any& detail : status.details()) {
        if (detail.Is<google::rpc::ErrorInfo>()) {
            auto& info = *Arena::CreateMessage<google::rpc::ErrorInfo>(&arena);
            if (detail.UnpackTo(&info)) out.reason.assign(info.reason());
        } else if (detail.Is<google::rpc::RetryInfo>()) {
            auto& retry = *Arena::CreateMessage<google::rpc::RetryInfo>(&arena);
            if (!detail.UnpackTo(&retry)) continue;
            out.retry = static_cast<double>(retry.retry_delay().seconds()) + retry.retry_delay().nanos() * 1e-9;
        } else if (detail.Is<google::rpc::BadRequest>()) {
            auto& bad = *Arena::CreateMessage<google::rpc::BadRequest>(&arena);
            if (!detail.UnpackTo(&bad) || bad.field_violations_size() == 0) continue;
            out.field.assign(bad.field_violations(0).field());
            out.message.append(": ").append(bad.field_violations(0).description());
        }
    }
}

Error error_of(const grpc::Status& status) {
    Error error;
    Arena arena;
    google::rpc::Status details;
    if (!status.error_details().empty() && details.ParseFromString(status.error_details()))
        read_status(details, arena, error);
    error.code = static_cast<int>(status.error_code());
    if (error.message.empty()) error.message = status.error_message();
    return error;
}

// What comes.

void read_model(const v1::ModelInfo& model, ServerInfo& out) {
    out.model_name = model.name();
    out.model_hash = model.hash();
    out.neutral_style = model.neutral_style();
    out.weights_licence = model.weights_licence();
    out.history_frames = static_cast<int>(std::min(model.history_frames(), static_cast<unsigned>(kMaxHistory)));
    out.window_frames = static_cast<int>(std::min(model.window_frames(), static_cast<unsigned>(kMaxWindow)));
    for (int j = 0; j < std::min(model.skeleton().joints_size(), kJoints); ++j) {
        const v1::Vector3& offset = model.skeleton().joints(j).rest_offset();
        // The root joint's is its height above the ground, not an offset from a parent.
        out.rest_offsets[static_cast<std::size_t>(j)] = j == 0 ? Vec3() : Vec3{offset.x(), offset.y(), offset.z()};
    }
    for (const v1::ContentInfo& content : model.contents())
        out.contents.push_back({content.name(), static_cast<ContentKind>(content.kind()), content.mean_seconds()});
    out.steps.assign(model.steps().begin(), model.steps().end());
}

std::shared_ptr<const ServerInfo> read_hello(const v1::ServerHello& hello) {
    auto info = std::make_shared<ServerInfo>();
    info->server_version = hello.server_version();
    info->session_id = hello.session_id();
    info->device = hello.device();
    info->encoding = static_cast<FrameEncoding>(hello.encoding());
    for (int capability : hello.capabilities()) info->capabilities.push_back(capability);
    const v1::Limits& limits = hello.limits();
    info->max_characters = limits.max_characters();
    info->max_batch = limits.max_batch();
    info->max_frames = limits.max_frames();
    info->min_replan_frames = limits.min_replan_frames();
    info->max_deadline_ms = limits.max_deadline_ms();
    info->max_trajectory_samples = limits.max_trajectory_samples();
    read_model(hello.model(), *info);
    return info;
}

// What does not fit is left unknown: the server then takes the scene that the request asks for.
void read_scene(const v1::SceneState& scene, SceneState& out) {
    const auto count = static_cast<std::size_t>(scene.codes_size());
    const auto strides = static_cast<std::size_t>(scene.strides_size());
    if (count > SceneState::kMaxCodes || strides > SceneState::kMaxStrides) return;
    out.known = true;
    out.sunk = scene.sunk();
    out.sinking = scene.sinking();
    out.alpha = scene.alpha();
    out.count = count;
    std::copy(scene.codes().begin(), scene.codes().end(), out.codes.begin());
    out.stride_count = strides;
    std::copy(scene.strides().begin(), scene.strides().end(), out.strides.begin());
}

void read_window(const v1::Window& window, ReplySlot& out) {
    const v1::PackedFrames& frames = window.frames();
    const auto* data = reinterpret_cast<const std::uint8_t*>(frames.data().data());
    out.encoding = static_cast<FrameEncoding>(frames.encoding());
    out.count = static_cast<int>(frames.count());
    out.has_window = out.count <= kMaxWindow && valid_records(out.encoding, data, frames.data().size(), out.count);
    if (!out.has_window) {
        out.error = Error();
        out.error.message = "the window's frames are broken";
        return;
    }
    out.start = window.start_frame();
    out.data.assign(data, data + frames.data().size());
    out.has_phase = window.has_gesture_phase();
    out.phase = window.gesture_phase();
    out.steps = window.steps();
    out.locks = FootLocks();
    for (const v1::FootLock& lock : window.foot_locks().locks()) {
        const int joint = static_cast<int>(lock.joint()) - 1;
        if (joint < 0 || joint >= kContacts) continue;
        out.locks.active[static_cast<std::size_t>(joint)] = true;
        out.locks.position[static_cast<std::size_t>(joint)] = {lock.position().x(), lock.position().y(),
                                                               lock.position().z()};
    }
    out.locks.lowered = window.foot_locks().lowered();
    out.locks.lowering = window.foot_locks().lowering();
    if (window.foot_locks().has_scene()) read_scene(window.foot_locks().scene(), out.locks.scene);
}

void read_reply(const v1::WindowReply& reply, Arena& arena, ReplySlot& out) {
    out.character = reply.character();
    out.sequence = reply.sequence();
    out.has_window = false;
    out.warnings = 0;
    for (const v1::Warning& warning : reply.warnings())
        out.warnings |= 1ull << (static_cast<unsigned>(warning.code()) & 63u);
    const v1::Timing& t = reply.timing();
    out.timing = {seconds(t.queue_ns()),        seconds(t.batch_wait_ns()),
                  seconds(t.featurise_ns()),    seconds(t.inference_ns()),
                  seconds(t.postprocess_ns()),  seconds(t.serialise_ns()),
                  seconds(t.server_total_ns()), t.batch_size()};
    if (reply.has_window())
        read_window(reply.window(), out);
    else
        read_status(reply.error(), arena, out.error);
}

bool read_event(const v1::ServerEvent& event, ServerEvent& out) {
    switch (event.event_case()) {
        case v1::ServerEvent::kDraining:
            out.kind = ServerEvent::Kind::draining;
            out.remaining = event.draining().remaining_ms() / 1000.0;
            return true;
        case v1::ServerEvent::kModelChanged: {
            out.kind = ServerEvent::Kind::model_changed;
            auto info = std::make_shared<ServerInfo>();
            read_model(event.model_changed().model(), *info);
            out.info = std::move(info);
            return true;
        }
        case v1::ServerEvent::kControlsOverridden:
            out.kind = ServerEvent::Kind::controls_overridden;
            out.character = event.controls_overridden().character();
            out.lifted = !event.controls_overridden().has_controls();
            return true;
        case v1::ServerEvent::EVENT_NOT_SET:
            break;
    }
    return false;  // of a kind that this client does not know
}

// What goes.

void write_component(const StyleComponent& component, v1::StyleComponent& out) {
    if (component.vector.empty())
        out.set_name(component.name);
    else
        out.mutable_vector()->mutable_values()->Assign(component.vector.begin(), component.vector.end());
    if (component.weight != 1.0f) out.set_weight(component.weight);
    if (component.priority != 0) out.set_priority(component.priority);
}

void write_style(const StyleMix& style, v1::StyleMix& out) {
    for (const StyleComponent& component : style.components) write_component(component, *out.add_components());
    if (style.strength.has_value()) out.set_strength(*style.strength);
    for (const PartStyle& part : style.parts) {
        v1::PartStyle& written = *out.add_parts();
        written.set_part(static_cast<v1::BodyPart>(part.part));
        for (const StyleComponent& component : part.components) write_component(component, *written.add_components());
        if (part.strength.has_value()) written.set_strength(*part.strength);
    }
    for (const StyleDimension& dimension : style.dimensions) {
        v1::StyleDimension& written = *out.add_dimensions();
        written.set_name(dimension.name);
        written.set_value(dimension.value);
    }
    out.set_gating(static_cast<v1::StyleGating>(style.gating));
}

void write_content(const Content& content, v1::Content& out) {
    if (!content.code.empty())
        out.mutable_code()->mutable_values()->Assign(content.code.begin(), content.code.end());
    else if (!content.text.empty())
        out.set_text(content.text);
    else
        out.set_label(content.label);
    if (content.gesture_phase.has_value()) out.mutable_gesture()->set_phase(*content.gesture_phase);
    if (content.gesture_duration.has_value()) out.mutable_gesture()->set_duration(*content.gesture_duration);
    if (content.gesture_hold) out.mutable_gesture()->set_hold(true);
}

void write_descriptor(const SceneDescriptor& d, v1::SceneDescriptor& out) {
    if (d.slope) out.set_slope(*d.slope);
    if (d.friction) out.set_friction(*d.friction);
    if (d.compliance) out.set_compliance(*d.compliance);
    if (d.sink_depth) out.set_sink_depth(*d.sink_depth);
    if (d.roughness) out.set_roughness(*d.roughness);
    if (d.water_depth) out.set_water_depth(*d.water_depth);
    if (d.snow_depth) out.set_snow_depth(*d.snow_depth);
    if (d.clearance) out.set_clearance(*d.clearance);
    if (d.footing_width) out.set_footing_width(*d.footing_width);
    if (d.precipitation) out.set_precipitation(*d.precipitation);
    if (d.visibility) out.set_visibility(*d.visibility);
    if (d.temperature) out.set_temperature(*d.temperature);
    if (d.ground_temperature) out.set_ground_temperature(*d.ground_temperature);
    if (d.crowding) out.set_crowding(*d.crowding);
    if (d.platform_tilt) out.set_platform_tilt(*d.platform_tilt);
    if (d.platform_period) out.set_platform_period(*d.platform_period);
    if (d.step_height) out.set_step_height(*d.step_height);
    if (d.wind) {
        out.mutable_wind()->set_x(d.wind->x);
        out.mutable_wind()->set_y(d.wind->y);
        out.mutable_wind()->set_z(d.wind->z);
    }
}

void write_scene(const Scene& scene, v1::SceneControl& out) {
    if (!scene.preset.empty())
        out.set_preset(scene.preset);
    else if (!scene.text.empty())
        out.set_text(scene.text);
    else if (scene.descriptor.has_value())
        write_descriptor(*scene.descriptor, *out.mutable_scene_descriptor());
    else if (!scene.vector.empty())
        out.mutable_vector()->mutable_values()->Assign(scene.vector.begin(), scene.vector.end());
    if (scene.alpha.has_value()) out.set_alpha(*scene.alpha);
}

// Places in the world become relative to the anchor.

void write_obstacle(const Obstacle& obstacle, const Anchor& anchor, v1::Obstacle& out) {
    v1::GroundPoint& center =
        *(obstacle.radius > 0.0f ? out.mutable_circle()->mutable_center() : out.mutable_box()->mutable_center());
    center.set_x(static_cast<float>(obstacle.x - anchor.x));
    center.set_z(static_cast<float>(obstacle.z - anchor.z));
    if (obstacle.radius > 0.0f) {
        out.mutable_circle()->set_radius(obstacle.radius);
    } else {
        out.mutable_box()->set_width(obstacle.width);
        out.mutable_box()->set_depth(obstacle.depth);
        out.mutable_box()->set_heading(obstacle.heading);
    }
    if (obstacle.bottom) out.set_bottom(static_cast<float>(*obstacle.bottom - anchor.y));
    if (obstacle.top) out.set_top(static_cast<float>(*obstacle.top - anchor.y));
}

void write_surroundings(const Surroundings& around, const Anchor& anchor, v1::SceneControl& out) {
    if (around.ground.has_value()) {
        const HeightField& field = *around.ground;
        v1::HeightField& written = *out.mutable_height_field();
        written.mutable_origin()->set_x(static_cast<float>(field.origin.x - anchor.x));
        written.mutable_origin()->set_z(static_cast<float>(field.origin.z - anchor.z));
        written.set_heading(field.heading);
        written.set_spacing(field.spacing);
        written.set_columns(static_cast<unsigned>(field.columns));
        const auto up = static_cast<float>(field.origin.y - anchor.y);
        for (float height : field.heights) written.add_heights(up + height);
        for (float ceiling : field.ceilings) written.add_ceilings(up + ceiling);
    }
    for (const Obstacle& obstacle : around.obstacles) write_obstacle(obstacle, anchor, *out.add_obstacles());
    out.set_bend_path(around.bend_path);
}

void write_keyframe(const Keyframe& keyframe, double passed, const Anchor& anchor, v1::Keyframe& out) {
    out.set_time(static_cast<float>(keyframe.time - passed));
    if (keyframe.weight) out.set_weight(*keyframe.weight);
    if (keyframe.pose.has_value()) {
        Frame pose = *keyframe.pose;
        pose.root_x = static_cast<float>(keyframe.place.x - anchor.x);
        pose.root_z = static_cast<float>(keyframe.place.z - anchor.z);
        pose.heading = static_cast<float>(wrap(keyframe.place.heading));
        std::array<std::uint8_t, kFloat32Record> record;
        encode_float32(pose, record.data());
        out.mutable_pose()->set_encoding(v1::FRAME_ENCODING_FLOAT32);
        out.mutable_pose()->set_count(1);
        out.mutable_pose()->set_data(record.data(), record.size());
    }
    for (const JointTarget& target : keyframe.targets) {
        v1::JointTarget& written = *out.add_targets();
        written.set_joint(static_cast<unsigned>(target.joint));
        if (target.position) {
            written.mutable_position()->set_x(static_cast<float>(target.position->x - anchor.x));
            written.mutable_position()->set_y(static_cast<float>(target.position->y - anchor.y));
            written.mutable_position()->set_z(static_cast<float>(target.position->z - anchor.z));
        }
        if (target.rotation) {
            const Quat q = target.rotation->w < 0.0f ? Quat{-target.rotation->x, -target.rotation->y,
                                                            -target.rotation->z, -target.rotation->w}
                                                     : *target.rotation;
            written.mutable_rotation()->set_x(q.x);
            written.mutable_rotation()->set_y(q.y);
            written.mutable_rotation()->set_z(q.z);
            written.mutable_rotation()->set_w(q.w);
        }
    }
}

void write_trajectory(const Trajectory& trajectory, v1::Trajectory& out) {
    if (trajectory.fixed_timing) out.set_timing(v1::TRAJECTORY_TIMING_FIXED);
    for (int i = 0; i < trajectory.count; ++i) {
        const TrajectorySample& sample = trajectory.samples[static_cast<std::size_t>(i)];
        v1::TrajectorySample& written = *out.add_samples();
        if (!std::isnan(sample.x) && !std::isnan(sample.z)) {
            written.mutable_position()->set_x(static_cast<float>(sample.x));
            written.mutable_position()->set_z(static_cast<float>(sample.z));
        }
        if (!std::isnan(sample.facing)) written.set_facing(sample.facing);
        if (!std::isnan(sample.speed)) written.set_speed(sample.speed);
        if (!std::isnan(sample.time)) written.set_time(sample.time);
    }
}

void write_frames(const RequestSlot& request, v1::PackedFrames& out) {
    out.set_encoding(v1::FRAME_ENCODING_FLOAT32);
    out.set_count(static_cast<unsigned>(request.history_count));
    out.set_data(request.history.data(), kFloat32Record * static_cast<std::size_t>(request.history_count));
}

void write_scene(const SceneState& scene, v1::SceneState& out) {
    out.set_sunk(scene.sunk);
    out.set_sinking(scene.sinking);
    out.set_alpha(scene.alpha);
    for (std::size_t i = 0; i < scene.count; ++i) out.add_codes(scene.codes[i]);
    for (std::size_t i = 0; i < scene.stride_count; ++i) out.add_strides(scene.strides[i]);
}

void write_timeline(const RequestSlot& request, LentFrames& lent, v1::Timeline& out) {
    out.set_start_frame(request.request.start);
    switch (request.request.origin) {
        case Origin::continues:
            out.set_continues_sequence(request.request.continues);
            break;
        case Origin::cold: {
            out.unsafe_arena_set_allocated_cold_start(&lent.start);
            v1::ColdStart& start = *out.mutable_cold_start();
            start.mutable_position()->set_x(static_cast<float>(request.root_x));
            start.mutable_position()->set_z(static_cast<float>(request.root_z));
            start.set_heading(static_cast<float>(request.heading));
            write_frames(request, *start.mutable_pose());
            break;
        }
        case Origin::history: {
            out.unsafe_arena_set_allocated_history(&lent.history);
            v1::History& history = *out.mutable_history();
            history.clear_foot_locks();
            write_frames(request, *history.mutable_frames());
            history.set_end_frame(request.request.start - 1);
            if (!request.has_locks) break;
            v1::FootLocks& locks = *history.mutable_foot_locks();
            for (std::size_t i = 0; i < kContacts; ++i) {
                if (!request.locks.active[i]) continue;
                v1::FootLock& lock = *locks.add_locks();
                lock.set_joint(static_cast<v1::ContactJoint>(i + 1));
                lock.mutable_position()->set_x(request.locks.position[i].x);
                lock.mutable_position()->set_y(request.locks.position[i].y);
                lock.mutable_position()->set_z(request.locks.position[i].z);
            }
            locks.set_lowered(request.locks.lowered);
            locks.set_lowering(request.locks.lowering);
            if (request.locks.scene.known) write_scene(request.locks.scene, *locks.mutable_scene());
            break;
        }
    }
}

void write_request(const RequestSlot& request, LentFrames& lent, v1::WindowRequest& out) {
    out.set_character(request.character);
    out.set_sequence(request.request.sequence);
    write_timeline(request, lent, *out.mutable_timeline());
    v1::Controls& controls = *out.mutable_controls();
    const Controls& wanted = request.controls;
    if (wanted.trajectory.count > 0) write_trajectory(wanted.trajectory, *controls.mutable_trajectory());
    if (wanted.content != nullptr) write_content(*wanted.content, *controls.mutable_content());
    if (request.has_phase) controls.mutable_content()->mutable_gesture()->set_phase(request.phase);
    if (wanted.style != nullptr) write_style(*wanted.style, *controls.mutable_style());
    if (wanted.scene != nullptr) write_scene(*wanted.scene, *controls.mutable_scene());
    if (wanted.surroundings != nullptr)
        write_surroundings(*wanted.surroundings, request.anchor, *controls.mutable_scene());
    if (wanted.keyframes != nullptr)
        for (const Keyframe& keyframe : *wanted.keyframes)
            if (keyframe.time >= wanted.keyframes_passed)
                write_keyframe(keyframe, wanted.keyframes_passed, request.anchor, *controls.add_keyframes());
    if (wanted.content_guidance.has_value()) controls.set_content_guidance(*wanted.content_guidance);
    if (wanted.seed.has_value()) controls.set_seed(*wanted.seed);
    if (wanted.steps != 0) controls.set_steps(wanted.steps);
    if (wanted.min_steps != 0) controls.set_min_steps(wanted.min_steps);
    out.set_frames(static_cast<unsigned>(request.request.frames));
    out.set_priority(request.priority);
    out.set_deadline_ms(static_cast<unsigned>(std::ceil(request.request.deadline * 1000.0 - 1e-9)));
    if (request.anchor.id != 0) {
        v1::Anchor& anchor = *out.mutable_anchor();
        anchor.set_id(request.anchor.id);
        anchor.set_x(request.anchor.x);
        anchor.set_y(request.anchor.y);
        anchor.set_z(request.anchor.z);
    }
    out.set_client_send_time_ns(monotonic_ns());
    if (request.first && request.name[0] != '\0') out.set_name(request.name.data());
}

std::shared_ptr<grpc::ChannelCredentials> credentials_of(const TransportSettings& settings) {
    if (!settings.tls) return grpc::InsecureChannelCredentials();
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = settings.root_certificates;
    options.pem_cert_chain = settings.client_certificate;
    options.pem_private_key = settings.client_key;
    return grpc::SslCredentials(options);
}

grpc::ChannelArguments arguments_of(const TransportSettings& settings) {
    grpc::ChannelArguments arguments;
    // A server that is back is found within a third of a second: gRPC's own pauses grow to two minutes.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 500);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 300);
    arguments.SetMaxReceiveMessageSize(64 * 1024 * 1024);
    if (!settings.server_name.empty()) arguments.SetSslTargetNameOverride(settings.server_name);
    return arguments;
}

class GrpcTransport final : public Transport {
  public:
    ~GrpcTransport() override { close(); }

    void open(const TransportSettings& settings, TransportListener& listener) noexcept override {
        if (channel_ == nullptr) {
            channel_ = grpc::CreateCustomChannel(settings.target, credentials_of(settings), arguments_of(settings));
            stub_ = v1::MotionService::NewStub(channel_);
        }
        metadata_ = settings.metadata;
        auto context = std::make_unique<grpc::ClientContext>();
        for (const auto& [key, value] : settings.metadata) context->AddMetadata(key, value);
        // The call begins with the hello instead of waiting for the connection.
        context->set_initial_metadata_corked(true);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            context_ = std::move(context);
            if (cancelled_) context_->TryCancel();
        }
        stream_ = stub_->StreamMotion(context_.get());
        v1::StreamMotionRequest message;
        v1::ClientHello& hello = *message.mutable_hello();
        hello.set_protocol_version(kProtocolVersion);
        hello.set_client_name(settings.client_name);
        hello.set_client_version(settings.client_version);
        hello.set_encoding(static_cast<v1::FrameEncoding>(settings.encoding));
        hello.add_capabilities(v1::CAPABILITY_QUAT48);
        hello.add_capabilities(v1::CAPABILITY_OVERRIDE_CONTROLS);
        // Where it fails, the reader hears why.
        stream_->Write(message);
        reader_ = std::thread([this, &listener] { read(listener); });
    }

    bool send(const RequestSlot* const* requests, std::size_t count) noexcept override {
        if (stream_ == nullptr) return false;
        auto& message = outgoing_.next<v1::StreamMotionRequest>();
        v1::WindowRequestBatch& batch = *message.mutable_requests();
        while (lent_.size() < count) lent_.push_back(std::make_unique<LentFrames>());
        for (std::size_t i = 0; i < count; ++i) write_request(*requests[i], *lent_[i], *batch.add_requests());
        return stream_->Write(message);
    }

    bool release(const std::uint64_t* characters, std::size_t count) noexcept override {
        if (stream_ == nullptr) return false;
        v1::StreamMotionRequest message;
        for (std::size_t i = 0; i < count; ++i) message.mutable_release()->add_characters(characters[i]);
        return stream_->Write(message);
    }

    bool report(const ClientReport& report) noexcept override {
        if (stream_ == nullptr) return false;
        v1::StreamMotionRequest message;
        v1::ClientReport& written = *message.mutable_report();
        written.set_late_windows(report.late_windows);
        written.set_underruns(report.underruns);
        written.set_mean_lead_ms(report.mean_lead_ms);
        written.set_mean_wire_ms(report.mean_wire_ms);
        return stream_->Write(message);
    }

    void close() noexcept override {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (context_ != nullptr) context_->TryCancel();
            if (listing_ != nullptr) listing_->TryCancel();
            closing_ = true;
        }
        if (reader_.joinable()) reader_.join();
        stream_.reset();
        const std::lock_guard<std::mutex> lock(mutex_);
        context_.reset();
        closing_ = false;
    }

    void cancel(bool for_good) noexcept override {
        const std::lock_guard<std::mutex> lock(mutex_);
        cancelled_ = cancelled_ || for_good;
        if (context_ != nullptr) context_->TryCancel();
        if (listing_ != nullptr) listing_->TryCancel();
    }

  private:
    void read(TransportListener& listener) noexcept {
        for (;;) {
            auto& message = incoming_.next<v1::StreamMotionResponse>();
            if (!stream_->Read(&message)) break;
            switch (message.message_case()) {
                case v1::StreamMotionResponse::kHello:
                    listener.on_hello(with_styles(read_hello(message.hello())));
                    break;
                case v1::StreamMotionResponse::kReplies:
                    for (const v1::WindowReply& reply : message.replies().replies()) {
                        ReplySlot* slot = listener.next_reply();
                        if (slot == nullptr) continue;
                        read_reply(reply, incoming_.arena(), *slot);
                        listener.on_reply(slot);
                    }
                    break;
                case v1::StreamMotionResponse::kEvent: {
                    ServerEvent event;
                    if (read_event(message.event(), event)) listener.on_event(event);
                    break;
                }
                case v1::StreamMotionResponse::kError: {
                    Error error;
                    read_status(message.error(), incoming_.arena(), error);
                    listener.on_message_error(error);
                    break;
                }
                case v1::StreamMotionResponse::MESSAGE_NOT_SET:
                    break;  // of a kind that this client does not know
            }
        }
        listener.on_closed(error_of(stream_->Finish()));
    }

    // The hello with the names of the styles; as many as could be listed.
    std::shared_ptr<const ServerInfo> with_styles(const std::shared_ptr<const ServerInfo>& info) {
        const auto out = std::make_shared<ServerInfo>(*info);
        const auto stub = v1::StyleService::NewStub(channel_);
        const auto deadline = std::chrono::system_clock::now() + kListPatience;
        v1::ListStylesRequest request;
        request.set_page_size(kListPage);
        for (bool more = true; more;) {
            grpc::ClientContext context;
            for (const auto& [key, value] : metadata_) context.AddMetadata(key, value);
            context.set_deadline(deadline);
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                if (cancelled_ || closing_) break;
                listing_ = &context;
            }
            v1::ListStylesResponse page;
            const bool listed = stub->ListStyles(&context, request, &page).ok();
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                listing_ = nullptr;
            }
            if (!listed) break;
            for (const v1::Style& style : page.styles()) out->styles.push_back(style.name());
            request.set_page_token(page.next_page_token());
            more = !page.next_page_token().empty();
        }
        return out;
    }

    std::shared_ptr<grpc::Channel> channel_;
    std::unique_ptr<v1::MotionService::Stub> stub_;
    std::unique_ptr<grpc::ClientReaderWriter<v1::StreamMotionRequest, v1::StreamMotionResponse>> stream_;
    MessageMemory outgoing_{kOutgoingBytes};  // the network thread's
    std::vector<std::unique_ptr<LentFrames>> lent_;
    MessageMemory incoming_{kIncomingBytes};  // the reader's
    std::thread reader_;
    std::vector<std::pair<std::string, std::string>> metadata_;
    std::mutex mutex_;  // of the contexts, which any thread may cancel
    std::unique_ptr<grpc::ClientContext> context_;
    grpc::ClientContext* listing_ = nullptr;
    bool closing_ = false;
    bool cancelled_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_grpc_transport() {
    return std::make_unique<GrpcTransport>();
}

}  // namespace strut
