"""Every command under one name: `scratchnn train --arch lstm`, or `python -m scratchnn train --arch lstm`.

This file finds the command and calls its `main`; nothing of it is imported before. docs/commands.md describes them all,
with their exit statuses.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from scratchnn.core import program
from scratchnn.core.names import look_up


class Command(NamedTuple):
    module: str  # whose main(arguments) returns the exit status
    summary: str


COMMANDS = {
    "train": Command("scratchnn.train", "train a model"),
    "predict": Command("scratchnn.commands.predict", "label texts, given as words or line by line"),
    "evaluate": Command("scratchnn.commands.evaluate", "measure a trained model on labelled texts"),
    "compare": Command("scratchnn.compare", "train several models with several seeds, and say which is better"),
    "explain": Command("scratchnn.explain.__main__", "write a page that shows how a model reads a text"),
    "data": Command("scratchnn.data.__main__", "look at labelled texts of your own before training on them"),
    "labs": Command("scratchnn.labs.__main__", "write forward and backward passes yourself, and have them checked"),
    "inspect": Command("scratchnn.exchange.inspect_command", "show what is in a trained model"),
    "export": Command("scratchnn.exchange.export_command", "write a trained model for ONNX Runtime, Keras or PyTorch"),
    "gradcheck": Command("scratchnn.gradcheck", "compare backward passes with derivatives of their forward passes"),
    "warmup": Command("scratchnn.warmup", "compile all kernels now, so that no training has to wait"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: that of the command, or 2 if there is none of that name."""
    return program.ended(lambda: _run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: Sequence[str]) -> int:
    name, *rest = arguments or [""]
    called = "python -m scratchnn" if sys.argv[0] == __file__ else "scratchnn"
    if name in ("-h", "--help", "help"):
        print(_help(called))
        return 0
    if name in ("-V", "--version"):
        from scratchnn import __version__

        print(f"scratchnn {__version__}")
        return 0
    if not name:
        print(_help(called), file=sys.stderr)
        return 2
    command = look_up("command", name, {known: known for known in COMMANDS})
    with program.typed(f"{called} {command}"):
        return importlib.import_module(COMMANDS[command].module).main(rest)


def _help(called: str) -> str:
    width = max(map(len, COMMANDS))
    lines = [f"usage: {called} COMMAND ...", f"       {called} COMMAND --help", f"       {called} --version", ""]
    return "\n".join([*lines, *(f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items())])


if __name__ == "__main__":
    sys.exit(main())
