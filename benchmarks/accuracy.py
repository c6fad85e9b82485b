"""Keras' own figures for the article's models, on the same reviews as ours, of every seed under both protocols.

    SCRATCHNN_DATA=<folder> python -m benchmarks.accuracy [--arch ff lstm] [--seeds 0 1 2]

Each is trained twice: as Keras does it on TensorFlow, and with the gradients of a word that occurs several times in a
batch summed before Adam sees them, as on its other backends. Each run is a process of its own. The results go to
benchmarks/results/keras.json, which keeps runs that are there already, and from there into docs/imdb.md and README.md.
"""

import argparse
import itertools
import json
import sys

from benchmarks import imdb_results, pages
from benchmarks.harness import run_process
from benchmarks.machine import facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--arch", nargs="+", default=["ff", "rnn", "lstm", "cnn"])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(6)))
    args = parser.parse_args()
    results = json.loads(pages.KERAS.read_text()) if pages.KERAS.exists() else {"machine": facts(), "runs": []}
    for seed, arch, variant in itertools.product(args.seeds, args.arch, imdb_results.KERAS_VARIANTS):
        asked = (arch, seed, variant)
        if any((run["arch"], run["seed"], run["variant"]) == asked for run in results["runs"]):
            continue
        command = [sys.executable, "-m", "benchmarks.peers.run_keras", "--arch", arch, "--seed", str(seed)]
        command += ["--variant", variant] if variant else []
        run = json.loads(run_process(command).output.splitlines()[-1])
        results["runs"].append(run)
        pages.KERAS.parent.mkdir(exist_ok=True)
        pages.KERAS.write_text(imdb_results.text(results))
        last, best = (run["tested"][protocol] for protocol in ("last", "best"))
        print(f"{arch:10} seed {seed}  {last['accuracy']:.4f}, best {best['accuracy']:.4f} (epoch {best['epoch']})")
    pages.write()


if __name__ == "__main__":
    main()
