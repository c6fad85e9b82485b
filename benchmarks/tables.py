"""Tables in Markdown, how one is put between its marks in a page, and those of docs/bptt.md and docs/exchange.md."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import machine

SPEED = ("<!-- speed: written by benchmarks/bench.py -->", "<!-- end of speed -->")
HEADLINE = ("<!-- headline: written by benchmarks/pages.py -->", "<!-- end of headline -->")
EXCHANGE = ("<!-- exchange: written by benchmarks/exchange.py -->", "<!-- end of exchange -->")
BPTT = ("<!-- bptt: written by benchmarks/bptt.py -->", "<!-- end of bptt -->")


def between(text: str, marks: tuple[str, str]) -> str | None:
    """The text between the marks, or None where they are missing."""
    begin, end = marks
    if begin not in text or end not in text:
        return None
    return text.split(begin)[1].split(end)[0].strip("\n")


def with_table(text: str, marks: tuple[str, str], table: str) -> str:
    """The text with the table between its marks, in place of what was there; as it was where they are missing."""
    if between(text, marks) is None:
        return text
    begin, end = marks
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{table}\n{end}{after}"


def markdown(head: Sequence[str], align: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(align) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def gradients(results: dict[str, Any]) -> str:
    """What three ways to the gradients of a SimpleRNN cost, counted and measured by benchmarks/bptt.py."""
    names = {"bptt": "BPTT", "checkpoints": "BPTT with checkpoints", "rtrl": "RTRL"}
    rows = []
    for size in results["sizes"]:
        for way, cost in size["ways"].items():
            seconds, kept, multiplied = cost["seconds"], f"{cost['kept']:,}", f"{cost['multiplied'] / 1e6:,.1f}"
            took = " (".join((milli(seconds["median"]), f"{milli(seconds['min'])}-{milli(seconds['max'])})"))
            rows.append([str(size["T"]), str(size["H"]), names[way], kept, f"{cost['peak_mb']:.1f}", multiplied, took])
    head = ["T", "H", "way", "numbers kept", "peak, MB", "multiplications, million", "time, ms"]
    about = (
        f"B = {results['B']}, D = {results['D']}, float64. Kept and multiplied: counted. Peak and time: measured by "
        f"`python -m benchmarks.bptt`, medians of {results['rounds']} interleaved rounds on one core "
        f"({machine.described(results['machine'])}), smallest and largest in brackets."
    )
    return f"{markdown(head, ['--:', '--:', '---', *['--:'] * 4], rows)}\n\n{about}"


def milli(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}" if seconds < 0.1 else f"{1e3 * seconds:,.0f}"


def digits(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 0.1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def times(ratio: float | None) -> str:
    return "" if ratio is None else f"**{ratio:.1f}x**"


def exchanged(results: dict[str, Any]) -> str:
    """The largest difference of an output, by model and peer, and what it is of."""
    peers = ("ONNX Runtime", "to Keras", "from Keras", "to PyTorch", "from PyTorch")
    rows = [
        [
            row["model"],
            "yes" if row["masked"] else "no",
            f"{row['spread']:.2f}",
            *(f"{row[p]:.0e}" if p in row else "" for p in peers),
        ]
        for row in results["worst"]
    ]
    packages = ", ".join(f"{name} {version}" for name, version in results["packages"].items())
    return (
        markdown(["model", "masked", "spread", *peers], ["---", "---", *["--:"] * (1 + len(peers))], rows)
        + "\n\nSpread is the standard deviation of our probabilities, the other columns the largest difference of one, "
        f"over {results['reviews']:,} test reviews of IMDB, cut to {results['length']} words ({results['padded']} are "
        f"shorter), padded in front and again behind; float32, with {packages}."
    )
