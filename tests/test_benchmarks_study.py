"""What is published of a study is what the study found, and only a whole study of the real reviews is."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import study


def model(accuracy: float, **changed: Any) -> dict[str, Any]:
    return {
        "parameters": 17601,
        "published": 0.7931,
        "accuracy": {"value": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01},
        "best_validation_accuracy": 0.81,
        "lowest_validation_loss_after": 4.5,
        "answers": {"without_repeats": accuracy - 0.001, "by_length": [], "by_unknown": [], "calibration": {}},
        "seeds": {"0": {"accuracy": accuracy - 0.005}, "1": {"accuracy": accuracy + 0.005}},
    } | changed


def summary(**changed: Any) -> dict[str, Any]:
    difference = {"value": -0.03, "low": -0.04, "high": -0.02}
    pair = {"first": "ff", "second": "lstm", "difference": difference, "p_holm": 0.0001, "mcnemar_holm": 0.04}
    return {
        "verdict": "The LSTM is ahead.",
        "models": {"ff": model(0.8), "lstm": model(0.83, published=None)},
        "pairs": [pair],
        "left_out": [],
        "test_sets": {"d": {"reviews": 25_000}},
    } | changed


def test_tables() -> None:
    text = study.page_tables({"article": summary(), "others": summary(models={"gru": model(0.82)})})
    assert "> The LSTM is ahead." in text
    assert "| `ff` | 17,601 | 0.793 | **0.800** [0.790, 0.810] | 0.795 to 0.805 | 0.799 | 0.810 | 4.5 |" in text
    assert "| `lstm` over `ff` | 3.00 [2.00, 4.00] | 1.0e-04 | 0.040 |" in text  # turned: the better one first
    assert "| `gru` |" in text
    assert "| `lstm` | 17,601 |  | **0.830** [0.820, 0.840] |" in study.headline({"article": summary()})


def write(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "summary.json").write_text(json.dumps(content))
    return folder


def test_what_is_read(tmp_path: Path) -> None:
    found = study.read(write(tmp_path, summary()))
    assert found["models"]["ff"]["answers"] == {"without_repeats": pytest.approx(0.799)}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"left_out": [{"arch": "ff", "seed": 3, "reason": "NaN"}]}, "left out"),
        ({"test_sets": {"d": {"reviews": 400}}}, "about the real ones"),
    ],
)
def test_what_is_not_published(changed: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=why):
        study.read(write(tmp_path, summary(**changed)))
