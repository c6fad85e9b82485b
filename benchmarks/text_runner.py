"""What all contenders of text_sets.py share: read the texts, learn against the clock, label, print one line of JSON."""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.text_data import read_rows

Texts = tuple[list[str], list[str]]  # texts and labels


class Given(NamedTuple):
    """What a contender learns from. Its choices are made by the validation texts; it never sees the test texts."""

    folder: Path
    train: Texts
    validation: Texts
    seed: int
    threads: int


class Learned(NamedTuple):
    label: Callable[[Sequence[str]], Sequence[str]]
    chosen: str
    """What validation has chosen, for people; empty where there was nothing to choose."""


def main(contenders: dict[str, Callable[[Given], Learned]]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--contender", choices=contenders, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    train, validation, test = (read_rows(args.folder / f"{part}.jsonl") for part in ("train", "validation", "test"))
    given = Given(args.folder, train, validation, args.seed, args.threads)
    print(json.dumps(measured(contenders[args.contender], given, test)))


def measured(learn: Callable[[Given], Learned], given: Given, test: Texts) -> dict[str, Any]:
    """Seconds to learn and to label the test texts are of the CPU, all threads together; `wall`: what learning took."""
    began, started = time.perf_counter(), time.process_time()
    found = learn(given)
    ended, learned = time.perf_counter(), time.process_time()
    labels = found.label(test[0])
    labelled = time.process_time()
    return {
        "chosen": found.chosen,
        "validation": accuracy(found.label(given.validation[0]), given.validation[1]),
        "right": right(labels, test[1]),
        "texts": len(test[1]),
        "learn": learned - started,
        "wall": ended - began,
        "label": labelled - learned,
    }


def right(given: Sequence[str], true: Sequence[str]) -> int:
    return sum(a == b for a, b in zip(given, true, strict=True))


def accuracy(given: Sequence[str], true: Sequence[str]) -> float:
    return right(given, true) / len(true)
