"""Print what is in the model of a run: `python -m scratchnn.exchange inspect runs/lstm-...`.

This file parses, calls and prints. Nothing heavy is imported before the arguments are known to be right.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from scratchnn.core import program


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 2 bad arguments or file, 130 Ctrl-C."""
    args = parser().parse_args(arguments)
    return program.ended(lambda: _print(args))


def _print(args: argparse.Namespace) -> None:
    found = _inspect(args.run)
    print(json.dumps(found, indent=1) if args.json else "\n".join(_lines(found)))


def _inspect(run: str) -> dict[str, Any]:
    from scratchnn.exchange.inspection import inspected, inspected_linear
    from scratchnn.experiments.folder import RunFolder
    from scratchnn.experiments.linear_model import LinearModel
    from scratchnn.experiments.opening import model_file, open_either

    folder, model = open_either(run)
    found = inspected_linear(model) if isinstance(model, LinearModel) else inspected(model)
    file = model_file(run)
    config = RunFolder(folder, {}).config
    found["provenance"] |= {"file": str(file), "bytes": file.stat().st_size}
    if config.is_file():
        found["provenance"]["versions"] = RunFolder(folder, {}).read_config().get("versions", {})
    return found


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield from _features(found) if found["class"] == "LinearModel" else _layers(found)
    if words := found["vocabulary"]:
        yield f"\nvocabulary: {words['size']:,} words, from id 0: {' '.join(map(str, words['first']))} ..."
    for title in ("settings", "provenance"):
        if found[title]:
            yield f"\n{title}:"
            yield from (f"  {name} = {_value(value)}" for name, value in found[title].items())


def _features(found: dict[str, Any]) -> Iterator[str]:
    from scratchnn.report.table import table

    yield f"LinearModel, {found['words']:,} words and {found['pairs']:,} pairs of neighbouring words\n"
    rows = [("class", "what speaks most for it")]
    rows += [(name, ", ".join(f"{words} {v:.2f}" for words, v in most)) for name, most in found["strongest"].items()]
    yield from table(rows, "<<")


def _layers(found: dict[str, Any]) -> Iterator[str]:
    from scratchnn.exchange.inspection import MEANINGS
    from scratchnn.report.table import table

    yield f"{found['class']} '{found['name']}', {found['dtype']}, seed {found['seed']}"
    yield f"{_shape(found['input_shape'])} -> {_shape(found['output_shape'])}, {found['parameters']:,} parameters" + (
        f", {found['trainable_parameters']:,} trainable" if found["trainable_parameters"] < found["parameters"] else ""
    )
    rows = [("layer", "array", "in Keras", "shape", "part", "columns", "norm", "least", "largest")]
    gates: dict[str, str] = {}
    for layer in found["layers"]:
        yield f"  {layer['name']}: {layer['class']}" + (f", {layer['about']}" if layer["about"] else "")
        for array in layer["arrays"]:
            rows.append(
                (layer["name"], array["name"], array["keras"], _shape(array["shape"]), "all", "", *_numbers(array))
            )
            for gate, part in (array["columns"] or {}).items():
                gates[gate] = MEANINGS[gate]
                rows.append(("", "", "", "", gate, f"{part['from']}:{part['to']}", *_numbers(part)))
    yield ""
    yield from table(rows, "<<<<<>>>>")
    if gates:
        yield "gates: " + ", ".join(f"{gate} {meaning}" for gate, meaning in gates.items())


def _shape(shape: Any) -> str:
    """A shape, or those of several outputs, as Python writes them."""
    return str(tuple(tuple(length) if isinstance(length, list) else length for length in shape))


def _numbers(array: dict[str, Any]) -> tuple[str, str, str]:
    """Norm, least and largest number."""
    if array["not_finite"]:
        return f"{array['not_finite']:,} not finite", "", ""
    return f"{array['norm']:.4g}", f"{array['least']:.4g}", f"{array['largest']:.4g}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(each)}" for name, each in value.items() if each is not None)
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.exchange inspect"),
        description="Print what is in a model: its layers, every array with its shape, gates and norms, the "
        "vocabulary, the settings, and where it comes from.",
        epilog="example: python -m scratchnn.exchange inspect runs/lstm-20260101-120000-0123abcd --json",
    )
    found.add_argument("run", metavar="RUN", help="folder of a run of scratchnn.train, or a model saved as .npz")
    found.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return found


if __name__ == "__main__":
    sys.exit(main())
