"""A split keeps shares and equal texts together, is numbered, and loses nothing."""

import re
from collections import Counter

import pytest

from scratchnn.data import DataError
from scratchnn.data.own.labelled import Labelled, Row
from scratchnn.data.own.splitting import split


def texts(**counts: int) -> Labelled:
    return Labelled(tuple(Row(f"{label} {n}", label, "") for label, count in counts.items() for n in range(count)))


def test_every_class_in_the_same_shares() -> None:
    train, validation, test = split(texts(a=100, b=50, c=3), (0.1, 0.2), 1)
    assert [dict(sorted(part.counts.items())) for part in (train, validation, test)] == [
        {"a": 70, "b": 35, "c": 1},
        {"a": 10, "b": 5, "c": 1},
        {"a": 20, "b": 10, "c": 1},
    ]


def test_nothing_is_lost_and_draws_are_numbered() -> None:
    whole = texts(a=40, b=20)
    first, again, other = (split(whole, (0.25,), draw) for draw in (1, 1, 2))
    assert first == again
    assert set(first[1].texts) != set(other[1].texts)
    assert Counter(row for part in first for row in part.rows) == Counter(whole.rows)
    assert first[0].labels != sorted(first[0].labels), "the classes are mixed"


def test_texts_of_the_same_letters_stay_together() -> None:
    spelled = ("{} film {}", "{} FILM, {}!", "{}  film <{}>")
    whole = Labelled(tuple(Row(spelled[n % 3].format(label, n // 3), label, "") for label in "ab" for n in range(60)))
    train, test = split(whole, (0.3,), 1)
    same = [{re.sub(r"\W+", " ", text.lower()).strip() for text in part.texts} for part in (train, test)]
    assert not same[0] & same[1]
    assert len(test) == 36
    assert len(same[1]) == 12


def test_texts_without_letters_are_texts_of_their_own() -> None:
    whole = Labelled(tuple(Row("!" * (n + 1), "ab"[n % 2], "") for n in range(20)))
    assert [len(part) for part in split(whole, (0.2,), 1)] == [16, 4]


def test_a_text_with_two_labels_is_on_one_side() -> None:
    whole = Labelled((*texts(a=9, b=9).rows, *(Row(f"a {n}", "b", "") for n in range(9))))
    for draw in range(1, 6):
        train, test = split(whole, (0.4,), draw)
        assert not set(train.texts) & set(test.texts)


def test_classes_that_are_too_rare() -> None:
    with pytest.raises(DataError, match=r"each class needs 3 different texts or more.*'b' 2, 'c' 1\. Join"):
        split(texts(a=9, b=2, c=1), (0.2, 0.2), 1)
