"""What each quantity of a scene does to a gait: from a descriptor to the amounts that the operators apply.

Every function below answers for one quantity and says where its numbers come from. ``Measured`` is a figure of the
source itself; ``direction`` means that the source reports which way the measure goes and the amount is ours, chosen
within what people show; ``derived`` follows from the source's figures by the formula given. What a function says holds
at alpha 1; `Effects.scaled` gives any other.

Speeds are split between step length and cadence so that their ratio stays as it is, which is how adults change their
speed (walk ratio: Sekiya and Nagasaki 1998, Gait Posture 7): each gets the square root, unless a source says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from strut_model.scene.descriptor import SceneDescriptor, SceneError

MAX_ALPHA = 1.5
"""The contract's greatest alpha."""
GRAVITY = 9.81
AIR_DENSITY = 1.2
BODY_MASS = 75.0
DRAG_AREA, SIDE_DRAG_AREA = 0.7, 0.5
"""Square metres, drag coefficient times area of a standing adult seen from the front and from the side (chosen, of the
order that Penwarden 1973, Building Science 8, calculates with)."""


@dataclass(frozen=True)
class Effects:
    """Amounts for the operators; the defaults do nothing.

    Attributes:
        step_length, cadence: factors.
        wading: factor on the cadence by resistance to swinging feet, beside ``cadence``.
        narrowing: factor on the feet's distance from the path.
        step_width: metres that steps are wider.
        clearance: metres that swinging feet go higher above the ground.
        sink: metres that standing feet go below it.
        knee_flexion: degrees that knees bend more in stance.
        trunk_lean, trunk_side: degrees that the trunk leans forward and to its left.
        sway: degrees, amplitude of the trunk's rolling.
        sway_period: seconds.
        arm_abduction: degrees that the upper arms are lifted sideways.
        elbow_flexion: degrees that elbows bend more.
        gaze: degrees that the head looks further down.
        slips: a minute.
        ceiling: metres of free height; the head stays below it.
    """

    step_length: float = 1.0
    cadence: float = 1.0
    wading: float = 1.0
    narrowing: float = 1.0
    step_width: float = 0.0
    clearance: float = 0.0
    sink: float = 0.0
    knee_flexion: float = 0.0
    trunk_lean: float = 0.0
    trunk_side: float = 0.0
    sway: float = 0.0
    sway_period: float = 8.0
    arm_abduction: float = 0.0
    elbow_flexion: float = 0.0
    gaze: float = 0.0
    slips: float = 0.0
    ceiling: float = np.inf

    @property
    def neutral(self) -> bool:
        """True where nothing is to be done."""
        return all(getattr(self, f.name) == f.default for f in fields(self) if f.name != "sway_period")

    @property
    def speed(self) -> float:
        """Factor on the speed along the path."""
        return self.step_length * self.cadence * self.wading

    @property
    def gait(self) -> Effects:
        """Those that the student learns: in which time and how far one steps, and arms drawn in.

        The run time does the others itself (`streaming.bearing`, `streaming.footing`, `streaming.stoop`,
        `streaming.scenery`), in every style alike.
        """
        neutral = Effects()
        left = {name: getattr(neutral, name) for name in RUN_TIME if name != "arm_abduction"}
        return replace(self, **left, arm_abduction=min(self.arm_abduction, 0.0))

    def __mul__(self, other: Effects) -> Effects:
        """Both together: factors multiply, amounts add, the lower ceiling counts, the slower rolling's period stays."""
        values: dict[str, float] = {}
        for f in fields(self):
            a, b = getattr(self, f.name), getattr(other, f.name)
            values[f.name] = a * b if f.name in FACTORS else a + b
        values["ceiling"] = min(self.ceiling, other.ceiling)
        values["sway_period"] = self.sway_period if self.sway else other.sway_period
        return Effects(**values)

    def scaled(self, alpha: float) -> Effects:
        """The effects at a strength: factors to the power of alpha, amounts times alpha. 0 is neutral, 1 these.

        A ceiling is no matter of degree and stays; how far the head gives way to it is (see `operators.duck`).

        Raises:
            SceneError: alpha is not from 0 to `MAX_ALPHA`.
        """
        if not 0 <= alpha <= MAX_ALPHA:
            raise SceneError(f"alpha: is {alpha:g}; allowed: 0 to {MAX_ALPHA:g}")
        if alpha == 0:
            return Effects()
        values = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in FACTORS:
                values[f.name] = value**alpha
            else:
                values[f.name] = value if f.name in _FIXED else value * alpha
        return Effects(**values)


