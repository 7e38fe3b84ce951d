"""glTF 2.0 files: an animated skeleton with a skinned mannequin, so that any viewer or engine shows the motion.

The scene is a ``root`` node that moves along the ground (what an engine calls root motion), the 22 joints
below it, one skin and one animation at 30 frames a second. Units, axes and the rest pose are those of the
canonical skeleton (metres, Y up, facing +Z), which are glTF's own.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pygltflib as gltf
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.exports.mannequin import DARK, mesh
from strut_model.exports.recording import Recording, style_colours
from strut_model.skeleton import FPS, JOINT_NAMES, JOINTS, PARENTS, REST_OFFSETS, forward_kinematics

Array = NDArray[np.floating]

DARK_COLOUR = (58, 64, 76)

_COMPONENTS = {
    np.dtype(np.float32): gltf.FLOAT,
    np.dtype(np.uint8): gltf.UNSIGNED_BYTE,
    np.dtype(np.uint16): gltf.UNSIGNED_SHORT,
}
_SHAPES = {(): gltf.SCALAR, (3,): gltf.VEC3, (4,): gltf.VEC4, (4, 4): gltf.MAT4}


def write_gltf(recording: Recording, path: str | os.PathLike[str], offsets: Array = REST_OFFSETS) -> None:
    """Writes ``.glb`` (binary) or ``.gltf`` (JSON with the data embedded).

    Args:
        recording: the motion; its title, styles and asked path go into the animation's ``extras``.
        path: file to write; the suffix decides the form.
        offsets: (22, 3) metres, bone offsets.

    Raises:
        ValueError: another suffix, or no frames.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".glb", ".gltf"):
        raise ValueError(f"path: {path.name} ends in {suffix!r}; allowed are .glb and .gltf")
    document = build_gltf(recording, offsets)
    if suffix == ".glb":
        path.write_bytes(b"".join(document.save_to_bytes()))
    else:
        document.convert_buffers(gltf.BufferFormat.DATAURI)
        path.write_text(document.to_json(), encoding="utf-8")


def build_gltf(recording: Recording, offsets: Array = REST_OFFSETS) -> gltf.GLTF2:
    """The glTF document of a recording, with one binary buffer; see :func:`write_gltf`."""
    motion = recording.motion
    if motion.frames < 1:
        raise ValueError("recording: at least one frame is needed, got 0")
    buffer = _Buffer()
    document = gltf.GLTF2(
        asset=gltf.Asset(version="2.0", generator="strut-motion"),
        scene=0,
        scenes=[gltf.Scene(name="scene", nodes=[0, JOINTS + 1])],
    )
    document.nodes = _nodes(offsets)
    document.materials = _materials(recording)
    document.meshes = [_mesh(buffer, offsets)]
    document.skins = [_skin(buffer, offsets)]
    document.animations = [_animation(buffer, recording)]
    document.accessors = buffer.accessors
    document.bufferViews = buffer.views
    data = bytes(buffer.data)
    document.buffers = [gltf.Buffer(byteLength=len(data))]
    document.set_binary_blob(data)
    return document


class _Buffer:
    """The binary data, with a view and an accessor for every array."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[gltf.BufferView] = []
        self.accessors: list[gltf.Accessor] = []

    def add(self, array: NDArray[np.generic], target: int | None = None, bounds: bool = False) -> int:
        """Appends an array (N, ...) and returns its accessor's number."""
        array = np.ascontiguousarray(array)
        self.data += bytes(-len(self.data) % 4)
        self.views.append(gltf.BufferView(buffer=0, byteOffset=len(self.data), byteLength=array.nbytes, target=target))
        self.data += array.tobytes()
        accessor = gltf.Accessor(
            bufferView=len(self.views) - 1,
            componentType=_COMPONENTS[array.dtype],
            count=len(array),
            type=_SHAPES[array.shape[1:]],
        )
        if bounds:
            flat = array.reshape(len(array), -1)
            accessor.min = [float(v) for v in flat.min(axis=0)]
            accessor.max = [float(v) for v in flat.max(axis=0)]
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _nodes(offsets: Array) -> list[gltf.Node]:
    """Node 0 is the root on the ground, node 1 + j is joint j, the last is the mesh."""
    nodes = [gltf.Node(name="root", children=[1])]
    for joint, name in enumerate(JOINT_NAMES):
        children = [int(child) + 1 for child in np.flatnonzero(joint == PARENTS)]
        # glTF forbids an empty list of children.
        nodes.append(gltf.Node(name=name, translation=[float(v) for v in offsets[joint]], children=children or None))
    nodes.append(gltf.Node(name="mannequin", mesh=0, skin=0))
    return nodes


