"""The tables of docs/speed.md in Markdown, from the results, and how any table is put between its marks in a page."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.harness import OURS
from benchmarks.workloads import WORKLOADS

SPEED = ("<!-- speed: written by benchmarks/bench.py -->", "<!-- end of speed -->")
HEADLINE = ("<!-- headline: written by benchmarks/pages.py -->", "<!-- end of headline -->")
EXCHANGE = ("<!-- exchange: written by benchmarks/exchange.py -->", "<!-- end of exchange -->")
BPTT = ("<!-- bptt: written by benchmarks/bptt.py -->", "<!-- end of bptt -->")
# The columns, and the settings of a framework of which a column shows the fastest.
COLUMNS = {
    "scratchnn": (OURS,),
    "Keras": ("keras",),
    "Keras, XLA": ("keras-xla",),
    "PyTorch": ("torch", "torch-compiled"),
    "JAX": ("jax",),
}
# What we wanted: of which models, in what, and how many times the speed of the fastest peer.
TARGETS = (
    ("training recurrent models of 32 units", "epoch", 3, ("lstm", "rnn", "gru", "lstm-dropout", "rnn-500")),
    ("training `cnn`", "epoch", 2.5, ("cnn",)),
    ("training `ff`", "epoch", 1, ("ff",)),
    ("the forward pass of `lstm`", "evaluation", 2, ("lstm",)),
)


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


def speed_tables(results: dict[str, Any]) -> str:
    """All tables of speed.json, with what a reader must know between them."""
    parts = [targets(results), epochs(results), evaluations(results)]
    if "lstm" in results["workloads"]:
        parts.append(processes(results["workloads"]["lstm"]["contenders"]))
    if "startup" in results:
        parts.append(startup(results["startup"]))
    parts.append(about(results))
    parts += [f"**{warning}**" for warning in results.get("warnings", [])]
    return "\n\n".join(parts)


def targets(results: dict[str, Any]) -> str:
    """One sentence: what we wanted in comparison with the fastest peer, and what falls short of it."""
    rows, missed = [], []
    for what, part, least, names in TARGETS:
        rows.append(f"{least:g}x for {what}")
        ratios = {name: results["workloads"].get(name, {}).get(part, {}).get("against_best_peer") for name in names}
        missed += [
            f"{what if len(names) == 1 else f'training `{name}`'} ({ratio:.2f}x)"
            for name, ratio in ratios.items()
            if ratio is not None and ratio < least
        ]
    wanted = f"Wanted, as a multiple of the fastest peer's speed: {', '.join(rows)}."
    return f"{wanted} Short of that: {', '.join(missed)}." if missed else f"{wanted} All reached."


def epochs(results: dict[str, Any]) -> str:
    """Seconds of a training epoch: medians, with the spread of ours, and ratios."""
    floors = results.get("floor", {}).get("epoch_seconds", {})
    rows = []
    for name, result in results["workloads"].items():
        cells = [f"`{name}`: {describe(name)}", *(cell(result, "epoch", names) for names in COLUMNS.values())]
        ratios = result["epoch"]
        cells += [times(ratios.get("against_best_peer")), times(ratios.get("against_keras"))]
        ours = result["contenders"].get(OURS)
        share = floors[name] / ours["epoch"]["median"] if ours and floors.get(name) else None
        cells.append("" if share is None else f"{share:.0%}")
        rows.append(cells)
    head = ["training epoch, 20,000 reviews", *COLUMNS, "best peer / ours", "Keras / ours", "floor"]
    return markdown(head, ["---", *["--:"] * (len(head) - 1)], rows)


def evaluations(results: dict[str, Any]) -> str:
    rows = []
    for name, result in results["workloads"].items():
        cells = [f"`{name}`", *(cell(result, "evaluation", names) for names in COLUMNS.values())]
        rows.append([*cells, times(result["evaluation"].get("against_best_peer"))])
    head = ["forward pass, 25,000 reviews", *COLUMNS, "best peer / ours"]
    return markdown(head, ["---", *["--:"] * (len(head) - 1)], rows)


def processes(contenders: dict[str, Any]) -> str:
    """What a process that trains the lstm takes before its first step, imports and compilation, and in memory."""
    rows = [["first batch, s"], ["peak memory, MB"]]
    for names in COLUMNS.values():
        here = [contenders[name] for name in names if name in contenders]
        fastest = min(here, key=lambda each: each["first_batch"]["median"], default=None)
        rows[0].append("" if fastest is None else digits(fastest["first_batch"]["median"]))
        rows[1].append("" if fastest is None else str(fastest["peak_mb"]))
    return markdown(["a process that trains `lstm`", *COLUMNS], ["---", *["--:"] * len(COLUMNS)], rows)


def startup(measured: dict[str, Any]) -> str:
    command = measured["train_command"]
    rows = [
        ("`import scratchnn`", f"{measured['import_seconds']['median']:.2f} s"),
        ("`from scratchnn import Sequential` and layers", f"{measured['import_names_seconds']['median']:.2f} s"),
        ("first batch, compiled kernels on disk", f"{measured['first_batch_warm_seconds']['median']:.2f} s"),
        ("first batch, everything to be compiled", f"{measured['first_batch_cold_seconds']:.1f} s"),
        (
            f"`python -m scratchnn.train --arch lstm`, {command['epochs']} epochs, all of it",
            f"{command['seconds']['median']:.1f} s",
        ),
        ("its peak memory", f"{command['peak_mb']} MB"),
    ]
    return markdown(["start-up", ""], ["---", "--:"], rows)


def about(results: dict[str, Any]) -> str:
    """One paragraph: machine, versions, rounds, and how the numbers are to be read."""
    machine = results["machine"]
    frameworks = {
        each["framework"].split(",")[0]: None
        for result in results["workloads"].values()
        for each in result["contenders"].values()
    }
    scaled = [name for name in results["workloads"] if name in WORKLOADS and WORKLOADS[name].share < 1]
    text = (
        f"Seconds, medians of {results['rounds']} interleaved rounds on {machine['cores']} cores ({machine['cpu']}), "
        f"smallest and largest in brackets; {', '.join(frameworks)}. *Keras, XLA*: with jit_compile=True and several "
        "steps per call, which it does not choose itself; c: by torch.compile, where that was faster than eager."
    )
    if scaled:
        share = WORKLOADS[scaled[0]].share
        text += f" Of {', '.join(f'`{name}`' for name in scaled)} {share:.0%} was timed and scaled up."
    if rates := results.get("floor", {}).get("rates"):
        text += (
            f" *Floor*: the share of our time that the arithmetic would need at this machine's peak "
            f"({rates['gflops']:.0f} GFLOP/s per core) plus its activations ({rates['gactivations']:.1f} G/s per core)."
        )
    return text


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
        f"({results['machine']['cpu']}), smallest and largest in brackets."
    )
    return f"{markdown(head, ['--:', '--:', '---', *['--:'] * 4], rows)}\n\n{about}"


def milli(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}" if seconds < 0.1 else f"{1e3 * seconds:,.0f}"


def cell(result: dict[str, Any], what: str, names: Sequence[str]) -> str:
    """Median and spread of a framework, in the fastest of its settings; "c" where that is the compiled one."""
    measured = {name: result["contenders"][name][what] for name in names if name in result["contenders"]}
    if not measured:
        return ""
    fastest = min(measured, key=lambda name: measured[name]["median"])
    numbers = measured[fastest]
    mark = " c" if fastest.endswith("-compiled") else ""
    return f"{digits(numbers['median'])} ({digits(numbers['min'])}-{digits(numbers['max'])}){mark}"


def digits(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 0.1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def times(ratio: float | None) -> str:
    return "" if ratio is None else f"**{ratio:.1f}x**"


def describe(name: str) -> str:
    workload = WORKLOADS[name]
    return f"{workload.about}; vocabulary {workload.vocabulary:,}, length {workload.length}, batch {workload.batch}"


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
