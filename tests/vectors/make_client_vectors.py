"""Writes the vectors of the engine clients' core: `python -m tests.vectors.make_client_vectors`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from tests.vectors import client_reference as ref
from tests.vectors import rigs

from strut_model.bundle import load_bundle
from strut_model.codec import decode_quat48, encode_quat48

PATH = Path(__file__).resolve().parent / "client_core.json"
DIGITS = 9
RATES = (60, 90, 144)
JOINTS = len(ref.JOINT_NAMES)


def motion(frames: int, seed: int, speed: float = 1.3) -> list[ref.Frame]:
    """A smooth made-up motion: every joint swings, the root walks a bend."""
    generator = np.random.default_rng(seed)
    axes = generator.normal(size=(JOINTS, 3)) * 0.35
    rates = generator.uniform(2.0, 7.0, JOINTS)
    phases = generator.uniform(0.0, 2.0 * math.pi, JOINTS)
    made = []
    root, heading = generator.uniform(-3.0, 3.0, 2), float(generator.uniform(2.6, 3.1))
    for k in range(frames):
        t = k / ref.FPS
        heading += 0.9 / ref.FPS
        root = root + np.array([math.sin(heading), math.cos(heading)]) * speed / ref.FPS
        rotations = np.stack([ref.exponential(a * math.sin(r * t + p)) for a, r, p in zip(axes, rates, phases)])
        pelvis = np.array([0.02 * math.sin(5.0 * t), 0.92 + 0.02 * math.cos(10.0 * t), 0.01 * math.sin(9.0 * t)])
        contacts = np.array([0.5 + 0.5 * math.sin(6.0 * t + i) for i in range(4)])
        made.append(ref.Frame(root, ref.wrap(heading), pelvis, rotations, contacts))
    return made


def idle_pose() -> ref.Frame:
    """The shipped bundle's standing at ease, rounded: the constant of both clients."""
    idle = load_bundle().idle
    rotations = np.round(idle.rotations[-1].astype(np.float64), 4)
    return ref.Frame(
        np.zeros(2),
        0.0,
        np.round(idle.pelvis[-1].astype(np.float64), 4),
        rotations / np.linalg.norm(rotations, axis=-1, keepdims=True),
        np.ones(4),
    )


def quat48() -> dict[str, Any]:
    """Code words and what they decode to, each component the largest once, and rotations at the edges."""
    generator = np.random.default_rng(48)
    q = generator.normal(size=(12, 4))
    q[:4] = np.eye(4) + 0.01 * q[:4]
    q[4] = (1.0, 1.0, 1.0, 1.0)
    q[5] = (1.0, -1.0, 0.0, 0.0)
    q[6] = (0.0, 0.0, 0.0, 1.0)
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    words = encode_quat48(q)
    return {"words": words.tolist(), "rotations": decode_quat48(words).tolist()}


def interpolation() -> dict[str, Any]:
    """A motion shown at 60, 90 and 144 Hz; one rotation has its sign turned, to be met by the shorter way."""
    frames = motion(7, 1)
    flipped = frames[3].rotations.copy()
    flipped[5] *= -1.0
    frames[3] = ref.replace(frames[3], rotations=flipped)
    far = frames[4].rotations.copy()
    far[7] = ref.multiply(ref.exponential(np.array([2.9, 0.4, 0.0])), far[7])
    frames[4] = ref.replace(frames[4], rotations=far)
    shown = []
    for rate in RATES:
        for tick in range(2, int(5.9 / ref.FPS * rate), 3):
            playhead = tick * ref.FPS / rate
            k = math.floor(playhead)
            shown.append(
                {"playhead": playhead, "frame": ref.interpolate(frames[k], frames[k + 1], playhead - k).numbers()}
            )
    return {"frames": [frame.numbers() for frame in frames], "shown": shown}


def seams() -> list[dict[str, Any]]:
    """Old frames, new frames, and the new ones joined to them."""
    cases = []
    for seed, old_count, new_count in ((2, 3, 12), (3, 8, 5), (4, 2, 3), (5, 1, 6)):
        old, new = motion(old_count, seed), motion(new_count, seed + 20)
        # Across the border of pi, where headings wrap.
        new = [ref.replace(frame, heading=ref.wrap(frame.heading + 0.3)) for frame in new]
        cases.append(
            {
                "old": [frame.numbers() for frame in old],
                "new": [frame.numbers() for frame in new],
                "joined": [frame.numbers() for frame in ref.seam(old, new)],
            }
        )
    return cases


