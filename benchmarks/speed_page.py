"""The tables of docs/speed.md in Markdown, from the results of bench.py, with what a reader must know between them."""

from collections.abc import Sequence
from typing import Any

from benchmarks import floor, machine
from benchmarks.harness import OURS
from benchmarks.layers import CASES
from benchmarks.loaded import ONE_THREAD
from benchmarks.tables import digits, markdown, times
from benchmarks.workloads import WORKLOADS

# The columns, and the settings of a framework of which a column shows the fastest.
COLUMNS = {
    "scratchnn": (OURS,),
    "Keras": ("keras",),
    "Keras, XLA": ("keras-xla",),
    "PyTorch": ("torch", "torch-compiled"),
    "JAX": ("jax",),
}
PEERS = "the fastest of Keras, PyTorch and JAX"
# What we wanted: of which models, in what, and how many times the speed of the fastest peer.
TRAINING = {"ff": 2, "rnn": 4, "gru": 4, "lstm": 3.5, "cnn": 2.5, "lstm-dropout": 4, "rnn-500": 5, "lstm-128": 2.5}
FORWARD = {"ff": 2, "lstm": 1.6, "lstm-128": 2.2}
ONE_CORE_TAKEN = {name: 1.2 if name == "ff" else 1.5 for name in TRAINING}
TARGETS = (
    ("training", "workloads", "epoch", TRAINING),
    ("the forward pass of", "workloads", "evaluation", FORWARD),
    ("training with one core taken", "loaded", "epoch", ONE_CORE_TAKEN),
)
MOST_AGAINST_ONE_THREAD = 1.05  # times the seconds that ours takes with one thread


def speed_tables(results: dict[str, Any]) -> str:
    """All tables of speed.json, with what a reader must know between them."""
    parts = [targets(results), epochs(results), evaluations(results)]
    if results.get("loaded"):
        parts.append(loaded(results))
    if "layers" in results:
        parts.append(layers(results["layers"], results["rounds"]))
    if "lstm" in results["workloads"]:
        parts.append(processes(results["workloads"]["lstm"]["contenders"]))
    if "startup" in results:
        parts.append(startup(results["startup"]))
    parts.append(about(results))
    parts += [f"**{warning}**" for warning in results.get("warnings", [])]
    return "\n\n".join(parts)


def targets(results: dict[str, Any]) -> str:
    """What we wanted in comparison with the fastest peer, where it was measured, and what falls short of it."""
    wanted, missed = [], []
    for what, part, way, least in TARGETS:
        ratios = {
            name: ratio
            for name in least
            if (ratio := results.get(part, {}).get(name, {}).get(way, {}).get("against_best_peer")) is not None
        }
        if ratios:
            wanted.append(f"{what} {', '.join(f'`{name}` {least[name]:g}x' for name in ratios)}")
        missed += [f"{what} `{name}` ({ratio:.2f}x)" for name, ratio in ratios.items() if ratio < least[name]]
    text = f"Wanted, as a multiple of the speed of {PEERS}: {'; '.join(wanted)}. "
    return text + (f"Short of that: {', '.join(missed)}." if missed else "All reached.")


def epochs(results: dict[str, Any]) -> str:
    """Seconds of a training epoch: medians, with the spread of ours, and ratios."""
    rates = results["machine"].get("peak")
    rows = []
    for name, result in results["workloads"].items():
        cells = [f"`{name}`: {describe(name)}", *(cell(result, "epoch", names) for names in COLUMNS.values())]
        ratios = result["epoch"]
        cells += [times(ratios.get("against_best_peer")), times(ratios.get("against_keras"))]
        ours = result["contenders"].get(OURS)
        share = floor.seconds(WORKLOADS[name], rates) / ours["epoch"]["median"] if ours and rates else None
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


