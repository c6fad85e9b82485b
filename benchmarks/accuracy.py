"""Keras' own figures for the article's models, on the same reviews as ours: test accuracy of every seed.

    SCRATCHNN_DATA=<folder> python -m benchmarks.accuracy [--arch ff lstm] [--seeds 0 1 2]

Each run is a process of its own. The results go to benchmarks/results/keras.json, which keeps runs that are there
already; `benchmarks.study` puts them into the tables.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.harness import run_process
from benchmarks.machine import facts

RESULTS = Path(__file__).parent / "results" / "keras.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--arch", nargs="+", default=["ff", "rnn", "lstm", "cnn", "cnn-linear"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"machine": facts(), "runs": []}
    for seed in args.seeds:
        for arch in args.arch:
            if any(run["arch"] == arch and run["seed"] == seed for run in results["runs"]):
                continue
            command = [sys.executable, "-m", "benchmarks.peers.run_keras", "--arch", arch, "--seed", str(seed)]
            run = json.loads(run_process(command).output.splitlines()[-1])
            results["runs"].append(run)
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            print(f"{arch:10} seed {seed}  {run['test_accuracy']:.4f}  {run['seconds_per_epoch']:.2f} s")


if __name__ == "__main__":
    main()
