"""The tables of docs/gpu.md, from the answers in gpu.json: targets, steps, epochs, loops and layers."""

import math
from collections.abc import Sequence
from typing import Any

from benchmarks.gpu.plan import COMPILED, OURS, TORCH, Case, Model, checked, models
from benchmarks.gpu.results import Results, fastest, milliseconds, verdicts
from benchmarks.tables import markdown, times

MARKS = ("<!-- gpu: written by benchmarks/gpu -->", "<!-- end of gpu -->")
UNTIMED = "Nothing was timed yet: no card was at hand."
STEP_VARIANTS = ("float32", "TF32", "compiled", "graph", "packed", "float16")
LAYER_VARIANTS = ("float32", "TF32", "float16", "packed")
MOST_ERRORS = 12


def verdict(results: Results) -> str:
    rows = []
    for each in verdicts(results):
        worst = min(each.measured, key=lambda pair: pair.ratio or math.inf, default=None)
        best = max((pair.ratio or 0 for pair in each.measured), default=None)
        cells = [each.target, f"{each.least:g}x", each.words]
        if worst is None or worst.ours is None or worst.theirs is None:
            rows.append([*cells, "", ""])
            continue
        span = f"{worst.ratio:.2g}x to {best:.2g}x"
        rows.append([*cells, span, f"{worst.label}: {_ms(worst.ours)} and {_ms(worst.theirs)} ms"])
    head = ["target: theirs / ours", "at least", "", "measured", "the worst: ours and theirs"]
    return markdown(head, ["---", "--:", "---", "--:", "---"], rows)


# ---- the measurements


def steps(results: Results) -> str:
    """Wall time of a training step in milliseconds; in brackets, how long the device was busy."""
    rows = []
    for model in models("full"):
        ours = results.of(OURS, "step", model)
        theirs = {name: results.of(TORCH, "step", model, name) for name in STEP_VARIANTS}
        if ours is None and not any(theirs.values()):
            continue
        best = fastest(each["wall"] for name, each in theirs.items() if each and name != "float16")
        rows.append(
            [
                f"{model.H}",
                f"{model.B}",
                f"{model.T}",
                "yes" if model.masked else "",
                _step_cell(ours),
                *(_step_cell(each) for each in theirs.values()),
                times(best / ours["wall"] if ours and best else None),
            ]
        )
    head = ["training step, ms: H", "B", "T", "masked", "scratchnn", *STEP_VARIANTS, "best of float32 / ours"]
    return markdown(head, ["--:"] * len(head), rows)


def _step_cell(result: Any) -> str:
    if result is None:
        return ""
    return _ms(result["wall"]) + ("" if result.get("device") is None else f" ({_ms(result['device'])})")


def epochs(results: Results) -> str:
    asked = [row for row in results.all["rows"] if row["question"]["what"] == "epochs" and "result" in row]
    names = list(dict.fromkeys(row["question"]["name"] for row in asked))
    rows = []
    for name in names:
        found = {
            (row["question"]["who"], row["question"].get("backend", "")): row["result"]
            for row in asked
            if row["question"]["name"] == name
        }
        ours, cpu, torch = (found.get(each, {}) for each in ((OURS, "gpu"), (OURS, "cpu"), (TORCH, "")))
        seconds = [each.get("epoch") for each in (ours, torch, cpu)]
        ratio = seconds[1] / seconds[0] if seconds[0] and seconds[1] else None
        accuracies = [f"{each['accuracy']:.4f}" if each else "" for each in (ours, cpu)]
        rows.append(
            [f"`{name}`", *("" if each is None else f"{each:.3g}" for each in seconds), times(ratio), *accuracies]
        )
    data = sorted({row["result"]["data"] for row in asked})
    head = ["model", "s/epoch, gpu", "PyTorch", "cpu backend", "PyTorch / gpu", "test accuracy, gpu", "cpu backend"]
    text = markdown(head, ["---", *["--:"] * (len(head) - 1)], rows)
    return text + (f"\n\nTrained and tested on {' and '.join(data)}; the same seed on both backends." if data else "")


def loops(results: Results) -> str:
    rows = []
    for B, T in ((32, 100), (128, 100), (32, 500)):
        case = Case("lstm", B, 32, T, masked=False)
        ours = results.layer(OURS, case)
        theirs = [results.layer(OURS, case, what="loop")]
        theirs += [results.layer(TORCH, case, name, what="loop") for name in ("written out", "LSTMCell")]
        if ours is None or not any(theirs):
            continue
        rows.append([f"{B}", f"{T}", _ms(ours), *(_against(ours, each) for each in theirs)])
    head = ["loops over LSTM 32, both ways, ms: B", "T", "scratchnn", "CuPy loop", "PyTorch loop", "nn.LSTMCell loop"]
    return markdown(head, ["--:"] * len(head), rows)


