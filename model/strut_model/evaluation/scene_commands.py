"""``strut eval scene`` and ``strut eval train-scene-judge``."""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from strut_model.data.pack import Pack
    from strut_model.data.split import Split
    from strut_model.evaluation.scene_judge import SceneJudge
    from strut_model.evaluation.scene_report import SceneReport
    from strut_model.evaluation.scene_suite import SceneExtent
    from strut_model.streaming.generator import MotionGenerator

_path = click.Path(path_type=Path)
_existing = click.Path(path_type=Path, exists=True)


@click.command("scene", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--bundle", "bundle_path", type=_existing, help="Bundle to measure; the shipped one by default.")
@click.option("--data", type=_existing, required=True, help="Packed data set ('strut data import') with real clips.")
@click.option("--split", "split_path", type=_existing, help="Split file; the project's own by default.")
@click.option("--judges", "judges_path", type=_existing, help="Directory of the judges; the project's own by default.")
@click.option("--student", type=_existing, help="Checkpoint of a student, run by PyTorch in the bundle's place.")
@click.option("--teacher", type=_existing, help="Checkpoint of a teacher, run by PyTorch in the bundle's place.")
@click.option("--steps", type=click.Choice(["1", "2", "4"]), default="2", show_default=True,
              help="Network evaluations a window.")  # fmt: skip
@click.option("--preset", "names", multiple=True, help="Only this scene. Repeatable.  [default: all; quick: eight]")
@click.option(
    "--combinations", type=click.IntRange(2), help="Walks and runs, style by content [default: 44, quick: 10]."
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 20),
    help="Evaluation seeds, from 1 on; one has no deviation to exceed [default: 3].",
)
@click.option("--ablation", is_flag=True, help="Also the nearest style word in the scene's place, and the path alone.")
@click.option("--operators", is_flag=True, help="Also the scene operators on scene-free rollouts: what can be reached.")
@click.option("--quick", is_flag=True, help="A small sample: eight presets, twelve combinations.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of the network.")
@click.option("--out", type=_path, default=Path("reports/scene"), show_default=True, help="Directory of the report.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def scene_command(
    bundle_path: Path | None,
    data: Path,
    split_path: Path | None,
    judges_path: Path | None,
    student: Path | None,
    teacher: Path | None,
    steps: str,
    names: tuple[str, ...],
    combinations: int | None,
    seeds: int | None,
    ablation: bool,
    operators: bool,
    quick: bool,
    threads: int,
    out: Path,
    quiet: bool,
) -> None:
    """Measure what scenes do to motion in closed loop.

    Rolls styles and contents out in each preset at alpha 1/3, 2/3 and 1 and without a scene, same seeds, and compares
    what each scene must move (scene/expectations.py) with what moved; a judge that learned from real and operator-made
    clips names the scenes. Writes scenes.json and scenes.md.

    \b
    strut eval scene --data packs/all --quick
    strut eval scene --data packs/all --ablation --operators --out reports/scene
    """
    from strut_model.evaluation.scene_suite import QUICK, SceneExtent

    if student is not None and teacher is not None:
        raise click.UsageError("--student and --teacher: one of them")
    extent = QUICK if quick else SceneExtent()
    extent = replace(
        extent,
        gaits=combinations or extent.gaits,
        scenes=names or extent.scenes,
        seeds=tuple(range(1, seeds + 1)) if seeds else extent.seeds,
    )
    run = SceneRun(
        bundle_path, data, split_path, judges_path, student, teacher, int(steps), extent, ablation, operators, threads,
        not quiet,
    )  # fmt: skip
    try:
        report, seconds = run.measured()
        written = report.write(out)
    except expected_errors() as error:
        raise click.ClickException(str(error)) from error
    click.echo(report.markdown())
    click.echo(f"took {seconds:.0f} s")
    for path in written:
        click.echo(f"in {path}")


@click.command("train-scene-judge", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=_existing, required=True, help="Packed data set.")
@click.option("--split", "split_path", type=_existing, help="Split file; the project's own by default.")
@click.option("--out", type=_path, required=True, help="Directory to write to.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads to train with.")
def train_scene_judge_command(data: Path, split_path: Path | None, out: Path, threads: int) -> None:
    """Train the judges of scenes anew (many minutes): what names a scene, and what recognises style and content in one.

    The project's own are frozen: this shows how they were made.
    """
    import torch

    from strut_model.data.pack import Pack
    from strut_model.evaluation.commands import read_split
    from strut_model.evaluation.scene_judge_training import train_scene_judge

    torch.set_num_threads(threads)
    try:
        record = train_scene_judge(Pack(data), read_split(split_path), out)
    except expected_errors() as error:
        raise click.ClickException(str(error)) from error
    held = record["held_out"]
    click.echo(f"scene judge: {record['sha256'][:12]}, {len(record['apart'])} presets apart")
    click.echo(f"held-out windows named: {held['all']:.3f} of presets ({held['apart']:.3f} of those apart), "
               f"{held['none']:.3f} of real ones")  # fmt: skip
    for name, others in held["confusions"].items():
        taken = ", ".join(f"{other} {share:.0%}" for other, share in others.items())
        click.echo(f"  {name:18} {held['by_preset'][name]:.0%}  taken for {taken}")


def expected_errors() -> tuple[type[Exception], ...]:
    """What is wrong with the input rather than with the program."""
    from strut_model.bundle import BundleError
    from strut_model.data.pack import PackError
    from strut_model.data.split import SplitError
    from strut_model.evaluation.judges import JudgeError
    from strut_model.evaluation.protocol import ProtocolError
    from strut_model.scene.descriptor import SceneError
    from strut_model.sentences import TextExtraMissingError
    from strut_model.training.checkpoint import CheckpointError

    return (
        BundleError, PackError, SplitError, JudgeError, ProtocolError, SceneError, TextExtraMissingError,
        CheckpointError,
    )  # fmt: skip


