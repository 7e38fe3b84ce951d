"""Pictures of the shipped student on slopes, on stairs, below ceilings and between obstacles, for the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strut_model.bundle import Bundle, load_bundle
from strut_model.heights import HeightField
from strut_model.motion import Motion
from strut_model.scene.terrain import staircase
from strut_model.skeleton import JOINT_INDEX, PARENTS
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.ground import Grounds, laid
from strut_model.streaming.obstacles import Obstacles, distance_at, way_around
from strut_model.streaming.rollout import idle_history, rollout
from strut_model.streaming.stoop import head_tops

_LEFT, _RIGHT, _TRUNK, _GROUND = "#3b6fb6", "#c9543f", "#4a505c", "#b9bec7"
_PIXELS = 90  # an inch


def draw_all(folder: Path) -> list[Path]:
    """Write `ground_slope.png`, `ground_stairs.png`, `ground_ceiling.png` and `ground_obstacles.png`.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    bundle = load_bundle()
    generator = MotionGenerator(bundle, OnnxEngine(bundle))
    paths = []
    for name, field, speed, frames in (
        ("slope", _hill(), 1.1, 200),
        ("stairs", staircase(0.17, 0.29, 8, begin=1.0), 0.7, 200),
        ("ceiling", _passage(), 1.0, 170),
    ):
        motion = _walked(generator, bundle, field, speed, frames)
        paths.append(_side_view(motion, field, folder / f"ground_{name}.png"))
    paths.append(_from_above(folder / "ground_obstacles.png"))
    return paths


def _hill() -> HeightField:
    """Up by 15 degrees and down by 15."""
    z = np.arange(-2.0, 9.0, 0.05)
    rise = np.tan(np.radians(15)) * np.clip(np.minimum(z - 1.0, 5.5 - z), 0, None)
    return HeightField(np.array([-2.0, -2.0]), np.array(0.0), 0.05, np.repeat(rise[:, None], 80, axis=1))


def _passage() -> HeightField:
    z = np.arange(-2.0, 9.0, 0.05)
    ceilings = np.repeat(np.where((z > 2.0) & (z < 4.0), 1.2, 8.0)[:, None], 80, axis=1)
    return HeightField(np.array([-2.0, -2.0]), np.array(0.0), 0.05, np.zeros((len(z), 80)), ceilings)


def _walked(generator: MotionGenerator, bundle: Bundle, field: HeightField, speed: float, frames: int) -> Motion:
    z = np.arange(1, frames + 1)[None, :, None] * speed / 30
    path = np.concatenate((np.zeros_like(z), z), axis=-1)
    return rollout(
        generator,
        Motion.stack([laid(field, idle_history(generator, 1)[0])]),
        path,
        np.zeros((1, frames)),
        bundle.style_vectors[[bundle.style_index["normal"]]],
        bundle.content_vectors[[bundle.content_index["walk"]]],
        ground=Grounds.of([field]),
    )


def _side_view(motion: Motion, field: HeightField, path: Path) -> Path:
    from matplotlib import pyplot as plt

    joints = motion.positions()[0]
    tops = head_tops(motion.world_rotations(), motion.world_pelvis())[0]
    figure, axes = plt.subplots(figsize=(8.4, 3.0), dpi=_PIXELS)
    line = np.arange(joints[0, 0, 2] - 0.7, joints[-1, 0, 2] + 0.7, 0.01)
    points = np.stack((np.zeros_like(line), line), axis=-1)
    ground = field.at(points)
    axes.fill_between(line, ground - 0.12, ground, color=_GROUND, linewidth=0)
    if field.ceilings is not None:
        above = HeightField(field.origin, field.heading, field.spacing, field.ceilings).at(points)
        axes.fill_between(line, above, 2.0, where=list(above < 2.0), color=_GROUND, linewidth=0)
    for frame in range(10, len(joints), 14):
        _draw_body(axes, joints[frame], tops[frame])
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(path, bbox_inches="tight", pad_inches=0.02)
    plt.close(figure)
    return path


def _draw_body(axes: Any, joints: np.ndarray, top: np.ndarray) -> None:
    names = {index: name for name, index in JOINT_INDEX.items()}
    for order in (_RIGHT, _TRUNK, _LEFT):  # the left is nearer to who looks from there
        for joint in range(1, len(joints)):
            name = names[joint]
            colour = _LEFT if name.startswith("left") else _RIGHT if name.startswith("right") else _TRUNK
            if colour == order:
                ends = joints[[int(PARENTS[joint]), joint]]
                axes.plot(ends[:, 2], ends[:, 1], color=colour, linewidth=1.8, solid_capstyle="round")
    head = joints[JOINT_INDEX["head"]]
    middle = (head + top) / 2
    axes.add_patch(_circle((middle[2], middle[1]), 0.1, _TRUNK))


def _from_above(path: Path) -> Path:
    from matplotlib import pyplot as plt
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import Affine2D

    rng = np.random.default_rng(8)
    circles = Obstacles.circles(rng.uniform((-3, -3), (3, 3), (4, 2)), rng.uniform(0.2, 0.7, 4))
    boxes = Obstacles.boxes(
        rng.uniform((-3, -3), (3, 3), (5, 2)), rng.uniform(0.4, 1.8, (5, 2)), rng.uniform(-1.5, 1.5, 5)
    )
    obstacles = Obstacles.concatenate([circles, boxes])
    figure, axes = plt.subplots(figsize=(4.2, 4.2), dpi=_PIXELS)
    for centre, radius in zip(circles.centre, circles.radius):
        axes.add_patch(_circle((centre[0], centre[1]), radius, _GROUND))
    for centre, half, heading in zip(boxes.centre, boxes.half, boxes.heading):
        turned = Affine2D().rotate(-heading).translate(*centre) + axes.transData
        axes.add_patch(Rectangle(-half, *(2 * half), color=_GROUND, transform=turned))
    for x, colour in ((-2.5, _LEFT), (0.0, _RIGHT), (2.5, _TRUNK)):
        way = way_around(obstacles, (x, -4.5), (-x, 4.5), distance_at(1.2)).points
        axes.plot(way[:, 0], way[:, 1], color=colour, linewidth=2)
        axes.plot(*way[0], "o", *way[-1], "s", color=colour, markersize=5)
    axes.set_xlim(-4.6, 4.6)
    axes.set_ylim(-4.8, 4.8)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(path, bbox_inches="tight", pad_inches=0.02)
    plt.close(figure)
    return path


def _circle(centre: tuple[float, float], radius: float, colour: str) -> Any:
    from matplotlib.patches import Circle

    return Circle(centre, radius, color=colour, linewidth=0)
