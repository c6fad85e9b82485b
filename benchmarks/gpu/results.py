"""The answers of gpu.json by their questions, and how they compare with the targets.

An answer that is missing or an error is None: its cell stays empty.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.gpu.plan import OURS, TORCH, Case, Model
from benchmarks.harness import check

FULL_PRECISION = ("float32", "TF32")  # what a PyTorch user gets without giving up the range of float32


class Results:
    """gpu.json, asked as the workers were."""

    def __init__(self, results: dict[str, Any]) -> None:
        self.all = results
        self.rows = {_key(row["question"]): row for row in results["rows"]}

    def of(self, who: str, what: str, sizes: Case | Model | dict[str, Any], variant: str | None = None) -> Any:
        """The result, or None."""
        given = sizes if isinstance(sizes, dict) else asdict(sizes)
        question = {"who": who, "what": what, **given} | ({} if variant is None else {"variant": variant})
        result = self.rows.get(_key(question), {}).get("result")
        return None if isinstance(result, dict) and "skipped" in result else result

    def layer(self, who: str, case: Case, variant: str | None = None, part: str = "total", what: str = "layer") -> Any:
        """Milliseconds on the device, or wall time where no device was timed."""
        result = self.of(who, what, case, variant)
        return None if result is None else milliseconds(result[part])

    def step(self, who: str, model: Model, variant: str | None = None) -> float | None:
        result = self.of(who, "step", model, variant)
        return None if result is None else result["wall"]

    def agree(self, model: Model) -> bool | None:
        """Whether the losses of both agree; None where they were not compared."""
        losses = {who: self.of(who, "losses", model, "" if who == TORCH else None) for who in (OURS, TORCH)}
        if any(each is None for each in losses.values()):
            return None
        return check(losses)["agree"]


def _key(question: dict[str, Any]) -> str:
    return repr(sorted(question.items()))


def milliseconds(times: dict[str, float | None]) -> float | None:
    return times["wall"] if times["device"] is None else times["device"]


# ---- the targets


@dataclass(frozen=True)
class Pair:
    """One size: what it took us and them, in milliseconds."""

    label: str
    ours: float | None
    theirs: float | None
    agree: bool | None

    @property
    def ratio(self) -> float | None:
        return None if not self.ours or self.theirs is None else self.theirs / self.ours


@dataclass(frozen=True)
class Verdict:
    target: str
    least: float
    pairs: tuple[Pair, ...]

    @property
    def measured(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.ratio is not None]

    @property
    def words(self) -> str:
        found = self.measured
        if not found:
            return "not measured"
        if any(pair.agree is False for pair in found):
            return "not counted: the losses differ"
        met, asked = sum((pair.ratio or 0) >= self.least for pair in found), len(self.pairs)
        word = "missed" if met < len(found) else "met" if met == asked else "met as far as measured"
        sizes = f"{met} of {len(found)} sizes" + ("" if len(found) == asked else f", {asked - len(found)} not measured")
        doubt = "" if all(pair.agree for pair in found) else "; losses not compared"
        return f"**{word}** ({sizes}){doubt}"


def verdicts(results: Results) -> list[Verdict]:
    small = [Case("lstm", B, 32, 500, False) for B in (32, 128)]
    either = [Case("lstm", B, 32, 500, masked) for masked in (False, True) for B in (32, 128)]
    sizes = [(B, T) for T in (500, 100) for B in (32, 128, 512, 1024)]
    steps = [Model("lstm", 32, B, T) for T in (500, 100) for B in (32, 128)]
    masked = [Model("lstm", 32, B, T, masked=True) for T in (500, 100) for B in (32, 128)]
    layers = [
        ("LSTM layer, 32 units, 500 steps, batch 32 to 128: padded cuDNN", 3.0, small, FULL_PRECISION),
        ("the same, masked or not: packed cuDNN", 20.0, either, ("packed",)),
        (
            "LSTM layer, 128 units: padded cuDNN",
            1.5,
            [Case("lstm", B, 128, T, False) for B, T in sizes],
            FULL_PRECISION,
        ),
        (
            "LSTM layer, 512 units: padded cuDNN, TF32 off",
            0.8,
            [Case("lstm", B, 512, T, False) for B, T in sizes],
            ("float32",),
        ),
    ]
    found = [
        Verdict(target, least, tuple(_layer_pair(results, case, variants) for case in cases))
        for target, least, cases, variants in layers
    ]
    quickest = "whole training step, 32 units, batch 32 to 128: PyTorch's fastest in float32 or TF32"
    padded = ("float32", "TF32", "compiled", "graph")
    found.insert(2, Verdict(quickest, 5.0, tuple(_step_pair(results, model, padded) for model in steps)))
    packed = "the same, masked: PyTorch, packed"
    found.insert(3, Verdict(packed, 5.0, tuple(_step_pair(results, model, ("packed",)) for model in masked)))
    return found


def _layer_pair(results: Results, case: Case, variants: Iterable[str]) -> Pair:
    theirs = fastest(results.layer(TORCH, case, variant) for variant in variants)
    # A masked layer is that of the masked model, whose losses were compared.
    compared = Model("lstm", masked=True) if case.masked else Model("lstm", H=case.H, T=500)
    return Pair(f"B={case.B}, T={case.T}", results.layer(OURS, case), theirs, results.agree(compared))


def _step_pair(results: Results, model: Model, variants: Iterable[str]) -> Pair:
    theirs = fastest(results.step(TORCH, model, variant) for variant in variants)
    compared = Model("lstm", masked=True) if model.masked else Model("lstm", H=model.H, T=500)
    return Pair(f"B={model.B}, T={model.T}", results.step(OURS, model), theirs, results.agree(compared))


def fastest(found: Iterable[float | None]) -> float | None:
    return min((each for each in found if each is not None), default=None)