RUN_TIME = (
    "trunk_lean",
    "trunk_side",
    "arm_abduction",
    "elbow_flexion",
    "gaze",
    "ceiling",
    "sink",
    "narrowing",
    "step_width",
    "clearance",
    "knee_flexion",
    "slips",
)
"""What the run time does itself, see `Effects.gait`."""
FACTORS = ("step_length", "cadence", "wading", "narrowing")
_FIXED = ("ceiling", "sway_period")
_LIMITS: dict[str, tuple[float, float]] = {
    "step_length": (0.3, 1.3),
    "cadence": (0.5, 1.4),
    "wading": (0.5, 1.0),
    "narrowing": (0.1, 1.0),
    "step_width": (0.0, 0.15),
    "clearance": (0.0, 0.25),
    "sink": (0.0, 0.35),
    "knee_flexion": (0.0, 30.0),
    "trunk_lean": (-15.0, 25.0),
    "trunk_side": (-15.0, 15.0),
    "sway": (0.0, 10.0),
    "arm_abduction": (-12.0, 60.0),
    "elbow_flexion": (0.0, 60.0),
    "gaze": (0.0, 30.0),
    "slips": (0.0, 8.0),
}


def effects_of(scene: SceneDescriptor) -> Effects:
    """The effects of a scene at alpha 1: those of its quantities together, each kept within what a body can do."""
    total = Effects()
    for effect in _ALL:
        total = total * effect(scene)
    limited = {name: float(np.clip(getattr(total, name), *limits)) for name, limits in _LIMITS.items()}
    return replace(total, **limited)


def _ramp(value: float, low: float, high: float) -> float:
    """0 at ``low``, 1 at ``high``, linear between, whichever is greater."""
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def _at_speed(factor: float, share: float = 0.5) -> Effects:
    """A factor on the speed: ``share`` of it (in the exponent) by step length, the rest by cadence."""
    return Effects(step_length=factor**share, cadence=factor ** (1 - share))


def friction(scene: SceneDescriptor) -> Effects:
    """Slippery ground: short steps, arms out, flexed knees, eyes down, slips.

    Speed on clean ice: 2 minutes a kilometre longer than the 12 on bare pavement, a factor .86 (derived; Fossum and
    Ryeng 2021, Transp Res D 97:102934). Step length and cycle duration shorter, arm movements larger at a friction of
    .06 (direction; Cappellini et al. 2010, J Neurophysiol 103:746); shorter strides already when a slippery floor is
    expected (direction; Cham and Redfern 2002, Gait Posture 15:159). So step length .82, cadence 1.05. Amounts of arms
    15, knees 8, gaze 10 degrees, width 4 cm and lean 3 degrees are chosen. Slips begin where the available friction
    falls to what walking requires, about .2, and rise along a logistic curve (form: Hanson, Redfern and Mazumdar 1999,
    Ergonomics 42:1619; at most 6 a minute: chosen, people who know the ice are careful).
    """
    mu = scene["friction"]
    severity = _ramp(mu, 0.5, 0.06)
    slips = 6.0 / (1.0 + np.exp((mu - 0.17) / 0.03))
    return Effects(
        step_length=0.82**severity,
        cadence=1.05**severity,
        step_width=0.04 * severity,
        arm_abduction=15 * severity,
        knee_flexion=8 * severity,
        gaze=10 * severity,
        trunk_lean=3 * severity,
        slips=float(slips) if slips > 0.02 else 0.0,
    )


