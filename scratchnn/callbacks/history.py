"""What `fit` returns."""

import weakref
from typing import Any

from scratchnn.callbacks.callback import Callback
from scratchnn.report.curves import svg_of_curves


class History(Callback):
    """What `fit` returns, and fills: `history` with Keras' keys, a number per epoch; `records` adds gradient norm and
    speed. `findings`: what has died, is saturated or has exploded, each with its epoch, counted from 1, its kind, the
    name of its layer, "" for all of them, and what was measured in words.
    """

    findings: list[dict[str, Any]]

    def __init__(self, records: list[dict[str, float]] | None = None, first: int = 0) -> None:
        self.records = [] if records is None else records
        self.findings = []
        self.first = first  # the number of the epoch of the first record
        self._model: Any = None  # a weak reference: the model holds its history

    def set_model(self, model: Any) -> None:
        self._model = weakref.ref(model)

    @property
    def model(self) -> Any:  # type: ignore[override]
        return None if self._model is None else self._model()

    def __getstate__(self) -> dict[str, Any]:
        """A copy is a record, of no model."""
        return vars(self) | {"_model": None}

    def __repr__(self) -> str:
        last = {key: values[-1] for key, values in self.history.items()}
        numbers = ", ".join(f"{key} {value:.4g}" for key, value in last.items())
        count = len(self.records)
        return f"<History of {count} epoch{'s' * (count != 1)}{': ' * bool(numbers)}{numbers}>"

    def _repr_svg_(self) -> str | None:
        """The curves, which a notebook shows where `fit` ends a cell."""
        history = self.history
        if not history.get("loss"):
            return None
        metrics = [key for key in history if not key.startswith("val_") and key not in ("loss", "learning_rate")]
        return svg_of_curves(history, metrics[0]) if metrics else svg_of_curves(history)

    @property
    def epoch(self) -> list[int]:
        return list(range(self.first, self.first + len(self.records)))

    @property
    def history(self) -> dict[str, list[float]]:
        keys = {key for record in self.records for key in record if key not in EXTRA}
        return {key: [r[key] for r in self.records if key in r] for key in sorted(keys, key=_in_order)}


def _in_order(key: str) -> tuple[bool, bool, str]:
    """Loss first, then the metrics, then the same for validation; a file returns keys in alphabetical order."""
    return key.startswith("val_"), key.removeprefix("val_") != "loss", key


EXTRA = ("gradient_norm", "reviews_per_second", "seconds")  # in a record, besides Keras' keys
