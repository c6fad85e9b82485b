"""Word vectors from text files: GloVe's format and word2vec's, and every way in which a file can be wrong."""

import gzip
import io
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.data import DataError, Vocabulary, word_vectors
from scratchnn.initializers import Constant
from scratchnn.layers import Embedding

VOCABULARY = Vocabulary.from_ranked(["the", "film", "good", "café", "don't"])  # ids 4 to 8


def written(path: Path, text: str | bytes) -> Path:
    file = path / "vectors.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def rows(path: Path, text: str | bytes, dim: int | None = None) -> dict[int, list[float]]:
    """The rows that are not zeros."""
    matrix = word_vectors(written(path, text), VOCABULARY, dim).matrix
    assert matrix.dtype == np.float32 and len(matrix) == len(VOCABULARY)
    return {i: row.tolist() for i, row in enumerate(matrix) if row.any()}


TWO = {4: [0.5, -2.0], 5: [3000.0, 0.25]}


@pytest.mark.parametrize(
    "text",
    [
        "the 0.5 -2\nfilm 3e3 .25\nelse 1 1\n",  # GloVe
        "3 2\nelse 1 1\nthe 0.5 -2 \nfilm 3e+3 +.25 \n",  # word2vec, whose lines end in a space
        "the\t0.5\t-2.\r\nfilm\t3000\t0.25",  # tabs, carriage returns, no line break at the end
        "\ufeffthe 0.5 -2\n\nfilm 3E3  0.25\n\n",  # a byte order mark, empty lines, two spaces
        gzip.compress(b"the 0.5 -2\nfilm 3e3 .25\n"),
        gzip.compress(b"2 2\nthe 0.5 -2\n") + gzip.compress(b"film 3e3 .25\n"),
    ],
    ids=["glove", "word2vec", "tabs", "mark", "gz", "gz in two members"],
)
def test_formats(text: str | bytes, tmp_path: Path) -> None:
    assert rows(tmp_path, text) == rows(tmp_path, text, dim=2) == TWO


def test_words_that_contain_spaces(tmp_path: Path) -> None:
    """As in glove.840B.300d, whose ". . ." and "at name@domain.com" break programs that split at every space."""
    assert rows(tmp_path, ". . . 1 1\nat name@domain.com 1 1\nthe 0.5 -2\n2 1/2 7 7\nfilm 3e3 .25\n") == TWO
    assert rows(tmp_path, "1 9 9\nthe 0.5 -2\n3 1 1\nfilm 3e3 .25\n", dim=2) == TWO  # and words that are numbers


def test_words_go_through_the_vocabulary(tmp_path: Path) -> None:
    text = "The 9 9\nthe 1 2\nFILM. 3 4\nFilm 8 8\nCAFÉ 5 6\nthe film 7 7\nDon't 1 1\nGOOD 2 2\ngood 3 3\nGood 4 4\n"
    # Spelled like the vocabulary's, wherever it comes; else the first that encode takes for the word.
    assert rows(tmp_path, text) == {4: [1, 2], 5: [3, 4], 6: [3, 3], 7: [5, 6], 8: [1, 1]}
    skipping = Vocabulary.from_ranked(["the", "film"], skip_top=5)
    assert word_vectors(written(tmp_path, "the 1 2\nfilm 3 4\n<unused> 1 1\n"), skipping).matrix.tolist()[4:] == [
        [0, 0],
        [3, 4],
    ]


def test_what_was_found_is_told(tmp_path: Path) -> None:
    vectors = word_vectors(written(tmp_path, "the 0.5 -2\nfilm 3e3 .25\nelse 1 1\n"), VOCABULARY)
    assert vectors.found == 0.4 and vectors.missing == ("good", "café", "don't")
    assert repr(vectors) == (
        "<WordVectors (9, 2) from vectors.txt: 40.0% of the words found; not in it: 'good', 'café', \"don't\">"
    )
    every = word_vectors(written(tmp_path, "".join(f"{word} 1\n" for word in VOCABULARY.ids)), VOCABULARY)
    assert every.found == 1.0 and every.missing == ()
    none = word_vectors(written(tmp_path, "else 1 2\n"), VOCABULARY)
    assert none.found == 0.0 and not none.matrix.any()
    assert word_vectors(written(tmp_path, "else 1 2\n"), Vocabulary.from_ranked([])).found == 0.0


def test_an_embedding_starts_from_them(tmp_path: Path) -> None:
    matrix = word_vectors(written(tmp_path, "the 0.5 -2\nfilm 3e3 .25\n"), VOCABULARY).matrix
    for layer in (
        Embedding(*matrix.shape, weights=[matrix], trainable=False),
        Embedding(*matrix.shape, embeddings_initializer=Constant(matrix)),
    ):
        y = Sequential([layer], backend="reference").predict(VOCABULARY.encode("The film!")[None])
        assert y.tolist() == [[[0, 0], *TWO.values()]]