def soft_ground(scene: SceneDescriptor) -> Effects:
    """Sand, mud, snow: the foot sinks and has to be lifted out, the knees bend more, the walk slows.

    Energy cost grows by a terrain factor: loose sand 2.1, bog 1.8 (Soule and Goldman 1972, J Appl Physiol 32:706), snow
    1.30 + .082 a centimetre of footprint (Pandolf, Haisman and Goldman 1976, Ergonomics 19:683). Speed: the factor's
    inverse cube root, half way between keeping speed and keeping effort (derived, the exponent chosen). Greater maximum
    flexion of knee and hip on compliant ground (direction; Grant et al. 2022, J R Soc Interface 19:20220483): 8 degrees
    in stance at 10 cm. Feet are lifted higher by a tenth of the footprint and 1 cm, in snow over the snow left standing
    (chosen); the trunk leans forward by up to 5 degrees (chosen). How far elastic ground gives under 75 kg counts as
    sinking.
    """
    snow = scene["snow_depth"]
    load = BODY_MASS * GRAVITY / 1000
    sink = max(scene["sink_depth"], min(scene["compliance"] * load / 1000, 0.08))
    if sink == 0 and snow == 0:
        return Effects()
    factor = 1 + 0.3 * _ramp(sink, 0, 0.02) + 8.2 * sink
    deep = _ramp(sink, 0, 0.1)
    lift = 0.01 * deep + 0.1 * sink + 0.5 * max(snow - sink, 0.0)
    slowed = _at_speed(factor ** (-1 / 3))
    return replace(slowed, sink=sink, clearance=lift, knee_flexion=8 * deep, trunk_lean=5 * deep, gaze=6 * deep)


def roughness(scene: SceneDescriptor) -> Effects:
    """Uneven ground: feet higher, knees bent, eyes down.

    Minimum toe clearance 3.8 times that of level ground on loose rocks, with more knee and hip flexion (measured;
    Gates et al. 2012, Gait Posture 35:36): from the usual 1.5 cm, 4.2 cm more. Step length 4 % shorter at 2.5 cm of
    unevenness (measured; Voloshina et al. 2013, J Exp Biol 216:3963). Gaze goes from the horizon to 30 to 60 degrees
    below it on rocks (measured; Muller et al. 2023, eLife 12:e82410); the head's share, 18 degrees, is chosen, as are
    knees 8, arms 8 degrees and cadence -5 %.
    """
    rough = _ramp(scene["roughness"], 0, 0.04)
    return Effects(
        clearance=0.042 * rough,
        step_length=0.96**rough,
        cadence=0.95**rough,
        knee_flexion=8 * rough,
        gaze=18 * rough,
        arm_abduction=8 * rough,
    )


def water(scene: SceneDescriptor) -> Effects:
    """Water: lifted over while it is shallow, pushed through when it is deep.

    Comfortable speed at chest depth about 40 % of that on land, mostly by a slower cadence (Barela, Stolf and Duarte
    2006, J Electromyogr Kinesiol 16:250; very large effect in the review of Heywood et al. 2016, Gait Posture 48:120);
    between, the factor falls with the depth (chosen: 1 - .6 (depth / 1.2)^.7). Stride and step length shorter, knees
    and hips more flexed at contact at hip depth (direction; Cadenas-Sanchez et al. 2015, J Hum Kinet): knees 8 degrees.
    Drag grows with the square of the speed, so the cadence is lost where the foot is fastest
    (`legs.wading_resistance`). Lift over water up to 20 cm, lean up to 8, arms out of the water from .7 m on: chosen.
    """
    depth = scene["water_depth"]
    if depth == 0:
        return Effects()
    speed = 1 - 0.6 * min(depth / 1.2, 1.0) ** 0.7
    return Effects(
        step_length=speed**0.35,
        wading=speed**0.65,
        clearance=0.12 * float(np.exp(-(((depth - 0.18) / 0.14) ** 2))) * _ramp(depth, 0, 0.1) + 0.01,
        knee_flexion=8 * _ramp(depth, 0, 0.9),
        trunk_lean=8 * _ramp(depth, 0.1, 0.9),
        arm_abduction=5 * _ramp(depth, 0.2, 0.5) + 30 * _ramp(depth, 0.7, 1.0),
        elbow_flexion=35 * _ramp(depth, 0.7, 1.0),
    )