def easing(idle: ref.Frame) -> list[dict[str, Any]]:
    """The last two frames of a motion, and local frames after them."""
    cases = []
    for seed in (6, 7):
        b, a = motion(2, seed)
        local = [
            {"t": t, "frame": ref.ease(a, b, idle.pelvis, idle.rotations, t).numbers()}
            for t in (1, 2, 3, 8, 30, 31, 90)
        ]
        cases.append({"before": b.numbers(), "last": a.numbers(), "local": local})
    return cases


def moves() -> dict[str, Any]:
    """Rigid moves, composed and applied; GameDrives and Blend."""
    generator = np.random.default_rng(8)
    cases = []
    for _ in range(4):
        first = ref.Move(float(generator.uniform(-4, 4)), tuple(generator.uniform(-5, 5, 2).tolist()))
        second = ref.Move(float(generator.uniform(-4, 4)), tuple(generator.uniform(-5, 5, 2).tolist()))
        both, root = second.after(first), generator.uniform(-9, 9, 2)
        cases.append(
            {
                "first": [first.heading, *first.shift],
                "second": [second.heading, *second.shift],
                "both": [both.heading, *both.shift],
                "root": root.tolist(),
                "moved": both.place(root).tolist(),
            }
        )
    follows = []
    for dt, weight, distance in ((1 / 60, 1.0, 0.1), (1 / 60, 1.0, 2.0), (0.25, 0.5, 0.12), (1 / 144, 0.0, 0.5)):
        root, place = np.array([1.0, 2.0]), np.array([1.0 + 0.6 * distance, 2.0 - 0.8 * distance])
        at, heading = ref.follow(root, 3.0, place, -3.0, dt, weight)
        follows.append(
            {
                "root": root.tolist(), "heading": 3.0, "place": place.tolist(), "place_heading": -3.0,
                "dt": dt, "weight": weight, "root_after": at.tolist(), "heading_after": heading,
            }
        )  # fmt: skip
    return {"composed": cases, "follow": follows}


def rig_numbers(bones: list[ref.Bone]) -> list[dict[str, Any]]:
    """A rig as JSON has it."""
    return [
        {"name": b.name, "parent": b.parent, "rotation": b.rotation.tolist(), "translation": b.translation.tolist()}
        for b in bones
    ]


def retargeting(idle: ref.Frame) -> list[dict[str, Any]]:
    """Frames on rigs: the canonical one in each space, Unreal's mannequin, a short one; with and without foot IK."""
    rest = ref.replace(
        idle, pelvis=np.array([0.0, ref.PELVIS_REST_HEIGHT, 0.0]), rotations=np.tile([0.0, 0.0, 0.0, 1.0], (JOINTS, 1))
    )
    # Walking, as far as swings about the lateral axis go: a step, with bent knees.
    stride = idle.rotations.copy()
    for joint, angle in (("left_hip", -0.5), ("right_hip", 0.4), ("left_knee", 0.2), ("right_knee", 0.5)):
        i = ref.JOINT_INDEX[joint]
        stride[i] = ref.multiply(ref.exponential(np.array([angle, 0.05, 0.03])), stride[i])
    step = ref.replace(idle, pelvis=np.array([0.02, 0.90, -0.01]), rotations=stride)
    frames = [rest, idle, step, motion(1, 9)[0]]
    twists = [
        {"bone": "lowerarm_twist_01_l", "source": "hand_l", "axis": [1.0, 0.0, 0.0], "share": 0.5},
        {"bone": "upperarm_twist_01_r", "source": "lowerarm_r", "axis": [-1.0, 0.0, 0.0], "share": -0.3},
    ]
    known = [
        ("mannequin", rigs.mannequin(), rigs.MANNEQUIN_MAP),
        ("mannequin, twists, no foot IK", rigs.mannequin(), {**rigs.MANNEQUIN_MAP, "twists": twists, "foot_ik": False}),
        (
            "mannequin, given T-pose and hip scale",
            rigs.mannequin(),
            {**rigs.MANNEQUIN_MAP, "t_pose": {"hand_l": [0.0, 0.6, 0.0, 0.8]}, "hip_scale": 1.1},
        ),
        ("short", rigs.short(), rigs.SHORT_MAP),
        *((f"canonical, {space}", *rigs.canonical(space)) for space in ref.ENGINE_SPACES),
    ]
    cases = []
    for name, bones, rig_map in known:
        retargeter = ref.Retargeter(bones, rig_map)
        shown = []
        for frame in frames:
            result = retargeter.retarget(frame)
            shown.append(
                {
                    "frame": frame.numbers(),
                    "rotations": result["rotations"].tolist(),
                    "pelvis": result["pelvis"].tolist(),
                    "places": result["places"].tolist(),
                }
            )
        cases.append(
            {"name": name, "rig": rig_numbers(bones), "map": rig_map, "hip_scale": retargeter.hip_scale, "shown": shown}
        )
    return cases


