"""What a benchmark found, as text, JSON, Markdown and pictures."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from strut_server.bench.measuring import Row
from strut_server.bench.soaking import Soak
from strut_server.server_info import server_version

TABLE_HEADS = (
    "characters", "in real time", "batch", "CPU ms", "model share", "over floor",
    "closed p50", "open p50", "open p99", "late", "re-plan p99", "response p95", "refused", "bytes/s",
)  # fmt: skip
LATE_MS = 200.0
"""A window that takes longer came too late for a client with this much motion in hand."""
LEGEND = """\
*in real time*: characters that the closed loop's throughput would serve. *batch*: mean size. *CPU ms*: processor time
of the server's process for each window. *model share*: of it, in the network. *over floor*: median latency over echo
server and bare network together. *closed*: every character asks as soon as it has a window. *open*: asked in real
time, latency (ms) from when a window was due, so a late server is not spared (coordinated omission). *late*: share of
the open loop's windows that took more than 200 ms. *re-plan*: the same with controls that change, and re-plan, twice a
second. *response*: there, from a change to its first frame on screen, ms. *refused*: requests that were answered with
an error and asked again. *bytes/s*: a character's, on the wire."""


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The rows as cells, heads first."""
    return [TABLE_HEADS, *(_cells(row) for row in rows)]


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """Cells as text in columns."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in cells)


def document(rows: Sequence[Row], about: dict[str, Any]) -> dict[str, Any]:
    """All figures as a JSON object."""
    return {**machine(), **about, "rows": [row.as_dict() for row in rows]}


def machine() -> dict[str, Any]:
    """What was measured on, and when."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "version": server_version(),
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_average": [round(value, 1) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
    }


def write_report(folder: Path, rows: Sequence[Row], about: dict[str, Any]) -> None:
    """Write `serve.json` and `serve.md`."""
    found = document(rows, about)
    (folder / "serve.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    heads, *lines = table(rows)
    facts = "\n".join(f"- {name}: {value}" for name, value in {**machine(), **about}.items())
    marks = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *(f"| {' | '.join(line)} |" for line in lines)]
    text = f"# strut bench serve\n\n{facts}\n\n" + "\n".join(marks) + f"\n\n{LEGEND}\n"
    (folder / "serve.md").write_text(text, encoding="utf-8")


def write_pictures(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Write the plots; returns their names.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
    nines = np.linspace(0.0, 3.0, 100)
    percents = [100.0 * (1.0 - 10.0**-nine) for nine in nines]
    for axis, title, name in ((axes[0], "closed loop", "closed"), (axes[1], "open loop (real time)", "open")):
        for row in rows:
            axis.plot(nines, getattr(row, name).latency.curve(percents), label=f"{row.characters}")
        axis.plot(nines, rows[0].echo.latency.curve(percents), ":", color="grey", label=f"echo, {rows[0].characters}")
        axis.set(title=title, xlabel="percentile", yscale="log")
        axis.set_xticks([0, 1, 2, 3], ["0", "90", "99", "99.9"])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("latency, ms")
    axes[0].legend(title="characters")
    figure.savefig(folder / "latency.png", dpi=110)
    plt.close(figure)

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    names = [str(row.characters) for row in rows]
    bottom = np.zeros(len(rows))
    for stage in ("queue", "batch_wait", "featurise", "inference", "postprocess", "serialise"):
        heights = np.nan_to_num([row.open.stages[stage].percentile(50.0) for row in rows])
        axes[0].bar(names, heights, bottom=bottom, label=stage.replace("_", " "))
        bottom = bottom + heights
    axes[0].set(title="open loop: medians of the stages", xlabel="characters", ylabel="ms")
    axes[0].legend()
    axes[1].plot(names, [row.real_time_characters for row in rows], "o-")
    axes[1].set(
        title="characters that the throughput serves in real time", xlabel="characters that ask", ylim=(0, None)
    )
    axes[1].grid(alpha=0.3)
    figure.savefig(folder / "stages.png", dpi=110)
    plt.close(figure)
    return ["latency.png", "stages.png"]


def write_soak(folder: Path, soak: Soak, about: dict[str, Any]) -> None:
    """Write `soak.json`, and `memory.png` where matplotlib is installed."""
    found = {**machine(), **about, **soak.as_dict()}
    (folder / "soak.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        return
    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    axis.plot([s.windows for s in soak.samples], [s.memory_bytes / 1e6 for s in soak.samples])
    axis.axvline(soak.warm_up_windows, color="grey", linestyle=":")
    axis.set(title="the server's memory", xlabel="windows", ylabel="resident, MB")
    axis.grid(alpha=0.3)
    figure.savefig(folder / "memory.png", dpi=110)
    plt.close(figure)


def _cells(row: Row) -> tuple[str, ...]:
    found = row.as_dict()
    errors = sum(row.open.errors.values()) + sum(row.replan.errors.values()) + sum(row.closed.errors.values())
    return (
        str(row.characters),
        f"{row.real_time_characters:.0f}",
        f"{row.mean_batch:.1f}",
        _number(found["server_cpu_ms_per_window"]),
        _share(found["model_cpu_share"]),
        _number(found["latency_over_floor"]),
        f"{row.closed.latency.percentile(50.0):.1f}",
        f"{row.open.latency.percentile(50.0):.1f}",
        f"{row.open.latency.percentile(99.0):.1f}",
        _share(row.open.latency.share_above(LATE_MS)),
        f"{row.replan.latency.percentile(99.0):.1f}",
        f"{row.replan.response.percentile(95.0):.0f}",
        str(errors),
        f"{row.bytes_per_character_second:.0f}",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f} %"
