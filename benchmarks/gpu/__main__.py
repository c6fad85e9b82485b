"""Times recurrent layers and training on an NVIDIA device, beside PyTorch's cuDNN and loops over time steps.

    python -m benchmarks.gpu                     eight minutes at most; writes benchmarks/results/gpu.json, docs/gpu.md
    python -m benchmarks.gpu --with-cpu          also trains the published models on the cpu backend, to compare
    python -m benchmarks.gpu --quick             one size of each, a minute or two; writes nothing but --out
    python -m benchmarks.gpu --full              every size, half an hour or more
    python -m benchmarks.gpu --parts steps       these parts again, the others as they are in the JSON
    python -m benchmarks.gpu --explain-kernels   which kernel runs what, and why; needs no device

First ours and PyTorch compute the losses of three training steps from the same weights. Then both are timed, in turn,
in processes of their own: one that fails or hangs is replaced, its question is answered with an error, and the run
goes on. The JSON is kept up to date, so an interruption loses nothing. What is timed: plan.py, how: timing.py.
"""

import argparse
import datetime
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchnn_kernels.gpu import availability

from benchmarks import tables
from benchmarks.gpu import plan, report
from benchmarks.gpu.plan import OURS, TORCH
from benchmarks.gpu.results import Results
from benchmarks.gpu.workers import Worker
from benchmarks.harness import ROOT
from scratchnn.core.files.atomic import write_atomically
from scratchnn.report.kernels import rules_text

OUT = ROOT / "benchmarks" / "results" / "gpu.json"
PAGE = ROOT / "docs" / "gpu.md"
QUICK_OUT = Path(tempfile.gettempdir()) / "scratchnn-gpu-quick.json"
MINUTES = {"quick": 8.0, "default": 8.0, "full": 60.0}
# The share of the time by which a part must be done; the next gets what it leaves. Nothing waits for the cpu backend.
ENDS = {"checks": 0.15, "steps": 0.5, "epochs": 0.62, "loops": 0.68, "layers": 1.0, "cpu": 2.0}
PATIENCE = 240.0  # seconds for an answer: torch.compile and the first search for the reviews are the slowest
WRITTEN_EVERY = 5.0  # seconds
GIVES_UP = 5  # failures of a worker in a row, in one part


class Run:
    """The answers so far, and the file that holds them."""

    def __init__(self, results: dict[str, Any], out: Path, workers: dict[str, Worker]) -> None:
        self.results, self.out, self.workers = results, out, workers
        self._written = 0.0

    def part(self, name: str, questions: list[plan.Question], until: float) -> None:
        failures = dict.fromkeys(self.workers, 0)
        for question in questions:
            who = question["who"]
            if "error" in self.results["machine"].get(who, {}):
                continue  # reported once
            if time.monotonic() > until:
                answer = {"error": "left out: the time was up"}
            elif failures[who] >= GIVES_UP:
                answer = {"error": f"left out: {GIVES_UP} in a row failed"}
            else:
                answer = self.workers[who].ask(question, PATIENCE)
                failures[who] = failures[who] + 1 if "error" in answer else 0
                print(report.line(question, answer), flush=True)
            self.results["rows"].append({"part": name, "question": question, **answer})
            if time.monotonic() - self._written > WRITTEN_EVERY:
                self.write()
        self.write()

    def write(self) -> None:
        """The whole file, a row a line."""
        head = {key: value for key, value in self.results.items() if key != "rows"}
        rows = ",\n".join(json.dumps(row) for row in self.results["rows"])
        text = json.dumps(head, indent=1).removesuffix("\n}") + f',\n "rows": [\n{rows}\n]\n}}\n'
        self.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.out, [text.encode()])  # the program may be killed at any time
        self._written = time.monotonic()


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.explain_kernels:
        print(rules_text())
        return 0
    problem = availability.problem()
    if problem is not None:
        print(f"benchmarks.gpu {problem}", file=sys.stderr)
        return 1
    commands = {
        OURS: [sys.executable, "-m", "benchmarks.gpu.run_scratchnn"],
        TORCH: [options.torch_python, "-m", "benchmarks.peers.run_torch_gpu"],
    }
    return measure(options, commands, shlex.join(["python", "-m", "benchmarks.gpu", *(arguments or sys.argv[1:])]))