def loaded(results: dict[str, Any]) -> str:
    """The same beside a busy loop, every framework with its faster number of threads, and ours with one thread."""
    parts = []
    alone = OURS + ONE_THREAD
    columns = {name: [each + suffix for each in own for suffix in ("", ONE_THREAD)] for name, own in COLUMNS.items()}
    columns = {OURS: [OURS], f"{OURS}, one thread": [alone], **{n: own for n, own in columns.items() if n != OURS}}
    for what, way in (("training epoch", "epoch"), ("forward pass", "evaluation")):
        rows = []
        for name, result in results["loaded"].items():
            measured = result["contenders"]
            cells = [f"`{name}`", *(cell(result, way, own) for own in columns.values())]
            cells.append(times(result[way].get("against_best_peer")))
            both = [measured[each][way]["median"] for each in (OURS, alone) if each in measured]
            cells.append(f"{both[0] / both[1]:.2f}" if len(both) == 2 else "")
            rows.append(cells)
        head = [f"{what}, one core taken by another program", *columns, "best peer / ours", "ours / its one thread"]
        parts.append(markdown(head, ["---", *["--:"] * (len(head) - 1)], rows))
    promise = (
        "The other program is a loop kept on the first core. A peer's column shows the faster of all threads and one "
        "thread (PyTorch also chooses by measuring). Wanted in the last column: at most "
        f"{MOST_AGAINST_ONE_THREAD:.2f}."
    )
    return "\n\n".join([*parts, promise])


def layers(measured: dict[str, Any], rounds: int) -> str:
    """One recurrent layer alone, beside oneDNN's."""
    rows = []
    for name, case in measured["cases"].items():
        cells = [f"`{name}`: {CASES[name].described}"]
        for way in ("train", "forward"):
            both = [case[way].get(each) for each in (OURS, "oneDNN")]
            cells += [took(each) for each in both]
            cells.append(times(both[1]["median"] / both[0]["median"]) if all(both) else "")
        rows.append(cells)
    head = ["one recurrent layer, ms", "ours, training", "oneDNN", "ratio", "ours, forward", "oneDNN", "ratio"]
    versions = ", ".join(measured["frameworks"].values())
    missing = "".join(f" {name} is not here: {reason}." for name, reason in measured["missing"].items())
    text = (
        f"`python -m benchmarks.layers`: forward and backward pass with all gradients, and a forward pass alone; "
        f"{versions}, each with its faster number of threads (in brackets), medians of {rounds} interleaved rounds. "
        f"Outputs and gradients are those of the reference kernels, or nothing is timed.{missing}"
    )
    return markdown(head, ["---", *["--:"] * 6], rows) + "\n\n" + text


def took(measured: dict[str, Any] | None) -> str:
    return "not here" if measured is None else f"{1e3 * measured['median']:.2f} ({measured['threads']})"


def about(results: dict[str, Any]) -> str:
    """One paragraph: machine, versions, rounds, and how the numbers are to be read."""
    facts = results["machine"]
    frameworks = {
        each["framework"].split(",")[0]: None
        for result in results["workloads"].values()
        for each in result["contenders"].values()
    }
    scaled = [name for name in results["workloads"] if name in WORKLOADS and WORKLOADS[name].share < 1]
    text = (
        f"Seconds, medians of {results['rounds']} interleaved rounds on {facts['cores']} cores "
        f"({machine.described(facts)}), smallest and largest in brackets; {', '.join(frameworks)}. "
        f"*Best peer*: {PEERS}. *Keras, XLA*: with jit_compile=True and several steps per call, which it does "
        "not choose itself; c: by torch.compile, where that was faster than eager."
    )
    if scaled:
        share = WORKLOADS[scaled[0]].share
        text += f" Of {', '.join(f'`{name}`' for name in scaled)} {share:.0%} was timed and scaled up."
    if "peak" in facts:
        text += " *Floor*: the share of our time that the arithmetic and the activations would need at these rates."
    return text


def cell(result: dict[str, Any], what: str, names: Sequence[str]) -> str:
    """Median and spread of a framework, in the fastest of its settings; "c" where that is the compiled one."""
    measured = {name: result["contenders"][name][what] for name in names if name in result["contenders"]}
    if not measured:
        return ""
    fastest = min(measured, key=lambda name: measured[name]["median"])
    numbers = measured[fastest]
    mark = " c" if fastest.removesuffix(ONE_THREAD).endswith("-compiled") else ""
    return f"{digits(numbers['median'])} ({digits(numbers['min'])}-{digits(numbers['max'])}){mark}"


def describe(name: str) -> str:
    workload = WORKLOADS[name]
    return f"{workload.about}; vocabulary {workload.vocabulary:,}, length {workload.length}, batch {workload.batch}"
