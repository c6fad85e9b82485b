"""Train several models with several seeds each and compare them: `python -m scratchnn.compare --seeds 10`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import json
import sys
import textwrap
import time
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scratchnn.core.checks import whole_number
from scratchnn.core.extras import require_extra
from scratchnn.core.program import print_warning, usage_name
from scratchnn.core.threads import check_environment, cores
from scratchnn.experiments.flags import NAMES, add_own, add_settings, check_own, check_source, own_options
from scratchnn.experiments.presets import CONTROLS, PRESETS, Preset
from scratchnn.study.candidates import ARTICLE, ON_OWN_TEXTS, candidates

if TYPE_CHECKING:
    from pathlib import Path

    from scratchnn.data.sources import Found
    from scratchnn.report.console import Console
    from scratchnn.study.folder import StudyFolder
    from scratchnn.study.results import Protocol, RunResult
    from scratchnn.study.sources import Source
    from scratchnn.study.tasks import Task

CHOICES: "dict[str, tuple[Protocol, ...]]" = {"both": ("last", "best"), "last": ("last",), "best": ("best",)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 1 a run failed, 2 bad arguments, data or cluster, 130 Ctrl-C, 143 SIGTERM,
    129 SIGHUP."""
    started = time.perf_counter()
    args = _parser().parse_args(arguments)
    warnings.showwarning = print_warning
    try:
        return _compare(args, started)
    except KeyboardInterrupt:
        print("\nstopped; the same command continues with the rest", file=sys.stderr)
        return 130
    except SystemExit as stop:
        with suppress(OSError):  # a terminal that was closed, which SIGHUP tells
            print("\nstopped; the same command continues with the rest", file=sys.stderr)
        return int(stop.code or 0)
    except MemoryError as error:
        print(f"error: not enough memory, for the texts or a model: {error or 'use smaller ones'}", file=sys.stderr)
        return 2
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _compare(args: argparse.Namespace, started: float) -> int:
    check_environment()
    require_extra("study", "a comparison", "scipy", "jinja2", "rich", "matplotlib")
    _check_workers(args)
    check_source(args.data, args.synthetic)
    seeds, margin = _seeds(args.seeds), _margin(args.margin)

    from scratchnn.core import backend
    from scratchnn.core.names import plural
    from scratchnn.data import synthetic
    from scratchnn.data.own.reading import is_own
    from scratchnn.report.console import Console
    from scratchnn.study import overview
    from scratchnn.study.beforehand import budget_of, compile_for
    from scratchnn.study.budget import parse
    from scratchnn.study.conduct import all_results, conduct, missing
    from scratchnn.study.folder import StudyFolder
    from scratchnn.study.tasks import plan
    from scratchnn.study.variants import parse_grid, variants

    has_own = args.data is not None and is_own(args.data)
    check_own(args, has_own)
    presets = candidates(args.arch, args.presets, has_own)
    chosen = {name: getattr(args, name) for name in NAMES if getattr(args, name) is not None}
    seconds, grid = None if args.budget is None else parse(args.budget), parse_grid(args.grid, chosen)
    if args.cluster in (None, "local") and args.backend is not None:
        backend.load(args.backend)  # if it cannot be used here, that is one error now, not one in every run
    console = Console(quiet=args.quiet)
    source, found = _source(args, has_own)
    models = variants(presets, chosen, grid, spared=() if args.arch else CONTROLS)
    tasks = plan(models, seeds, source, CHOICES[args.protocol])
    if found is not None and found.is_synthetic:
        console.line(synthetic.banner())
    plan_of = f"{plural(len(models), 'model')}, {plural(len(seeds), 'seed')}: {', '.join(each.name for each in models)}"
    with _runner(args, len(tasks)) as runner:
        folder = StudyFolder.open(args.out, _common(tasks[0], chosen))
        console.header([
            *source.heading(tasks[0].settings),
            ("plan", plan_of),
            ("training", overview.about(tasks, source.noun)),
            ("protocols", overview.in_words(tasks[0].protocols, margin)),
            ("runner", runner.description),
            ("folder", str(folder.path)),
        ])  # fmt: skip
        console.line("")
        todo, _ = missing(tasks, folder)
        if args.cluster is None:
            compile_for([task for task in tasks if task.settings.seed == seeds[0]], console)
        budget = None if seconds is None else budget_of(seconds, started, todo, runner.threads)
        done = conduct(tasks, folder, runner, console, args.quiet, budget)
    results = all_results(folder)
    published = overview.published_of(results, found, PRESETS)
    known = PRESETS | CONTROLS | {preset.name: preset for preset in presets}
    path = _write_page(folder, results, tasks[0], published, margin, known)
    _tell(folder, overview.summary(results, published), console)
    counted = f"{plural(done, 'run')} done, {len(results)} in all{_left(todo, results)}"
    console.line(f"{counted}; wall time {time.perf_counter() - started:.1f} s")
    console.line(f"saved {path}")
    return _status(overview.failures(results), args.quiet)


