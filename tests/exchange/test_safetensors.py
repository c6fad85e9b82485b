"""safetensors of our own arrays: by their names, in full or not at all, and a file that lies is refused."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from scratchnn.exchange import ExchangeError, load_safetensors, save_safetensors
from tests.exchange.models import CASES, built, draw, inputs

safetensors = pytest.importorskip("safetensors.numpy", reason="needs the package safetensors")


def test_there_and_back(tmp_path: Path) -> None:
    case = CASES["bidirectional masked"]
    model, file = built(case), tmp_path / "m.safetensors"
    save_safetensors(model, file)
    arrays = safetensors.load_file(file)
    assert list(arrays)[:2] == ["bidirectional/backward.Wh", "bidirectional/backward.Wx"]
    np.testing.assert_array_equal(arrays["bidirectional_1/forward.b"], model.layers[2].forward_layer.params["b"])
    other = built(case)
    other.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    load_safetensors(other, file)
    x = inputs(case, 5)
    np.testing.assert_array_equal(other.predict(x), model.predict(x))
    with pytest.raises(FileExistsError):
        save_safetensors(model, file)


def test_a_file_of_another_precision_is_rounded(tmp_path: Path) -> None:
    case = CASES["lstm"]
    model, file = built(case, dtype="float64"), tmp_path / "m.safetensors"
    save_safetensors(model, file)
    other = built(case)
    draw(other)
    load_safetensors(other, file)
    np.testing.assert_array_equal(other.flat_params, model.flat_params.astype(np.float32))


def written(header: object, data: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


HUGE = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged"),
        (written(b"{", size=2**60), "damaged"),
        (written(b"no json"), "damaged"),
        (written({"E": HUGE}), "damaged"),
        (written({"E": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)), "damaged"),
        (written({"E": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)), "numbers of type I64"),
        (written({"E": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "lacks embedding/E"),
    ],
)
def test_files_that_lie(content: bytes, says: str, tmp_path: Path) -> None:
    model, file = built(CASES["lstm"]), tmp_path / "m.safetensors"
    before = model.flat_params.copy()
    file.write_bytes(content)
    with pytest.raises(ExchangeError, match=says):
        load_safetensors(model, file)
    np.testing.assert_array_equal(model.flat_params, before)
