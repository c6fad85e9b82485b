"""What `locate` saw and found, in lines of text."""

from collections.abc import Iterable, Iterator, Sequence

from scratchnn.gradients.blame import Finding, listed
from scratchnn.gradients.errors import ArrayError
from scratchnn.gradients.locate import Seen
from scratchnn.gradients.sources import equation, lines_back
from scratchnn.gradients.walk import OFF

FEW = 8  # gradients in a line


def of_walks(seen: Sequence[Seen]) -> Iterator[str]:
    """A line for each part that is right, and one for each walk of the part that is not."""
    for part in dict.fromkeys(each.part for each in seen):
        walks = [each for each in seen if each.part == part]
        largest = max(error for walk in walks for error in walk.errors.values())
        if largest <= OFF:
            count = f"{len(walks)} walk{'s' * (len(walks) > 1)}"
            yield f"  {part + ':':<20} {count} right, largest error {largest:.0e}"
            continue
        yield f"  {part}:"
        for walk in walks:
            yield f"    {walk.what + ':':<14} {_row(walk)}"


def _row(walk: Seen) -> str:
    off = {name: f"{name} OFF {error:.0e}" for name, error in walk.errors.items() if error > OFF}
    if not off:
        return "all ok"
    steps = {name for name in walk.errors if "[" in name and not name.startswith("dx")}  # gates and states
    if not walk.what.startswith("step "):
        return f"{', '.join(list(off.values())[:FEW])}{', ...' if len(off) > FEW else ''}"
    shown = steps if off.keys() & steps else {*steps, *off}  # what follows from da is off with it, and says nothing
    return "  ".join(off.get(name, f"{name} ok") for name in walk.errors if name in shown)


def of_finding(kind: str, backend: str, found: Finding) -> Iterator[str]:
    yield f"{kind}: {found}"
    yield f"  {found.why}"
    yield from of_equation(kind, backend, found.equation)


def of_equation(kind: str, backend: str, number: int) -> Iterator[str]:
    """The equation, and where its backward pass stands."""
    yield from (f"    {line}" for line in equation(kind, number))
    yield from (f"  {line}" for line in lines_back(kind, backend, number))


def why_no_walk(kind: str) -> str:
    inside = "the layers inside it are walked under their own names"
    known = {
        "RNN": "the gates of a cell of your own are not known here",
        **dict.fromkeys(("Bidirectional", "TimeDistributed"), inside),
    }
    return known.get(kind, "it has no steps and gates to walk along")


def of_other_layer(kind: str, backend: str, errors: Iterable[tuple[str, ArrayError]]) -> Iterator[str]:
    """For a layer without steps and gates: the gradients that are off, and what that says about it."""
    names: dict[str, set[str]] = {}
    for variant, error in errors:
        names.setdefault(variant, set()).add(error.name)
    for variant, arrays in names.items():
        off = f"Off ({variant}): the gradient of {listed(sorted(arrays))}"
        yield f"{kind}: {why_no_walk(kind)}. {off}"
    if kind in ("Dense", "Conv1D") and names:  # da comes before all of them
        number = 2 if all({"x", "W"} <= arrays for arrays in names.values()) else 1
        why = "x and W are both off, and both come from da" if number == 2 else "not all are, so da is right"
        yield f"{kind}: {why}: equation ({number})"
        yield from of_equation(kind, backend, number)
