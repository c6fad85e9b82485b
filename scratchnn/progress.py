"""Where training stands, what it has brought so far, and how it can fail."""

from dataclasses import dataclass, field

from scratchnn.callbacks import Callback


class NonFiniteError(ArithmeticError):
    """The loss is NaN or infinite, or a gradient or a weight is or would be, or is too large to go on with.

    Parameters and optimizer are those before the step that was refused.
    """


@dataclass
class Progress:
    """Where training stands. With the parameters and the optimizer's slots it is all that going on needs."""

    epoch: int = 0  # finished epochs
    step: int = 0  # finished steps of the epoch under way
    batch_size: int | None = None  # examples in each of them
    totals: dict[str, float] = field(default_factory=dict)  # running sums of the epoch under way
    seen: int = 0  # examples of the epoch under way
    seconds: float = 0.0  # spent on the epoch under way
    records: list[dict[str, float]] = field(default_factory=list)  # one per finished epoch

    def __post_init__(self) -> None:
        """Raise TypeError for what can only come from a damaged file."""
        counts = (self.epoch, self.step, self.seen)
        tables = (self.totals, {"seconds": self.seconds}, *self.records)
        if not all(type(count) is int and count >= 0 for count in counts) or not all(map(_holds_numbers, tables)):
            raise TypeError(f"progress holds counts and numbers only, got {self}")


def _holds_numbers(table: object) -> bool:
    return isinstance(table, dict) and all(isinstance(value, float | int) for value in table.values())


class History(Callback):
    """What `fit` returns: `history` with Keras' keys, one number per epoch; `records` adds gradient norm and speed."""

    def __init__(self, records: list[dict[str, float]]) -> None:
        self.records = records

    @property
    def epoch(self) -> list[int]:
        return list(range(len(self.records)))

    @property
    def history(self) -> dict[str, list[float]]:
        return {
            key: [r[key] for r in self.records]
            for key in sorted(self.records[0] if self.records else {}, key=_in_order)
            if key not in EXTRA
        }


def _in_order(key: str) -> tuple[bool, bool, str]:
    """Loss first, then the metrics, then the same for validation; a file returns keys in alphabetical order."""
    return key.startswith("val_"), key.removeprefix("val_") != "loss", key


EXTRA = ("gradient_norm", "reviews_per_second", "seconds")  # in a record, beside Keras' keys
