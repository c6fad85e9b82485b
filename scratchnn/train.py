"""Train a published model on the IMDB reviews, or on texts of your own: `python -m scratchnn.train --arch lstm`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scratchnn.core import program
from scratchnn.core.program import to_be_typed
from scratchnn.core.threads import set_threads
from scratchnn.experiments.flags import (
    OWN,
    add_own,
    add_settings,
    check_own,
    check_source,
    checkpoint_every,
    own_options,
    threads,
)
from scratchnn.experiments.presets import PRESETS, Published, named_network
from scratchnn.experiments.settings import Settings

if TYPE_CHECKING:
    from scratchnn.experiments.run import Run


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 1 training failed, 2 bad arguments or data, 130 Ctrl-C, 143 SIGTERM,
    129 SIGHUP."""
    args = _parser().parse_args(arguments)
    return program.ended(lambda: _done(args))


def _done(args: argparse.Namespace) -> int:
    if args.list:
        _require_alone("--list", args, set(vars(args)) - {"list"})
        _list()
        return 0
    if args.explain_kernels:
        _explain_kernels(args)
        return 0
    if args.threads is not None:
        set_threads(args.threads)
    try:
        return _run(args)
    except MemoryError as error:  # what is needed, where that is known
        raise MemoryError(f"{error or 'not enough memory'}; use a smaller vocabulary, length or batch size") from None


def _run(args: argparse.Namespace) -> int:
    from scratchnn.experiments import lock

    digest = _take_config(args)
    check_source(args.data, args.synthetic)
    if args.resume is not None:
        with lock.held(args.resume):  # before anything of it is read
            return _trained(args, _resumed(args))
    run = _started(args, digest)
    with lock.held(run.folder.path):
        return _trained(args, run)


