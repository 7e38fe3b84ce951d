"""`strut demo`: a server, a client and a character that walks and changes its style on the way; then the console.

Everything is real: the motion goes through gRPC on the loopback address, window by window, as in a game.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from strut_client import Client, Plan, StrutError, Timing, TrajectorySample
from strut_model.bundle import Bundle, BundleError, load_bundle
from strut_model.exports.generation import NameUnknownError
from strut_model.exports.page import write_page
from strut_model.exports.paths import SHAPES, PathError, parse_path, walk
from strut_model.exports.preview import line_up, picture_frames, strip, write_video
from strut_model.exports.recording import Recording
from strut_model.motion import Motion
from strut_model.skeleton import FPS
from strut_model.streaming.controls import usual_speed
from strut_server.console.page import PageMissingError
from strut_server.local import local_server
from strut_server.server import BindError
from strut_server.settings import ServerSettings

FAVOURITES = ("youthful", "exhausted", "active", "elderly", "feminine", "masculine", "proud", "sad")
"""Styles that are told apart at a glance; the neutral one comes first."""
STYLES_SHOWN = 4
WINDOW_FRAMES = 8
"""Frames played of each window: planning again after half of it follows path and style closer."""
SAMPLE_FRAMES = 2
SPACING, ROW = 1.6, 4
"""Metres between several characters, and how many walk abreast."""
BAR = 32


@dataclass(frozen=True)
class Tour:
    """Where several characters shall be and in which style, frame by frame.

    Attributes:
        positions: (B, T, 2) metres, the asked paths.
        styles: per character, (first frame, style) in ascending order.
    """

    positions: NDArray[np.float64]
    styles: Sequence[Sequence[tuple[int, str]]]

    @property
    def frames(self) -> int:
        """Length T."""
        return int(self.positions.shape[1])

    def style_at(self, character: int, frame: int) -> str:
        """The style that a character has at a frame."""
        return [style for first, style in self.styles[character] if first <= frame][-1]

    def trajectory(self, character: int, frame: int, window: int) -> list[TrajectorySample]:
        """The path of a window of ``window`` frames that starts at ``frame``."""
        ahead = range(0, window, SAMPLE_FRAMES)
        places = self.positions[character, np.minimum(np.arange(frame, frame + window), self.frames - 1)]
        return [TrajectorySample((float(places[k, 0]), float(places[k, 1])), time=k / FPS) for k in ahead]


@dataclass(frozen=True)
class Run:
    """What was streamed: one recording per character, the timing of every window, and the seconds that it took."""

    recordings: list[Recording]
    timings: list[Timing]
    seconds: float


@click.command()
@click.option("--styles", default=None, help="Styles in turn, separated by commas.  [default: four of the bundle's]")
@click.option("--content", default="walk", show_default=True, help="What is done.")
@click.option("--path", default="figure8", show_default=True, help=f"{', '.join(SHAPES)}, a .csv file or points.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=20.0, show_default=True, help="How long.")
@click.option("--characters", type=click.IntRange(1, 32), default=1, show_default=True, help="How many walk.")
@click.option("--steps", type=click.Choice(["1", "2", "4"]), default="2", show_default=True, help="Evaluations.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed is another take.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("strut-demo.html"),
    show_default=True,
    help="The page to look at.",
)
@click.option(
    "--preview",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Also a film, .mp4 or .gif (needs the extra [video]), or a picture, .png.",
)
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Model bundle.  [default: the one that comes with Strut]",
)
@click.option(
    "--browser/--no-browser", default=True, show_default=True, help="Open the designer's console, and serve it on."
)
def demo(
    styles: str | None,
    content: str,
    path: str,
    seconds: float,
    characters: int,
    steps: str,
    seed: int,
    out: Path,
    preview: Path | None,
    bundle_path: Path | None,
    browser: bool,
) -> None:
    """Start a server, stream a character that changes its style on the way, and open the designer's console.

    Writes what was streamed as a web page that needs no network, and prints where the time of a window goes. Then the
    console is served, to turn styles and scenes live, until Ctrl-C.
    """
    _check_files(out, preview)
    try:
        bundle = load_bundle(bundle_path)
        tour = plan_tour(bundle, styles, content, path, seconds, characters)
        # Nobody else will come, so the server need not wait for company.
        settings = ServerSettings(
            port=0, bundle=bundle_path, max_batch_delay_ms=0.0, console_port=0 if browser else None
        )
        with local_server(settings) as server:
            click.echo(f"Server on {server.address}, model {bundle.manifest.name}.")
            with Client(server.address) as client:
                run = _with_bar(tour.frames, lambda advance: stream(client, tour, content, int(steps), seed, advance))
            lines = latency_lines(run)
            write_page(run.recordings, out, title=f"{content}, streamed over gRPC", notes=notes(run))
            click.echo("\n".join(lines))
            click.echo(f"Page: {out.resolve()}")
            if preview is not None:
                _write_preview(run.recordings, preview)
            if server.console_url is not None:
                _show_console(server.console_url)
    except (BundleError, BindError, StrutError, PageMissingError) as error:
        raise click.ClickException(str(error)) from error


def plan_tour(bundle: Bundle, styles: str | None, content: str, path: str, seconds: float, characters: int) -> Tour:
    """Paths and styles of the demo's characters; click.BadParameter names an option that cannot be used."""
    names = _style_names(bundle, styles)
    if content not in bundle.content_index:
        error = NameUnknownError("content", content, list(bundle.content_index))
        raise click.BadParameter(str(error), param_hint="--content")
    frames = round(seconds * FPS)
    bounds = np.linspace(0, frames, len(names) + 1).round().astype(int)
    speeds = np.zeros(frames)
    for name, first, last in zip(names, bounds[:-1], bounds[1:], strict=True):
        speeds[first:last] = usual_speed(bundle, name, content)
    if characters > 1:
        speeds[:] = speeds.mean()  # they keep together, each in its own style
    try:
        way = walk(parse_path(path), speeds)
    except PathError as error:
        raise click.BadParameter(str(error), param_hint="--path") from error
    places, turns = [], []
    for number in range(characters):
        row, column = divmod(number, ROW)
        abreast = min(characters, ROW)
        places.append(way.positions + np.array([(column - 0.5 * (abreast - 1)) * SPACING, -row * SPACING]))
        turned = [names[(k + number) % len(names)] for k in range(len(names))]
        turns.append([(int(first), name) for first, name in zip(bounds[:-1], turned, strict=True)])
    return Tour(np.stack(places), turns)


