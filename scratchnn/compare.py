"""Train several models with several seeds each and compare them: `python -m scratchnn.compare --seeds 10`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import json
import sys
import textwrap
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scratchnn_kernels import BACKENDS

from scratchnn.core.checks import whole_number
from scratchnn.core.threads import check_environment, cores
from scratchnn.experiments.presets import CONTROLS, PRESETS, named
from scratchnn.train import one_of, print_warning

if TYPE_CHECKING:
    from pathlib import Path

    from scratchnn.data.corpus import Corpus
    from scratchnn.report.console import Console
    from scratchnn.study.folder import StudyFolder
    from scratchnn.study.results import Reviews, RunResult
    from scratchnn.study.tasks import Task

ARTICLE = ("ff", "rnn", "lstm", "cnn")
CHOICES = ("vocabulary", "length", "batch_size", "epochs", "backend")  # settings that override the models' own


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 1 a run failed, 2 bad arguments, data or cluster, 130 Ctrl-C, 143 SIGTERM."""
    started = time.perf_counter()
    args = _parser().parse_args(arguments)
    warnings.showwarning = print_warning
    try:
        return _compare(args, started)
    except KeyboardInterrupt:
        print("\nstopped; the same command continues with the rest", file=sys.stderr)
        return 130
    except SystemExit:
        print("\nstopped; the same command continues with the rest", file=sys.stderr)
        return 143
    except MemoryError:
        print("error: not enough memory for the reviews", file=sys.stderr)
        return 2
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _compare(args: argparse.Namespace, started: float) -> int:
    check_environment()
    if args.workers is not None:
        whole_number("--workers", args.workers, 1, 1024)
    whole_number("--seeds", args.seeds, 1)

    from scratchnn.core import backend
    from scratchnn.data import sources, synthetic
    from scratchnn.report.console import Console
    from scratchnn.study.conduct import all_results, conduct
    from scratchnn.study.folder import StudyFolder
    from scratchnn.study.pool import Pool
    from scratchnn.study.results import PROTOCOLS
    from scratchnn.study.tasks import Variant, plan

    if args.cluster in (None, "local") and args.backend is not None:
        backend.load(args.backend)  # if it cannot be used here, that is one error now, not one in every run
    console = Console(quiet=args.quiet)
    found = sources.find(args.data, synthetic_data=True if args.synthetic else None)
    chosen = {name: getattr(args, name) for name in CHOICES if getattr(args, name) is not None}
    variants = [Variant(arch, named(arch), {**chosen, "synthetic": found.is_synthetic}) for arch in args.arch]
    tasks = plan(variants, range(args.seeds), found.corpus, args.data)
    if found.is_synthetic:
        console.line(synthetic.banner())
    if args.cluster is None:
        runner: Any = Pool(min(args.workers or cores(), len(tasks)))
    else:
        from scratchnn.study.cluster import connect

        runner = connect(args.cluster)
    with runner:
        common = {f"--{name.replace('_', '-')}": value for name, value in chosen.items()}
        folder = StudyFolder.open(
            args.out, {"data": found.corpus.digest, **tasks[0].code, "protocols": list(PROTOCOLS), **common}
        )
        console.header([
            ("data", f"{found.source}, digest {found.corpus.digest[:8]}"),
            ("plan", f"{len(args.arch)} models, {args.seeds} seeds: {', '.join(args.arch)}"),
            ("runner", runner.description),
            ("folder", str(folder.path)),
        ])  # fmt: skip
        console.line("")
        if args.cluster is None:
            _compile([task for task in tasks if task.settings.seed == tasks[0].settings.seed], console)
        done = conduct(tasks, folder, runner, console, args.quiet)
    results = all_results(folder)
    path = _write_page(folder, results, found.corpus)
    console.line("")
    for line in _summary(results):
        console.line(line)
    console.line("")
    for words in json.loads((folder.path / "summary.json").read_text(encoding="utf-8"))["verdict"]:
        console.line(textwrap.fill(words, 100))
    console.line("")
    console.line(f"{done} runs done, {len(results)} in all; wall time {time.perf_counter() - started:.1f} s")
    console.line(f"saved {path}")
    return 1 if any(result.failed for result in results) else 0


