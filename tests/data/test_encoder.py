"""Texts become the rows that models are trained on, and a saved model says what it needs for that."""

import numpy as np
import pytest

from scratchnn.data import Vocabulary
from scratchnn.data.corpus import Reviews
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.text import encode_reviews, id_of_rank

WORDS = ("the", "film", "good", "bad")
VOCABULARY = Vocabulary.from_ranked(WORDS, num_words=7)  # "bad" is beyond it


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7])
def test_rows_are_those_that_presets_are_trained_on(length: int) -> None:
    texts = ["The film, GOOD; bad film!", "good", ""]
    ranks = [1, 2, 3, 4, 2, 3]
    reviews = Reviews(np.zeros(3, np.uint8), np.array([0, 5, 6, 6]), np.array(ranks, np.int32))
    expected = encode_reviews(reviews, np.arange(3), id_of_rank(len(WORDS), 7, 0), length)
    found = TextEncoder(VOCABULARY, length).encode(texts)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int32


def test_no_texts_are_no_rows() -> None:
    assert TextEncoder(VOCABULARY, 5).encode([]).shape == (0, 5)


def test_metadata_there_and_back() -> None:
    encoder = TextEncoder(VOCABULARY, 5, ("a", "b", "c"))
    assert TextEncoder.from_metadata(encoder.to_metadata()) == encoder


def test_a_run_on_the_reviews_is_read_as_it_is() -> None:
    metadata = {"vocabulary": list(VOCABULARY.words), "settings": {"length": 9}}
    assert TextEncoder.from_metadata(metadata) == TextEncoder(VOCABULARY, 9, ("negative", "positive"))


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"settings": {"length": 9}}, "without its vocabulary.*to_metadata"),
        ({"vocabulary": list(VOCABULARY.words)}, r"metadata\['length'\]"),
        ({"vocabulary": list(VOCABULARY.words), "length": 0}, "length must be a whole number"),
        ({"vocabulary": list(VOCABULARY.words), "length": 3, "classes": ["a", "a"]}, "two different names"),
        ({"vocabulary": 3, "length": 3}, "with the vocabulary '3', expected a list of words"),
        ({"vocabulary": [1, 2, 3, 4, 5], "length": 3}, "expected a list of words"),
        ({"vocabulary": list(VOCABULARY.words), "length": 3, "classes": "ab"}, "with the classes 'ab'"),
        ({"vocabulary": list(VOCABULARY.words), "settings": 3}, r"metadata\['length'\]"),
    ],
)
def test_what_cannot_read_words_is_refused(metadata: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TextEncoder.from_metadata(metadata)


def test_one_text_is_no_list_of_letters() -> None:
    with pytest.raises(TypeError, match="got one"):
        TextEncoder(VOCABULARY, 5).encode("the film")
