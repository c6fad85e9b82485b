"""The tables of docs/gradient-flow.md and its picture, from results/gradient_flow.json."""

from typing import Any

import numpy as np

from benchmarks.harness import ROOT
from benchmarks.tables import markdown
from scratchnn.report.figure import BLUE, FAINT, GREEN, INK, VERMILION, save, style

MARKS = ("<!-- flow: written by benchmarks/gradient_flow.py -->", "<!-- end of flow -->")
PARTS = ("<!-- parts of flow: written by benchmarks/gradient_flow.py -->", "<!-- end of parts of flow -->")
PICTURE = ROOT / "docs" / "gradient-flow.svg"
NAMES = {
    "rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU", "rnn-glorot": "SimpleRNN, Wh Glorot, not orthogonal",
    "lstm-bias-0": "LSTM, forget bias 0", "lstm-bias-3": "LSTM, forget bias 3",
}  # fmt: skip
PANELS = (
    ("before", "Untrained", (1e-21, 1e2)),
    ("after", "Trained, the same scale", (1e-21, 1e2)),
    ("after", "Trained, enlarged", (1e-2, 1e1)),
)
COLOURS = {"rnn": VERMILION, "lstm": BLUE, "gru": GREEN}


def ratios(results: dict[str, Any]) -> str:
    """The gradient at the last step over that at the first, of each network, and who measured it how."""
    rows = []
    for key, name in NAMES.items():
        case = results["cases"][key]
        before, after = (with_interval([10**number for number in part]) for part in case["ratio"])
        trained = sorted(10**number for number in case["seeds"][1])
        accuracy = with_interval([100 * number for number in case["after"]["accuracy"]])
        rows.append([name, before, after, f"{short(trained[0])} to {short(trained[-1])}", accuracy])
    settings, machine = results["settings"], results["machine"]
    packages = ", ".join(f"{name} {machine['packages'][name]}" for name in ("numpy", "numba", "scratchnn"))
    fewest = min(len(results["cases"][key]["seeds"][0]) for key in NAMES)
    about = (
        f"`{results['command']}`: {settings['units']} units, {settings['epochs']} epochs of Adam on "
        f"{settings['train']:,} IMDB reviews, {settings['seeds']} seeds of the first three, {fewest} of the others. A "
        f"seed's number is the median over the first {settings['reviews']} test reviews that fill all {settings['T']} "
        "steps; the table has its mean over seeds (of the logarithm, where it is a ratio) and the 95% interval, for "
        f"which seeds and reviews are drawn anew. {results['seconds'] / 60:.0f} minutes on {machine['cpu']}, "
        f"{machine['usable_cores']} cores in use by others too; Python {machine['python']}, {packages}."
    )
    head = ["", "untrained", "trained", "trained, by seed", "test accuracy, %"]
    return f"{markdown(head, ['---', *['--:'] * 4], rows)}\n\n{about}"


def parts(results: dict[str, Any]) -> str:
    """What a step multiplies by, and the ratio along parts of the way."""
    lines = {
        "gate that keeps the state, mean": ("gate", plain),
        "spectral radius of Wh_g": ("radius", plain),
        "spectral radius of a step at rest": ("rest", plain),
        "last over first by this gate alone, in the unit that keeps most": ("kept_most", power),
        "last over first through gates alone": ("through_gates", power),
        "last over first through g alone": ("through_g", power),
    }
    simple = {
        "mean 1 - h²": ("derivative", plain),
        "spectral radius of Wh": ("radius", plain),
        "last over first by 1 - h² alone": ("through_tanh", power),
        "last over first by Wh alone": ("through_Wh", power),
    }
    tables = [table(results, lines, ("lstm", "gru", "lstm-bias-0", "lstm-bias-3"))]
    tables.append(table(results, simple, ("rnn", "rnn-glorot")))
    slopes = ", ".join(
        f"{NAMES[key]} {plain(case['before']['slope'][0])} → {plain(case['after']['slope'][0])}"
        for key, case in results["cases"].items()
        if key in COLOURS
    )
    return "\n\n".join([*tables, f"p (1 - p), the factor between the gradients of p and of the logit: {slopes}."])


def table(results: dict[str, Any], lines: dict[str, Any], keys: tuple[str, ...]) -> str:
    rows = []
    for words, (what, form) in lines.items():
        cases = [results["cases"][key] for key in keys]
        rows.append([words, *(f"{form(case['before'][what][0])} → {form(case['after'][what][0])}" for case in cases)])
    return markdown(["untrained → trained", *(NAMES[key] for key in keys)], ["---", *["--:"] * len(keys)], rows)


def with_interval(numbers: list[float]) -> str:
    value, low, high = map(short, numbers)
    return f"{value} ({low} to {high})"


def short(number: float) -> str:
    """Two digits, or three where there are so many before the point; powers of ten for the very large and small."""
    if number >= 1e5 or number < 1e-3:
        mantissa, power = f"{number:.1e}".split("e")
        return f"{mantissa}e{int(power)}"
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2g}"


def plain(number: float) -> str:
    return f"{number:.2f}"


def power(number: float) -> str:
    return short(10**number)


def draw(results: dict[str, Any]) -> None:
    """|d logit / dh_t| over the steps, before and after, with the 95% intervals of the seeds."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(10.4, 4.0), facecolor="white")
        panels = figure.subplots(1, 3)
        for axes, (when, title, limits) in zip(panels, PANELS, strict=True):
            axes.set_title(title, loc="left", fontweight="bold", color=INK)
            for key, colour in COLOURS.items():
                value, low, high = 10 ** np.array(results["cases"][key][when]["curve"]).T
                axes.fill_between(range(len(value)), low, high, color=colour, alpha=0.2, lw=0)
                axes.plot(value, color=colour, lw=2, label=NAMES[key])
            axes.set_yscale("log")
            axes.set_ylim(*limits)
            axes.yaxis.set_major_formatter(lambda number, place: f"{number:g}" if number > 1e-3 else f"{number:.0e}")
            axes.grid(axis="y", color=FAINT, lw=0.6)
            axes.set_xlabel("step t, the text ends on the right")
        panels[0].set_ylabel("|d logit / dh_t|")
        panels[1].legend(frameon=False, loc="lower right")
        figure.tight_layout()
        save(figure, PICTURE)