def _trained(args: argparse.Namespace, run: "Run") -> int:
    from scratchnn.data import synthetic
    from scratchnn.experiments import baselines
    from scratchnn.experiments import run as experiment
    from scratchnn.experiments.heading import header
    from scratchnn.report.console import Console
    from scratchnn.training.progress import NonFiniteError

    has_own = run.options is not None
    console = Console(quiet=args.quiet, unit="texts" if has_own else "reviews")
    if args.synthetic:
        console.line(synthetic.banner())
    console.header(header(run))
    console.line("")
    try:
        beside = baselines.fit(run, console) if has_own else None
        experiment.train(run, console, **args.checkpoint_every)
        console.line("")
        width = 0 if beside is None else baselines.tell(run, beside, console)
        experiment.finish(run, console, width)
        for line in () if beside is None else baselines.verdict(run, beside):
            console.line(line)
    except NonFiniteError as error:
        print(f"error: {error}. What was recorded is in {run.folder.path}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit) as stop:
        done = f"{run.progress.epoch} epochs" + (f" and {run.progress.step} steps" if run.progress.step else "")
        again = ["python", "-m", "scratchnn.train", "--resume", str(run.folder.path)]
        again += [] if args.data is None or has_own else ["--data", args.data]
        with suppress(OSError):  # a terminal that was closed, which SIGHUP tells
            print(f"\nstopped after {done}; continue with: {to_be_typed(again)}", file=sys.stderr)
        return 130 if isinstance(stop, KeyboardInterrupt) else int(stop.code or 0)
    if run.data.is_synthetic:
        console.line("(synthetic reviews: not comparable with published accuracies)")
    return 0


def _take_config(args: argparse.Namespace) -> str | None:
    """Take from --config what no flag gives. Return the digest of its data, unless --data names the data."""
    if args.config is None:
        return None
    if args.resume is not None:
        raise ValueError("a resumed run keeps its settings; leave out --config")
    from scratchnn.experiments import config_file

    config = config_file.read(args.config)
    digest = config.digest if args.data is None else None
    for name, value in config.values(args.data).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return digest


def _started(args: argparse.Namespace, digest: str | None) -> "Run":
    from scratchnn.data.own.options import TextOptions
    from scratchnn.data.own.reading import is_own
    from scratchnn.experiments import run as experiment

    data: str | None = args.data
    has_own = data is not None and is_own(data)
    check_own(args, has_own)
    chosen = _chosen(args)
    preset = named_network(chosen.pop("arch", Settings.arch))
    if data is not None and has_own:
        return experiment.start_own(preset, chosen, TextOptions(data, **own_options(args)), digest)
    return experiment.start(preset.settings(**chosen), data, digest)


def _resumed(args: argparse.Namespace) -> "Run":
    from scratchnn.experiments import run as experiment

    paths = {name: getattr(args, name) for name in ("test_data", "validation_data") if getattr(args, name) is not None}
    given = [name for name in (*_chosen(args), *own_options(args)) if name not in ("epochs", "early_stop", *paths)]
    if given:
        others = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"a resumed run keeps its settings; leave out {others}")
    return experiment.resume(args.resume, args.data, args.epochs, args.early_stop, paths=paths)


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given."""
    return {name: getattr(args, name) for name in vars(Settings()) if getattr(args, name) is not None}


def _require_alone(flag: str, args: argparse.Namespace, without: set[str]) -> None:
    """Raise ValueError where something was given that `flag` would not heed."""
    usual = vars(_parser().parse_args([]))
    given = [f"--{name.replace('_', '-')}" for name in usual if name in without and getattr(args, name) != usual[name]]
    if given:
        raise ValueError(f"{flag} trains nothing and has no use for {', '.join(given)}: leave it out")


def _explain_kernels(args: argparse.Namespace) -> None:
    """Print what the gpu backend would launch for the model that the arguments choose; no device is needed."""
    if args.resume is not None:
        raise ValueError("--explain-kernels reads the other arguments; give --arch and the sizes in place of --resume")
    useless = {"data", "synthetic", "threads", "out", "quiet", "checkpoint_every", *OWN}
    _require_alone("--explain-kernels", args, useless)
    from scratchnn.models.sequential import Sequential
    from scratchnn.report.kernels import kernels_text

    _take_config(args)
    chosen = _chosen(args)
    preset = named_network(chosen.pop("arch", Settings.arch))
    settings = preset.settings(**chosen)
    model = Sequential(preset.layers_for(settings), name=preset.name, backend="reference")
    model.build((None, settings.length))
    print(kernels_text(model, settings.batch_size, settings.length))


def _list() -> None:
    """Print every preset with its settings, its size and its published accuracy."""
    from scratchnn.models.sequential import Sequential
    from scratchnn.report.table import table

    rows: list[Sequence[str]] = [
        ("name", "parameters", "vocabulary", "length", "optimizer", "batch", "epochs", "published", "")
    ]
    for preset in PRESETS.values():
        settings, published = preset.settings(), preset.published or Published()
        model = Sequential(preset.layers(settings.vocabulary), backend="reference")
        model.build((None, settings.length))
        numbers = (model.count_params(), settings.vocabulary, settings.length)
        cells = [preset.name, *(f"{number:,}" for number in numbers), settings.optimizer]
        cells += [str(settings.batch_size), str(settings.epochs)]
        cells += ["" if published.accuracy is None else f"{published.accuracy:.4f}"]
        cells += [f"{preset.summary} ({published.remark})" if published.remark else preset.summary]
        rows.append(cells)
    print("\n".join(table(rows, "<>>><>>><")))


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.train"),
        description="Train one of the published models on the IMDB reviews, or on labelled texts of your own. The "
        "defaults are the published settings: those given below, or the preset's own, which --list shows.",
        epilog="example: python -m scratchnn.train --arch lstm --epochs 3 --seed 1",
    )
    add = parser.add_argument
    add(
        "--arch",
        type=_network,
        help=f"{', '.join(PRESETS)} (default: {defaults.arch})",
    )
    add("--list", action="store_true", help="show every preset with its settings, parameters and accuracy")
    add(
        "--explain-kernels",
        action="store_true",
        help="show what the gpu backend would launch for the preset and the sizes given, and why; needs no GPU",
    )
    add(
        "--config",
        metavar="FILE",
        help="take what no flag gives from the config.toml of a run, given by the file or the run's folder",
    )
    add(
        "--data",
        metavar="PATH",
        help="folder with imdb.npz and imdb_word_index.json, or the .npz (default: searched); or texts of your own: "
        "a .csv, .tsv or .jsonl, lines with __label__x, or a folder label/*.txt",
    )
    add(
        "--synthetic",
        action="store_true",
        default=None,
        help="train on generated reviews, without looking for the real ones",
    )
    add_settings(parser, Settings())
    add("--early-stop", type=int, metavar="PATIENCE", help="epochs without lower validation loss (default: no stop)")
    add("--seed", type=int, help="determines every random draw (default: 0)")
    add(
        "--threads",
        type=threads,
        metavar="N",
        help="threads of the cpu backend, or auto: as many as are fastest, by measuring, of one for each core "
        "(default: auto); never changes a result",
    )
    add("--out", metavar="FOLDER", help="where the run's own folder is made (default: runs)")
    add("--resume", metavar="RUN", help="continue an interrupted run, given its folder")
    add(
        "--checkpoint-every",
        type=checkpoint_every,
        default="60s",
        metavar="WHEN",
        help="how often to save what --resume needs within an epoch: a time, 60s, or a number of steps (default: 60s)",
    )
    add("--quiet", action="store_true", help="print errors only")
    add_own(parser)
    return parser


def _network(name: str) -> str:
    try:
        return named_network(name).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
