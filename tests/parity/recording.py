"""Recorded results in one small file: all numbers in one vector, and an index of what lies where.

A zip member per array would cost more bytes than the arrays themselves. No pickle on either side.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "recorded"
Results = dict[str, np.ndarray]


def save(
    name: str, results: Mapping[str, Results], cases: Mapping[str, Any], made_by: dict[str, str], dtype: str = "float32"
) -> None:
    """Store the results of each case, in `dtype`, beside the case itself as text: a changed case is noticed."""
    index = {case: {key: array.shape for key, array in arrays.items()} for case, arrays in results.items()}
    values = [array.ravel() for arrays in results.values() for array in arrays.values()]
    about = {"made_by": made_by, "cases": {case: repr(cases[case]) for case in results}, "index": index}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez_compressed(FOLDER / f"{name}.npz", values=np.concatenate(values, dtype=dtype), about=text)


@cache
def load(name: str) -> tuple[dict[str, Results], dict[str, Any]]:
    """The results by case, and what is known about them: "made_by" and "cases"."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        values, about = file["values"], json.loads(file["about"].tobytes())
    results: dict[str, Results] = {}
    start = 0
    for case, shapes in about.pop("index").items():
        results[case] = {}
        for key, shape in shapes.items():
            size = int(np.prod(shape, dtype=int))
            results[case][key] = values[start : start + size].reshape(shape)
            start += size
    return results, about


def recorded(name: str, case: str, now: Any) -> Results:
    """The results of one case, which must be the one that was recorded."""
    results, about = load(name)
    assert about["cases"].get(case) == repr(now), f"{case!r} has changed: python tests/parity/record.py records it anew"
    return results[case]
