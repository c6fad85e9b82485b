"""Check the gradients of layers and losses, `python -m scratchnn.gradcheck [layer ...]`, or of a saved model, `RUN`.

One line per array: how far backward is from the derivative of forward, how that was measured, and what to expect of a
correct gradient. `--locate` says where a backward pass goes wrong, `--fast` checks whole published models. The methods,
and the function to check a layer of your own, are in scratchnn/gradients/.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn_kernels import BACKENDS

from scratchnn.core.program import usage_name

if TYPE_CHECKING:
    from scratchnn.gradients import ArrayError
    from scratchnn.gradients.cases import Case

# Everything else is imported when it is needed: --help answers at once.

DESCRIPTION = """Compare the gradients of layers, losses and regularizers with derivatives of their forward passes, in
float64: by a complex step (to 1e-12) where forward is smooth, by central differences (to 1e-6) where it has kinks.
A saved model is checked with its weights, one random direction for each array."""


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        return _run(args)
    except (ValueError, ImportError, OSError) as error:
        _parser().error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=usage_name("scratchnn.gradcheck"),
        description=DESCRIPTION,
        epilog="Exit status: 0 if all agree, 1 if one is off, 2 if nothing can be checked.",
    )
    add, way = parser.add_argument, parser.add_mutually_exclusive_group()
    add("what", nargs="*", help="layers and losses, such as lstm (default: all), or a run's folder or a model's file")
    way.add_argument(
        "--locate",
        action="store_true",
        help="walk the backward pass of a recurrent layer from the last step, gate by gate, and name the first "
        "equation that is off (default: SimpleRNN, LSTM, GRU)",
    )
    way.add_argument(
        "--fast",
        action="store_true",
        help="check whole published models at their real length, one random direction for each array; `what` are their "
        "names, such as lstm-dropout (default: all)",
    )
    add("--backend", choices=BACKENDS, default="reference", help="default: reference")
    add("--seed", type=int, default=0, metavar="N", help="seed of the random numbers; default: 0")
    return parser


def _run(args: argparse.Namespace) -> int:
    from scratchnn.core import backend
    from scratchnn.core.randomness import generator
    from scratchnn.core.threads import one_blas_thread

    generator(args.seed, "data")
    backend.load(args.backend)
    # A step's products are small: beside another program two threads of BLAS took 25 times the seconds of one.
    with one_blas_thread():
        return _check(args)


def _check(args: argparse.Namespace) -> int:
    if args.fast:
        return _check_models(args.what, args)
    known = _known()
    files = [name for name in args.what if not _is_known(name, known) and _is_path(name)]
    if files and args.locate:
        raise ValueError(
            f"--locate walks single layers, and {files[0]!r} is a whole model: check it without --locate, and walk the "
            "kinds of layers in it, such as --locate lstm"
        )
    if files and len(files) < len(args.what):
        raise ValueError(f"give layers, or saved models such as {files[0]!r}, not both at once")
    if files:
        return _check_models(files, args)
    return (_locate if args.locate else _check_layers)(args.what, args)


# ---- what the words on the command line mean


def _known() -> dict[str, str]:
    from scratchnn.gradients.cases import cases

    return {case.name: case.name for case in cases()} | {"bce": "binary_crossentropy", "mse": "mean_squared_error"}


def _is_known(name: str, known: Iterable[str]) -> bool:
    return name.replace("_", "").lower() in {each.replace("_", "").lower() for each in known}


def _is_path(name: str) -> bool:
    """A layer has none of these in its name; what looks like a path and is not there gets an error about files."""
    return os.path.exists(name) or os.sep in name or name.endswith(".npz")


def _wanted(names: Sequence[str]) -> "Iterator[Case]":
    from scratchnn.core.names import look_up
    from scratchnn.gradients.cases import cases

    known = _known()
    wanted = {look_up("layer or loss", name, known) for name in names} or set(known.values())
    return (case for case in cases() if case.name in wanted)


# ---- layers and losses


def _check_layers(names: Sequence[str], args: argparse.Namespace) -> int:
    errors: list[tuple[str, ArrayError]] = []
    for case in _wanted(names):
        title = f"{case.name}: {case.variant}"
        if args.backend not in case.backends:
            print(f"{title}: not checked, {args.backend} has no kernels for it")
            continue
        print(title)
        for error in case.check(args.seed, args.backend):
            print(f"  {error}")
            errors.append((f"{case.name} ({case.variant})", error))
    return _verdict(errors)


def _verdict(errors: "Sequence[tuple[str, ArrayError]]") -> int:
    off = [f"{error.name} of {owner}" for owner, error in errors if not error.ok]
    if off:
        others = f", and {len(off) - 3} more" if len(off) > 3 else ""
        print(f"{len(off)} of {len(errors)} gradients are OFF: {'; '.join(off[:3])}{others}")
        return 1
    if not errors:
        print("No gradient was checked. The reference backend has kernels for every layer")
        return 2
    methods = [error.method for _, error in errors]
    counts = [f"{methods.count(method)} to {method.expected:.0e} by {method.name}" for method in dict.fromkeys(methods)]
    print(f"All {len(errors)} gradients agree: {', '.join(sorted(counts, reverse=True))}.")
    return 0


def _locate(names: Sequence[str], args: argparse.Namespace) -> int:
    from scratchnn.gradients import telling
    from scratchnn.gradients.locate import locate, walkable

    results = []
    by_name: dict[str, list[Case]] = {}
    for case in _wanted(names or ("SimpleRNN", "LSTM", "GRU")):
        by_name.setdefault(case.name, []).append(case)
    for kind, of_kind in by_name.items():
        found_one = False
        for title, make in walkable(kind):
            print(f"{title}: the backward pass on {args.backend}, from the last step to the first")
            seen, found = locate(make, args.backend, args.seed)
            _print(telling.of_walks(seen))
            if found is not None:
                found_one = True
                _print(telling.of_finding(kind, args.backend, found))
        results.append(found_one or _other_faults(of_kind, args))
    return 1 if any(results) else 0


def _other_faults(of_kind: "Sequence[Case]", args: argparse.Namespace) -> bool:
    """Whether something is off that no walk along the kernels shows."""
    from scratchnn.gradients import telling
    from scratchnn.gradients.locate import walkable

    kind = of_kind[0].name
    checked = [case for case in of_kind if args.backend in case.backends]
    errors = [(case.variant, error) for case in checked for error in case.check(args.seed, args.backend)]
    off = [(variant, error) for variant, error in errors if not error.ok]
    if not off:
        why = "" if walkable(kind) else f"{telling.why_no_walk(kind)}; "
        print(f"{kind}: {why}nothing is off in {len(errors)} gradients, {len(checked)} uses")
    elif walkable(kind):
        variants = list(dict.fromkeys(variant for variant, _ in off))
        print(
            f"{kind}: its kernels are right; off is what the layer does around them, in layers/: {'; '.join(variants)}"
        )
    else:
        _print(telling.of_other_layer(kind, args.backend, off))
    return bool(off)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


# ---- whole models


def _check_models(names: Sequence[str], args: argparse.Namespace) -> int:
    from scratchnn.gradients.whole_models import check_model, random_input

    errors = []
    for title, model in _models(names, args):
        x = random_input(model, args.seed)
        print(f"{title}: {model.count_params():,} parameters, x {x.shape}, one random direction for each array")
        of_model = check_model(model, x, seed=args.seed)
        width = max(len(error.name) for error in of_model)
        _print(f"  {error.line(width)}" for error in of_model)
        errors += [(title, error) for error in of_model]
    return _verdict(errors)


def _models(names: Sequence[str], args: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    from scratchnn.experiments.preparation import build_model
    from scratchnn.experiments.presets import PRESETS, named_network
    from scratchnn.gradients.whole_models import in_float64

    for name in names or PRESETS:
        if not _is_known(name, PRESETS) and _is_path(name):
            title, model = name, _saved(Path(name))
        else:
            preset = named_network(name)
            title, model = preset.name, build_model(preset.settings(seed=args.seed))
        copy = in_float64(model, args.backend)
        if model.loss is not None:
            copy.compile("sgd", model.loss)
        yield title, copy


def _saved(path: Path) -> Any:
    """The model of a run's folder, or of a file."""
    from scratchnn.core.files.container import StorageError
    from scratchnn.experiments.folder import RunFolder
    from scratchnn.models.loading import load_model

    if path.is_dir():
        folder = RunFolder(path, {})
        if not folder.config.is_file():
            raise ValueError(f"{os.fspath(path)!r} is not a run folder: it has no config.toml")
        if not folder.model.is_file():
            raise ValueError(
                f"{os.fspath(path)!r} holds no model.npz, because the run was not finished: "
                f"python -m scratchnn.train --resume {path} finishes it"
            )
        path = folder.model
    if not path.exists():
        raise ValueError(f"there is no file {os.fspath(path)!r}; give the folder of a run, or a model that save wrote")
    try:
        return load_model(path)
    except StorageError as error:
        raise ValueError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
