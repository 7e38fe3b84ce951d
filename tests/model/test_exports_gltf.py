"""glTF files hold the motion exactly, read back without Strut's own kinematics, and obey the specification."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pygltflib as gltf
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from tests.recordings import recording, walking

from strut_model.exports.gltf import build_gltf, write_gltf
from strut_model.exports.mannequin import Limb, limbs
from strut_model.exports.recording import Recording
from strut_model.skeleton import JOINT_NAMES, JOINTS

_TYPES = {gltf.FLOAT: "<f4", gltf.UNSIGNED_SHORT: "<u2", gltf.UNSIGNED_BYTE: "u1"}
_WIDTHS = {gltf.SCALAR: 1, gltf.VEC3: 3, gltf.VEC4: 4, gltf.MAT4: 16}


def accessor(document: gltf.GLTF2, number: int) -> NDArray[np.generic]:
    """An accessor's values (count, width), from the file's bytes."""
    a = document.accessors[number]
    view = document.bufferViews[a.bufferView]
    width = _WIDTHS[a.type]
    count = a.count * width
    values = np.frombuffer(document.binary_blob(), _TYPES[a.componentType], count, view.byteOffset)
    assert values.nbytes <= view.byteLength
    return values.reshape(a.count, width)


def joint_matrices(document: gltf.GLTF2, frame: int) -> NDArray[np.float64]:
    """World matrices (22, 4, 4) of the skin's joints at a key frame, by the node tree and scipy's rotations."""
    local = {}
    for number, node in enumerate(document.nodes):
        local[number] = [
            np.array(node.translation or (0, 0, 0), float),
            Rotation.from_quat(node.rotation or (0, 0, 0, 1)),
        ]
    animation = document.animations[0]
    for channel in animation.channels:
        value = accessor(document, animation.samplers[channel.sampler].output)[frame]
        rotates = channel.target.path == "rotation"
        local[channel.target.node][int(rotates)] = Rotation.from_quat(value) if rotates else value
    world: dict[int, NDArray[np.float64]] = {}

    def visit(number: int, above: NDArray[np.float64]) -> None:
        matrix = np.eye(4)
        matrix[:3, :3] = local[number][1].as_matrix()
        matrix[:3, 3] = local[number][0]
        world[number] = above @ matrix
        for child in document.nodes[number].children or []:
            visit(child, world[number])

    for root in document.scenes[document.scene].nodes:
        visit(root, np.eye(4))
    return np.stack([world[joint] for joint in document.skins[0].joints])


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> gltf.GLTF2:
    path = tmp_path_factory.mktemp("gltf") / "walk.glb"
    write_gltf(recording(), path)
    return gltf.GLTF2().load(str(path))


@pytest.mark.parametrize("frame", [0, 17, 44])
def test_a_reader_of_the_file_finds_every_joint_where_the_motion_has_it(document: gltf.GLTF2, frame: int) -> None:
    matrices = joint_matrices(document, frame)
    np.testing.assert_allclose(matrices[:, :3, 3], walking().positions()[frame], atol=1e-5)


def test_joints_carry_the_canonical_names_below_a_root_node(document: gltf.GLTF2) -> None:
    assert [document.nodes[j].name for j in document.skins[0].joints] == list(JOINT_NAMES)
    assert document.nodes[document.skins[0].skeleton].name == "root"


def test_the_root_node_moves_along_the_ground_with_the_motions_root(document: gltf.GLTF2) -> None:
    channels = {(c.target.node, c.target.path): c.sampler for c in document.animations[0].channels}
    moved = accessor(document, document.animations[0].samplers[channels[(0, "translation")]].output)
    np.testing.assert_allclose(moved[:, [0, 2]], walking().root_position, atol=1e-6)
    assert (moved[:, 1] == 0).all()


def test_keys_are_a_thirtieth_of_a_second_apart_and_take_the_short_way_round(document: gltf.GLTF2) -> None:
    for sampler in document.animations[0].samplers:
        times = accessor(document, sampler.input)[:, 0]
        np.testing.assert_allclose(np.diff(times), 1 / 30, rtol=1e-4)
        values = accessor(document, sampler.output).astype(float)
        assert len(values) == len(times)
        if values.shape[1] == 4:
            np.testing.assert_allclose(np.linalg.norm(values, axis=-1), 1, atol=1e-5)
            assert (np.sum(values[1:] * values[:-1], axis=-1) > 0).all()


def test_a_skinned_vertex_stays_at_its_place_on_its_joint(document: gltf.GLTF2) -> None:
    inverse = accessor(document, document.skins[0].inverseBindMatrices).reshape(JOINTS, 4, 4).transpose(0, 2, 1)
    matrices = joint_matrices(document, 20) @ inverse
    toes = 0
    for primitive in document.meshes[0].primitives:
        position = accessor(document, primitive.attributes.POSITION).astype(float)
        joint = accessor(document, primitive.attributes.JOINTS_0)[:, 0]
        skinned = np.einsum("vij,vj->vi", matrices[joint], np.insert(position, 3, 1, axis=1))[:, :3]
        near = np.linalg.norm(skinned - walking().positions()[20][joint], axis=-1)
        # No limb reaches further from its joint than the thigh, and the end of the toes is within a hand's breadth.
        assert near.max() < 0.55
        toes += int((near[joint == JOINT_NAMES.index("left_foot")] < 0.12).sum())
    assert toes > 50


def test_the_file_obeys_the_specifications_rules_for_buffers_and_meshes(document: gltf.GLTF2) -> None:
    assert document.asset.version == "2.0"
    assert document.buffers[0].byteLength <= len(document.binary_blob())
    for a in document.accessors:
        view = document.bufferViews[a.bufferView]
        assert view.byteOffset % 4 == 0
        assert view.byteOffset + view.byteLength <= document.buffers[0].byteLength
    for primitive in document.meshes[0].primitives:
        position = accessor(document, primitive.attributes.POSITION)
        a = document.accessors[primitive.attributes.POSITION]
        np.testing.assert_array_equal(a.min, position.min(axis=0))
        np.testing.assert_array_equal(a.max, position.max(axis=0))
        assert accessor(document, primitive.indices).max() == len(position) - 1
        assert accessor(document, primitive.attributes.JOINTS_0).max() < JOINTS
        np.testing.assert_array_equal(accessor(document, primitive.attributes.WEIGHTS_0).sum(axis=-1), 1)
        normals = accessor(document, primitive.attributes.NORMAL).astype(float)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-5)
    times = document.accessors[document.animations[0].samplers[0].input]
    assert times.min == [0.0]
    assert times.max == pytest.approx([44 / 30])


def test_styles_and_asked_path_travel_in_the_extras(document: gltf.GLTF2) -> None:
    extras = document.animations[0].extras
    assert extras["styles"] == [{"time": 0.0, "style": "normal"}, {"time": 22 / 30, "style": "youthful"}]
    assert extras["path"] == [[0.0, 0.0], [0.0, 3.0]]


def test_the_text_form_holds_the_same_motion_inside_one_file(tmp_path: Path, document: gltf.GLTF2) -> None:
    path = tmp_path / "walk.gltf"
    write_gltf(recording(), path)
    text = gltf.GLTF2().load(str(path))
    assert text.buffers[0].uri.startswith("data:")
    text.convert_buffers(gltf.BufferFormat.BINARYBLOB)
    np.testing.assert_allclose(joint_matrices(text, 30), joint_matrices(document, 30), atol=1e-6)


def test_another_suffix_and_an_empty_motion_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"walk\.fbx.*\.glb"):
        write_gltf(recording(), tmp_path / "walk.fbx")
    with pytest.raises(ValueError, match="at least one frame"):
        build_gltf(Recording(walking().slice_frames(0, 0)))


def test_every_limb_of_the_mannequin_is_a_closed_surface_that_faces_outwards(document: gltf.GLTF2) -> None:
    volume = 0.0
    for primitive in document.meshes[0].primitives:
        a, b, c = (
            accessor(document, primitive.attributes.POSITION)
            .astype(float)[accessor(document, primitive.indices).reshape(-1, 3)]
            .transpose(1, 0, 2)
        )
        volume += float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6
    # Rounded cones: their volumes in closed form (frustum between the tangent circles, and two caps).
    expected = sum(_volume(limb) for limb in limbs())
    assert volume == pytest.approx(expected, rel=0.05)


def _volume(limb: Limb) -> float:
    squeeze = np.array(limb.squeeze)
    length = np.linalg.norm((np.array(limb.end) - np.array(limb.start)) / squeeze)
    a, b = limb.start_radius, limb.end_radius
    y = np.linspace(-a, length + b, 20001)
    sine = (a - b) / max(length, 1e-9)
    start, end = a * sine, length + b * sine
    cosine = np.sqrt(1 - sine**2)
    cone = np.interp(y, [start, max(end, start + 1e-9)], [a * cosine, b * cosine])
    radius = np.where(y < start, np.sqrt(np.maximum(a**2 - y**2, 0)), cone)
    radius = np.where(y > end, np.sqrt(np.maximum(b**2 - (y - length) ** 2, 0)), radius)
    return float((np.pi * radius**2).sum() * (y[1] - y[0]) * squeeze.prod())
