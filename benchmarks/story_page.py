"""The table of the story in docs/performance.md: how long each stage takes, and what its trick bought."""

from typing import Any

from benchmarks import machine
from benchmarks.tables import markdown

MARKS = ("<!-- story: written by benchmarks/story.py -->", "<!-- end of story -->")
TRICKS = {
    "reference": "NumPy: the reference, its products by BLAS on one thread",
    "loops": "loops over numbers, compiled",
    "tiles": "products in register tiles",
    "activations": "activations as vector code",
    "planes": "a plane for each gate",
    "shards": "sixteen rows and sixteen time steps at a time",
    "pool": "large arrays from a pool",
    "threads": "all threads",
}


def table(results: dict[str, Any]) -> str:
    rows, before, first = [], None, None
    for name, trick in TRICKS.items():
        now = results["stages"][name]
        first = first or now["median"]
        spread = f"{now['median']:,.0f} ({now['min']:,.0f}-{now['max']:,.0f})"
        bought = "" if before is None else f"{before / now['median']:.2f}x"
        rows.append([trick, spread, bought, f"{first / now['median']:.1f}x"])
        before = now["median"]
    about = (
        "Microseconds for forward and backward pass of the published LSTM's layer (100 steps of 32 rows, 16 features, "
        f"32 units; float32), medians of {results['rounds']} interleaved rounds, smallest and largest in brackets, by "
        f"`python -m benchmarks.story`. {results['machine']['usable_cores']} cores, "
        f"{machine.described(results['machine'])}."
    )
    return markdown(["with all tricks so far", "us", "bought", "in all"], ["---", *["--:"] * 3], rows) + "\n\n" + about