def overhead(scene: SceneDescriptor) -> Effects:
    """Little free height: stooping and crouching below it, with shorter steps.

    How far the head comes down is geometry. Walking bent goes with flexed hips and knees (direction; Grasso, Zago and
    Lacquaniti 2000, J Neurophysiol 83:288) and costs more (Carey and Crompton 2005, J Hum Evol 48:25); step length -15
    % and cadence -5 % at 1.2 m are chosen.
    """
    low = _ramp(scene["clearance"], 1.7, 1.2)
    if low == 0:
        return Effects()
    return Effects(ceiling=scene["clearance"], step_length=0.85**low, cadence=0.95**low, gaze=4 * low)


def footing(scene: SceneDescriptor) -> Effects:
    """A narrow footing: one foot before the other, slow, arms out, eyes down.

    The width of the steps is geometry. Walking on a narrow base is slower (direction; Schrager et al. 2008, Gait
    Posture 28:466); the arms take part in keeping the balance the more, the harder the beam (direction; Muehlbauer
    et al. 2022, Front Hum Neurosci 16:854823). Step length -22 %, cadence -15 %, arms 45, gaze 18 degrees are chosen.
    """
    narrow = _ramp(scene["footing_width"], 0.5, 0.1)
    return Effects(
        narrowing=0.15**narrow,
        step_length=0.78**narrow,
        cadence=0.85**narrow,
        arm_abduction=45 * narrow,
        gaze=18 * narrow,
        knee_flexion=4 * narrow,
    )


def wind(scene: SceneDescriptor) -> Effects:
    """Wind: leaning against it, slower against and a little faster with it, wide steps across it.

    Lean: the angle whose tangent is the drag over the weight (statics); drag from half the air's density, the drag area
    and the speed squared. Discomfort from 5, danger from 20 m/s (Penwarden 1973, Building Science 8:259); step width
    varies in crosswinds of 6 m/s and more (direction; Hunt, Poulton and Mumford 1976, Build Environ 11:15). Oxygen
    uptake against wind grows with its square (Pugh 1971, J Physiol 213:255): speed falls by 1.2 times the drag over the
    weight (chosen), and rises by .3 times from behind.
    """
    along, across = scene["wind_z"], scene["wind_x"]
    speed = float(np.hypot(along, across))
    weight = BODY_MASS * GRAVITY
    drag = 0.5 * AIR_DENSITY * speed / weight
    head, side = -drag * DRAG_AREA * along, -drag * SIDE_DRAG_AREA * across
    factor = 1 - 1.2 * head if head > 0 else 1 - 0.3 * head
    return replace(
        _at_speed(max(factor, 0.5)),
        trunk_lean=float(np.degrees(np.arctan(head))),
        trunk_side=float(np.degrees(np.arctan(side))),
        step_width=0.07 * _ramp(abs(across), 6, 20),
        gaze=12 * _ramp(-along, 5, 20),
        knee_flexion=5 * _ramp(speed, 10, 20),
        elbow_flexion=15 * _ramp(-along, 8, 20),
    )


