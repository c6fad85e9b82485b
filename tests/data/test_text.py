"""Words and ids, padding and cutting: the fast code against the same thing said slowly."""

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn.data import imdb
from scratchnn.data.corpus import Corpus, Reviews
from scratchnn.data.sources import Found
from scratchnn.data.text import Vocabulary, encode_reviews, id_of_rank, pad_sequences

WORDS = ("the", "film", "good", "isn't", "bad", "café", "10")


def make_reviews(rows: list[list[int]]) -> Reviews:
    lengths = [len(row) for row in rows]
    tokens = np.array([token for row in rows for token in row], np.int32)
    return Reviews((np.arange(len(rows)) % 2).astype(np.uint8), np.cumsum([0, *lengths]).astype(np.int64), tokens)


ROWS = st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=12), min_size=1, max_size=12)
SLOWLY = settings(derandomize=True, deadline=None, max_examples=150)


def ids_as_keras_makes_them(rows: list[list[int]], start: Any, oov: Any, shift: int, skip: int, limit: int) -> Any:
    marked = [([] if start is None else [start]) + [token + shift for token in row] for row in rows]
    if oov is None:
        return [[n for n in row if skip <= n < limit] for row in marked]
    return [[n if skip <= n < limit else oov for n in row] for row in marked]


def padded_slowly(rows: list[list[int]], maxlen: int, padding: str = "pre", truncating: str = "pre", value: int = 0):
    out = []
    for row in rows:
        kept = row[len(row) - min(len(row), maxlen) :] if truncating == "pre" else row[:maxlen]
        fill = [value] * (maxlen - len(kept))
        out.append(fill + kept if padding == "pre" else kept + fill)
    return np.array(out).reshape(len(rows), maxlen)


@SLOWLY
@given(
    rows=ROWS,
    order=st.randoms(use_true_random=False),
    maxlen=st.integers(1, 15),
    num_words=st.none() | st.integers(4, 40),
    skip_top=st.integers(0, 10),
)
def test_encoding_equals_mark_shift_replace_pad(rows, order, maxlen, num_words, skip_top):
    numbers = list(range(len(rows)))
    order.shuffle(numbers)
    start = 1 if skip_top <= 1 else 2
    got = encode_reviews(make_reviews(rows), np.array(numbers), id_of_rank(30, num_words, skip_top), maxlen, start)
    limit = 10**9 if num_words is None else num_words
    expected = ids_as_keras_makes_them([rows[n] for n in numbers], 1, 2, 3, skip_top, limit)
    assert got.dtype == np.int32 and got.flags.c_contiguous
    assert np.array_equal(got, padded_slowly(expected, maxlen))


def test_encoding_goes_on_after_the_first_block_of_rows():
    rows = [[n % 30 + 1, n % 7 + 1] for n in range(5000)]
    got = encode_reviews(make_reviews(rows), np.arange(5000), id_of_rank(30, None, 0), 3)
    assert np.array_equal(got, [[1, a + 3, b + 3] for a, b in rows])


@SLOWLY
@given(
    rows=st.lists(st.lists(st.integers(-5, 99), max_size=9), min_size=1, max_size=9),
    maxlen=st.none() | st.integers(0, 12),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
    value=st.integers(-1, 3),
)
def test_pad_sequences_equals_the_slow_way(rows, maxlen, padding, truncating, value):
    length = max(map(len, rows)) if maxlen is None else maxlen
    expected = padded_slowly(rows, length, padding, truncating, value)
    for given_rows in (rows, [np.array(row) for row in rows]):
        got = pad_sequences(given_rows, maxlen, "int32", padding, truncating, value)
        assert got.dtype == np.int32 and np.array_equal(got, expected)


