"""Check the gradients of every layer and loss: `python -m scratchnn.gradcheck [layer ...]`.

One line per array: how far backward is from central differences of forward, and what to expect of a correct gradient.
The method, and the function to check a layer of your own, are in scratchnn/gradients/.
"""

import argparse
import sys
from collections.abc import Sequence

from scratchnn_kernels import BACKENDS


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scratchnn.gradcheck",
        description="Compare the gradients of layers, losses and regularizers with central differences, in float64.",
        epilog="Exit status: 0 if all agree, 1 if one is off, 2 if nothing can be checked.",
    )
    parser.add_argument("layers", nargs="*", metavar="layer", help="one of them, such as lstm; all by default")
    parser.add_argument("--backend", choices=BACKENDS, default="reference", help="default: reference")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random numbers; default: 0")
    args = parser.parse_args(argv)

    # Imported when it is needed: --help answers at once.
    from scratchnn.core import backend
    from scratchnn.core.names import look_up
    from scratchnn.core.randomness import generator
    from scratchnn.gradients.cases import cases

    every = list(cases())
    names = {case.name: case.name for case in every}
    names |= {"bce": "binary_crossentropy", "mse": "mean_squared_error"}
    try:
        generator(args.seed, "data")
        backend.load(args.backend)
        wanted = {look_up("layer or loss", name, names) for name in args.layers} or set(names.values())
    except (ValueError, ImportError) as error:
        parser.error(str(error))

    count, off = 0, []
    for case in every:
        if case.name in wanted and args.backend not in case.backends:
            print(f"{case.name}: {case.variant}: not checked, {args.backend} has no kernels for it")
        elif case.name in wanted:
            print(f"{case.name}: {case.variant}")
            for error in case.check(args.seed, args.backend):
                print(f"  {error}")
                count += 1
                off += [] if error.ok else [f"{error.name} of {case.name} ({case.variant})"]
    if off:
        others = f", and {len(off) - 3} more" if len(off) > 3 else ""
        print(f"{len(off)} of {count} gradients are OFF: {'; '.join(off[:3])}{others}")
        return 1
    if not count:
        print("No gradient was checked. The reference backend has kernels for every layer")
        return 2
    print(f"All {count} gradients agree with central differences.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
