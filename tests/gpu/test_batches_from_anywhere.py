"""Batches that come one by one, and arrays on disk, on backend="gpu", emulated."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.training import ahead
from scratchnn.training.progress import NonFiniteError, Progress
from scratchnn.utils import PyDataset
from tests.gpu.training import IDS, LABELS, small_model

pytestmark = pytest.mark.usefixtures("emulator")
CUT = [(IDS[i : i + 6], LABELS[i : i + 6]) for i in range(0, 42, 6)]


class Items(PyDataset):
    def __len__(self) -> int:
        return len(CUT)

    def __getitem__(self, index: int) -> Any:
        return CUT[index]


def weights_after(x: Any, *y: Any, **settings: Any) -> list[np.ndarray]:
    model = small_model()
    model.fit(x, *y, shuffle=False, verbose=0, **settings)
    return model.get_weights()


def assert_equal(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_and_files_train_like_arrays(tmp_path: Path) -> None:
    expected = weights_after(IDS, LABELS, batch_size=6)
    assert_equal(weights_after(iter(CUT)), expected)
    assert_equal(weights_after(Items()), expected)
    np.save(tmp_path / "x.npy", IDS)
    np.save(tmp_path / "y.npy", LABELS)
    x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    assert_equal(weights_after(x, y, batch_size=6), expected)
    model = small_model()
    assert model.evaluate(x, y, 6, verbose=0) == model.evaluate(iter(CUT), verbose=0)
    assert_equal([model.predict(x, 6)], [model.predict(IDS, 6)])


def test_no_batch_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps run ahead of their results, and are taken again when a later one is refused; not where they cannot be."""
    monkeypatch.setattr(ahead, "STEPS_AHEAD", 4)
    model, progress = small_model(), Progress()
    asked: list[int] = []

    def batches() -> Any:
        for number, batch in enumerate(CUT):
            asked.append(number)
            if number == 2:
                model.optimizer.learning_rate = 1e30
            yield batch

    with pytest.raises(NonFiniteError, match="3 of epoch 1"):
        model.fit(batches(), verbose=0, progress=progress)
    assert asked == [0, 1, 2] and progress.step == 2
    assert_equal(model.get_weights(), weights_after(iter(CUT[:2])))