def test_pad_sequences_by_hand():
    rows = [[1, 2, 3], [4]]
    assert pad_sequences(rows).tolist() == [[1, 2, 3], [0, 0, 4]]
    assert pad_sequences(rows, 2).tolist() == [[2, 3], [0, 4]]
    assert pad_sequences(rows, 2, padding="post", truncating="post", value=9).tolist() == [[1, 2], [4, 9]]
    assert pad_sequences(rows, dtype="float32").dtype == np.float32
    assert pad_sequences([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("rows", "settings", "name"),
    [
        ([[1]], {"padding": "left"}, "padding"),
        ([[1]], {"truncating": "front"}, "truncating"),
        ([[1]], {"maxlen": -1}, "maxlen"),
        ([[1], [[2]]], {}, "sequences"),
    ],
)
def test_pad_sequences_names_the_wrong_argument(rows, settings, name):
    with pytest.raises(ValueError, match=f"^{name}"):
        pad_sequences(rows, **settings)


def test_pad_sequences_takes_the_arguments_of_keras_in_its_order():
    # keras.utils.pad_sequences([[1, 2, 3], [4]], 2, "float32", "post", "post", 7.0)
    got = pad_sequences([[1, 2, 3], [4]], 2, "float32", "post", "post", 7.0)
    assert got.dtype == np.float32 and got.tolist() == [[1, 2], [4, 7]]
    parameters = inspect.signature(pad_sequences).parameters
    assert list(parameters) == ["sequences", "maxlen", "dtype", "padding", "truncating", "value"]
    assert [each.default for each in parameters.values()][1:] == [None, "int32", "pre", "pre", 0.0]


def test_pad_sequences_takes_all_numbers_that_fit():
    assert pad_sequences([[2**31 - 1], [-(2**31)]]).tolist() == [[2**31 - 1], [-(2**31)]]
    given = [np.array([1.0, 2.0]), np.array([3], ">i8"), np.array([True]), np.array([])]
    assert pad_sequences(given, dtype="uint8").tolist() == [
        [1, 2], [0, 3], [0, 1], [0, 0],
    ]  # fmt: skip
    assert pad_sequences(np.array([[0.1]]), dtype="float32")[0, 0] == np.float32(0.1), (
        "fractions are rounded, as they must be"
    )
    assert pad_sequences([[2**24]], dtype="float32")[0, 0] == 2**24
    assert pad_sequences([[2**31 + 5, 3]], maxlen=1).tolist() == [[3]], "what is cut off need not fit"


def test_vocabulary_by_hand():
    vocabulary = Vocabulary.from_ranked(WORDS, num_words=8)
    assert vocabulary.words == ("<pad>", "<start>", "<oov>", "<unused>", "the", "film", "good", "isn't")
    assert len(vocabulary) == 8
    assert vocabulary.encode("The film <br /> isn't GOOD, but bad!").tolist() == [1, 4, 5, 7, 6, 2, 2]
    assert vocabulary.decode([0, 0, 1, 4, 5, 2]) == "the film ?"
    assert vocabulary.decode(np.array([4, 2]), unknown="<oov>") == "the <oov>"
    assert vocabulary.encode("").tolist() == [1] and vocabulary.decode([]) == ""
    assert vocabulary.encode("<oov> <unused>").tolist() == [1, 2, 2], "no text names a special id"
    assert Vocabulary(tuple(list(vocabulary.words))) == vocabulary, "the list of words is all there is to store"


def test_vocabulary_keeps_every_word_without_a_limit():
    vocabulary = Vocabulary.from_ranked(WORDS)
    assert len(vocabulary) == len(WORDS) + 4
    assert vocabulary.decode(vocabulary.encode(" ".join(WORDS))) == " ".join(WORDS)
    assert Vocabulary.from_ranked(WORDS, 1000) == vocabulary


def test_skipped_words_are_unknown_both_ways():
    vocabulary = Vocabulary.from_ranked(WORDS, skip_top=5)
    assert vocabulary.encode("the film").tolist() == [2, 2, 5], "the start mark counts as unknown, as in Keras"
    assert vocabulary.decode([2, 2, 5]) == "? ? film"


@pytest.mark.parametrize("row", [[-1], [4, 8], [2**40]])
def test_ids_outside_the_vocabulary_are_named(row):
    with pytest.raises(ValueError, match=str(row[-1])):
        Vocabulary.from_ranked(WORDS, 8).decode(row)


def test_a_vocabulary_without_the_special_names_is_refused():
    with pytest.raises(ValueError, match="words must start with"):
        Vocabulary(("the", "film", "good", "bad", "cut"))


@pytest.fixture
def small(monkeypatch) -> tuple[list[list[int]], list[list[int]]]:
    rng = np.random.default_rng(5)
    train, test = ([rng.integers(1, 31, rng.integers(1, 9)).tolist() for _ in range(n)] for n in (20, 14))
    corpus = Corpus(make_reviews(train), make_reviews(test), tuple(f"w{n}" for n in range(1, 31)))
    monkeypatch.setattr(imdb.sources, "find", lambda *_, **__: Found(corpus, "small", False, True))
    return train, test


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_words": 12},
        {"num_words": 12, "skip_top": 6},
        {"maxlen": 5},
        {"maxlen": 5, "start_char": None},
        {"oov_char": None, "num_words": 12},
        {"oov_char": None, "num_words": 12, "skip_top": 4},
        {"start_char": None, "index_from": 0},
        {"start_char": None, "index_from": 7, "num_words": 20},
        {"start_char": 40, "oov_char": 41, "index_from": 2, "num_words": 50},
        {"seed": 7},
    ],
    ids=str,
)
def test_load_data_has_the_semantics_of_keras(small, settings):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(**settings)
    start, oov, shift = settings.get("start_char", 1), settings.get("oov_char", 2), settings.get("index_from", 3)
    legacy = np.random.RandomState(settings.get("seed", 113))
    rows, labels = [], []
    for split in small:
        order = np.arange(len(split))
        legacy.shuffle(order)
        marked = [([] if start is None else [start]) + split[n] for n in order]
        kept = [len(row) < settings.get("maxlen", 10**9) for row in marked]
        rows.append([split[n] for n, keep in zip(order, kept, strict=True) if keep])
        labels.append([int(n) % 2 for n, keep in zip(order, kept, strict=True) if keep])
    everything = ids_as_keras_makes_them(rows[0] + rows[1], start, 0, shift, -(10**9), 10**9)
    limit = settings.get("num_words") or max(map(max, everything))
    for x, y, split, split_labels in ((x_train, y_train, rows[0], labels[0]), (x_test, y_test, rows[1], labels[1])):
        expected = ids_as_keras_makes_them(split, start, oov, shift, settings.get("skip_top", 0), limit)
        assert x.dtype == object and x.shape == (len(split),) and all(type(row) is list for row in x)
        assert x.tolist() == expected
        assert y.tolist() == split_labels