def _materials(recording: Recording) -> list[gltf.Material]:
    colours = style_colours([recording])
    body = next(iter(colours.values()))
    return [
        gltf.Material(
            name=name,
            pbrMetallicRoughness=gltf.PbrMetallicRoughness(
                baseColorFactor=[*((c / 255) ** 2.2 for c in colour), 1.0], metallicFactor=0.0, roughnessFactor=0.6
            ),
        )
        for name, colour in (("body", body), ("joints", DARK_COLOUR))
    ]


def _rest_positions(offsets: Array) -> Array:
    """(22, 3) metres, joints in the rest pose relative to the root, where the pelvis' offset is its own."""
    identity = rot.identity((JOINTS,))
    return forward_kinematics(identity, offsets[0].astype(np.float32), offsets)[0]


def _mesh(buffer: _Buffer, offsets: Array) -> gltf.Mesh:
    """One primitive per tone; every vertex hangs on one joint."""
    body = mesh(offsets)
    positions = body.positions + _rest_positions(offsets)[body.joints]
    primitives = []
    for material in (0, DARK):
        triangles = body.triangles[body.tones[body.triangles[:, 0]] == material]
        used, indices = np.unique(triangles, return_inverse=True)
        joints = np.zeros((len(used), 4), np.uint8)
        joints[:, 0] = body.joints[used]
        weights = np.zeros((len(used), 4), np.float32)
        weights[:, 0] = 1
        primitives.append(
            gltf.Primitive(
                attributes=gltf.Attributes(
                    POSITION=buffer.add(positions[used].astype(np.float32), gltf.ARRAY_BUFFER, bounds=True),
                    NORMAL=buffer.add(body.normals[used], gltf.ARRAY_BUFFER),
                    JOINTS_0=buffer.add(joints, gltf.ARRAY_BUFFER),
                    WEIGHTS_0=buffer.add(weights, gltf.ARRAY_BUFFER),
                ),
                indices=buffer.add(indices.reshape(-1).astype(np.uint16), gltf.ELEMENT_ARRAY_BUFFER),
                material=material,
            )
        )
    return gltf.Mesh(name="mannequin", primitives=primitives)


def _skin(buffer: _Buffer, offsets: Array) -> gltf.Skin:
    inverse = np.tile(np.eye(4, dtype=np.float32), (JOINTS, 1, 1))
    inverse[:, :3, 3] = -_rest_positions(offsets)
    # glTF stores matrices by columns.
    return gltf.Skin(
        name="skeleton",
        inverseBindMatrices=buffer.add(inverse.transpose(0, 2, 1)),
        skeleton=0,
        joints=list(range(1, JOINTS + 1)),
    )


def _animation(buffer: _Buffer, recording: Recording) -> gltf.Animation:
    motion = recording.motion
    samplers: list[gltf.AnimationSampler] = []
    channels: list[gltf.AnimationChannel] = []
    times = buffer.add((np.arange(motion.frames) / FPS).astype(np.float32), bounds=True)

    def animate(node: int, what: str, values: Array) -> None:
        samplers.append(
            gltf.AnimationSampler(input=times, output=buffer.add(values.astype(np.float32)), interpolation="LINEAR")
        )
        target = gltf.AnimationChannelTarget(node=node, path=what)
        channels.append(gltf.AnimationChannel(sampler=len(samplers) - 1, target=target))

    ground = np.zeros((motion.frames, 3), np.float32)
    ground[:, [0, 2]] = motion.root_position
    animate(0, "translation", ground)
    animate(0, "rotation", rot.unroll(rot.heading_rotation(motion.root_heading)))
    animate(1, "translation", motion.pelvis)
    for joint in range(JOINTS):
        # Neighbouring keys in one hemisphere, because not every viewer takes the short way round.
        animate(1 + joint, "rotation", rot.unroll(motion.rotations[:, joint]))
    extras: dict[str, object] = {"title": recording.title}
    extras["styles"] = [{"time": start / FPS, "style": name} for start, name in recording.styles]
    if recording.path is not None:
        extras["path"] = [[round(float(x), 4), round(float(z), 4)] for x, z in recording.path]
    return gltf.Animation(name=recording.title or "motion", samplers=samplers, channels=channels, extras=extras)
