"""A model with an output for each class: p is the probability of one of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, explain
from scratchnn.explain.__main__ import main
from scratchnn.layers import Dense
from scratchnn.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from scratchnn.models.model import Model
from tests.explain.conftest import TEXT, T, built
from tests.explain.test_page import opened, read_in  # noqa: F401 (a fixture)

NAMES = ["bad", "good", "mixed"]


def of_classes(count: int, kind: str = "lstm", loss: Any = "sparse_categorical_crossentropy") -> Model:
    """The model of the other tests with a softmax, or logits, of several classes as its head."""
    one = built(kind)
    activation = "softmax" if isinstance(loss, str) else None
    model = Sequential([layer.clone() for layer in one.layers[:-1]] + [Dense(count, activation)], backend="reference")
    model.build((None, T))
    *below, W, b = one.get_weights()
    rng = np.random.default_rng(2)
    # Of two classes, a1 - a0 is what the one output of the other model is.
    W, b = (np.concatenate([-each / 2, each / 2], axis=-1) for each in (W, b)) if count == 2 else (
        rng.normal(size=(len(W), count)), rng.normal(size=count))  # fmt: skip
    model.set_weights([*below, W, b])
    model.compile("sgd", loss)
    model.metadata["vocabulary"] = one.metadata["vocabulary"]
    return model


@pytest.mark.parametrize("kind", ["lstm", "bilstm", "ff"])
@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", SparseCategoricalCrossentropy(from_logits=True), "ones"]
)
def test_a_softmax_of_two_classes_is_read_as_one_sigmoid(kind: str, loss: Any) -> None:
    loss = CategoricalCrossentropy(from_logits=True) if loss == "ones" else loss
    one, two = built(kind), of_classes(2, kind, loss)
    expected, found = explain.read(one, TEXT), explain.read(two, TEXT, of_class=1)
    np.testing.assert_allclose(found.p, expected.p, atol=1e-6)
    assert found.prediction == pytest.approx(expected.prediction, abs=1e-7)
    other = explain.read(two, TEXT, of_class=0)
    np.testing.assert_allclose(other.p, 1 - expected.p, atol=1e-6)
    for method in ("leave_one_out", "gradient_x_input", "integrated_gradients"):
        right = getattr(explain.saliency(one, expected), method)
        np.testing.assert_allclose(getattr(explain.saliency(two, found), method), right, atol=1e-6)
        np.testing.assert_allclose(getattr(explain.saliency(two, other), method), -right, atol=1e-6)
    if kind != "ff":
        flows = [explain.flow(model, reading).layers for model, reading in ((one, expected), (two, found))]
        for right, ours in zip(flows[0].values(), flows[1].values(), strict=True):
            np.testing.assert_allclose(ours.norms("h"), right.norms("h"), rtol=1e-5)


def test_the_probabilities_of_all_classes_are_one_and_the_likeliest_is_taken() -> None:
    model = of_classes(3)
    model.metadata["classes"] = NAMES
    readings = [explain.read(model, TEXT, of_class=name) for name in NAMES]
    np.testing.assert_allclose(sum(each.p for each in readings), 1)
    predicted = model.predict(readings[0].x[None], verbose=0)[0]
    np.testing.assert_allclose([each.prediction for each in readings], predicted, atol=1e-6)
    taken = explain.read(model, TEXT)
    assert taken.of_class == taken.likeliest == readings[0].likeliest == int(np.argmax(predicted))
    np.testing.assert_array_equal(taken.p, readings[int(np.argmax(predicted))].p)
    assert [explain.read(model, TEXT, of_class=1, label=label).label for label in ("good", 1, "bad")] == [1, 1, 0]
    assert len(explain.neighbours(model, "good", k=2)) == 2


def test_classes_that_are_none() -> None:
    model = of_classes(3)
    model.metadata["classes"] = NAMES
    with pytest.raises(ValueError, match="the model has no class 'fine'; it has bad, good, mixed"):
        explain.read(model, TEXT, of_class="fine")
    with pytest.raises(ValueError, match="the model has no class 'fine'"):
        explain.read(model, TEXT, label="fine")
    with pytest.raises(ValueError, match="of_class must be a whole number from 0 to 2, got 3"):
        explain.read(model, TEXT, of_class=3)
    with pytest.raises(ValueError, match="this one has one output, p of 'positive'"):
        explain.read(built("lstm"), TEXT, of_class="positive")
    with pytest.raises(ValueError, match="the model has 3 outputs: say which class p is of, of_class='bad'"):
        explain.units(model, (np.full((2, T), 5), [0, 1]))
    with pytest.raises(ValueError, match="of several classes, take target='p'"):
        explain.flow(model, explain.read(model, TEXT, label=1), "loss")


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", SparseCategoricalCrossentropy(from_logits=True)])
def test_the_page_of_a_class_computes_what_python_does(opened: Any, tmp_path: Path, loss: Any) -> None:  # noqa: F811
    model = of_classes(3, "gru", loss)
    model.metadata["classes"] = NAMES
    explain.write(tmp_path / "page.html", model, TEXT, of_class="mixed", label="mixed")
    page = opened(tmp_path / "page.html")
    said = page.locator("#said0").inner_text()
    assert said.startswith(", the probability of mixed; the likeliest class is ") and "; labelled mixed." in said
    assert "from 0, not mixed, to 1, mixed." in page.locator("#reading").inner_text()
    page.click("summary:text('Another text')")
    page.fill("#text", "A wonderful film, not bad!")
    page.get_by_role("button", name="Read it").click()
    p, after_words = read_in(page)
    reading = explain.read(model, "A wonderful film, not bad!", of_class="mixed")
    assert p == pytest.approx(reading.prediction, abs=1e-5)
    np.testing.assert_allclose(after_words, reading.p, atol=1e-5)
    assert page.locator("#said0").inner_text() == ", the probability of mixed, for the changed text."


def test_the_command_takes_a_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = of_classes(3)
    model.metadata["classes"] = NAMES
    model.save(tmp_path / "model.npz")
    assert main([str(tmp_path / "model.npz"), "--text", TEXT, "--class", "good"]) == 0
    p = explain.read(model, TEXT, of_class="good").prediction
    assert f"p of good {p:.4f} after 9 words" in capsys.readouterr().out
    assert main([str(tmp_path / "model.npz"), "--text", TEXT, "--class", "great"]) == 2
    assert "error: the model has no class 'great'; it has bad, good, mixed" in capsys.readouterr().err


def test_two_classes_of_ones_own_are_named(tmp_path: Path) -> None:
    model = built("lstm")
    model.metadata["classes"] = ["ham", "spam"]
    explain.write(tmp_path / "page.html", model, TEXT, label=1)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert (
        "labelled spam, so this is" in page
        and "from 0, ham, to 1, spam." in page
        and "positive" not in page.partition("<body>")[2]
    )
