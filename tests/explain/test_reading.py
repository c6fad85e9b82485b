"""p after every word is the model's own prediction, and the words stand in their places."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, explain
from scratchnn.layers import LSTM, Bidirectional, Dense, Embedding
from tests.explain.conftest import KINDS, TEXT, T, built, with_logits


@pytest.mark.parametrize(("backend", "mask_zero"), [("reference", False), ("cpu", False), ("cpu", True)])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ff"])
def test_the_last_p_is_the_prediction(kind: str, mask_zero: bool, backend: str) -> None:
    model = built(kind, backend=backend, mask_zero=mask_zero)
    reading = explain.read(model, TEXT)
    (expected,) = model.predict(reading.x[None], verbose=0)[0]
    assert reading.p[-1] == pytest.approx(expected, abs=1e-6)
    assert reading.prediction == pytest.approx(expected, abs=1e-6)
    assert np.ptp(reading.p) > 1e-3


def test_p_is_that_of_a_text_that_ends_there() -> None:
    model = built("lstm", length=None)
    reading = explain.read(model, TEXT)
    assert reading.reads_on and len(reading.x) == len(reading.words) == 10
    for n in range(1, 11):
        assert reading.p[n - 1] == pytest.approx(model.predict(reading.x[None, :n], verbose=0)[0, 0], abs=1e-6)


@pytest.mark.parametrize("kind", ["bilstm", "ff"])
def test_p_is_that_of_the_text_cut_where_words_are_seen_together(kind: str) -> None:
    model = built(kind)
    reading = explain.read(model, TEXT)
    assert not reading.reads_on
    cut = explain.read(model, "The film was very good")
    assert cut.prediction == pytest.approx(reading.p[len(cut.words) - 1], abs=1e-6)


def test_words_stand_as_they_were_typed() -> None:
    reading = explain.read(built("gru"), "GREAT film, xyzzy: <br />the end")
    assert reading.words == ("<start>", "great", "film", "xyzzy", "the", "end")
    assert reading.ids[3] == 2 and reading.places.tolist() == list(range(T - 6, T))
    assert explain.read(built("gru"), reading.x).words == ("<start>", "great", "film", "?", "the", "end")


def test_of_a_part_that_is_two_words_the_unknown_one_is_named() -> None:
    words = explain.read(built("gru"), "well-Plotted, ‘great’ great-ish&amp;good").words
    assert words == ("<start>", "well", "plotted", "great", "great", "ish", "good")


def test_a_very_long_text_is_encoded_in_no_time() -> None:
    model = built("gru")
    began = time.perf_counter()
    reading = explain.read(model, "great film < " * 30_000)
    assert time.perf_counter() - began < 5 and reading.cut == 60_000 - T


@pytest.mark.parametrize("kind", ["lstm", "bilstm", "ff"])
def test_where_the_loss_takes_logits_p_is_the_probability(kind: str) -> None:
    reading, expected = explain.read(with_logits(kind), TEXT), explain.read(built(kind), TEXT)
    np.testing.assert_allclose(reading.p, expected.p, atol=1e-6)
    found = explain.saliency(with_logits(kind), reading).leave_one_out
    np.testing.assert_allclose(found, explain.saliency(built(kind), expected).leave_one_out, atol=1e-6)


def test_a_layer_may_have_any_name() -> None:
    model = Sequential([Embedding(9, 2), LSTM(3, name="a.forward"), Dense(1, "sigmoid")], backend="reference")
    model.build((None, 4))
    assert explain.read(model, [4, 5]).traces["a.forward"]["h"].shape == (1, 4, 3)
    both = [Bidirectional(LSTM(3, return_sequences=True), name="a"), LSTM(3, name="a.forward")]
    model = Sequential([Embedding(9, 2), *both, Dense(1, "sigmoid")], backend="reference")
    model.build((None, 4))
    with pytest.raises(ValueError, match=r"apart by a name that another has: 'a\.forward'"):
        explain.read(model, [4, 5])


@pytest.mark.parametrize("label", ["positive", 7, float("nan"), [1]])
def test_a_label_is_a_probability(label: Any) -> None:
    with pytest.raises(ValueError, match="label must be"):
        explain.read(built("lstm"), TEXT, label=label)


def test_a_long_text_keeps_its_end() -> None:
    reading = explain.read(built("gru"), " ".join(["good"] * 20 + ["bad"]))
    assert reading.words == ("good",) * (T - 1) + ("bad",) and reading.cut == 21 - T


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the text '' holds no word: give at least one"),
        ("... ?!", "holds no word"),
        ("xyzzy plugh", r"the model knows no word of the text \(it has 2\): its vocabulary has 24 ids"),
        ([0, 0], "the row holds no word: all of its ids are 0, padding"),
        ([5, 99], "the model has rows for ids below 24, got id 99"),
        ([-1], "ids are 0 and more, got -1"),
        ([[1, 2]], r"one text or one row of ids, got an array of shape \(1, 2\)"),
    ],
)
def test_texts_that_are_none(text: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        explain.read(built("lstm"), text)


def test_models_that_are_none() -> None:
    model = built("lstm")
    del model.metadata["vocabulary"]
    with pytest.raises(ValueError, match="saved without a vocabulary, so that a text cannot be encoded"):
        explain.read(model, TEXT)
    assert explain.read(model, [4, 5]).words == ("id 4", "id 5")
    long = Sequential([Embedding(9, 2), LSTM(3, return_sequences=True), Dense(2, "softmax")], backend="reference")
    long.build((None, 4))
    with pytest.raises(ValueError, match=r"or one for each class, of shape \(None, C\), got \(None, 4, 2\)"):
        explain.read(long, [4])
    numbers = Sequential([LSTM(3), Dense(1)], backend="reference")
    numbers.build((None, 4, 2))
    with pytest.raises(ValueError, match="it needs a model that begins with an Embedding, and LSTM"):
        explain.read(numbers, [4])
    carrying = Sequential([Embedding(9, 2), LSTM(3, stateful=True), Dense(1)], backend="reference")
    carrying.build((None, 4))
    with pytest.raises(ValueError, match="no stateful layers"):
        explain.read(carrying, [4])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["lstm", "bilstm", "ff"])
def test_weights_that_are_not_numbers_are_told_before_they_are_used(kind: str, number: float, tmp_path: Path) -> None:
    model = built(kind)
    model.layers[-1].params["W"][:2] = number
    with pytest.raises(ValueError, match=r"weights are not usable: 2 of .* numbers of W of Dense 'dense.*' are NaN or"):
        explain.read(model, TEXT)
    with pytest.raises(ValueError, match="weights are not usable"):
        explain.write(tmp_path / "page.html", model, TEXT)
