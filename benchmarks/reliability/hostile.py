"""Files that were made to do harm: `python -m benchmarks.reliability.hostile` (minutes for all of them).

Every reader gets crafted files of its format (attacks/), and what is no file at all. Each is read by a process of its
own: it must be read, or refused with the reader's own error; the growth of peak memory stays under three times the file
and 64 MB, the time of the processor under 5 s; no code of it is run, and no file of the user's is changed.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.reliability import trial
from benchmarks.reliability.attacks import READERS, Attack, attacks, sample
from benchmarks.reliability.record import Record, counted, main


def tried(every: Iterable[Attack], tell: bool = False) -> Iterator[tuple[Attack, trial.Outcome, str | None]]:
    """Each attack, what came of it, and what is wrong with that."""
    for attack in every:
        reader = READERS[attack.reader]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "it")
            folder.mkdir()
            path = attack.write(folder)
            size = trial.size_of(path)
            with trial.untouched(folder) as changed:
                outcome = trial.attempt(partial(reader.read, path), reader.errors)
            failure = outcome.fails(size) or "; ".join(changed[:3]) or None
        if tell or failure:
            failed = "FAILS " if failure else ""
            print(f"{failed}{attack.reader}, {attack.name}: {failure or outcome}", file=sys.stderr, flush=True)
        yield attack, outcome, failure


def measure(number: int, seed: int) -> Iterator[Record]:
    started = time.perf_counter()
    every = attacks() if not number else sample(number, seed)
    found = list(tried(every))
    failures = sum(failure is not None for _, _, failure in found)
    worst = {
        "MB": max(outcome.mb for _, outcome, _ in found),
        "seconds of the processor": max(outcome.seconds for _, outcome, _ in found),
    }
    yield counted("crafted files", len(found), failures, worst, started)


if __name__ == "__main__":
    main(__doc__ or "", 0, measure, "files (0: all that there are)")