WRONG: dict[str, tuple[str | bytes, str]] = {
    "one number short": ("the 1 2\nelse 1\n", "line 2: 1 numbers after the word, expected 2"),
    "one number more": ("the 1 2\nelse 1 2 3\n", "line 2: 3 numbers after the word, expected 2"),
    "a word alone": ("the 1 2\nelse\n", "line 2: 0 numbers after the word, expected 2"),
    "no word": ("the 1 2\n 1 2\n", "line 2: 1 numbers after the word, expected 2"),
    "no number": ("the 1 2\nelse 1 two\n", "line 2: b'two' where one of 2 finite numbers"),
    "nan": ("the 1 2\nfilm 1 nan\n", "line 2: b'nan' where one of 2 finite numbers"),
    "nan of another word": ("the 1 2\nelse nan 1\n", "line 2: b'nan' where one of 2 finite numbers"),
    "infinite": ("film -inf 1\n", "line 1: b'-inf' where one of 2 finite numbers"),
    "beyond float32": ("the 1 2\nfilm 1 -1e39\n", "line 2: b'-1e39' where one of 2 finite numbers"),
    "two points": ("the 1 2\nfilm 1 1.2.3\n", r"line 2: b'1\.2\.3' where one of 2 finite numbers"),
    "an underscore": ("the 1 2\nfilm 1_0 3\n", "line 2: b'1_0' where one of 2 finite numbers"),
    "a word twice": ("the 1 2\nelse 1 2\nelse 1 2\nthe 3 4\n", "line 4: the word 'the' was on line 1 already"),
    "more promised": ("3 2\nthe 1 2\nfilm 1 2\n", "its first line promises 3 words, but it has 2"),
    "fewer promised": ("1 2\nthe 1 2\nfilm 1 2\n", "its first line promises 1 words, but it has 2"),
    "another length promised": ("1 3\nthe 1 2\n", "line 2: 2 numbers after the word, expected 3"),
    "nothing promised": ("5 0\nthe\n", "line 1: the header says 0 numbers"),
    "empty": ("", "has no vectors in it"),
    "empty lines": ("\n\n", "has no vectors in it"),
    "a header alone": ("1 2\n", "has no vectors in it"),
    "prose": ("Once upon a time\n", "line 1: no word with numbers after it"),
    "latin-1": ("the 1 2\ncafé 1 2\n".encode("latin-1"), r"line 2: the word b'caf\\xe9' is not UTF-8"),
    "UTF-16": ("the 1 2\nfilm 1 2\n".encode("utf-16"), "line 1: "),
    "word2vec's binary format": (b"1 2\nthe \x00\x00\x80?\x00\x00\x00@\n", "line 2: "),
    "no line breaks": (b"the" + b" 0.125" * 200_000, "line 1: more than 1,048,576 bytes"),
    "gz, cut short": (gzip.compress(b"else 1 2\n" * 99)[:-9], "cannot be unpacked"),
    "gz, damaged": (gzip.compress(b"else 1 2\n" * 99)[:12] + b"\xff" * 30, "cannot be unpacked"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_refused_with_the_number_of_the_line(wrong: str, tmp_path: Path) -> None:
    text, message = WRONG[wrong]
    with pytest.raises(DataError, match=message) as error:
        rows(tmp_path, text)
    assert "vectors.txt" in str(error.value)


def test_the_asked_length_must_be_the_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: 2 numbers after the word, expected 3"):
        rows(tmp_path, "the 1 2\n", dim=3)
    with pytest.raises(DataError, match="line 1: the header says 2 numbers for each word, expected 3"):
        rows(tmp_path, "1 2\nthe 1 2\n", dim=3)
    assert rows(tmp_path, "7 2\nthe 5\n", dim=1) == {4: [5]}  # "7" is a word, with one number
    with pytest.raises(ValueError, match="dim must be a whole number of at least 1, got 0"):
        rows(tmp_path, "the 1 2\n", dim=0)


def test_a_zip_is_named(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("glove.6B.50d.txt", "the 1 2\n")
    with pytest.raises(DataError, match="is a zip archive: unpack it"):
        rows(tmp_path, packed.getvalue())
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none.txt"))):
        word_vectors(tmp_path / "none.txt", VOCABULARY)


def test_the_file_is_never_held(tmp_path: Path) -> None:
    line = " 0.123456" * 50 + "\n"
    file = written(tmp_path, "".join(f"word{i}{line}" for i in range(20_000)))  # 9 MB
    tracemalloc.start()
    try:
        word_vectors(file, VOCABULARY)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_lines_that_end_with_a_carriage_return_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"the 1 2 3\rfilm 4 5 6\r")
    with pytest.raises(DataError, match=r"line 1: a carriage return within the line; .* save the file"):
        word_vectors(tmp_path / "v.txt", Vocabulary.from_ranked(["the", "film"]))
    (tmp_path / "v.txt").write_bytes(b"the 1 2 3\r\nfilm 4 5 6\r\n")
    assert word_vectors(tmp_path / "v.txt", Vocabulary.from_ranked(["the", "film"])).found == 1