@dataclass(frozen=True)
class SceneRun:
    """One evaluation of scenes; the fields are the command's options."""

    bundle: Path | None
    data: Path
    split: Path | None
    judges: Path | None
    student: Path | None
    teacher: Path | None
    steps: int
    extent: SceneExtent
    ablation: bool
    operators: bool
    threads: int
    progress: bool

    def measured(self) -> tuple[SceneReport, float]:
        """The report, and the seconds that it took."""
        from strut_model.data.pack import Pack
        from strut_model.evaluation.commands import read_split
        from strut_model.evaluation.judges import Judges
        from strut_model.evaluation.protocol import Protocol, ProtocolError
        from strut_model.evaluation.scene_judge import SceneJudge
        from strut_model.evaluation.scene_report import SceneReport
        from strut_model.evaluation.scene_rollouts import PATH, WORD, SceneSubject
        from strut_model.evaluation.scene_style_judge import SceneStyleJudge
        from strut_model.evaluation.scene_suite import OPERATORS, SceneSuite
        from strut_model.evaluation.scene_trials import combinations
        from strut_model.evaluation.scene_words import nearest_words
        from strut_model.scene.presets import preset

        begin = time.perf_counter()
        for name in self.extent.names:
            preset(name)
        judges, scene_judge, style_judge = Judges(self.judges), SceneJudge(self.judges), SceneStyleJudge(self.judges)
        pack, split = Pack(self.data), read_split(self.split)
        generator, name, steps = self._generator()
        protocol = Protocol(generator.bundle, pack, split, judges.styles, judges.contents)
        chosen = combinations(protocol, self.extent.gaits, self.extent.standing)
        if not any(combination.gait for combination in chosen):
            raise ProtocolError("combinations: none of the clips' walks and runs is known to bundle and judges")
        references = self._references(pack, split, scene_judge)
        suite = SceneSuite(chosen, judges, scene_judge, style_judge, self.extent, references)
        subject = SceneSubject(name, generator, steps)
        outcomes = {name: suite.subject(subject, self.progress)}
        words: dict[str, str] = {}
        if self.ablation:
            words = nearest_words(generator.bundle, self.extent.names)
            for title, kind in (("style word", WORD), ("path alone", PATH)):
                outcomes[title] = suite.subject(SceneSubject(title, generator, steps, kind, words), self.progress)
        if self.operators:
            outcomes[OPERATORS] = suite.operators(subject, self.progress)
        manifest = generator.bundle.manifest
        provenance = {
            "command": "strut " + " ".join(sys.argv[1:]),
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "bundle": manifest.name,
            "network": _digest(self.student or self.teacher or generator.bundle.student_path),
            "seeds": list(self.extent.seeds),
            "combinations": ", ".join(c.name + (" (pair not trained)" if c.unseen else "") for c in chosen),
            "scene judge": scene_judge.record["sha256"][:12],
        }
        report = SceneReport(
            outcomes, scene_judge.record["held_out"], style_judge.record["held_out"], words, provenance
        )
        return report, time.perf_counter() - begin

    def _generator(self) -> tuple[MotionGenerator, str, int]:
        """What makes the motion, its name, and its steps."""
        from strut_model.bundle import load_bundle
        from strut_model.streaming.engine import Engine, OnnxEngine
        from strut_model.streaming.generator import MotionGenerator

        bundle = load_bundle(self.bundle)
        engine: Engine
        if self.teacher is not None:
            from strut_model.training.engines import TeacherEngine

            teacher = TeacherEngine(self.teacher)
            bundle = replace(bundle, statistics=teacher.statistics)
            return MotionGenerator(bundle, teacher), "teacher", 1
        if self.student is not None:
            from strut_model.training.engines import TorchEngine

            engine = TorchEngine(self.student)
        else:
            engine = OnnxEngine(bundle, threads=self.threads)
        return MotionGenerator(bundle, engine), f"student_{self.steps}", self.steps

    def _references(self, pack: Pack, split: Split, judge: SceneJudge) -> dict[str, NDArray[np.float32]]:
        """The judge's embeddings of held-out windows: operator-made ones of the presets, real ones of none."""
        import numpy as np
        from tqdm import tqdm

        from strut_model.data.split import HELD_OUT
        from strut_model.evaluation.scene_classes import NONE
        from strut_model.evaluation.scene_clips import SceneCorpus, make_clips, plan_clips
        from strut_model.evaluation.windows import JUDGED_FRAMES, window_starts

        held = split.segments(HELD_OUT)
        plans = plan_clips(pack, held, 1, (1.0, 1.0), 5, mirror=False, scenes=self.extent.names)
        # Real clips cost nothing, and are compared by themselves.
        plans += plan_clips(pack, held, 6, (1.0, 1.0), 6, mirror=False, scenes=[NONE])
        with tqdm(total=len(plans), desc="references", unit="clip", disable=not self.progress) as bar:
            made = SceneCorpus.of(make_clips(pack, plans, bar.update))
        places = [(row, start) for row, length in enumerate(made.lengths) for start in window_starts(0, int(length))]
        rows, starts = (np.array(column, np.int64) for column in zip(*places))
        said = judge.judge_joints(*made.windows(rows, starts, JUDGED_FRAMES))
        owners = np.array([made.plans[row].scene for row in rows])
        return {str(name): said.embedding[owners == name] for name in np.unique(owners)}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
