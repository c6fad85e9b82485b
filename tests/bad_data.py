"""Calls about texts, rows and files that must be refused; `tests/bad_calls.py` makes them. Name -> (call, message)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn.data import Vocabulary
from scratchnn.utils import pad_sequences

VOCABULARY = Vocabulary.from_ranked(["the", "film"])
CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {}


def refuse(function: Any, message: str, *arguments: Any, **options: Any) -> None:
    """Note a call that must be refused with this message."""
    given = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in options.items())]
    CALLS[f"{function.__name__}({', '.join(given)})"] = (lambda _: function(*arguments, **options), message)


# ---- rows: arguments, and the message
for rows, options, words in (
    ([[1]], {"maxlen": 2.5}, "maxlen must be a whole number of at least 0, got 2.5"),
    ([[1]], {"maxlen": "2"}, "maxlen must be a whole number"),
    ([[1]], {"dtype": "post"}, "dtype must be one of numbers, such as 'int32', got 'post'"),
    ([[1]], {"dtype": "<U3"}, "dtype must be one of numbers"),
    ([[1]], {"dtype": object}, "dtype must be one of numbers"),
    ([[1], [[2]]], {}, "sequences"),
    ([1, 2], {}, r"sequences must be rows of numbers, got an element of shape \(\) at 0"),
    (None, {}, "sequences must be rows of numbers, got None"),
    ("good film", {}, "sequences must be rows of numbers, got 'good film'"),
    ([[1], ["good"]], {}, "row 1 of sequences must be an array of numbers, got dtype <U4, which is text"),
    ([[1], [1j]], {}, "row 1 of sequences must be an array of numbers, got dtype complex128"),
    ([[1], np.ma.masked_equal([2, 3], 3)], {}, "row 1 of sequences must be a plain array, got a masked array"),
    ([[1], [2**31 + 5, 3]], {}, "row 1 of sequences holds 2147483653 at 0, but is to be int32"),
    ([[1, -(2**31) - 1]], {}, "row 0 of sequences holds -2147483649 at 1"),
    ([[1], [2**64]], {}, "row 1 of sequences must be an array of numbers, got dtype object, whose"),
    ([[2**63 + 1]], {"dtype": "int64"}, "row 0 of sequences holds 9223372036854775809 at 0"),
    ([[1, 70_000]], {"dtype": "uint16"}, "row 0 of sequences holds 70000 at 1, .* from 0 to 65535"),
    ([[1], [-1]], {"dtype": "uint8"}, "row 1 of sequences holds -1 at 0, but is to be uint8"),
    ([[1, 1.5]], {}, r"row 0 of sequences holds 1\.5 at 1"),
    ([[np.nan]], {}, "row 0 of sequences holds nan at 0"),
    ([[np.inf]], {"dtype": "int64"}, "row 0 of sequences holds inf at 0"),
    (
        [[2**24 + 1]],
        {"dtype": "float32"},
        r"holds 16777217 at 0, .* float32, which holds whole numbers up to 2\*\*24",
    ),
    ([[2049]], {"dtype": "float16"}, r"holds 2049 at 0, .* float16, .* up to 2\*\*11"),
    ([[2**63 - 1]], {"dtype": "float64"}, "holds 9223372036854775807 at 0"),
    ([[1e39]], {"dtype": "float32"}, r"holds 1e\+39 at 0, but is to be float32, which holds numbers up to"),
    ([[2]], {"dtype": "bool"}, "holds 2 at 0, but is to be bool, which holds 0 and 1"),
    ([[1]], {"value": 0.5}, r"value holds 0\.5, but is to be int32"),
    ([[1]], {"value": np.nan}, "value holds nan, but is to be int32"),
    ([[1]], {"value": 2**31}, "value holds 2147483648, but is to be int32"),
    ([[1]], {"value": -1, "dtype": "uint8"}, "value holds -1, but is to be uint8"),
    ([[1]], {"value": 1e39, "dtype": "float32"}, "value holds 1e"),
    ([[1]], {"value": "<pad>"}, "value must be an array of numbers, got dtype <U5"),
    ([[1]], {"value": None}, "value must be an array of numbers"),
):
    refuse(pad_sequences, words, rows, **options)

# ---- texts
for text, words in (
    (None, "a text must be a str, got None"),
    (b"good", r"a text must be a str, got b'good': decode it first, with text.decode\('utf-8'\)"),
    (5, "a text must be a str, got 5"),
    (np.nan, "a text must be a str, got nan"),
    (["good", "film"], r"got \['good', 'film'\]: encode one after another, \[vocabulary.encode\(text\) for"),
):
    refuse(VOCABULARY.encode, words, text)
    refuse(VOCABULARY.oov_share, words, ["good", text])
for ranked in ({"the": 1, "film": 2}, "the film", [1, 2], ["the", None]):
    words = r"ranked must be words, the commonest first, got .*sorted\(index, key=index.get\)"
    refuse(Vocabulary.from_ranked, words, ranked)
for ids, words in (
    ([4.7], r"ids holds 4\.7 at 0"),
    ([4, np.nan], "ids holds nan at 1"),
    ([[4, 5]], r"one row of ids, got an array of shape \(1, 2\)"),
    ("4", "ids must be an array of numbers, got dtype <U1"),
    (None, "ids must be|decode takes one row of ids, got None"),
):
    refuse(VOCABULARY.decode, words, ids)
