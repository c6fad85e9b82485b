"""A predictor says the same on both of its backends, and needs no compiler for a few texts."""

import pickle  # noqa: TID251 - what is tested is that copies travel
import subprocess
import sys

import numpy as np
import pytest

from scratchnn.data.predictions import Prediction, predictions, probabilities
from scratchnn.texts.predictor import FEW, NetworkPredictor
from tests.texts.saved import THREE, TWO, WORDS, encoder_of, model_of


def texts(N: int) -> list[str]:
    draws = np.random.default_rng(0)
    return [" ".join(draws.choice([*WORDS, "unheard"], draws.integers(1, 20))) for _ in range(N)]


@pytest.mark.parametrize("classes", [TWO, THREE])
def test_few_and_many_texts_get_the_same_answers(classes: tuple[str, ...]) -> None:
    predictor, many = NetworkPredictor(model_of(classes), encoder_of(classes)), texts(300)
    fast = predictor.predictions(many)
    slow = [each for first in range(0, 300, FEW) for each in predictor.predictions(many[first : first + FEW])]
    assert [each.label for each in fast] == [each.label for each in slow]
    assert len({each.label for each in fast}) == len(classes)
    p = predictor.predict_proba(many)
    assert np.abs(p - [list(each.probabilities.values()) for each in slow]).max() < 1e-6
    assert np.abs(p.sum(axis=1) - 1).max() < 1e-15 * len(classes)
    assert predictor.predictions([]) == []
    assert predictor.predict_proba([]).shape == (0, len(classes))


def test_a_model_says_the_same() -> None:
    some, model = texts(5), model_of(THREE)
    assert model.predict_text(some) == NetworkPredictor(model, encoder_of(THREE)).predictions(some)
    assert model.predict_text([]) == []
    with pytest.raises(TypeError, match="texts must be several"):
        model.predict_text("a film")
    model.metadata.pop("vocabulary")
    with pytest.raises(ValueError, match="saved without its vocabulary"):
        model.predict_text(some)


def test_few_texts_never_load_the_compiler(tmp_path) -> None:
    model_of(backend="cpu").save(tmp_path / "model.npz")
    script = f"""
import sys
for blocked in ("numba", "llvmlite", "matplotlib", "scipy", "jaxtyping", "pooch"):
    sys.modules[blocked] = None
from scratchnn.texts.predictor import open_predictor
predictor = open_predictor({str(tmp_path)!r})
print([each.label for each in predictor.predictions({texts(FEW)!r})])
import warnings
warnings.simplefilter("error")
try:
    predictor.predictions({texts(FEW + 1)!r})
except UserWarning as warning:
    print(warning)
warnings.simplefilter("ignore")
print(len(predictor.predictions({texts(FEW + 1)!r})))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    labels, warning, count = run.stdout.splitlines()
    assert labels == str([each.label for each in model_of().predict_text(texts(FEW))])
    assert warning.startswith("the compiled kernels cannot be used, so that NumPy reads all texts, slower: ")
    assert count == str(FEW + 1)


def test_a_copy_of_the_small_part_travels() -> None:
    predictor = NetworkPredictor(model_of(), encoder_of(TWO))
    predictor.predictions(texts(FEW + 1))
    copy = pickle.loads(pickle.dumps(predictor))
    assert copy._fast is None
    assert copy.predictions(texts(3)) == predictor.predictions(texts(3))


def test_words_are_counted_as_the_model_reads_them() -> None:
    encoder = encoder_of(TWO)
    rows = ["", "the film", "unheard film", "unheard unseen film", " ".join(["the"] * 12), " ".join(["unheard"] * 40)]
    x = encoder.encode(rows)
    p = probabilities(np.linspace(0, 1, len(rows), dtype=np.float32)[:, None], TWO)
    found = predictions(p, x, TWO)
    assert [each.words for each in found] == [0, 2, 2, 3, 12, 12]
    assert [each.unknown for each in found] == [0, 0, 1, 2, 0, 12]
    doubts = [each.doubt for each in found]
    assert doubts[0] == "holds no word, so that the label says nothing about it"
    assert doubts[3] == "is mostly unknown to the model: 2 of the 3 words that were read"
    assert [bool(doubt) for doubt in doubts] == [True, False, False, True, False, True]


def test_outputs_as_probabilities() -> None:
    """A linear output is cut as its loss does, a tie gives the first class, and what is no probability is refused."""
    assert probabilities(np.array([[1.5], [-0.5], [0.25]]), TWO).tolist() == [[0, 1], [1, 0], [0.75, 0.25]]
    tie = predictions(np.array([[0.5, 0.5]]), np.array([[0, 1, 5]], np.int32), TWO)
    assert tie == [Prediction("negative", 0.5, {"negative": 0.5, "positive": 0.5}, 1, 0)]
    with pytest.raises(ValueError, match=r"shape \(2, 1\), .* 3 classes: sport, politics, art"):
        probabilities(np.ones((2, 1)), THREE)
    with pytest.raises(ValueError, match="do not sum to 1"):
        probabilities(np.full((2, 3), 0.5), THREE)
    with pytest.raises(ValueError, match="output is not finite"):
        probabilities(np.array([[np.nan]]), TWO)
