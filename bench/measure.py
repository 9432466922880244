"""Runs commands side by side and reports CPU, wall time and memory of each.

Every round runs each command once, one after the other, so that a busy moment of the machine hits all of
them. CPU is user plus system time of the process and the children it waited for; memory is the largest
resident set of any one of them. Memory is taken in the first round, whose times are thrown away: the kernel
counts the memory of the process that starts another one as the other's, so a small program has to start it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass
class Command:
    """One row of a table."""

    name: str
    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    # Called before each run, untimed: for example to empty a cache.
    prepare: Callable[[], None] | None = None
    # Called after the last run, for the last column.
    notes: Callable[[], str] | None = None


@dataclass
class Result:
    name: str
    cpu: float
    wall: float
    memory: float
    notes: str


class Failed(Exception):
    """A command that had to succeed did not."""


def once(command: Command, log: Path) -> tuple[float, float]:
    """CPU seconds and wall seconds of one run."""
    if command.prepare:
        command.prepare()
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **command.environment},
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = log.read_text(errors="replace")[-2000:]
        raise Failed(f"{command.name} ended with {process.returncode}:\n{said}")
    return usage.ru_utime + usage.ru_stime, wall


def memory(command: Command, log: Path) -> float:
    """MiB of one run."""
    report = log.with_suffix(".memory")
    timed = replace(command, argv=["/usr/bin/time", "--format=%M", f"--output={report}", *command.argv])
    once(timed, log)
    return int(report.read_text().split()[-1]) / 1024


def compare(commands: list[Command], rounds: int, folder: Path) -> list[Result]:
    """Medians of the times over `rounds`."""
    log = folder / "measure.log"
    peaks = {command.name: memory(command, log) for command in commands}
    runs: dict[str, list[tuple[float, float]]] = {command.name: [] for command in commands}
    for _ in range(rounds):
        for command in commands:
            runs[command.name].append(once(command, log))
    results = []
    for command in commands:
        cpu, wall = (statistics.median(column) for column in zip(*runs[command.name], strict=True))
        notes = command.notes() if command.notes else ""
        results.append(Result(command.name, cpu, wall, peaks[command.name], notes))
    return results


def seconds(value: float) -> str:
    """Three significant digits, in ms below a second."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1000:.1f} ms"


def table(results: list[Result], notes: str | None = None) -> str:
    """Markdown; ratios are to the first row."""
    first = results[0]

    def ratio(value: float, base: float) -> str:
        return f"{value / base:.1f}" if base > 0 else "-"

    head = ["program", "CPU", "ratio", "wall", "ratio", "peak memory", "ratio"] + ([notes] if notes else [])
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * 6 + ("|---" if notes else "") + "|"]
    for result in results:
        cells = [
            result.name,
            seconds(result.cpu),
            ratio(result.cpu, first.cpu),
            seconds(result.wall),
            ratio(result.wall, first.wall),
            f"{result.memory:.0f} MiB",
            ratio(result.memory, first.memory),
        ]
        lines.append("| " + " | ".join(cells + ([result.notes] if notes else [])) + " |")
    return "\n".join(lines)