def precipitation(scene: SceneDescriptor) -> Effects:
    """Rain: hunched, head down, quick short steps.

    Pedestrians walk faster in rain (direction; weather in the review of Bosina and Weidmann 2017, Physica A 468:1).
    Cadence +8 %, step length -4 %, lean 6, gaze 12, elbows 15 degrees at 10 mm/h are chosen; snowfall counts half.
    """
    heavy = _ramp(scene["precipitation"], 0, 10) * (1.0 if scene["temperature"] > 0 else 0.5)
    return Effects(
        cadence=1.08**heavy, step_length=0.96**heavy, trunk_lean=6 * heavy, gaze=12 * heavy, elbow_flexion=15 * heavy
    )


def visibility(scene: SceneDescriptor) -> Effects:
    """Darkness and fog: slow, short steps, upright, knees bent, arms ready.

    Blindfolded against sighted: speed .84 against 1.27 m/s, cadence 97 against 111 steps a minute (measured; Hallemans
    et al. 2010, Gait Posture 32:547), so step length -25 %. Trunk further back, knees more flexed (direction; Hallemans
    et al. 2009, Gait Posture 30:307): 4 and 6 degrees. All of it at half a metre of sight, none from 100 m on, between
    by the logarithm (chosen); so are arms 10 degrees and 1.5 cm of clearance for feeling steps.
    """
    blind = float(np.clip(np.log(100 / max(scene["visibility"], 0.5)) / np.log(200), 0.0, 1.0))
    return Effects(
        cadence=0.876**blind,
        step_length=0.755**blind,
        trunk_lean=-4 * blind,
        knee_flexion=6 * blind,
        arm_abduction=10 * blind,
        clearance=0.015 * blind,
    )


def temperature(scene: SceneDescriptor) -> Effects:
    """Heat slows and bows; cold hurries, hunches and draws the arms in.

    Cadence falls as the air warms (r = -.81 over the days of a year; direction; Obuchi et al. 2021, Sci Rep 11), and
    low temperatures go with faster walking (direction; Rotton, Shats and Standers 1990, Environ Behav 22:650). Amounts
    are chosen: at 43 degrees cadence -7 %, step length -6 %, lean 4, gaze 10; at -20 cadence +8 %, step length -4 %,
    lean 6, gaze 8, arms -8, elbows 35 degrees.
    """
    hot, cold = _ramp(scene["temperature"], 28, 43), _ramp(scene["temperature"], 5, -20)
    return Effects(
        cadence=0.93**hot * 1.08**cold,
        step_length=0.94**hot * 0.96**cold,
        trunk_lean=4 * hot + 6 * cold,
        gaze=10 * hot + 8 * cold,
        arm_abduction=-8 * cold,
        elbow_flexion=35 * cold,
    )


def hot_ground(scene: SceneDescriptor) -> Effects:
    """Ground that burns: short, quick, high steps.

    Skin hurts from 44 degrees on (Moritz and Henriques 1947, Am J Pathol 23:695). Bare feet already shorten the stride
    and raise the cadence (direction; review by Franklin et al. 2015, Gait Posture 42:230); step length -15 %, cadence
    +18 % and 4 cm of clearance at 65 degrees are chosen. Shod characters should be given the ground's temperature in
    their shoes.
    """
    burning = _ramp(scene["ground_temperature"], 50, 65)
    return Effects(
        cadence=1.18**burning, step_length=0.85**burning, clearance=0.04 * burning, arm_abduction=8 * burning
    )


def crowding(scene: SceneDescriptor) -> Effects:
    """People around: slower, with short steps and arms close.

    Speed over density: v / v0 = 1 - exp(-1.913 (1 / density - 1 / 5.4)) (measured; Weidmann 1993, IVT Schriftenreihe
    90), here at least .3. Step length takes most of it (direction; Jelic et al. 2012, Phys Rev E 86:046111): 70 %. Arms
    -6 degrees are chosen.
    """
    density = scene["crowding"]
    if density == 0:
        return Effects()
    speed = 1 - np.exp(-1.913 * (1 / density - 1 / 5.4)) if density < 5.4 else 0.0
    full = _ramp(density, 0, 1.5)
    return replace(_at_speed(max(float(speed), 0.3), 0.7), arm_abduction=-6 * full)


