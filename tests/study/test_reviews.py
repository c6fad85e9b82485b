"""What is known of the reviews: against the same things said slowly, and against what is known of the real ones."""

import os

import numpy as np
import pytest

from scratchnn.data import imdb, sources
from scratchnn.data.corpus import Corpus, Reviews
from scratchnn.experiments.settings import Settings
from scratchnn.study.reviews import describe

WORDS = tuple(f"w{rank}" for rank in range(1, 41))


def flat(rows: list[list[int]]) -> Reviews:
    lengths = [len(row) for row in rows]
    tokens = np.array([token for row in rows for token in row], np.int32)
    return Reviews((np.arange(len(rows)) % 2).astype(np.uint8), np.cumsum([0, *lengths]).astype(np.int64), tokens)


@pytest.mark.parametrize("skip_top", [0, 3, 8])
@pytest.mark.parametrize("resplit", [False, True])
def test_the_same_said_slowly(resplit: bool, skip_top: int, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    rng = np.random.default_rng(1)
    rows = [rng.integers(1, 41, rng.integers(1, 15)).tolist() for _ in range(60)]
    train, test = rows[:30], rows[30:]
    test[3], test[7] = train[5], train[6] + [1]  # the same review, and one word more
    corpus = Corpus(flat(train), flat(test), WORDS)
    monkeypatch.setattr(imdb.sources, "find", lambda *_, **__: sources.Found(corpus, "made up", False, True))
    settings = Settings(vocabulary=20, length=8, skip_top=skip_top, resplit=resplit)
    about = describe(corpus, settings)
    data = imdb.load(num_words=20, maxlen=8, skip_top=skip_top, resplit=resplit)
    texts = [about.text(i).split() for i in range(30)]
    if not resplit:
        to_train, n_same = {" ".join(f"w{t}" for t in row) for row in train}, 1
        assert sorted(map(tuple, texts)) == sorted(tuple(f"w{t}" for t in row) for row in test)
        assert about.in_training.sum() >= n_same
        assert [" ".join(text) in to_train for text in texts] == about.in_training.tolist()
    assert (about.y == data.y_test).all()
    assert about.length.tolist() == [len(text) for text in texts]
    for i, text in enumerate(texts):
        ids = [int(word[1:]) + 3 for word in text[-8:]]
        known = [skip_top <= n < 20 for n in ids]
        assert data.x_test[i, -len(ids) :].tolist() == [n if k else 2 for n, k in zip(ids, known, strict=True)]
        assert about.unknown_share[i] == pytest.approx(1 - np.mean(known))


@pytest.mark.skipif("SCRATCHNN_DATA" not in os.environ, reason="SCRATCHNN_DATA is not set: no published reviews")
def test_the_published_reviews() -> None:
    corpus = sources.find(synthetic_data=False).corpus
    about = describe(corpus, Settings())
    assert about.digest == sources.TEST_DIGEST
    assert about.in_training.sum() == 123
    assert about.length.mean() + 1 == pytest.approx(230.8042)
    assert about.y.sum() == 12_500
    data = imdb.load()
    cut = [i for i in range(50) if about.length[i] >= 100]
    for i in cut:
        shown = about.text(i).split()[-100:]
        assert [w for w in data.decode(data.x_test[i]).split() if w != "?"] == [
            w for w in shown if w in data.vocabulary.ids
        ]
        assert about.unknown_share[i] == np.mean([w not in data.vocabulary.ids for w in shown])
    assert 10 < len(cut) < 50
