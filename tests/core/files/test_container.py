"""The model and checkpoint file: what is written comes back, and nothing that was damaged does."""

import hashlib
import io
import json
import math
import os
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchnn.core.files import container
from scratchnn.core.files.container import StorageError

ARRAYS = {
    "embedding/table": np.linspace(-1, 1, 40, dtype=np.float32).reshape(8, 5),
    "lstm/Wx": np.arange(24, dtype=np.float64).reshape(2, 12) / 7,
    "adam/step": np.array(12, dtype=np.int64),
    "mask": np.array([True, False, True]),
    "empty": np.zeros((0, 3), dtype=np.float32),
}
META = {"epoch": 3, "arch": "lstm", "history": {"loss": [0.7, 0.5, 0.4]}, "none": None, "flag": True, "text": "naïve ☃"}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(
        (a[k].dtype, a[k].shape, a[k].tobytes()) == (b[k].dtype, b[k].shape, b[k].tobytes()) for k in a
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    container.write(tmp_path / "model.npz", ARRAYS, META)
    return tmp_path / "model.npz"


# What is written comes back


def test_round_trip(path: Path) -> None:
    arrays, meta = container.read(path)
    assert same(arrays, ARRAYS)
    assert meta == META
    assert all(a.flags.writeable and a.flags.c_contiguous and a.flags.aligned for a in arrays.values())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    array=hnp.arrays(
        dtype=st.one_of(hnp.floating_dtypes(endianness="="), hnp.integer_dtypes(endianness="="), hnp.boolean_dtypes()),
        shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    ),
    order=st.sampled_from("CF"),
)
def test_round_trip_of_any_array(array: np.ndarray, order: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npz"
    container.write(path, {"a": np.asarray(array, order=order)}, {})
    assert same(container.read(path)[0], {"a": array})
    with np.load(path) as archive:
        assert same({"a": archive["a"]}, {"a": array})


def test_views_and_big_endian_arrays_come_back_as_plain_ones(path: Path) -> None:
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    container.write(
        path, {"step": a[:, ::2], "back": a[::-1], "big": a.astype(">f4"), "flat": np.broadcast_to(a, (2, 3, 4))}, {}
    )
    arrays, _ = container.read(path)
    expected = {"step": a[:, ::2].copy(), "back": a[::-1].copy(), "big": a, "flat": np.stack([a, a])}
    assert same(arrays, expected)


def test_not_a_number_in_meta_comes_back_and_is_valid_json(path: Path) -> None:
    container.write(path, {}, {"loss": [0.5, math.nan, math.inf, -math.inf, np.float32("nan"), np.int64(3), np.True_]})
    loss = container.read(path)[1]["loss"]
    assert [repr(x) for x in loss] == ["0.5", "nan", "inf", "-inf", "nan", "3", "True"]
    with zipfile.ZipFile(path) as archive:
        json.loads(archive.read("meta.json"), parse_constant=pytest.fail)


def test_numpy_and_zip_tools_read_the_file(path: Path) -> None:
    with np.load(path) as archive:
        assert same({name: archive[name] for name in ARRAYS}, ARRAYS)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_npy_headers_are_those_numpy_writes(path: Path) -> None:
    for array in ARRAYS.values():
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
        ours, theirs = container._npy_header(array.dtype.str, array.shape), stream.getvalue()
        assert len(ours) % 64 == 0
        assert ours[10:].split() == theirs[10:].split()


def test_equal_content_gives_equal_bytes(path: Path, tmp_path: Path) -> None:
    container.write(tmp_path / "other.npz", dict(reversed(ARRAYS.items())), dict(reversed(META.items())))
    assert (tmp_path / "other.npz").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("arrays", "meta", "message"),
    [
        ({"../up": np.zeros(1)}, {}, "'../up'"),
        ({"/root": np.zeros(1)}, {}, "'/root'"),
        ({"a\\b": np.zeros(1)}, {}, "got 'a"),
        ({"": np.zeros(1)}, {}, "got ''"),
        ({"o": np.array([{}])}, {}, "'o' must hold booleans, integers or floats, got dtype object"),
        ({"s": np.array(["x"])}, {}, "got dtype <U1"),
        ({}, {"a": {"b": [1, {2}]}}, r"meta\['a'\]\['b'\]\[1\] cannot be stored: set"),
        ({}, {"a": {1: 2}}, r"a key of meta\['a'\] must be a string"),
        ({}, {"a": {"$float": "nan"}}, r"other than '\$float'"),
        ({}, {"a": "x" * 2**24}, "16777216 bytes of meta"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_the_disk_is_touched(path: Path, arrays, meta, message: str) -> None:
    before = path.read_bytes()
    with pytest.raises((ValueError, TypeError), match=message):
        container.write(path, arrays, meta)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.npz"]


# What was damaged does not come back


def refused(path: Path, data: bytes, message: str = ".") -> None:
    path.write_bytes(data)
    with pytest.raises(StorageError, match=message) as caught:
        container.read(path)
    assert str(path) in str(caught.value)


def test_every_flipped_byte_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    bits = np.random.default_rng(0).integers(0, 8, len(data))
    for position, bit in enumerate(bits):
        flipped = bytearray(data)
        flipped[position] ^= 1 << bit
        refused(path, bytes(flipped))
    path.write_bytes(data)
    assert same(container.read(path)[0], ARRAYS)


def test_every_cut_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    for length in [*range(0, len(data), 7), len(data) - 1]:
        refused(path, data[:length])
        refused(path, data[:length] + bytes(len(data) - length))  # the rest zero, as after a power failure
    refused(path, data + b"\0", "damaged")
    refused(path, b"\0" + data, "no zip")


def test_halves_of_two_files_are_noticed(path: Path, tmp_path: Path) -> None:
    first = path.read_bytes()
    container.write(path, {name: a + a for name, a in ARRAYS.items()}, META)
    second = path.read_bytes()
    assert len(first) == len(second)
    for cut in range(1, len(first), 13):
        joined = first[:cut] + second[cut:]
        if joined not in (first, second):
            refused(path, joined)


def test_the_damaged_member_is_named(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(ARRAYS["lstm/Wx"].tobytes()) + 5] ^= 1
    refused(path, bytes(data), re.escape("member 'lstm/Wx.npy' is damaged: use an earlier copy, or train again"))


def test_a_damaged_version_is_not_taken_for_a_newer_one(path: Path) -> None:
    refused(
        path,
        path.read_bytes().replace(b'"version": 1', b'"version": 3'),
        r"'meta\.json' or the end of the file is damaged",
    )


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.npz"):
        container.read(tmp_path / "no.npz")
    with pytest.raises(StorageError, match="is not a file"):
        container.read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="is not a file"):
        container.read(tmp_path / "pipe")


# Files made to do harm: every hash in them is right


def head_and_members(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("meta.json")), members


def pack(head: Any, members: dict[str, bytes]) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    members = {"meta.json": text, **members}
    frames, directory = container._frames(members)
    return b"".join(frame + member for frame, member in zip(frames, members.values(), strict=True)) + directory


def test_the_packer_of_these_tests_makes_good_files(path: Path) -> None:
    path.write_bytes(pack(*head_and_members(path)))
    assert same(container.read(path)[0], ARRAYS)


def test_other_versions_and_formats(path: Path) -> None:
    head, members = head_and_members(path)
    refused(path, pack({**head, "version": 2}, members), "format version 2, .* install a newer one")
    refused(path, pack({"version": 2}, {"strange": b""}), "not a model")
    refused(path, pack({**head, "format": "other"}, members), "not a model")
    refused(path, pack({**head, "meta": []}, members), "lacks")
    refused(path, pack([], members), "not a model")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"format": NaN}', "NaN is not JSON"),
        (b'{"format": 1, "format": 2}', "twice"),
        (b'{"format": {"$float": "eval"}}', "float"),
        (b'{"version": ' + b"9" * 10_000 + b"}", "not valid JSON"),
    ],
)
def test_hostile_json(path: Path, text: bytes, message: str) -> None:
    refused(path, pack(text, {}), message)


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "|O"},
        {"dtype": "object"},
        {"dtype": ["<f8"]},
        {"dtype": "<f4"},
        {"shape": [2, 13]},
        {"shape": [2, -12]},
        {"shape": [-2, -12]},
        {"shape": [2.0, 12]},
        {"shape": [True, 24]},
        {"shape": [2**62, 2**62]},
        {"shape": [2**64]},
        {"shape": [1] * 100},
        {"shape": None},
        {"sha256": None},
        {"sha256": "0" * 64},
    ],
)
def test_hostile_declarations(path: Path, change: dict[str, Any]) -> None:
    head, members = head_and_members(path)
    head["arrays"]["lstm/Wx"].update(change)
    refused(path, pack(head, members), "lstm/Wx")


