"""Series that are cut into windows, for both frameworks alike."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.parity.cases import uniform


@dataclass(frozen=True)
class WindowCase:
    name: str
    options: tuple[tuple[str, Any], ...]
    rows: int = 30
    targets: int | None = None  # how many
    features: tuple[int, ...] = ()

    def arguments(self) -> dict[str, Any]:
        data = uniform(f"{self.name} data", (self.rows, *self.features))
        targets = None if self.targets is None else np.arange(self.targets, dtype=np.float32)
        return {"data": data, "targets": targets} | dict(self.options)


def case(name: str, rows: int = 30, targets: int | None = None, features: tuple[int, ...] = (), **options: Any) -> Any:
    return WindowCase(name, tuple(options.items()), rows, targets, features)


def gone_over(dataset: Any) -> dict[str, np.ndarray]:
    """All that a dataset gives, batch after batch, and how many it says there are."""
    found = {"batches": np.array(len(dataset))}
    for number, batch in enumerate(dataset):
        parts = batch if isinstance(batch, tuple) else (batch,)
        found |= {f"{'xy'[part]} {number}": np.array(array) for part, array in enumerate(parts)}
    return found


WINDOWS: dict[str, WindowCase] = {
    each.name: each
    for each in (
        case("alone", sequence_length=7),
        case("one step", sequence_length=1, batch_size=8),
        case("all steps", sequence_length=30, targets=1),
        case("next step", sequence_length=5, targets=25, batch_size=4),
        case("features", features=(3,), targets=30, sequence_length=4, batch_size=5),
        case("two axes of features", features=(2, 2), sequence_length=4, batch_size=20),
        case("stride", sequence_length=4, sequence_stride=3, targets=30, batch_size=4),
        case("rate", sequence_length=4, sampling_rate=3, targets=30, batch_size=4),
        case("stride and rate", sequence_length=4, sequence_stride=5, sampling_rate=2, batch_size=4),
        case("few targets", sequence_length=3, targets=6, batch_size=4),
        case("more targets", sequence_length=3, targets=50, batch_size=10),
        case("one by one", sequence_length=6, targets=25, batch_size=None),
        case("from a row", sequence_length=3, start_index=9, targets=30, batch_size=4),
        case("up to a row", sequence_length=3, end_index=12, targets=30, batch_size=4),
        case("between", sequence_length=4, sampling_rate=2, sequence_stride=2, start_index=5, end_index=22, targets=30),
        case("the last but one", sequence_length=2, start_index=0, end_index=29),
    )
}
