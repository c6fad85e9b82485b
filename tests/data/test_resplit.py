"""The reviews joined and split again, and the most frequent words left out."""

import numpy as np
import pytest

from scratchnn.data import Corpus, Reviews, imdb
from scratchnn.data.corpus import resplit
from scratchnn.experiments.presets import named


def rows(reviews: Reviews) -> list[tuple[int, tuple[int, ...]]]:
    tokens = np.split(reviews.tokens, reviews.offsets[1:-1])
    return [(int(label), tuple(row.tolist())) for label, row in zip(reviews.labels, tokens, strict=True)]


def test_no_review_is_lost_or_gained(synthetic_corpus: Corpus) -> None:
    small = Corpus(*(part(synthetic_corpus, name) for name in ("train", "test")), synthetic_corpus.words)
    mixed = resplit(small)
    assert (len(mixed.train), len(mixed.test)) == (30, 20)
    assert sorted(rows(mixed.train) + rows(mixed.test)) == sorted(rows(small.train) + rows(small.test))
    came_from_test = sum(row in rows(small.test) for row in rows(mixed.train))
    assert 5 < came_from_test < 20, "they are mixed"
    assert resplit(small).digest == mixed.digest != small.digest
    again = resplit(small, 2)
    assert len({resplit(small, 1).digest, again.digest, small.digest}) == 3, "draws are numbered, and 1 is the first"
    assert resplit(small, 1).digest == mixed.digest
    most = resplit(small, 2, test_reviews=5)
    assert (len(most.train), len(most.test)) == (45, 5)
    assert rows(most.train) + rows(most.test) == rows(again.train) + rows(again.test), "the same order, cut elsewhere"
    with pytest.raises(ValueError, match="test_reviews must be below 50, the number of all reviews, got 50"):
        resplit(small, 1, test_reviews=50)
    assert mixed.train.offsets.dtype == np.int64 and mixed.train.tokens.dtype == np.int32


def part(corpus: Corpus, split: str) -> Reviews:
    reviews, n = getattr(corpus, split), 30 if split == "train" else 20
    end = reviews.offsets[n]
    return Reviews(reviews.labels[:n], reviews.offsets[: n + 1], reviews.tokens[:end])


def test_the_data_say_what_they_were_made_from(write_files, tmp_path) -> None:
    folder = write_files(tmp_path / "data")
    with pytest.warns(UserWarning, match="unknown content"):
        as_it_comes, mixed = imdb.load(folder, maxlen=10), imdb.load(folder, maxlen=10, resplit=True)
    assert as_it_comes.digest == mixed.digest
    both = [sorted(map(tuple, np.concatenate([d.x_train, d.x_test]).tolist())) for d in (as_it_comes, mixed)]
    assert both[0] == both[1]
    assert (as_it_comes.x_train != mixed.x_train).any()


def test_lstm_dropout_leaves_out_exactly_the_twenty_most_frequent_words(write_files, tmp_path) -> None:
    skip_top = named("lstm-dropout").settings().skip_top
    with pytest.warns(UserWarning, match="unknown content"):
        data = imdb.load(write_files(tmp_path / "data"), num_words=50, maxlen=10, skip_top=skip_top)
    ids = np.unique(data.x_train)
    assert {f"word{rank}" for rank in range(1, 47)} - set(data.vocabulary.ids) == {f"word{n}" for n in range(1, 21)}
    assert ids[:2].tolist() == [0, 2] and ids[2] == 24


def test_a_draw_and_a_number_of_test_reviews(write_files, tmp_path) -> None:
    folder = write_files(tmp_path / "data")
    with pytest.warns(UserWarning, match="unknown content"):
        first, same, second = (imdb.load(folder, maxlen=10, resplit=draw) for draw in (True, 1, 2))
        few = imdb.load(folder, maxlen=10, resplit=2, test_reviews=1)
    assert (first.x_train == same.x_train).all() and (first.x_train != second.x_train).any()
    assert len(few.x_test) == 1 and len(few.x_train) == len(first.x_train) + len(first.x_test) - 1
    with pytest.raises(ValueError, match="test_reviews=3 needs a new split: give resplit=True"):
        imdb.load(folder, test_reviews=3)
    with pytest.raises(ValueError, match="resplit must be a whole number"):
        imdb.load(folder, resplit=-1)
