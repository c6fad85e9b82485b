"""What reading first is worth: `python -m benchmarks.pretraining FOLDER`.

Five seeds of the preset lm-lstm after 0, 1, 2 and 3 passes of its language model over the training reviews: about two
and a half hours of one core. It is a study, kept in FOLDER; after a stop the same command goes on. Writes
results/pretraining.json, the table in docs/pretraining.md and its picture.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import machine, pages, pretraining_page
from scratchnn import compare

PASSES = (0, 1, 2, 3)
STUDY = ["--arch", "lm-lstm", "--grid", f"pretrain_epochs={','.join(map(str, PASSES))}", "--seeds", "5"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pretraining", description=str(__doc__).partition("\n")[0]
    )
    parser.add_argument("folder", help="of the study, new or to be continued")
    parser.add_argument("--workers", default="1", help="runs at a time (default: 1)")
    args = parser.parse_args(arguments)
    status = compare.main([*STUDY, "--workers", args.workers, "--out", args.folder])
    if status:
        return status
    summary = json.loads((Path(args.folder) / "summary.json").read_text(encoding="utf-8"))
    pages.PRETRAINING.write_text(json.dumps(recorded(summary), indent=1) + "\n", encoding="utf-8")
    pages.write()
    pretraining_page.draw(recorded(summary))
    return 0


def recorded(summary: dict[str, Any]) -> dict[str, Any]:
    """What the page says, from the study: by passes, the test accuracy after the last epoch and the seconds by seed."""
    last = summary["protocols"]["last"]["models"]
    names = {passes: f"lm-lstm,pretrain_epochs={passes}" for passes in PASSES}
    return {
        "command": "python -m scratchnn.compare " + " ".join(STUDY),
        "machine": machine.facts(),
        "code": summary["code"],
        "passes": {
            str(passes): {
                "accuracy": {seed: found["accuracy"] for seed, found in last[name]["seeds"].items()},
                "seconds": summary["times"][name]["seconds"],
            }
            for passes, name in names.items()
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
