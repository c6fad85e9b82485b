"""Write the model of a run for other programs: `python -m scratchnn.exchange export onnx runs/lstm-...`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from scratchnn.core import program


class Format(NamedTuple):
    file: str  # its name in the folder of a run; of best.npz, best in place of model
    function: str  # in scratchnn.exchange
    opened_by: str


FORMATS = {
    "onnx": Format("model.onnx", "save_onnx", "onnxruntime.InferenceSession"),
    "keras": Format("model.weights.h5", "save_keras", "load_weights of the same model in Keras 3"),
    "pytorch": Format("model.pytorch.safetensors", "save_pytorch", "safetensors.torch.load_file, then load_state_dict"),
    "safetensors": Format("model.safetensors", "save_safetensors", "scratchnn.exchange.load_safetensors"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 2 bad arguments, a model or a file that cannot be used, 130 Ctrl-C."""
    args = parser().parse_args(arguments)
    return program.ended(lambda: _export(args))


def _export(args: argparse.Namespace) -> None:
    from scratchnn import exchange
    from scratchnn.exchange.onnx_linear import save_linear_onnx
    from scratchnn.experiments.linear_model import LinearModel
    from scratchnn.experiments.opening import model_file, open_either

    format = FORMATS[args.format]
    folder, model = open_either(args.run)
    save: Callable[..., None]
    if isinstance(model, LinearModel):
        if args.format != "onnx":
            raise ValueError(f"{args.run} is a linear model, which can be exported as onnx, and not as {args.format}")
        save, size = save_linear_onnx, f"{len(model.known):,} features"
    else:
        save, size = getattr(exchange, format.function), f"{model.count_params():,} parameters"
    name = format.file.replace("model", model_file(args.run).stem, 1)
    out = folder / name if args.out is None else Path(args.out)
    if out.exists() and not args.overwrite:
        raise FileExistsError(f"{out} exists already: give another --out FILE, or --overwrite")
    options = {} if args.names is None else {"names": _names(args.names, args.format)}
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        save(model, out, overwrite=args.overwrite, **options)
    for each in noticed:
        print(f"note: {each.message}", file=sys.stderr)
    print(f"wrote {out}: {size}, to be opened by {format.opened_by}")


def _names(given: Sequence[str], format: str) -> dict[str, str]:
    """What "lstm=rnn" says, for the one format whose names are those of a user's class."""
    if format != "pytorch":
        raise ValueError(f"--names is for pytorch, whose modules have names of yours; {format} has its own")
    pairs = [each.partition("=") for each in given]
    if wrong := [each for each, (layer, sign, module) in zip(given, pairs, strict=True) if not (layer and sign)]:
        raise ValueError(f"--names takes LAYER=MODULE, such as lstm=rnn, got {wrong[0]!r}")
    return {layer: module for layer, _, module in pairs}


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.exchange export"),
        description="Write a trained model for ONNX Runtime, Keras or PyTorch, or its arrays as safetensors. "
        'pip install "scratchnn[exchange]" brings the packages for it.',
        epilog="example: python -m scratchnn.exchange export onnx runs/lstm-20260101-120000-0123abcd --out lstm.onnx",
    )
    found.add_argument("format", choices=FORMATS, help="what to write")
    found.add_argument("run", metavar="RUN", help="folder of a run of scratchnn.train, or a model saved as .npz")
    defaults = ", ".join(each.file for each in FORMATS.values())
    found.add_argument("--out", metavar="FILE", help=f"the file (default, in the run: {defaults})")
    found.add_argument(
        "--names", nargs="+", metavar="LAYER=MODULE", help="what PyTorch's modules are called (default: as the layers)"
    )
    found.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    return found


if __name__ == "__main__":
    sys.exit(main())
