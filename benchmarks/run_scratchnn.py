"""Train one published model with scratchnn and print what came of it as one line of JSON. See accuracy.py."""

import argparse
import dataclasses
import json
import tempfile

from scratchnn import experiment
from scratchnn.report.console import Console
from scratchnn.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = experiment.start(Settings(arch=args.arch, seed=args.seed, out=folder), None)
        if run.data.is_synthetic:
            raise SystemExit("these figures are about the real reviews; set SCRATCHNN_DATA")
        experiment.train(run, Console(quiet=True))
        test = experiment.finish(run, Console(quiet=True))
    seconds = sorted(record["seconds"] for record in run.progress.records)
    result = {
        "framework": "scratchnn",
        "arch": args.arch,
        "seed": args.seed,
        "parameters": run.model.count_params(),
        "test_loss": test["loss"],
        "test_accuracy": test["accuracy"],
        "val_accuracy": [record["val_accuracy"] for record in run.progress.records],
        "seconds_per_epoch": seconds[len(seconds) // 2],
        "weights": experiment.checksum(run.model),
        "data": run.data.digest[:8],
        "settings": {k: v for k, v in dataclasses.asdict(run.settings).items() if k not in ("out", "seed", "arch")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