def _common(task: "Task", chosen: dict[str, Any]) -> dict[str, Any]:
    """What all runs of the study have in common."""
    flags = {f"--{name.replace('_', '-')}": value for name, value in chosen.items()}
    about = {"data": task.data_digest, **task.code, "protocols": list(task.protocols)}
    return {**about, **flags, **task.source.deciding}


def _source(args: argparse.Namespace, has_own: bool) -> "tuple[Source, Found | None]":
    """What the models are trained on; of the film reviews also what was found."""
    if has_own:
        from scratchnn.data.own.options import TextOptions
        from scratchnn.study.own_texts import OwnSource

        return OwnSource.of(TextOptions(args.data, **own_options(args))), None
    from scratchnn.study.reviews import FilmReviews

    source = FilmReviews(args.data, args.synthetic)
    return source, source.found


def _left(todo: "Sequence[Task]", results: "Sequence[RunResult]") -> str:
    """Which models a budget has left without some of their runs."""
    there = {result.key for result in results}
    waiting = [task.model for task in todo if task.key not in there]
    names = ", ".join(dict.fromkeys(waiting))
    return f"; {len(waiting)} are left ({names}), and the same command goes on with them" if waiting else ""


def _status(failures: list[str], quiet: bool) -> int:
    """1 if runs failed; with --quiet, which has printed no table, they are named now."""
    for line in failures if quiet else []:
        print(line, file=sys.stderr)
    return 1 if failures else 0


def _runner(args: argparse.Namespace, runs: int) -> Any:
    """A pool of processes or a cluster, whichever is asked for; a context."""
    if args.cluster is not None:
        from scratchnn.study.cluster import connect

        return connect(args.cluster)
    from scratchnn.study.pool import Pool

    return Pool(min(args.workers or cores(), runs))


def _tell(folder: "StudyFolder", summary: Iterable[str], console: "Console") -> None:
    for line in ("", *summary, ""):
        console.line(line)
    verdict = json.loads((folder.path / "summary.json").read_text(encoding="utf-8"))["verdict"]
    for words in verdict.split("\n\n"):
        console.line(textwrap.fill(words, 100))
        console.line("")


def _check_workers(args: argparse.Namespace) -> None:
    if args.workers is not None:
        whole_number("--workers", args.workers, 1, 1024)
        if args.cluster is not None:
            raise ValueError(
                "--workers is the number of runs at a time on this machine; a cluster has its own: leave it out"
            )