def latencies() -> dict[str, Any]:
    """Samples and what the estimator makes of them."""
    generator = np.random.default_rng(10)
    samples = [0.04, *generator.gamma(4.0, 0.01, 20).tolist(), 0.9, *generator.gamma(4.0, 0.01, 5).tolist()]
    crowded = [int(number) for number in np.random.default_rng(11).integers(1, 300, len(samples))]
    return {
        "samples": samples,
        "after": estimates(samples, [1] * len(samples)),
        "in_flight": crowded,
        "after_in_flight": estimates(samples, crowded),
    }


def estimates(samples: list[float], in_flight: list[int]) -> list[list[float]]:
    """The estimator before the first and after each sample: latency, deviation, lead, start ahead."""
    estimator = ref.LatencyEstimator()
    rows = [[estimator.latency, estimator.deviation, estimator.lead, estimator.ahead(1.0)]]
    for sample, number in zip(samples, in_flight):
        estimator.in_flight = number
        estimator.add(sample)
        rows.append([estimator.latency, estimator.deviation, estimator.lead, estimator.ahead(1.0)])
    return rows


def percentiles() -> list[dict[str, Any]]:
    """Values and their percentiles, as the histogram has them."""
    generator = np.random.default_rng(12)
    sets = [
        [],
        [7],
        list(range(200)),
        generator.lognormal(10.0, 1.0, 500).astype(int).tolist(),
        [0, 63, 64, 65, 127, 128, 4095, 4096, 10**6, 2**31 - 1, 2**40],
    ]
    cases = []
    for values in sets:
        histogram = ref.Histogram()
        for value in values:
            histogram.add(value)
        shares = [0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0]
        cases.append({"values": values, "shares": shares, "percentiles": [histogram.percentile(q) for q in shares]})
    return cases


class Script:
    """Runs a pacer over a scripted life and writes down what it decides.

    Each step is one update: first what arrives, then the game's own calls, then ``advance``, then ``decide``.
    """

    def __init__(self, name: str, rate: float = 60.0, **settings: Any) -> None:
        self.pacer = ref.Pacer(**settings)
        self.case: dict[str, Any] = {"name": name, "settings": settings, "steps": []}
        self.rate = rate
        self.now = 0.0
        self.flying: list[tuple[float, dict[str, Any]]] = []
        self.held: dict[str, Any] = {}

    def step(
        self,
        latency: float = 0.06,
        scale: float = 1.0,
        wall: float | None = None,
        error: tuple[str, float] | None = None,
        lost: bool = False,
        calls: tuple[str, ...] = (),
    ) -> None:
        """One update.

        Args:
            latency: of a request that is made now, seconds.
            scale: game seconds in a wall second.
            wall: wall seconds since the update before; by default those of the frame rate.
            error: with which (reason, retry seconds) a request that is made now is answered, instead of a window.
            lost: a request that is made now is never answered.
            calls: of replan, disconnect, connect, cull, show, move.
        """
        pacer = self.pacer
        wall = 1.0 / self.rate if wall is None else wall
        self.now += wall
        arrived: list[dict[str, Any]] = []
        for due, answer in [entry for entry in self.flying if entry[0] <= self.now]:
            self.flying.remove((due, answer))
            if "reason" in answer:
                pacer.on_error(answer["sequence"], answer["reason"], answer["retry"], self.now)
                arrived.append(answer)
            else:
                done = pacer.on_window(answer["sequence"], answer["start"], answer["count"], self.now)
                arrived.append({**answer, "result": done})
        for call in calls:
            if call == "replan":
                pacer.replan_wanted = True
            elif call == "disconnect":
                pacer.connected = False
                pacer.on_disconnected()
                self.flying.clear()
            elif call == "connect":
                pacer.connected = True
            elif call == "move":
                pacer.on_moved()
            else:
                pacer.culled = call == "cull"
        pacer.advance(wall * scale)
        request = pacer.decide(self.now, scale)
        if request is not None and not lost:
            answer = {"sequence": request["sequence"]}
            if error is not None:
                answer |= {"reason": error[0], "retry": error[1]}
            else:
                answer |= {"start": request["start"], "count": request["frames"]}
            self.flying.append((self.now + latency, answer))
        # What is as usual is left out: scale 1, nothing arrived, no calls, no request, the state of the step before.
        step: dict[str, Any] = {"now": self.now, "dt": wall * scale}
        if scale != 1.0:
            step["scale"] = scale
        if arrived:
            step["arrived"] = arrived
        if calls:
            step["calls"] = list(calls)
        if request is not None:
            step |= {"request": request, "playhead": pacer.playhead}
        held = {"state": pacer.state, "server_end": pacer.server_end, "late_frames": pacer.late_frames}
        step |= {key: value for key, value in held.items() if self.held.get(key) != value}
        self.held = held
        self.case["steps"].append(step)

    def run(self, steps: int, **options: Any) -> Script:
        """Several updates alike."""
        for _ in range(steps):
            self.step(**options)
        return self


