"""The two commands of this folder: `python -m scratchnn.exchange export FORMAT RUN`, and `... inspect RUN`."""

import sys
from collections.abc import Sequence

from scratchnn.exchange import export_command, inspect_command

USAGE = """usage: python -m scratchnn.exchange export {onnx,keras,pytorch,safetensors} RUN [--out FILE] [--overwrite]
       python -m scratchnn.exchange inspect RUN [--json]

Each of the two says more: python -m scratchnn.exchange export --help"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status of the command that the first word names; 2 where it names none."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given.pop(0) if given else ""
    if command == "export":
        return export_command.main(given)
    if command == "inspect":
        return inspect_command.main(given)
    if command in ("-h", "--help"):
        print(USAGE)
        return 0
    print(f"{USAGE}\n\nerror: the first word is export or inspect, got {command!r}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
