"""Who serves and with what, as the contract's ServerHello."""

from __future__ import annotations

from importlib import metadata

from strut_model.bundle import MANIFEST, Bundle, GuidanceRange, file_hash
from strut_model.features import HISTORY, WINDOW
from strut_model.frames import FrameEncoding
from strut_model.scene import wording
from strut_model.skeleton import FPS, JOINT_NAMES, PARENTS, PELVIS_REST_HEIGHT, REST_OFFSETS
from strut_model.streaming.controls import MAX_SPEED
from strut_model.styles.dimensions import dimensions_of
from strut_proto.v1 import geometry_pb2, motion_service_pb2, skeleton_pb2
from strut_server.replies import WIRE_ENCODINGS
from strut_server.settings import ServerSettings

PROTOCOL_VERSION = 1
DISTRIBUTION = "strut-motion"
CAPABILITIES = (
    motion_service_pb2.CAPABILITY_QUAT48,
    motion_service_pb2.CAPABILITY_FEWER_STEPS,
    motion_service_pb2.CAPABILITY_TELEMETRY,
    motion_service_pb2.CAPABILITY_STYLE_CREATE,
    motion_service_pb2.CAPABILITY_STYLE_PRIORITY,
    motion_service_pb2.CAPABILITY_PRESETS,
    motion_service_pb2.CAPABILITY_TERRAIN,
    motion_service_pb2.CAPABILITY_OBSTACLES,
    motion_service_pb2.CAPABILITY_SCENE_SPEED,
    motion_service_pb2.CAPABILITY_OVERRIDE_CONTROLS,
    motion_service_pb2.CAPABILITY_CLIP_PREVIEW,
    motion_service_pb2.CAPABILITY_STYLIZE_CLIP,
    motion_service_pb2.CAPABILITY_EDIT_CLIP,
    *((motion_service_pb2.CAPABILITY_EDIT_CLIP_TEXT,) if wording.available() else ()),
    *((motion_service_pb2.CAPABILITY_SCENE_TEXT,) if wording.available() else ()),
)
"""What works with any bundle; every other capability of the contract is answered with UNIMPLEMENTED."""

_KINDS = {
    "locomotion": motion_service_pb2.CONTENT_KIND_LOCOMOTION,
    "gesture": motion_service_pb2.CONTENT_KIND_GESTURE,
    "idle": motion_service_pb2.CONTENT_KIND_IDLE,
}


def capabilities(bundle: Bundle) -> tuple[motion_service_pb2.Capability.ValueType, ...]:
    """What works with a bundle."""
    offered = list(CAPABILITIES)
    if dimensions_of(bundle):
        offered.append(motion_service_pb2.CAPABILITY_STYLE_DIMENSIONS)
    if bundle.manifest.scene_dim is not None:
        offered.append(motion_service_pb2.CAPABILITY_SCENE)
    return tuple(offered)


def server_version() -> str:
    """The version of the installed distribution."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


def skeleton_message() -> skeleton_pb2.Skeleton:
    """The canonical skeleton with its bone lengths."""
    skeleton = skeleton_pb2.Skeleton()
    for name, parent, offset in zip(JOINT_NAMES, PARENTS, REST_OFFSETS):
        x, y, z = offset.tolist()
        if parent < 0:
            y = PELVIS_REST_HEIGHT
        skeleton.joints.add(name=name, parent=int(parent), rest_offset=geometry_pb2.Vector3(x=x, y=y, z=z))
    return skeleton


def model_message(bundle: Bundle) -> motion_service_pb2.ModelInfo:
    """What a bundle offers."""
    manifest = bundle.manifest
    model = motion_service_pb2.ModelInfo(
        name=manifest.name,
        hash=file_hash(bundle.path / MANIFEST),
        skeleton=skeleton_message(),
        fps=FPS,
        history_frames=HISTORY,
        window_frames=WINDOW,
        style_count=len(manifest.styles),
        neutral_style=manifest.neutral_style,
        steps=sorted(manifest.steps),
        style_guidance=_interval(manifest.style_guidance),
        content_guidance=_interval(manifest.content_guidance),
        weights_licence=manifest.weights_licence,
        style_size=manifest.style_dim,
        content_size=manifest.content_dim,
    )
    for content in manifest.contents:
        model.contents.add(name=content.name, kind=_KINDS[content.kind], mean_seconds=content.mean_seconds)
    return model


def limits_message(settings: ServerSettings) -> motion_service_pb2.Limits:
    """What the server accepts."""
    return motion_service_pb2.Limits(
        max_characters=settings.max_characters,
        max_message_bytes=settings.max_message_bytes,
        max_batch=settings.max_batch,
        max_frames=WINDOW,
        min_replan_frames=settings.min_replan_frames,
        max_trajectory_samples=settings.max_trajectory_samples,
        max_style_components=settings.max_style_components,
        max_deadline_ms=settings.max_deadline_ms,
        default_deadline_ms=settings.default_deadline_ms,
        max_speed=MAX_SPEED,
    )


def hello_message(
    model: motion_service_pb2.ModelInfo,
    limits: motion_service_pb2.Limits,
    device: str,
    bundle: Bundle,
    session_id: str = "",
    encoding: FrameEncoding = FrameEncoding.FLOAT32,
) -> motion_service_pb2.ServerHello:
    """The server's hello with a bundle; without ``session_id`` outside of a stream."""
    return motion_service_pb2.ServerHello(
        protocol_version=PROTOCOL_VERSION,
        server_version=server_version(),
        session_id=session_id,
        encoding=WIRE_ENCODINGS[encoding],
        capabilities=capabilities(bundle),
        model=model,
        limits=limits,
        device=device,
    )


def _interval(guidance: GuidanceRange) -> motion_service_pb2.Interval:
    return motion_service_pb2.Interval(min=guidance.minimum, max=guidance.maximum, default_value=guidance.default)
