"""Published facts about the published reviews. They need SCRATCHNN_DATA."""

import shutil
import time

import numpy as np
import pytest

from scratchnn.data import imdb, sources
from scratchnn.data.keras_npz import RawFiles
from scratchnn.data.text import Vocabulary


@pytest.fixture(scope="module", autouse=True)
def one_cache(tmp_path_factory):
    """A cache for all tests here, gone when they are done: it takes 48 MB."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("SCRATCHNN_CACHE", str(folder))
        yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def use_that_cache(lonely, one_cache, monkeypatch):
    monkeypatch.setenv("SCRATCHNN_CACHE", str(one_cache))


@pytest.fixture(scope="module")
def corpus(real_folder):
    return RawFiles(real_folder / "imdb.npz", real_folder / "imdb_word_index.json").parse()


def test_content_digests(corpus):
    assert corpus.train.digest == sources.TRAIN_DIGEST
    assert corpus.test.digest == sources.TEST_DIGEST
    assert corpus.words_digest == sources.WORDS_DIGEST
    assert corpus.digest == sources.PUBLISHED_DIGEST
    assert len(corpus.train.tokens) == 5_942_841 and len(corpus.test.tokens) == 5_745_105
    assert len(corpus.words) == 88_584


def test_the_raw_order_is_sorted_by_class(corpus):
    for reviews in (corpus.train, corpus.test):
        assert np.flatnonzero(np.diff(reviews.labels.astype(int))).tolist() == [12_499]


@pytest.fixture(scope="module")
def keras_rows(real_folder, one_cache):
    return imdb.load_data(real_folder, num_words=10_000)


def test_first_row_and_mean_lengths(keras_rows, real_folder):
    (x_train, y_train), (x_test, _) = keras_rows
    assert x_train[0][:10] == [1, 14, 22, 16, 43, 530, 973, 1622, 1385, 65]
    assert y_train[0] == 1
    assert np.mean([len(row) for row in x_train]) == pytest.approx(238.71364, abs=1e-9)
    assert np.mean([len(row) for row in x_test]) == pytest.approx(230.8042, abs=1e-9)
    data = imdb.load(real_folder, num_words=10_000)
    assert data.decode(x_train[0][:7]) == "this film was just brilliant casting"
    assert imdb.get_word_index(real_folder)["the"] == 1


@pytest.mark.parametrize(("num_words", "share"), [(1000, 0.237), (5000, 0.100), (10_000, 0.057)])
def test_share_of_unknown_words_in_whole_reviews(real_folder, num_words, share):
    data = imdb.load(real_folder, num_words=num_words, maxlen=2600)
    assert data.oov_share == pytest.approx(share, abs=5e-4)
    assert data.truncated_share == 0


def test_facts_at_the_default_settings(real_folder):
    data = imdb.load(real_folder)
    assert data.x_train.shape == data.x_test.shape == (25_000, 100)
    assert data.y_train.sum() == data.y_test.sum() == 12_500
    assert data.oov_share == pytest.approx(0.219, abs=5e-4)
    assert data.truncated_share == pytest.approx(0.887, abs=5e-4)
    assert np.mean(data.x_train == 0) == pytest.approx(0.035, abs=5e-4)
    assert len(data.vocabulary) == 1000 and data.x_train.max() == 999
    assert len(np.unique(data.x_train)) == 999, "0 to 999 without the unused 3"
    assert data.digest_known and data.source.startswith("imdb, --data")
    assert 0.45 < data.y_train[-5000:].mean() < 0.55, "the tail is mixed, so it can serve for validation"


def test_a_second_load_is_quick(real_folder):
    imdb.load(real_folder)
    start = time.perf_counter()
    imdb.load(real_folder)
    assert time.perf_counter() - start < 10, "measured at 0.1 s from the cache"


def test_the_files_are_left_as_they_were(real_folder):
    def state():
        return [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(real_folder.iterdir())]

    before = state()
    imdb.load(real_folder)
    assert state() == before


def test_every_word_of_the_index_reaches_its_own_id(corpus):
    """All 88,584: 1,843 are not ASCII, 21 have capital letters, some hundred typographic punctuation inside."""
    for settings in ({}, {"num_words": 1000}, {"skip_top": 24}):
        vocabulary = Vocabulary.from_ranked(corpus.words, **settings)
        start = vocabulary.encode("")[0]
        wrong = [word for word, n in vocabulary.ids.items() if vocabulary.encode(word).tolist() != [start, n]]
        assert wrong == []


def test_typed_text_reaches_the_words_of_the_index(corpus):
    limited = Vocabulary.from_ranked(corpus.words, num_words=1000)
    text = "“It’s a good film” — don’t miss it…<br />"
    assert limited.decode(limited.encode(text)) == "it's a good film don't miss it br"
    assert limited.oov_share(text) == 0
    assert limited.oov_share(f"{text} Chicatillo!") == 1 / 9