def test_shapes_beyond_numpy(path: Path) -> None:
    head, members = head_and_members(path)
    shape = (0, 2**62, 2**62)
    content = container._npy_header("<f4", shape)
    members["empty.npy"] = content
    head["arrays"]["empty"] = {"dtype": "<f4", "shape": shape, "sha256": hashlib.sha256(content).hexdigest()}
    refused(path, pack(head, members), "impossible shape")


def test_members_that_are_not_the_declared_arrays(path: Path) -> None:
    head, members = head_and_members(path)

    def with_content(name: str, content: bytes) -> bytes:
        entry = {**head["arrays"][name], "sha256": hashlib.sha256(content).hexdigest()}
        return pack({**head, "arrays": {**head["arrays"], name: entry}}, {**members, name + ".npy": content})

    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object))
    refused(path, with_content("mask", pickled.getvalue()), "not the declared array")
    refused(path, with_content("mask", members["mask.npy"][:-1] + b"\2"), "booleans other than 0 and 1")
    refused(path, with_content("mask", members["mask.npy"] + b"\0"), "not the declared array")
    refused(path, with_content("mask", b""), "not the declared array")
    fortran = members["lstm/Wx.npy"].replace(b"'fortran_order': False", b"'fortran_order': True ")
    refused(path, with_content("lstm/Wx", fortran), "not the declared array")
    refused(path, pack(head, {k: v for k, v in members.items() if k != "mask.npy"}), "'mask.npy' is missing")
    refused(path, pack(head, {**members, "more.npy": b""}), r"'more\.npy' is unknown")
    refused(path, pack(head, {**members, "setup.py": b""}), r"'setup\.py' is not allowed")
    for name in ("../up.npy", "/etc/up.npy", "a/../../up.npy", "a\\up.npy", "C:up.npy", ".npy", "a//b.npy"):
        entry = {"arrays": {**head["arrays"], name[:-4]: head["arrays"]["mask"]}}
        refused(path, pack({**head, **entry}, {**members, name: members["mask.npy"]}), "is not allowed")


