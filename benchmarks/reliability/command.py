"""`python -m scratchnn.train` that is killed: `python -m benchmarks.reliability.command` (some minutes for 60).

Each run is killed at a random moment after its first checkpoint, and finished with --resume. The parameters, the state
of the optimizer, the rows of its epochs and the best model must have the bits of a run that nobody disturbed.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import ROOT
from benchmarks.reliability.record import Record, counted, main
from scratchnn.models.checkpoint import load_checkpoint

COMMAND = [sys.executable, "-m", "scratchnn.train"]
# Of texts of one's own, made by `write_texts`. A checkpoint after every step: a kill finds the command in every state.
ARGUMENTS = ["--arch", "lstm", "--length", "50", "--seed", "5", "--batch-size", "4", "--backend", "reference"]
EVERY_STEP = ["--epochs", "3", "--checkpoint-every", "1", "--quiet"]
_TIMED = ("seconds", "reviews_per_second")
_WAIT = 120.0  # seconds until the first checkpoint
_WITHIN = 1.5  # seconds after it, at most, until the kill


def environment() -> dict[str, str]:
    """Without the caller's settings. The cache of compiled kernels stays, so that a run takes a second or two."""
    dropped = ("SCRATCHNN_DATA", "NUMBA_NUM_THREADS", "PYTHONWARNINGS")
    path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH")]))
    return {name: value for name, value in os.environ.items() if name not in dropped} | {"PYTHONPATH": path}


def train(cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300, check=False)


def write_texts(path: Path) -> None:
    """200 short texts with one of two labels."""
    rng = random.Random(0)
    words = {"good": "fine warm bright", "bad": "dull cold slow"}
    rows = []
    for n in range(200):
        label = ("good", "bad")[n % 2]
        text = [*rng.choices(words[label].split(), k=3), *rng.choices("the film was a story of it".split(), k=6)]
        rng.shuffle(text)
        rows.append(f"{' '.join(text)},{label}\n")
    path.write_text("text,label\n" + "".join(rows), encoding="utf-8")


def result(folder: Path) -> tuple[object, ...]:
    """What training has come to, without the time that it took."""
    model, progress = load_checkpoint(folder / "checkpoint.npz")
    assert model.optimizer is not None
    records = [{key: each[key] for key in each if key not in _TIMED} for each in progress.records]
    slots = {name: slot.tobytes() for name, slot in model.optimizer.state().items()}
    best = (folder / "best.npz").read_bytes()
    return model.flat_params.tobytes(), slots, progress.epoch, progress.step, records, best


def kill(cwd: Path, seconds: float, arguments: Sequence[str | Path]) -> None:
    """Kill the command so many seconds after its first checkpoint; it may have ended before."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + _WAIT
        while not list(cwd.glob("runs/*/checkpoint.npz")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(seconds)
    finally:
        process.kill()
        process.communicate()


@dataclass
class Interruptions:
    within: int = 0
    """Those in the middle of an epoch."""
    wrong: int = 0
    slowest: float = 0.0
    """Seconds that --resume took, at most."""


def interrupt(
    cwd: Path, undisturbed: Path, data: Path, arguments: Sequence[str], kills: int, seed: int
) -> Interruptions:
    """Kill so many runs in the folder `cwd`, and finish each; `undisturbed` is the folder of a whole run."""
    rng, found, expected = random.Random(seed), Interruptions(), result(undisturbed)
    for _ in range(kills):
        kill(cwd, rng.uniform(0, _WITHIN), ["--data", data, *arguments])
        (folder,) = (cwd / "runs").iterdir()
        found.within += load_checkpoint(folder / "checkpoint.npz")[1].step > 0
        started = time.perf_counter()
        again = train(cwd, "--resume", folder, "--data", data, "--quiet")
        found.slowest = max(found.slowest, time.perf_counter() - started)
        if again.returncode or result(folder) != expected:
            found.wrong += 1
            print(again.stderr, file=sys.stderr)
        shutil.rmtree(cwd / "runs")
    return found


def measure(tried: int, seed: int) -> Iterator[Record]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        cwd, data = Path(name), Path(name, "texts.csv")
        write_texts(data)
        whole = train(cwd, "--data", data, *ARGUMENTS, *EVERY_STEP)
        assert whole.returncode == 0, whole.stderr
        (folder,) = (cwd / "runs").iterdir()
        undisturbed = folder.rename(cwd / "undisturbed")
        found = interrupt(cwd, undisturbed, data, [*ARGUMENTS, *EVERY_STEP], tried, seed)
    yield counted("kills of the command", tried, found.wrong, {"seconds to go on": found.slowest}, started)


if __name__ == "__main__":
    main(__doc__ or "", 60, measure, "kills")