def _seeds(text: str) -> list[int]:
    """From "10" the seeds 0 to 9, from "3,4,7" these."""
    try:
        if not text.isascii() or "_" in text:
            raise ValueError  # Python would take 1_0 for 10
        numbers = [int(each) for each in text.removesuffix(",").split(",")]
    except ValueError:
        raise ValueError(
            f"--seeds takes how many, such as 10, or the seeds themselves, such as 3,4,7, got {text!r}"
        ) from None
    if "," in text:
        return [whole_number("a seed of --seeds", seed, 0, 2**63 - 1) for seed in numbers]
    return list(range(whole_number("--seeds", numbers[0], 1, 100_000)))


def _margin(points: float) -> float:
    if not 0 < points < 100:
        raise ValueError(
            f"--margin is the largest difference in points of accuracy that counts as none, above 0 and below 100, "
            f"got {points:g}"
        )
    return points / 100


def _write_page(
    folder: "StudyFolder",
    results: "list[RunResult]",
    task: "Task",
    published: dict[str, float],
    margin: float,
    known: dict[str, Preset],
) -> "Path":
    from scratchnn.study import page

    reviews = task.source.describe(results)
    presets = {name: task.source.fitted(preset, task.settings) for name, preset in known.items()}
    return page.write(folder.path, results, reviews, published, code=folder.common, margin=margin, presets=presets)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=usage_name("scratchnn.compare"),
        description="Train models on the IMDB reviews, or on labelled texts of your own, each with the same seeds, "
        "and say which is better, by how much, and how sure that is. Finished runs are not repeated: stop it at any "
        "time and give the same command again, or ask for more seeds or models later.",
        epilog="example: python -m scratchnn.compare --arch ff lstm linear-bigrams --seeds 10 --out study",
    )
    add = parser.add_argument
    known = ", ".join(PRESETS | CONTROLS)
    add(
        "--arch",
        nargs="+",
        metavar="NAME",
        help=f"{known}, one of --presets, or the .npz of a saved model, which is trained anew (default: those of "
        f"--presets, or else {' '.join(ARTICLE)}; on texts of your own {' '.join(ON_OWN_TEXTS[len(ARTICLE) :])} too)",
    )
    _add_plan(parser)
    add("--out", default="study", metavar="DIR", help="folder of the study, new or to be continued (default: study)")
    add(
        "--data",
        metavar="PATH",
        help="folder with imdb.npz and imdb_word_index.json, or the .npz (default: searched); or texts of your own: "
        "a .csv, .tsv or .jsonl, lines with __label__x, or a folder label/*.txt",
    )
    add("--synthetic", action="store_true", help="use generated reviews, without looking for the real ones")
    add("--workers", type=int, metavar="N", help="runs at a time on this machine (default: one per core)")
    add(
        "--cluster",
        metavar="ADDRESS",
        help="run on Dask: the address of a scheduler, such as tcp://host:8786, or local",
    )
    add_settings(parser)
    add("--quiet", action="store_true", help="print errors only")
    add_own(parser)
    return parser


def _add_plan(parser: argparse.ArgumentParser) -> None:
    """The flags of what is compared, how often and how."""
    add = parser.add_argument
    add("--presets", metavar="FILE", help="presets of your own, as docs/comparing.md shows (a TOML file)")
    add(
        "--seeds",
        default="10",
        metavar="N",
        help="train each model with the seeds 0 to N-1; or the seeds themselves, such as 3,4,7 (default: 10)",
    )
    add(
        "--grid",
        action="append",
        default=[],
        metavar="NAME=A,B",
        help="train each model with each of these values of a setting, such as units=16,32; can be given several times",
    )
    add(
        "--protocol",
        choices=CHOICES,
        default="both",
        help="test each model after its last epoch, its best one (lowest validation loss), or both (default: both)",
    )
    add(
        "--margin",
        type=float,
        default=0.5,
        metavar="POINTS",
        help="a difference within so many points of accuracy counts as none (default: 0.5)",
    )
    add(
        "--budget",
        metavar="TIME",
        help="begin only runs that are expected to end within this time, such as 90s, 10m or 2h",
    )


if __name__ == "__main__":
    sys.exit(main())
