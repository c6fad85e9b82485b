"""What a promise came to: one line of JSON, printed, and kept in results/reliability.json if asked to.

    {"goal": ..., "tried": 500, "survived": 500, "lost": 0, "worst": {"saves gone": 0}, "seconds": 31.2, "cpu": ...}

A long run may be done in pieces: `--add` counts a piece together with what is there already. `worst` holds the largest
number of each kind that any trial came to.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import machine

FILE = Path(__file__).parents[1] / "results" / "reliability.json"


@dataclass(frozen=True)
class Record:
    """How often something was tried, and what it came to. What is neither survived nor lost is counted nowhere else."""

    goal: str
    tried: int
    survived: int
    lost: int
    worst: dict[str, float]
    seconds: float
    cpu: str = ""

    def __add__(self, other: "Record") -> "Record":
        worst = {name: max(each.worst.get(name, 0) for each in (self, other)) for name in self.worst | other.worst}
        counts = (getattr(self, name) + getattr(other, name) for name in ("tried", "survived", "lost"))
        cpu = self.cpu if self.cpu == other.cpu else f"{self.cpu}, {other.cpu}"
        return Record(self.goal, *counts, worst, round(self.seconds + other.seconds, 1), cpu)


def counted(goal: str, tried: int, lost: int, worst: dict[str, float], started: float) -> Record:
    """The record of trials that began at `started`, by time.perf_counter()."""
    seconds = round(time.perf_counter() - started, 1)
    rounded = {name: round(number, 3) for name, number in worst.items()}
    return Record(goal, tried, tried - lost, lost, rounded, seconds, machine.cpu_model())


def read(path: Path = FILE) -> list[Record]:
    return [Record(**each) for each in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def keep(new: Record, *, add: bool, path: Path = FILE) -> None:
    """Put a record in the place of that of the same goal, or add it to that; the others stay."""
    found = {each.goal: each for each in read(path)}
    found[new.goal] = found[new.goal] + new if add and new.goal in found else new
    lines = ",\n".join(json.dumps(asdict(each)) for each in found.values())
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main(about: str, usual: int, measure: Callable[[int, int], Iterator[Record]], unit: str = "trials") -> None:
    """The command of a script: `measure` takes how many to try and a seed. It fails if anything was lost."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--tried", type=int, default=usual, help=f"how many {unit} (default: {usual})")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn; another piece needs another one")
    parser.add_argument("--keep", action="store_true", help=f"write the record into {FILE.name}, and the page from it")
    parser.add_argument("--add", action="store_true", help="the same, counted together with the record that is there")
    given = parser.parse_args()
    lost = 0
    for found in measure(given.tried, given.seed):
        print(json.dumps(asdict(found)), flush=True)
        lost += found.lost
        if given.keep or given.add:
            keep(found, add=given.add)
    if given.keep or given.add:
        from benchmarks import pages

        pages.write()
    sys.exit(1 if lost else 0)