def platform(scene: SceneDescriptor) -> Effects:
    """A rolling deck: wide, short, quicker steps; the trunk rolls against the deck.

    Under sideways movements of the support people shorten and widen their steps and step more often (direction; Hak
    et al. 2012, Gait Posture 36:260; McAndrew, Dingwell and Wilken 2010, J Biomech 43:1470). Step length -12 %,
    cadence +4 %, width 8 cm, knees 6, arms 15 degrees at a roll of 7 degrees are chosen. The trunk makes up for half
    of the deck's roll (chosen).
    """
    rolling = _ramp(scene["platform_tilt"], 0, 0.12)
    return Effects(
        step_length=0.88**rolling,
        cadence=1.04**rolling,
        step_width=0.08 * rolling,
        knee_flexion=6 * rolling,
        arm_abduction=15 * rolling,
        sway=0.5 * float(np.degrees(scene["platform_tilt"])),
        sway_period=scene["platform_period"],
    )


def slope(scene: SceneDescriptor) -> Effects:
    """Up: slower, leaning forward, knees bent. Down: shorter steps, trunk held back, knees giving.

    Speed: Tobler's hiking function exp(-3.5 |tan + .05|), relative to the level (Tobler 1993, NCGIA Technical Report
    93-1). The trunk leans forward uphill and back downhill (direction; Leroux, Fung and Barbeau 2002, Gait Posture
    15:64): .6 and .3 of the slope's angle (chosen). Knees more flexed in stance (direction; McIntosh et al. 2006, J
    Biomech 39:2491): 10 degrees at a slope of ten (chosen). On stairs, `stairs` answers instead.
    """
    angle = scene["slope"]
    if angle == 0 or scene["step_height"] > 0:
        return Effects()
    tobler = np.exp(-3.5 * (abs(np.tan(angle) + 0.05) - 0.05))
    steep = _ramp(abs(angle), 0, 0.1745)
    # Down, the step shortens and the cadence stays.
    slowed = _at_speed(float(np.clip(tobler, 0.4, 1.1)), 0.5 if angle > 0 else 0.9)
    return replace(
        slowed,
        trunk_lean=float(np.degrees(angle)) * (0.6 if angle > 0 else 0.3),
        knee_flexion=10 * steep,
        clearance=0.02 * steep if angle > 0 else 0.0,
        gaze=5 * steep,
    )


def stairs(scene: SceneDescriptor) -> Effects:
    """Stairs, up or down by the slope's sign: feet over the edges, knees bent, slower, eyes on the steps.

    Knee flexion well above that of level walking, cycles longer, hardly changed by the inclination (direction; Riener,
    Rabuffetti and Frigo 2002, Gait Posture 15:32). A tread of .29 m is .45 of a usual step of .65 m; the step length
    goes to .6 on level ground since the way along the incline is longer. Clearance: the riser and what is usual
    (geometry). Cadence -15 %, lean 6 up and -2 down, knees 10, gaze 18 degrees: chosen. The rise itself is the ground's
    business (`terrain`), not this one's.
    """
    rise = scene["step_height"]
    if rise == 0:
        return Effects()
    full = _ramp(rise, 0, 0.17)
    up = scene["slope"] >= 0
    return Effects(
        step_length=0.6**full,
        cadence=0.85**full,
        clearance=0.9 * rise if up else 0.4 * rise,
        knee_flexion=10 * full,
        trunk_lean=(6 if up else -2) * full,
        gaze=18 * full,
    )


_ALL: tuple[Callable[[SceneDescriptor], Effects], ...] = (
    friction,
    soft_ground,
    roughness,
    water,
    overhead,
    footing,
    wind,
    precipitation,
    visibility,
    temperature,
    hot_ground,
    crowding,
    platform,
    slope,
    stairs,
)
