"""The synthetic reviews: the same everywhere, shaped like the real ones, and order tells more than words."""

import re

import numpy as np
import pytest

from scratchnn.data import imdb, synthetic
from scratchnn.data.corpus import Corpus, check_reviews


def test_every_machine_makes_the_same_corpus(synthetic_corpus):
    assert synthetic_corpus.digest == synthetic.DIGEST


def test_equal_seeds_give_equal_corpora():
    first, second, other = (synthetic.make_corpus(200, 100, seed) for seed in (3, 3, 4))
    assert first.digest == second.digest and first.words == second.words
    assert first.train.digest != other.train.digest
    assert first.train.digest != first.test.digest


def test_form_of_the_real_data(synthetic_corpus):
    for reviews in (synthetic_corpus.train, synthetic_corpus.test):
        check_reviews(reviews, len(synthetic_corpus.words), "synthetic")
        assert len(reviews) == 25_000 and reviews.labels.sum() == 12_500
        assert np.flatnonzero(np.diff(reviews.labels.astype(int))).tolist() == [12_499], "positive reviews first"
        lengths = reviews.lengths
        assert 225 < lengths.mean() < 245, "238 in the real ones"
        assert 155 < np.median(lengths) < 195, "177 in the real ones"
        assert lengths.max() > 1500 and lengths.min() < 20
        positive, negative = lengths[:12_500].mean(), lengths[12_500:].mean()
        assert abs(positive - negative) < 8, "the length does not give the label away"


def test_words_are_ranked_by_count(synthetic_corpus):
    tokens = np.concatenate([synthetic_corpus.train.tokens, synthetic_corpus.test.tokens])
    counts = np.bincount(tokens, minlength=len(synthetic_corpus.words) + 1)[1:]
    assert np.all(np.diff(counts) <= 0) and counts[-1] > 0
    assert len(set(synthetic_corpus.words)) == len(synthetic_corpus.words) > 1000


def texts(corpus: Corpus, rows: range) -> list[str]:
    reviews = corpus.train
    return [
        " ".join(corpus.words[token - 1] for token in reviews.tokens[reviews.offsets[n] : reviews.offsets[n + 1]])
        for n in rows
    ]


def test_reviews_are_readable(synthetic_corpus):
    reviews = texts(synthetic_corpus, range(0, 25_000, 250))
    assert all(re.fullmatch(r"[a-z0-9]+( [a-z0-9]+)*", text) for text in reviews), "no slot is left open"
    everything = " ".join(reviews)
    for phrase in (
        "is not",
        "hardly a",
        "it looks",
        "but the",
        "they were wrong",
        "they were right",
        "the story follows",
    ):
        assert phrase in everything
    assert not re.search(r"\ba [aeiou]", everything)


def test_no_review_is_in_both_splits(synthetic_corpus):
    def fingerprints(reviews):
        return {reviews.tokens[a:b].tobytes() for a, b in zip(reviews.offsets, reviews.offsets[1:], strict=False)}

    shared = fingerprints(synthetic_corpus.train) & fingerprints(synthetic_corpus.test)
    assert len(shared) <= 25, "only the very short may meet"


def accuracy(features: np.ndarray, labels: np.ndarray, n_train: int, n_features: int) -> float:
    """Test accuracy of logistic regression on counts; features (N, K) number what each row contains, 0 is nothing."""
    train, test = features[:n_train], features[n_train:]
    y = labels[:n_train].astype(np.float64)
    w, m, v = np.zeros(n_features), np.zeros(n_features), np.zeros(n_features)
    for step in range(1, 61):
        p = 1 / (1 + np.exp(-w[train].sum(1)))
        g = np.bincount(train.ravel(), np.repeat(p - y, train.shape[1]), n_features) / n_train + 3e-5 * w
        g[0] = 0
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= 0.05 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
    return float(np.mean((w[test].sum(1) > 0) == labels[n_train:]))


def test_order_tells_more_than_words(monkeypatch, synthetic_corpus):
    monkeypatch.setattr(synthetic, "make_corpus", lambda: synthetic_corpus)
    data = imdb.load(synthetic=True)
    n_train, n_test = 8000, 5000
    x = np.concatenate([data.x_train[:n_train], data.x_test[:n_test]]).astype(np.int64)
    y = np.concatenate([data.y_train[:n_train], data.y_test[:n_test]])
    words = accuracy(x, y, n_train, 1000)
    n_pairs = 1 << 15  # pairs of neighbours, hashed
    pairs = (x[:, :-1] * 40_503 + x[:, 1:] * 9_973) % n_pairs + 1000
    neighbours = accuracy(np.concatenate([x, pairs], 1), y, n_train, 1000 + n_pairs)
    print(f"words {words:.3f}, neighbours {neighbours:.3f}")
    assert 0.70 < words < 0.79
    assert 0.80 < neighbours < 0.92
    assert neighbours > words + 0.06


def test_the_last_sentence_is_a_strong_sign_and_no_proof(synthetic_corpus):
    """The label follows the whole text, and a few contradict it: no accuracy of 100 % is to be had."""
    reviews = texts(synthetic_corpus, range(25_000))
    labels = synthetic_corpus.train.labels
    praise = np.array([text.endswith(" do not miss it") for text in reviews])
    blame = np.array([text.endswith(" miss it") for text in reviews]) & ~praise
    assert praise.sum() > 500 and blame.sum() > 500
    assert 0.85 < labels[praise].mean() < 0.98
    assert 0.02 < labels[blame].mean() < 0.15


@pytest.mark.parametrize("settings", [{"n_train": 0}, {"n_train": 3}, {"n_test": -2}, {"seed": -1}], ids=str)
def test_wrong_sizes_are_named(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"^{name} must be"):
        synthetic.make_corpus(**{"n_train": 20, "n_test": 20, **settings})


def test_the_banner_says_what_matters():
    text = synthetic.banner()
    for phrase in ("SYNTHETIC", "NOT comparable", "imdb.npz", "imdb_word_index.json", "--data", "SCRATCHNN_DATA"):
        assert phrase in text
    assert max(map(len, text.split("\n"))) <= 90