def stream(
    client: Client, tour: Tour, content: str, steps: int, seed: int, advance: Callable[[int], None] = lambda _: None
) -> Run:
    """Streams a tour from a server, as fast as it goes.

    Args:
        client: connected to the server.
        tour: what the characters do.
        content: label of what they do.
        steps: network evaluations a window.
        seed: of the first character; the others' follow.
        advance: called with the number of new frames after every window.

    Raises:
        StrutError: a request was refused, or the server could not be reached.
    """
    walkers = [
        client.character(
            style=tour.style_at(number, 0),
            content=content,
            position=(float(place[0]), float(place[1])),
            name=f"demo {number + 1}",
            seed=seed + number,
            steps=steps,
        )
        for number, place in enumerate(tour.positions[:, 0])
    ]
    window = client.server.model.window_frames
    motions: list[list[Motion]] = [[] for _ in walkers]
    timings: list[Timing] = []
    begin = time.perf_counter()
    frame = 0
    while frame < tour.frames:
        for number, walker in enumerate(walkers):
            walker.style = tour.style_at(number, frame)
        plans = [
            Plan(tour.trajectory(number, frame, window), frames=min(WINDOW_FRAMES, window))
            for number in range(len(walkers))
        ]
        for motion, made in zip(motions, client.advance(walkers, plans), strict=True):
            motion.append(made.motion)
            timings.append(made.timing)
        advance(min(motions[0][-1].frames, tour.frames - frame))
        frame += motions[0][-1].frames
    taken = time.perf_counter() - begin
    recordings = [
        Recording(
            Motion.concatenate(parts).slice_frames(0, tour.frames), tour.styles[number], tour.positions[number, ::3]
        )
        for number, parts in enumerate(motions)
    ]
    return Run(recordings, timings, taken)


# --- latency -------------------------------------------------------------------------------------------------

STAGES: tuple[tuple[str, str], ...] = (
    ("queue", "queue_ns"),
    ("batch wait", "batch_wait_ns"),
    ("featurise", "featurise_ns"),
    ("inference", "inference_ns"),
    ("postprocess", "postprocess_ns"),
    ("serialise", "serialise_ns"),
    ("wire", "wire_ns"),
)