def test_load_data_refuses_a_maxlen_that_leaves_nothing(small):
    with pytest.raises(ValueError, match="maxlen=2 leaves no review"):
        imdb.load_data(maxlen=2)  # the start mark counts, so even one word is too long


def test_the_default_path_of_keras_is_ours(small, tmp_path, monkeypatch):
    # Tutorials write Keras' defaults out: load_data(path="imdb.npz") and get_word_index(path="imdb_word_index.json").
    seen = []
    find = imdb.sources.find
    monkeypatch.setattr(imdb.sources, "find", lambda path, **options: seen.append(path) or find(path, **options))
    monkeypatch.chdir(tmp_path)
    imdb.load_data("imdb.npz")
    imdb.get_word_index("imdb_word_index.json")
    imdb.load_data("other.npz")
    (tmp_path / "imdb.npz").write_bytes(b"")
    imdb.load_data("imdb.npz")
    assert seen == [None, None, "other.npz", "imdb.npz"]


def test_the_word_index_gives_ranks(small):
    index = imdb.get_word_index()
    assert index["w1"] == 1 and index["w30"] == 30 and len(index) == 30


@pytest.mark.parametrize(
    "settings", [{}, {"num_words": 12}, {"num_words": 12, "skip_top": 6, "maxlen": 4}, {"num_words": None, "maxlen": 3}]
)
def test_load_agrees_with_load_data_and_padding(small, settings):
    maxlen = settings.get("maxlen", 100)
    data = imdb.load(**settings)
    num_words = settings.get("num_words", 1000) or 10**6
    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=num_words, skip_top=settings.get("skip_top", 0))
    assert np.array_equal(data.x_train, pad_sequences(x_train, maxlen)) and np.array_equal(data.y_train, y_train)
    assert np.array_equal(data.x_test, pad_sequences(x_test, maxlen)) and np.array_equal(data.y_test, y_test)
    assert data.x_train.dtype == np.int32 and data.y_train.dtype == np.uint8
    assert max(data.x_train.max(), data.x_test.max()) < len(data.vocabulary)
    words = [row[1:][-maxlen:] for row in x_train]
    assert data.oov_share == pytest.approx(sum(row.count(2) for row in words) / sum(map(len, words)))
    assert data.truncated_share == pytest.approx(np.mean([len(row) > maxlen for row in x_train]))


@pytest.mark.parametrize(
    "settings", [{"num_words": 3}, {"num_words": -1}, {"maxlen": 0}, {"maxlen": True}, {"skip_top": -1}], ids=str
)
def test_load_names_the_setting_that_is_out_of_range(small, settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"^{name} must be a whole number of at least"):
        imdb.load(**settings)


def test_a_vocabulary_takes_words_from_anywhere_that_has_an_order() -> None:
    expected = Vocabulary.from_ranked(WORDS)
    assert Vocabulary.from_ranked(word for word in WORDS) == expected
    assert Vocabulary.from_ranked(np.array(WORDS)) == expected
    assert Vocabulary.from_ranked(iter(WORDS), 6, 5) == Vocabulary.from_ranked(WORDS, 6, 5)
