"""Our models of texts and others' on three public sets: `python -m benchmarks.text_sets` (some ten minutes).

BBC news, Reuters R8 and election tweets (text_data.py). All contenders learn from the same texts, choose by the same
validation texts where they choose, and are tested on the same ones, which none has seen; each is a process of its own.
Seconds are those of the CPU, all threads together, which a busy machine stretches least. It takes the packages of the
extra `bench-text`, and kernels that are compiled already (`python -m scratchnn.warmup`), since seconds of a compiler
are none of learning. Writes results/text_sets.json and the table in docs/own-text.md.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import harness, machine, pages
from benchmarks.text_data import DRAW, SETS, TextSet, cache_folder, prepare

THREADS = 2
PACKAGES = ("numpy", "scikit-learn", "fasttext-numpy2-wheel")


class Contender(NamedTuple):
    title: str
    module: str
    name: str


CONTENDERS = (
    Contender("linear-bigrams", "benchmarks.run_text_scratchnn", "linear"),
    Contender("lstm", "benchmarks.run_text_scratchnn", "lstm"),
    Contender("bow or cnn, up to 20 epochs", "benchmarks.run_text_scratchnn", "better"),
    Contender("tf-idf, logistic regression", "benchmarks.peers.run_text_sklearn", "tfidf"),
    Contender("naive Bayes' weights, logistic regression", "benchmarks.peers.run_text_sklearn", "naive-bayes"),
    Contender("fastText", "benchmarks.peers.run_text_fasttext", "fasttext"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="compare models of texts on three public sets")
    parser.add_argument("--rounds", type=int, default=1, help="times that everything is done, each with a seed")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="those to measure (default: all)")
    args, cache = parser.parse_args(), cache_folder()
    for name in args.sets:
        keep(measured(SETS[name], cache, args.rounds), args.rounds)
    pages.write()


def keep(found: dict[str, Any], rounds: int) -> None:
    """Write what was found of a set beside what is there of the others."""
    there = json.loads(pages.TEXT_SETS.read_text())["sets"] if pages.TEXT_SETS.exists() else []
    by_title = {each["title"]: each for each in (*there, found)}
    results: dict[str, Any] = {"machine": machine.facts(), "rounds": rounds, "threads": THREADS, "draw": DRAW}
    results["packages"] = {name: machine.version_of(name) for name in PACKAGES}
    results["sets"] = [by_title[each.title] for each in SETS.values() if each.title in by_title]
    pages.TEXT_SETS.write_text(json.dumps(results, indent=1) + "\n")


def measured(chosen: TextSet, cache: Path, rounds: int) -> dict[str, Any]:
    """What there is, and what each contender made of it."""
    with tempfile.TemporaryDirectory() as folder:
        parts = prepare(chosen, cache, Path(folder))
        counts, test = Counter(parts.train.labels), parts.named()["test"]
        runs: dict[str, list[dict]] = {each.title: [] for each in CONTENDERS}
        for seed in range(rounds):
            for each in CONTENDERS:
                run = run_contender(each, Path(folder), seed)
                runs[each.title].append(run)
                told = f"{run['right'] / run['texts']:.4f}  {run['learn']:6.1f} s, {run['wall']:.1f} on the wall"
                print(f"{chosen.title:16} {each.title:42} {told}  {run['chosen']}", flush=True)
    return {
        "title": chosen.title,
        "package": str(chosen.package),
        "sha256": chosen.package.sha256,
        "texts": {name: len(part) for name, part in parts.named().items()},
        "classes": len(counts),
        "commonest": test.counts[max(counts, key=counts.__getitem__)],
        "models": {title: summary(own) for title, own in runs.items()},
    }


def run_contender(each: Contender, folder: Path, seed: int) -> dict[str, Any]:
    flags = ["--folder", str(folder), "--contender", each.name, "--seed", str(seed), "--threads", str(THREADS)]
    finished = harness.run_process([sys.executable, "-m", each.module, *flags], {"NUMBA_NUM_THREADS": str(THREADS)})
    return json.loads(finished.output.splitlines()[-1]) | {"others": finished.others}


def summary(runs: list[dict]) -> dict[str, Any]:
    """Means and medians over the rounds, and the choices of each."""
    return {
        "accuracy": statistics.mean(run["right"] / run["texts"] for run in runs),
        "validation": statistics.mean(run["validation"] for run in runs),
        "right": [run["right"] for run in runs],
        "chosen": [run["chosen"] for run in runs],
        "learn": harness.spread([run["learn"] for run in runs]),
        "wall": harness.spread([run["wall"] for run in runs]),
        "label": harness.spread([run["label"] for run in runs]),
        "others": max(run["others"] or 0.0 for run in runs),
    }


if __name__ == "__main__":
    main()