def stage_medians(timings: Sequence[Timing]) -> dict[str, float]:
    """Median milliseconds of each stage of a window."""
    return {name: statistics.median(getattr(t, field) for t in timings) / 1e6 for name, field in STAGES}


def latency_lines(run: Run) -> list[str]:
    """The summary that the demo prints."""
    medians = stage_medians(run.timings)
    totals = np.array([t.round_trip_ns for t in run.timings]) / 1e6
    largest = max(*medians.values(), 1e-9)
    return [
        _speed_line(run),
        f"A window's round trip: median {np.median(totals):.1f} ms, 95 % within {np.percentile(totals, 95):.1f} ms. "
        "Where its time goes (medians):",
        *(f"  {name:<12}{value:8.2f} ms  {'█' * round(BAR * value / largest)}" for name, value in medians.items()),
    ]


def notes(run: Run) -> list[str]:
    """Lines for the page's corner."""
    medians = stage_medians(run.timings)
    total = float(np.median([t.round_trip_ns for t in run.timings])) / 1e6
    return [
        _speed_line(run),
        f"median round trip {total:.1f} ms",
        f"inference {medians['inference']:.1f} ms, wire {medians['wire']:.1f} ms",
    ]


def _speed_line(run: Run) -> str:
    made = sum(recording.frames for recording in run.recordings) / FPS
    rate = made / run.seconds
    return f"{len(run.timings)} windows: {made:.0f} s of motion in {run.seconds:.1f} s, {rate:.0f} x real time"


# --- options and output --------------------------------------------------------------------------------------


def _style_names(bundle: Bundle, text: str | None) -> list[str]:
    if text is None:
        wanted = [name for name in FAVOURITES if name in bundle.style_index]
        others = [name for name in bundle.style_index if name not in wanted]
        neutral = bundle.manifest.neutral_style
        return [neutral, *(name for name in (*wanted, *others) if name != neutral)][:STYLES_SHOWN]
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in bundle.style_index:
            error = NameUnknownError("style", name, list(bundle.style_index))
            raise click.BadParameter(str(error), param_hint="--styles")
    if not names:
        raise click.BadParameter(
            f"{text!r}; allowed: one or more of {', '.join(bundle.style_index)}", param_hint="--styles"
        )
    return names


def _check_files(out: Path, preview: Path | None) -> None:
    """What can be known to go wrong with the files before anything starts."""
    for file, option, allowed in ((out, "--out", (".html",)), (preview, "--preview", (".mp4", ".gif", ".png"))):
        if file is None:
            continue
        if file.suffix.lower() not in allowed:
            raise click.BadParameter(
                f"{file.name} ends in {file.suffix!r}; allowed: {', '.join(allowed)}", param_hint=option
            )
        if not file.absolute().parent.is_dir():
            raise click.BadParameter(f"{file.parent} is no folder; it must exist", param_hint=option)


def _with_bar(frames: int, work: Callable[[Callable[[int], None]], Run]) -> Run:
    with tqdm(total=frames, unit="frame", desc="streaming", leave=False, disable=None) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        return work(advance)


def _write_preview(recordings: Sequence[Recording], file: Path) -> None:
    if file.suffix.lower() == ".png":
        # Near the end everybody walks as asked; one character is shown over time.
        last = recordings[0].frames - 1
        picture = line_up(recordings, round(0.9 * last)) if len(recordings) > 1 else strip(recordings[0])
        Image.fromarray(picture).save(file, optimize=True)
        click.echo(f"Picture: {file.resolve()}")
        return
    rate = 15.0 if file.suffix.lower() == ".gif" else FPS
    pictures = len(picture_frames(recordings[0].frames, rate))
    with tqdm(total=pictures, unit="picture", desc=file.name, leave=False, disable=None) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        write_video(recordings, file, progress=advance)
    click.echo(f"Film: {file.resolve()}")


def _show_console(url: str) -> None:
    """Open the console and serve it until Ctrl-C; where nothing can be shown, say how to."""
    if not open_page(url):
        click.echo("Open the page in a browser to see the character; 'strut serve --console' serves the console.")
        return
    click.echo(f"Console: {url} (Ctrl-C ends it)")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def open_page(url: str) -> bool:
    """Opens a page in the user's browser; False where there is none or no screen to show it on."""
    screenless = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if screenless:
        return False  # a text browser would take the terminal
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
