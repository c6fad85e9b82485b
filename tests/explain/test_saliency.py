"""What a word does to p, by hand; neighbours; the unit that follows the label."""

from typing import Any

import numpy as np
import pytest

from scratchnn import explain
from scratchnn.explain.chain import Chain
from tests.explain.conftest import TEXT, WORDS, T, built


def test_leaving_a_word_out_is_reading_the_text_without_it() -> None:
    model = built("gru")
    reading = explain.read(model, TEXT)
    found = explain.saliency(model, reading).leave_one_out
    words = TEXT.replace(",", "").split()
    for n in range(len(words)):
        without = explain.read(model, " ".join(words[:n] + words[n + 1 :]))
        assert found[n + 1] == pytest.approx(reading.prediction - without.prediction, abs=1e-6)


def test_integrated_gradients_are_complete_and_the_slope_is_the_slope(model: Any) -> None:
    reading = explain.read(model, TEXT)
    found = explain.saliency(model, reading)
    assert found.integrated_gradients.sum() == pytest.approx(reading.prediction - found.at_padding, abs=2e-3)
    assert abs(reading.prediction - found.at_padding) > 5e-3
    chain = Chain(model)
    e = chain.layers[0].forward(reading.x[None])[0]
    place, step = reading.places[3], 1e-6
    ends = []
    for sign in (1, -1):
        moved = e.copy()
        moved[0, place] *= 1 + sign * step  # the derivative along the word itself
        ends.append(chain.forward(moved, 1).outputs[-1][0, 0])
    assert found.gradient_x_input[3] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-8)


def test_where_they_disagree() -> None:
    one = explain.Saliency(np.array([0.0, 1, 0, -2]), np.array([0.0, 2, 4, -4]), np.zeros(4), 0.5)
    assert one.disagreement(1).tolist() == [2]
    assert one.agreement()["leave_one_out", "gradient_x_input"] == pytest.approx(
        np.corrcoef([0, 1, 0, -2], [0, 2, 4, -4])[0, 1]
    )
    assert np.isnan(one.agreement()["leave_one_out", "integrated_gradients"])


def test_neighbours_point_the_same_way() -> None:
    model = built("lstm")
    E = model.layers[0].params["E"]
    E[4 + WORDS.index("best")] = 3 * E[4 + WORDS.index("great")]
    (first, cosine), *others = explain.neighbours(model, "Great", 4)
    assert first == "best" and cosine == pytest.approx(1) and len(others) == 3
    assert others[0][1] >= others[1][1] >= others[2][1]
    assert len(explain.neighbours(model, "great", 99)) == len(WORDS) - 1
    with pytest.raises(ValueError, match="'xyzzy' is not among the 24 words of the model"):
        explain.neighbours(model, "xyzzy")


def test_rows_beyond_the_vocabulary_are_no_words() -> None:
    model = built("lstm")
    model.metadata["vocabulary"] = model.metadata["vocabulary"][:-3]
    found = explain.neighbours(model, "great", 99)
    assert sorted(word for word, _ in found) == sorted({*WORDS[:-3]} - {"great"})


def test_the_unit_that_follows_the_label() -> None:
    model, rng = built("gru"), np.random.default_rng(0)
    x = rng.integers(4, 24, (40, T))
    h = np.stack([explain.read(model, row).traces["gru"]["h"][0, -1] for row in x])
    y = h[:, 2] > np.median(h[:, 2])
    found = explain.units(model, (x, y), 3)
    r = [abs(np.corrcoef(h[:, unit], y)[0, 1]) for unit in range(5)]
    assert found.unit == np.argmax(r) and abs(found.correlation) == pytest.approx(max(r), abs=1e-6)
    values = [value for value, _ in found.highest]
    assert len(values) == 3 and values == sorted(values, reverse=True) and min(values) > found.lowest[-1][0]
    assert set(found.highest[0][1].split()) <= set(WORDS)
    with pytest.raises(ValueError, match="units needs a label for each row, and rows of both labels"):
        explain.units(model, (x, np.ones(40)))
    with pytest.raises(ValueError, match="reads word by word from the front"):
        explain.units(built("bilstm"), (x, y))
    x[3] = 0
    with pytest.raises(ValueError, match="row 3 is padding alone"):
        explain.units(model, (x, y))
