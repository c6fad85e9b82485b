"""The published models, ours and Keras' own, on the same reviews: test accuracy of every seed.

    SCRATCHNN_DATA=<folder> python -m benchmarks.accuracy [--arch ff lstm] [--seeds 0 1 2]

Each run is a process of its own, ours and Keras' in turn, so that a busy moment of the machine hits both. The results
go to benchmarks/results/accuracy.json, which keeps runs that are there already, and from there into README.md's table.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import tables
from benchmarks.harness import ROOT, run_process
from benchmarks.machine import facts
from scratchnn.architectures import named

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results" / "accuracy.json"
RUNNERS = {"scratchnn": "benchmarks.run_scratchnn", "keras": "benchmarks.peers.run_keras"}
README = ROOT / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--arch", nargs="+", default=["ff", "rnn", "lstm", "cnn", "cnn-linear"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"machine": facts(), "runs": []}
    for seed in args.seeds:
        for arch in args.arch:
            for runner in RUNNERS:
                if any(r["runner"] == runner and r["arch"] == arch and r["seed"] == seed for r in results["runs"]):
                    continue
                command = [sys.executable, "-m", RUNNERS[runner], "--arch", arch, "--seed", str(seed)]
                output = run_process(command).output
                run = {"runner": runner, **json.loads(output.splitlines()[-1])}
                results["runs"].append(run)
                RESULTS.parent.mkdir(exist_ok=True)
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
                print(
                    f"{arch:10} seed {seed}  {runner:9}  {run['test_accuracy']:.4f}  {run['seconds_per_epoch']:.2f} s"
                )
    README.write_text(tables.with_table(README.read_text(), tables.ACCURACY, table(results)))


def table(results: dict) -> str:
    """The headline table, in Markdown: mean and every seed of both, and the median seconds of an epoch."""
    runs = results["runs"]
    rows = []
    for arch in dict.fromkeys(run["arch"] for run in runs):
        ours, keras = ([r for r in runs if r["arch"] == arch and r["runner"] == name] for name in RUNNERS)
        told = named(arch).published
        published = "" if told is None or told.accuracy is None else f"{told.accuracy:.3f}"
        cells = [f"`{arch}`", f"{ours[0]['parameters']:,}", published, accuracies(ours), accuracies(keras)]
        cells += [f"{seconds(ours):.2f}", f"{seconds(keras):.2f}"]
        rows.append(cells)
    head = ["model", "parameters", "published", "scratchnn: mean (seeds)", "Keras: mean (seeds)"]
    return tables.markdown([*head, "s/epoch, ours", "Keras"], ["---", "--:", "--:", "---", "---", "--:", "--:"], rows)


def accuracies(runs: list[dict]) -> str:
    values = [run["test_accuracy"] for run in runs]
    return f"**{sum(values) / len(values):.3f}** ({', '.join(f'{value:.3f}' for value in values)})"


def seconds(runs: list[dict]) -> float:
    return sorted(run["seconds_per_epoch"] for run in runs)[len(runs) // 2]


if __name__ == "__main__":
    main()