def test_duplicate_compressed_and_oversized_members(path: Path) -> None:
    data, (head, _) = path.read_bytes(), head_and_members(path)
    start, end = data.rindex(b"PK\3\4"), data.index(b"PK\1\2")
    refused(path, data[:end] + data[start:end] + data[end:], "there twice")
    text = json.dumps(head).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.json", text)
        archive.writestr("mask.npy", bytes(10**6), compress_type=zipfile.ZIP_DEFLATED)
        archive.comment = hashlib.sha256(text).hexdigest().encode()
    refused(path, path.read_bytes(), "'mask.npy' is compressed")
    for declared in (0xFFFFFFFF, len(data)):
        bomb = bytearray(data)
        bomb[start + 18 : start + 26] = declared.to_bytes(4, "little") * 2
        tracemalloc.start()
        refused(path, bytes(bomb), "declares a wrong size")
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()


def test_a_plain_npz_is_not_taken_for_a_model(path: Path) -> None:
    np.savez(path, **{"mask": ARRAYS["mask"]})
    refused(path, path.read_bytes(), "not a model or a checkpoint")


def test_too_many_members_end_early(path: Path) -> None:
    head, members = head_and_members(path)
    many = {f"m{i}.npy": b"" for i in range(10_001)}
    refused(path, pack(head, {**members, **many}), "more than 10000 members")
