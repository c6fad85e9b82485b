"""Texts of the user's own as arrays: read, split, and encoded with the words of the training texts."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int32, Integer

from scratchnn.core.names import nearest, plural
from scratchnn.core.warning import warn
from scratchnn.data.corpus import DataError, DataWarning
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.own.labelled import Labelled, Parts, other_column, some
from scratchnn.data.own.options import TextOptions
from scratchnn.data.own.reading import read
from scratchnn.data.own.splitting import split
from scratchnn.data.text import OOV, START, Vocabulary
from scratchnn.data.words import decoded, normal_words, parts, spaced

__all__ = ["OwnTexts", "load"]

TEST_SPLIT = 0.2
WORDS = 10_000  # ids of a vocabulary that nobody asked for another size of
_SHARE_READ = 95  # percent of the training texts that fit into rows of a length that nobody asked for
_LENGTHS = (50, 400)  # the least, which every preset can take, and the most of such a length
_MOST_CLASSES = 1000


@dataclass(frozen=True, eq=False)
class OwnTexts:
    """Labelled texts as rows of ids, with all that is needed to encode others like them.

    Shapes:
        x_train (N, T), x_validation (M, T), x_test (K, T) ids, padded at the front; y_train (N,) and so on: numbers of
        `encoder.classes`. M may be 0.
    """

    x_train: Int32[Array, "N T"]
    y_train: Integer[Array, " N"]
    x_validation: Int32[Array, "M T"]
    y_validation: Integer[Array, " M"]
    x_test: Int32[Array, "K T"]
    y_test: Integer[Array, " K"]
    encoder: TextEncoder
    source: str
    digest: str
    """SHA-256 in hex of all texts and labels before any splitting or cutting."""
    oov_share: float
    """Unknown words among the words inside the training rows."""
    truncated_share: float
    """Training texts that did not fit into a row."""
    test: Labelled
    """The texts of x_test as they were read."""
    drawn: tuple[str, ...]
    """The parts that were drawn from the training texts; the others are files or folders of their own."""
    is_synthetic: bool = False

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(x):,}" for x in (self.x_train, self.x_validation, self.x_test))
        return f"<OwnTexts, {sizes} texts to train on, validate and test on, {len(self.classes)} classes>"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.encoder.classes

    @property
    def vocabulary(self) -> Vocabulary:
        return self.encoder.vocabulary


def read_all(options: TextOptions) -> Parts:
    """The texts of all paths that are given.

    Raises:
        DataError: as `read`; and for a part that is given twice.
    """
    columns = options.text_column, options.label_column
    found = read(options.data, *columns)
    for name, path in (("validation", options.validation_data), ("test", options.test_data)):
        if path is None:
            continue
        flag = f"--{name}-data"
        if getattr(found, name) is not None:
            raise DataError(f"{options.data} has a {name} part of its own: leave {flag} out")
        other = read(path, *columns, flag=flag)
        if len(other.named()) > 1:
            raise DataError(f"{flag}: {path} has parts of its own; name one of them, such as {path}/test")
        found = found.with_part(name, other)
    return found


def in_parts(found: Parts, options: TextOptions, validation_split: float, draw: int) -> Parts:
    """The same with texts to test and to validate on; where there are none, the draw takes them out of the others.

    Raises:
        DataError: for one class only, one that training has no text of, or too few texts of one.
    """
    require_classes(found)
    if found.test is not None and options.test_split is not None:
        raise DataError("--test-split takes the test texts out of the others, and there are some: leave it out")
    wanted: dict[str, float] = {}
    if found.test is None:
        wanted["test"] = TEST_SPLIT if options.test_split is None else options.test_split
    if found.validation is None and validation_split:
        wanted["validation"] = validation_split * (1 - wanted.get("test", 0.0))
    if not wanted:
        return found
    train, *others = split(found.train, list(wanted.values()), draw)
    return replace(found, train=train, **dict(zip(wanted, others, strict=True)))


def require_classes(found: Parts) -> None:
    """Raise DataError unless there are at least two classes, and training has texts of all of them."""
    counts = found.train.counts
    if len(counts) < 2:
        raise DataError(
            f"{found.source}: all texts have the label {next(iter(counts))!r}, and a classifier needs two classes or "
            f"more{other_column('label', found.is_table)}"
        )
    if len(counts) > _MOST_CLASSES or 2 * len(counts) > len(found.train):
        raise DataError(
            f"{found.source}: {len(counts):,} different labels for {len(found.train):,} texts, such as "
            f"{', '.join(map(repr, list(counts)[:3]))}: these are too few texts, or no classes"
            f"{other_column('label', found.is_table)}"
        )
    listed = ", ".join(map(repr, class_names(found)[:12]))
    for name, part in found.named().items():
        for row in part.rows:
            if row.label not in counts:
                raise DataError(
                    f"the {name} texts have the label {row.label!r} ({row.place}), which no training text has"
                    f"{nearest(row.label, counts) or '.'} The labels are {listed}"
                )


def class_names(found: Parts) -> tuple[str, ...]:
    """The labels in their order: as numbers, where all are, else as text."""
    names = found.train.counts
    return tuple(sorted(names, key=_as_number if all(map(is_number, names)) else None))


def is_number(name: str) -> bool:
    """Whether a label is a number, as class numbers and ratings are."""
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False


def _as_number(name: str) -> tuple[float, str]:
    return float(name), name


def words_of(text: str) -> list[str]:
    """The words of a text as a vocabulary of its own holds them, which `Vocabulary.encode` finds again."""
    return [word for part in parts(text, ()) for word in _bare_words(part)]


def _bare_words(part: str) -> list[str]:
    return [bare for word in normal_words(part) if (bare := word.strip("'"))]


def ranked_words(texts: Iterable[str], min_count: int) -> list[str]:
    """The words of the texts, the commonest first, equally common ones by their letters.

    Without the word br: where a vocabulary has it, every line break <br /> becomes one, as in the film reviews.
    """
    found = Counter(part for text in texts for part in spaced(text, ()).split())
    counts: Counter[str] = Counter()
    for part, count in found.items():
        for word in _bare_words(decoded(part)):
            counts[word] += count
    del counts["br"]
    known = ((-count, word) for word, count in counts.items() if count >= min_count)
    return [word for _, word in sorted(known)]


def require_words(vocabulary: Vocabulary) -> None:
    """Raise ValueError for a vocabulary without a word."""
    if not vocabulary.ids:
        raise ValueError(
            f"a vocabulary of {len(vocabulary)} ids holds no word: the first four stand for none, and skip_top leaves "
            "others out. Give a larger vocabulary, or a smaller min_count or skip_top"
        )


def length_for(lengths: Integer[Array, " N"]) -> int:
    """The length of rows that all but the longest texts fit into, their start mark included."""
    least, most = _LENGTHS
    return int(np.clip(math.ceil(np.percentile(lengths, _SHARE_READ)) + 1, least, most))


def tell(found: Parts) -> None:
    """Warn of what was left out."""
    for note in found.notes:
        warn(note, DataWarning)
    if found.empty:
        warn(f"{some(found.empty)} no text; left out", DataWarning)


def _tell_seen(read: Parts) -> None:
    """Warn of texts to measure with that training sees as well, where they are files of their own."""
    trained = set(read.train.texts)
    for name, part in read.named().items():
        if name != "train" and (seen := sum(text in trained for text in part.texts)):
            warn(f"{seen:,} of {plural(len(part), f'{name} text')} are training texts too, to the letter", DataWarning)


def load(
    options: TextOptions,
    *,
    vocabulary: int | None = None,
    length: int | None = None,
    skip_top: int = 0,
    validation_split: float = 0.2,
    draw: int = 1,
    train_texts: int | None = None,
) -> OwnTexts:
    """Read, split and encode.

    Args:
        vocabulary: number of ids at most; None: 10,000.
        length: words read of each text, the last ones; None: as many as 95% of the training texts have, 50 to 400.
        draw: by which texts to validate and test on are chosen, where they have no part of their own.
        train_texts: train on as many only, the first of those that are left; None: on all.

    Raises:
        DataError: as `read_all` and `in_parts`; and where no word of the training texts is common enough.
        ValueError: if there are fewer texts to train on than `train_texts`.
    """
    found = read_all(options)
    tell(found)
    _tell_seen(found)
    split_up = to_use(found, options, validation_split, draw, train_texts)
    drawn = tuple(name for name in split_up.named() if getattr(found, name) is None)
    encoded = _encoded(split_up, options.min_count, vocabulary, length, skip_top)
    return replace(encoded, digest=found.digest, drawn=drawn)


def to_use(found: Parts, options: TextOptions, validation_split: float, draw: int, train_texts: int | None) -> Parts:
    """As `in_parts`, with as many texts to train on as are asked for.

    Raises:
        DataError: as `in_parts`; ValueError: if there are fewer.
    """
    split_up = in_parts(found, options, validation_split, draw)
    if train_texts is not None:
        if train_texts > len(split_up.train):
            raise ValueError(f"there are {len(split_up.train):,} texts to train on, asked for were {train_texts:,}")
        split_up = replace(split_up, train=split_up.train.at(range(train_texts)))
        require_classes(split_up)
    return split_up


def _encoded(found: Parts, min_count: int, num_words: int | None, length: int | None, skip_top: int) -> OwnTexts:
    """The parts as arrays; the vocabulary is that of the training texts alone."""
    ranked = ranked_words(found.train.texts, min_count)
    if not ranked:
        raise DataError(
            f"{found.source}: no word is {min_count} times or more in the {len(found.train):,} training texts; "
            f"--min-count 1 keeps all words{other_column('text', found.is_table)}"
        )
    vocabulary = Vocabulary.from_ranked(ranked, WORDS if num_words is None else num_words, skip_top)
    require_words(vocabulary)
    rows = [vocabulary.encode(text) for text in found.train.texts]
    lengths = np.array([len(row) - 1 for row in rows])
    encoder = TextEncoder(vocabulary, length_for(lengths) if length is None else length, class_names(found))
    x_train = encoder.padded(rows)
    words = np.minimum(lengths, encoder.length).sum()
    marks = np.count_nonzero(lengths < encoder.length) if skip_top > START else 0  # they look like unknown words then
    validation, test = found.validation or Labelled(()), found.test or Labelled(())
    return OwnTexts(
        x_train,
        _numbers(found.train, encoder.classes),
        encoder.encode(validation.texts),
        _numbers(validation, encoder.classes),
        encoder.encode(test.texts),
        _numbers(test, encoder.classes),
        encoder,
        source=found.source,
        digest="",
        oov_share=float((np.count_nonzero(x_train == OOV) - marks) / max(words, 1)),
        truncated_share=float(np.mean(lengths + 1 > encoder.length)),
        test=test,
        drawn=(),
    )


def _numbers(part: Labelled, classes: tuple[str, ...]) -> Integer[Array, " N"]:
    """Their numbers among the classes."""
    number = {name: n for n, name in enumerate(classes)}
    kind = np.uint8 if len(classes) == 2 else np.int32
    return np.array([number[label] for label in part.labels], kind)