def pacing() -> list[dict[str, Any]]:
    """Lives of characters: steady, re-planned, stalled, lost, paused, slow, hitching, culled, moved, refused."""
    generator = np.random.default_rng(13)
    scripts = [Script("steady at 60 Hz").run(150)]
    jitter = Script("jitter at 144 Hz, character 23", rate=144.0, character=23)
    for _ in range(240):
        jitter.step(latency=float(generator.gamma(3.0, 0.03)))
    scripts.append(jitter)
    replanned = Script("re-planned twice a second, and too often")
    for i in range(150):
        replanned.step(calls=("replan",) if i % 30 == 20 or 100 < i < 112 else ())
    scripts.append(replanned)
    scripts.append(Script("a stall of 2 s").run(50).run(60, latency=2.0).run(150))
    scripts.append(Script("a window that comes a little late").run(50).run(20, latency=0.55).run(60))
    scripts.append(Script("a slow server").run(220, latency=0.7))
    lost = Script("the server is killed and comes back").run(60)
    lost.step(calls=("disconnect",))
    lost.run(150).step(calls=("connect",))
    scripts.append(lost.run(60))
    scripts.append(Script("pause").run(60).run(30, scale=0.0).run(60))
    scripts.append(Script("slow motion and double speed").run(40).run(60, scale=0.25).run(80, scale=2.0))
    hitch = Script("a hitch of 5 s").run(60)
    hitch.step(wall=5.0)
    scripts.append(hitch.run(60))
    culled = Script("culled and shown again").run(60)
    culled.step(calls=("cull",))
    culled.run(40).step(calls=("show",))
    scripts.append(culled.run(60))
    moved = Script("moved while a request waits")
    for i in range(120):
        moved.step(calls=("move",) if i in (45, 46, 80) else ())
    scripts.append(moved)
    refused = Script("errors of each kind").run(40)
    for reason, retry in (
        ("SEQUENCE_UNKNOWN", 0.0), ("QUEUE_FULL", 0.15), ("DEADLINE", 0.0), ("REPLAN_TOO_SOON", 0.0),
        ("SUPERSEDED", 0.0), ("INTERNAL", 0.0), ("INTERNAL", 0.0), ("INTERNAL", 0.0), ("INTERNAL", 0.0),
    ):  # fmt: skip
        made = refused.pacer.sequence
        while refused.pacer.sequence == made:
            refused.step(error=(reason, retry))
        refused.run(8)
    scripts.append(refused.run(60))
    scripts.append(Script("requests that vanish").run(40).run(120, lost=True).run(60))
    return [script.case for script in scripts]


def constants() -> dict[str, Any]:
    """The constants by name."""
    names = (
        "FPS", "MAX_STEP", "COMMITTED", "MIN_USABLE", "MIN_LEAD", "MAX_LEAD", "LEAD_MARGIN", "INITIAL_LATENCY",
        "INITIAL_DEVIATION", "LATENCY_GAIN", "DEVIATION_GAIN", "MAX_AHEAD", "MAX_AHEAD_AT_REST",
        "MIN_DEADLINE", "BACK_OFF", "RECENT_REQUESTS", "SEAM_DECAY", "EASE_DECAY", "SETTLED",
        "FOLLOW_LIMIT", "FOLLOW_HALF_LIFE",
    )  # fmt: skip
    return {name: getattr(ref, name) for name in names}


def rounded(value: Any) -> Any:
    """Floats with nine digits, tuples as lists."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value


def vectors() -> dict[str, Any]:
    """All of them."""
    idle = idle_pose()
    return {
        "tolerance": 1e-5,
        "constants": constants(),
        "idle_pose": idle.numbers(),
        "quat48": quat48(),
        "interpolation": interpolation(),
        "seams": seams(),
        "easing": easing(idle),
        "moves": moves(),
        "retargeting": retargeting(idle),
        "latency": latencies(),
        "percentiles": percentiles(),
        "pacing": pacing(),
    }


def text() -> str:
    """The file: one line for each case, so that a change shows where it is."""
    parts = []
    for key, value in vectors().items():
        if key != "pacing":  # decisions hang on every bit
            value = rounded(value)
        if isinstance(value, list):
            rows = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in value)
            parts.append(f' "{key}": [\n{rows}\n ]')
        else:
            parts.append(f' "{key}": {json.dumps(value, separators=(",", ":"))}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