def layers(results: Results, cells: Sequence[str] = ("lstm", "gru", "simple_rnn")) -> str:
    """Our times on the device, and how many times as long each variant of PyTorch takes for both ways."""
    rows = []
    for row in results.all["rows"]:
        question = row["question"]
        if (
            question["what"] != "layer"
            or question["who"] != OURS
            or "result" not in row
            or question["cell"] not in cells
        ):
            continue
        case = Case(**{key: question[key] for key in ("cell", "B", "H", "T", "masked")})
        both = results.layer(OURS, case)
        parts = [_ms(milliseconds(row["result"][part])) for part in ("forward", "forward_cached", "backward", "total")]
        ratios = [_against(both, results.layer(TORCH, case, name)) for name in LAYER_VARIANTS]
        masked = "yes" if case.masked else ""
        wall = _ms(row["result"]["total"]["wall"])
        rows.append([f"`{case.cell}`", f"{case.H}", f"{case.B}", f"{case.T}", masked, *parts, wall, *ratios])
    head = ["layer, ms", "H", "B", "T", "masked", "forward", "with cache", "backward", "both", "both, wall"]
    return markdown([*head, *LAYER_VARIANTS], ["---", *["--:"] * (len(head) + len(LAYER_VARIANTS) - 1)], rows)


def _against(ours: float | None, theirs: float | None) -> str:
    return "" if not ours or theirs is None else f"{_ms(theirs)} ({theirs / ours:.1f}x)"


def _ms(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.3g}" if milliseconds < 1000 else f"{milliseconds:.0f}"


# ---- all of it


def page(found: dict[str, Any]) -> str:
    """What docs/gpu.md shows."""
    results = Results(found)
    parts = [about(found), verdict(results), doubts(results), steps(results), _ABOUT_STEPS, epochs(results)]
    parts += [loops(results), layers(results), _ABOUT_LAYERS, errors(found)]
    return "\n\n".join(part for part in parts if part)


_ABOUT_STEPS = (
    "Milliseconds on the wall of a step in a training epoch; in brackets what the device needs for it when the host is "
    "not waited for. *graph*: the whole step captured into one CUDA graph; *compiled*: "
    f"torch.compile, tried at (B, T) = {' and '.join(map(str, COMPILED))} only."
)
_ABOUT_LAYERS = (
    "Milliseconds on the device, except for *both, wall*. In brackets after PyTorch's times: how many times as long as "
    "ours they are. A masked case has rows of random lengths, which cuDNN takes packed only."
)


def about(found: dict[str, Any]) -> str:
    ours, torch = found["machine"].get(OURS, {}), found["machine"].get(TORCH, {})
    peer = f"PyTorch {torch['torch']} with cuDNN {torch['cudnn']}" if "torch" in torch else "no PyTorch"
    card = f"{ours.get('device')}, driver {ours.get('driver')}, CUDA {ours.get('cuda')}, CuPy {ours.get('cupy')}"
    ended = "" if found.get("finished") else " **The run was interrupted.**"
    return f"{card}; {peer}; {found['date']}, `{found['command']}`.{ended}"


def differing(results: Results) -> list[Model]:
    return [model for model in checked("full") if results.agree(model) is False]


def doubts(results: Results) -> str:
    """Models whose losses do not agree with PyTorch's, or were not compared."""
    wrong = [_named(model) for model in differing(results)]
    missing = [_named(model) for model in checked("full") if results.agree(model) is None]
    sentences = [f"**The losses of {', '.join(wrong)} differ from PyTorch's.**"] if wrong else []
    sentences += [f"Not compared with PyTorch: the losses of {', '.join(missing)}."] if missing else []
    if not sentences:
        sentences = ["From the same weights, ours and PyTorch came to the same losses, for every kind of model timed."]
    return " ".join(sentences)


def _named(model: Model) -> str:
    return f"`{model.name}`, H={model.H}, T={model.T}" + (", masked" if model.masked else "")


def errors(found: dict[str, Any]) -> str:
    """What failed, a line for each reason."""
    failed: dict[str, list[str]] = {}
    for row in found["rows"]:
        if "error" in row:
            failed.setdefault(row["error"], []).append(describe(row["question"]))
    lines = [
        f"- {questions[0]}{f' and {len(questions) - 1} more' if len(questions) > 1 else ''}: {error}"
        for error, questions in list(failed.items())[:MOST_ERRORS]
    ]
    if len(failed) > MOST_ERRORS:
        lines.append(f"- {len(failed) - MOST_ERRORS} other reasons, in the JSON")
    return "\n".join(["Without an answer:", "", *lines]) if lines else ""


def describe(question: dict[str, Any]) -> str:
    """A question in a line."""
    values = {key: value for key, value in question.items() if key not in ("who", "what", "variant")}
    name = values.pop("cell", None) or values.pop("name", "")
    sizes = " ".join(f"{key}={value}" for key, value in values.items() if not isinstance(value, bool))
    masked = " masked" if values.get("masked") else ""
    return " ".join(
        f"{question['who']} {question.get('variant', '')} {question['what']} {name} {sizes}{masked}".split()
    )


def line(question: dict[str, Any], answer: dict[str, Any]) -> str:
    """A question and its answer in a line, printed during the run."""
    if "error" in answer:
        return f"{describe(question)}: FAILED, {answer['error'][:120]}"
    result = answer["result"]
    if isinstance(result, dict) and "total" in result:
        both = result["total"]
        return f"{describe(question)}: both ways {_ms(milliseconds(both))} ms, wall {_ms(both['wall'])} ms"
    if isinstance(result, dict) and "wall" in result:
        return f"{describe(question)}: {_step_cell(result)} ms"
    if isinstance(result, dict) and "epoch" in result:
        accuracy = f", accuracy {result['accuracy']:.4f}" if "accuracy" in result else ""
        return f"{describe(question)}: {result['epoch']:.3g} s/epoch{accuracy}"
    return f"{describe(question)}: {result}"