def measure(options: argparse.Namespace, commands: dict[str, list[str]], command: str) -> int:
    """Ask all questions, print the tables, and write them. Return 1 if our losses and PyTorch's differ."""
    size = "quick" if options.quick else "full" if options.full else "default"
    out = options.out or (QUICK_OUT if options.quick else OUT)
    seconds = 60 * (options.minutes or MINUTES[size])
    # A worker inherits this environment, and must find the packages that this process has found.
    found = [str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, found))
    workers = {who: Worker(each) for who, each in commands.items()}
    parts = plan.parts(size, options.with_cpu or options.quick)
    chosen = options.parts or list(parts)
    started = time.monotonic()
    try:
        machine = {who: _facts(worker.ask({"what": "machine"}, PATIENCE)) for who, worker in workers.items()}
        results: dict[str, Any] = {
            "machine": machine,
            "date": datetime.date.today().isoformat(),
            "command": command,
            "finished": False,
            "rows": _kept(out, set(parts) - set(chosen), machine) if options.parts else [],
        }
        for who, facts in machine.items():
            print(f"{who}: {facts}", flush=True)
        if "error" in machine[OURS]:
            print(f"benchmarks.gpu: {machine[OURS]['error']}", file=sys.stderr)
            return 1
        run = Run(results, out, workers)
        try:
            for name in chosen:
                run.part(name, parts[name], started + seconds * ENDS[name])
            results["finished"] = True
        finally:
            results["minutes"] = round((time.monotonic() - started) / 60, 1)
            run.write()
    except KeyboardInterrupt:
        print(f"\nstopped; what was measured is in {out}", file=sys.stderr)
        return 130
    finally:
        for worker in workers.values():
            worker.close()
    text = report.page(results)
    print(f"\n{text}\n\nwritten to {out}, in {results['minutes']} minutes")
    if out == OUT:
        PAGE.write_text(tables.with_table(PAGE.read_text(encoding="utf-8"), report.MARKS, text), encoding="utf-8")
    return 1 if report.differing(Results(results)) else 0


def _facts(answer: dict[str, Any]) -> dict[str, Any]:
    return answer.get("result", answer)


def _kept(out: Path, parts: set[str], machine: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of other parts, if they were measured on such a card with the same versions."""
    if not out.exists():
        return []
    before = json.loads(out.read_text(encoding="utf-8"))
    same = all(
        before["machine"].get(who, {}).get(key) == machine[who].get(key)
        for who in machine
        for key in ("device", "driver", "cuda", "cupy", "torch", "cudnn")
    )
    return [row for row in before["rows"] if row["part"] in parts] if same else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Time layers and training on a GPU.")
    add = parser.add_argument
    add("--quick", action="store_true", help="one size of each only")
    add("--full", action="store_true", help="every size")
    add("--parts", nargs="+", choices=list(ENDS), metavar="PART", help=f"only these: {', '.join(ENDS)}")
    add("--minutes", type=float, help="what has not begun by then is left out (default: 8, with --full 60)")
    add("--with-cpu", action="store_true", help="train the published models on the cpu backend as well, at the end")
    add("--torch-python", default=sys.executable, metavar="PYTHON", help="one that has PyTorch (default: this one)")
    add("--out", type=Path, default=None, help=f"where the JSON goes (default: {OUT.relative_to(ROOT)})")
    add("--explain-kernels", action="store_true", help="print which kernel runs what, and stop")
    return parser


if __name__ == "__main__":
    sys.exit(main())
