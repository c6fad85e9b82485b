"""What is published of a study is what the study found, and only a whole study of the real reviews is."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import imdb_tables, study


def model(accuracy: float, **changed: Any) -> dict[str, Any]:
    return {
        "parameters": 17601,
        "published": 0.7931,
        "accuracy": {"value": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01},
        "best_validation_accuracy": 0.81,
        "lowest_validation_loss_after": 4.5,
        "answers": {"without_repeats": accuracy - 0.001, "by_length": [], "by_unknown": [], "calibration": {}},
        "seeds": seeds(accuracy, 6),
    } | changed


def seeds(accuracy: float, number: int) -> dict[str, Any]:
    return {str(seed): {"accuracy": accuracy + (-0.005, 0.005)[seed % 2]} for seed in range(number)}


def summary(**changed: Any) -> dict[str, Any]:
    difference = {"value": -0.03, "low": -0.04, "high": -0.02}
    pair = {"first": "ff", "second": "lstm", "difference": difference, "p_holm": 0.0001, "mcnemar_holm": 0.04}
    pair["seeds"] = list(range(6))
    return {
        "verdict": "The LSTM is ahead.",
        "models": {"ff": model(0.8), "lstm": model(0.83, published=None)},
        "pairs": [pair],
        "left_out": [],
        "test_sets": {"d": {"reviews": 25_000}},
    } | changed


KERAS = {"runs": [{"arch": "ff", "test_accuracy": accuracy} for accuracy in (0.79, 0.81)]}
SPEED = {
    "workloads": {
        "ff": {"contenders": {"scratchnn": {"epoch": {"median": 0.066}}, "keras": {"epoch": {"median": 0.5}}}}
    }
}


def test_tables() -> None:
    text = imdb_tables.page_tables({"article": summary(), "others": summary(models={"gru": model(0.82)})})
    assert "> The LSTM is ahead." in text
    assert "| test accuracy: mean of 6 seeds [95% interval] | range of the seeds |" in text
    assert "| `ff` | 17,601 | 0.793 | **0.800** [0.790, 0.810] | 0.795 to 0.805 | 0.799 | 0.810 | 4.5 |" in text
    assert "| points of accuracy: mean of 6 seeds [95% interval] |" in text
    assert "| `lstm` over `ff` | 3.00 [2.00, 4.00] | 1.0e-04 | 0.040 |" in text  # turned: the better one first
    assert "| `gru` |" in text


def test_headline() -> None:
    head, _, ff, lstm = imdb_tables.headline({"article": summary()}, KERAS, SPEED).splitlines()
    assert "| scratchnn: mean of 6 seeds [95% interval] | Keras: mean of 0 to 2 seeds (range) |" in head
    assert ff == "| `ff` | 0.793 | **0.800** [0.790, 0.810] | 0.800 (0.790 to 0.810) | 0.07, 0.50 |"
    assert lstm == "| `lstm` |  | **0.830** [0.820, 0.840] |  |  |"


def test_few_seeds_are_published_with_their_range() -> None:
    """An interval in the record is not shown: from fewer than six seeds it says less than they do."""
    few = {name: model(accuracy, seeds=seeds(accuracy, 3)) for name, accuracy in (("ff", 0.8), ("lstm", 0.83))}
    study = summary(models=few)
    study["pairs"][0]["seeds"] = [0, 1, 2]
    study["models"]["lstm"]["seeds"]["2"]["accuracy"] = 0.9
    text = imdb_tables.models_table(study)
    assert "| test accuracy: mean of 3 seeds | range of the seeds |" in text
    assert "| `ff` | 17,601 | 0.793 | **0.800** | 0.795 to 0.805 |" in text
    assert "[" not in text
    text = imdb_tables.pairs_table(study)
    assert "| points of accuracy: mean of 3 seeds (range) |" in text
    assert "| `lstm` over `ff` | 3.00 (3.00 to 10.50) |" in text
    assert imdb_tables.ends([0.8], {"low": 0.7, "high": 0.9}) == ""  # one seed has no range either
    few["ff"]["seeds"] = seeds(0.8, 6)
    text = imdb_tables.models_table(study)
    assert "mean of 3 to 6 seeds [95% interval]" in text
    assert "**0.800** [0.790, 0.810]" in text and "**0.830** |" in text


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