def _compile(tasks: "Sequence[Task]", console: "Console") -> None:
    """Compile what the runs need before they begin: in parallel, each would compile all of it again."""
    from scratchnn.core import backend
    from scratchnn.experiments import compiling
    from scratchnn.experiments.preparation import build_model, use_every_kernel
    from scratchnn.training.interrupts import Interrupts

    def work() -> None:
        for task in tasks:
            if task.preset.grams is None:
                with suppress(ValueError):  # a model that cannot be built: its runs will fail, and are reported
                    use_every_kernel(build_model(task.settings, task.preset), task.settings)

    with Interrupts() as interrupts:  # one backend computes all runs of a study
        compiling.compile_for(backend.load(tasks[0].settings.backend), work, console, interrupts)


def _write_page(folder: "StudyFolder", results: "list[RunResult]", corpus: "Corpus") -> "Path":
    from scratchnn.study import page

    told = {name: preset.published for name, preset in PRESETS.items()}
    published = {name: p.accuracy for name, p in told.items() if p is not None and p.accuracy is not None}
    return page.write(folder.path, results, _reviews(results, corpus), published)


def _reviews(results: "list[RunResult]", corpus: "Corpus") -> "dict[str, Reviews]":
    """For each set of test reviews, what the first of its models is shown of them."""
    from scratchnn.experiments.settings import Settings
    from scratchnn.study.reviews import describe

    first = {result.test_set: Settings(**result.settings) for result in reversed(results)}
    return {test_set: describe(corpus, settings) for test_set, settings in first.items()}


def _summary(results: "list[RunResult]") -> list[str]:
    """A table of the results, a row for each model, and a line for each run that failed."""
    from scratchnn.report.table import table

    rows = [["model", "runs", "failed", "mean", "lowest", "highest", "published"]]
    for arch in dict.fromkeys(result.model for result in results):
        runs = [result for result in results if result.model == arch]
        values = [result.tested["last"].accuracy for result in runs if not result.failed]
        told = named(arch).published
        numbers = (
            [sum(values) / len(values), min(values), max(values), told and told.accuracy] if values else [None] * 4
        )
        cells = ["" if number is None else f"{number:.4f}" for number in numbers]
        rows.append([arch, str(len(runs)), str(len(runs) - len(values)), *cells])
    return table(rows, "<>>>>>>") + [
        f"{run.model} seed {run.seed} failed: {run.error}" for run in results if run.failed
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scratchnn.compare",
        description="Train models on the IMDB reviews, each with the same seeds, and say which is better, by how much, "
        "and how sure that is. Finished runs are not repeated: stop it at any time and give the same command again, or "
        "ask for more seeds or models later.",
        epilog="example: python -m scratchnn.compare --arch ff rnn lstm cnn --seeds 10 --out study",
    )
    add = parser.add_argument
    known = ", ".join(PRESETS | CONTROLS)
    add(
        "--arch",
        nargs="+",
        metavar="NAME",
        default=list(ARTICLE),
        type=one_of("preset", PRESETS | CONTROLS),
        help=f"{known} (default: {' '.join(ARTICLE)})",
    )
    add("--seeds", type=int, default=10, metavar="N", help="train each model with the seeds 0 to N-1 (default: 10)")
    add("--out", default="study", metavar="DIR", help="folder of the study, new or to be continued (default: study)")
    add("--data", metavar="PATH", help="folder with imdb.npz and imdb_word_index.json, or the .npz (default: searched)")
    add("--synthetic", action="store_true", help="use generated reviews, without looking for the real ones")
    add("--workers", type=int, metavar="N", help="runs at a time on this machine (default: one per core)")
    add(
        "--cluster",
        metavar="ADDRESS",
        help="run on Dask: the address of a scheduler, such as tcp://host:8786, or local",
    )
    for name, letter in (("vocabulary", "V"), ("length", "T"), ("batch-size", "B"), ("epochs", "N")):
        add(f"--{name}", type=int, metavar=letter, help="the same for all models (default: each model's own)")
    add(
        "--backend",
        type=one_of("backend", BACKENDS),
        help="cpu (Numba), gpu (CUDA) or reference (NumPy) (default: cpu)",
    )
    add("--quiet", action="store_true", help="print errors only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
