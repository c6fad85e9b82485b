"""An audit finds what was planted, and nothing in texts that are in order."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scratchnn.data.own.audit import Audit, audit
from scratchnn.data.own.audit_report import report
from scratchnn.data.own.loading import in_parts, read_all
from scratchnn.data.own.options import TextOptions
from tests.own_texts import rows, write_csv

Labelled = list[tuple[str, str]]


def audited(tmp_path: Path, labelled: Labelled, test: Labelled | None = None, length: int | None = None) -> Audit:
    """With files of their own to train and test on, or with one that is split."""
    path = str(write_csv(tmp_path / "a.csv", labelled))
    other = None if test is None else str(write_csv(tmp_path / "b.csv", test))
    options = TextOptions(path, test_data=other)
    read = read_all(options)
    split = in_parts(read, options, 0.2 if test is None else 0.0, 1)
    return audit(read, split, num_words=10_000, length=length, min_count=1)


def test_texts_that_are_in_order(tmp_path: Path) -> None:
    found = audited(tmp_path, rows(60))
    assert [line for line in found.findings if "unknown" not in line] == []  # the numbers at their ends are
    assert found.numbers["parts"]["train"] == {"texts": 76, "classes": {"bad": 38, "good": 38}}
    assert found.numbers["parts"]["test"] == {"texts": 24, "classes": {"bad": 12, "good": 12}}
    assert json.loads(json.dumps(found.numbers)) == found.numbers
    assert report(Audit(found.numbers, ())).endswith("\nnothing stands out")


def balance(texts: Labelled) -> Labelled:
    return [*texts, *rows(200, "good", seed=9)]


def copies(texts: Labelled) -> Labelled:
    return [*texts, texts[3], (texts[4][0].upper() + "!", texts[4][1])]


def two_labels(texts: Labelled) -> Labelled:
    return [*texts, (texts[4][0] + ".", "good")]


def a_word(texts: Labelled) -> Labelled:
    return [(f"xyz {text}" if label == "bad" else text, label) for text, label in texts]


def a_name(texts: Labelled) -> Labelled:
    return [(f"{text} bad" if n % 12 == 0 else text, label) for n, (text, label) in enumerate(texts)]


def alike(texts: Labelled) -> Labelled:
    return [(text, "Good" if n % 10 == 3 else label) for n, (text, label) in enumerate(texts)]


def missing(texts: Labelled) -> Labelled:
    return [(text, "NaN" if n % 10 == 3 else label) for n, (text, label) in enumerate(texts)]


def numbers(texts: Labelled) -> Labelled:
    return [(text, {"bad": "1", "good": "01" if n % 3 == 0 else "1.0"}[label]) for n, (text, label) in enumerate(texts)]


def empty(texts: Labelled) -> Labelled:
    return [*texts, ("", "good"), (" ", "bad")]


PLANTED: list[tuple[Callable[[Labelled], Labelled], str]] = [
    (balance, "the classes are unbalanced: 4 texts of 'good' for each of 'bad'"),
    (copies, "2 texts seen earlier, 1 of them to the letter, such as"),
    (two_labels, "2 texts are there with another label too, such as line 6"),
    (
        a_word,
        "the word 'xyz' may give the label away: 100.0% of the texts with it are 'bad', and 100% of those have it",
    ),
    (a_name, "the name of the label 'bad' stands in"),
    (alike, "the labels 'Good', 'good' may be one"),
    (missing, "the label 'NaN' may stand for one that is missing: 8 training texts"),
    (numbers, "the labels '01', '1', '1.0' may be one"),
    (empty, "2 rows without a text, left out"),
]


@pytest.mark.parametrize(("change", "said"), PLANTED)
def test_what_is_planted_is_found(tmp_path: Path, change: Callable[[Labelled], Labelled], said: str) -> None:
    found = audited(tmp_path, change(rows(60)))
    assert [line for line in found.findings if re.search(said, line)], found.findings
    assert all(line in report(found) for line in found.findings)


def test_overlap_of_files_and_what_is_cut_and_unknown(tmp_path: Path) -> None:
    labelled = rows(60)
    test = [labelled[0], (labelled[1][0].upper(), "good"), *[(f"new{n} words{n}", "bad") for n in range(30)]]
    found = audited(tmp_path, labelled, test, length=5)
    assert found.numbers["overlap"] == {"test": {"exact": 1, "normalised": 2}}
    told = [line for line in found.findings if "2 test texts also in training, 1 of them to the letter" in line]
    assert len(told) == 1
    words = [len(text.split()) for text, _ in labelled]
    assert found.numbers["cut"] == sum(n + 1 > 5 for n in words) / len(words)
    known = sum(len(text.split()) for text, _ in test[:2])
    assert found.numbers["unknown"] == {"train": 0.0, "test": 60 / (60 + known)}
    assert any("of the words of the test texts are unknown" in line for line in found.findings)
