"""Lists of integers out of the pickle of a NumPy array of objects, without running it.

A pickle is a program. What surrounds the lists, a few hundred bytes, may use only the instructions that such an array
needs, and is run by an unpickler that hands out inert stand-ins for the three NumPy names it calls for. The lists
themselves are recognised, one after another, and only their integers are unpickled, some at a time: so a file takes the
memory of its words, and not that of Python's objects, ten times as much.
"""

import io
import pickle  # noqa: TID251  the restricted unpickler below is the one place that may read a pickle
import re
from array import array
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.data.corpus import GET_AGAIN, DataError

MOST_ROWS = 250_000  # ten times those of a published member
_LONGEST_ROW = 2**20  # bytes: the longest published review takes 7,000
_AT_ONCE = 2**16  # bytes of rows that are unpickled together
_LONGEST_HEAD = 4096
_FRAME = b"\x95"  # in protocols 4 and 5 an 8-byte length and so many bytes follow
_SHORT_FRAME = 2**16  # pickle ends a frame when it is longer, but for the last one

_PUT = rb"(?:q.|r.{4}|\x94)?"
_INTEGER = rb"(?:K.|M..|J.{4}|" + b"|".join(rb"\x8a\x%02x.{%d}" % (n, n) for n in range(9)) + rb")"
_ITEMS = rb"(?:\(%s*+e|%sa)*+" % (_INTEGER, _INTEGER)
# A row, or one that was there before, and what begins and ends a run of them.
_ROW = re.compile(rb"(\(?)(?:\](%s)(%s)|(h.|j.{4}))([ea]?)" % (_PUT, _ITEMS), re.DOTALL)
_END = re.compile(rb"t%sb\." % _PUT, re.DOTALL)


class _StoredArray:
    """Stands for the array that a pickle rebuilds: it keeps the state and does nothing with it."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _stored_array(*_: Any) -> _StoredArray:
    return _StoredArray()


# NumPy 1 wrote numpy.core, NumPy 2 writes numpy._core. `ndarray` is only ever an argument: a string stands for it.
_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _stored_array,
    ("numpy._core.multiarray", "_reconstruct"): _stored_array,
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): _stored_array,
}


class _StandInUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) in _STAND_INS:
            return _STAND_INS[module_name, global_name]
        raise pickle.UnpicklingError(f"it calls for {module_name}.{global_name}")


def _unpickled(program: bytes) -> Any:
    return _StandInUnpickler(io.BytesIO(program), encoding="latin1").load()


def _head_pattern() -> re.Pattern[bytes]:
    """One instruction of those (pickle protocols 2 to 5) that stand before the lists.

    Left out is all that reaches further objects, and all that asks for memory by a number in the file. Strings are
    matched whole, with their lengths, so that no instruction can hide inside one.
    """
    strings = {part for name in _STAND_INS for part in name} | {"b", "|", "<", "O", "O4", "O8", "|O", "|O4", "|O8"}
    choices = [
        rb"K.",
        rb"M..",
        rb"J.{4}",
        rb"[\(tNRb\x85-\x89\x93\x94]",
        rb"h.",
        rb"q.",
        rb"\x80[\x02-\x05]",
        rb"C\x01b",
    ]
    choices += [b"c%s\\n%s\\n" % (re.escape(m.encode()), re.escape(n.encode())) for m, n in _STAND_INS]
    for text in sorted(strings):
        escaped = re.escape(text.encode())
        choices.append(b"(?:[\\x8cU]\\x%02x|X\\x%02x\\0\\0\\0)%s" % (len(text), len(text), escaped))
    return re.compile(b"|".join(choices), re.DOTALL)


_HEAD = _head_pattern()


class _Program:
    """The bytes of a pickle without the heads of its frames; some of them at a time are in `data`, from `at` on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.data, self.at, self.ended = stream.read(2), 0, False
        self._is_framed = self.data[:1] == b"\x80" and self.data[1:] >= b"\4"
        self._left = 0  # bytes of this frame

    def ahead(self, size: int) -> None:
        """Have so many bytes from `at` on, or all that are left."""
        if self.ended or len(self.data) - self.at >= size:
            return
        parts = [self.data[self.at :]]
        there = len(parts[0])
        while there < 2 * size and (part := self._part(2 * size)):
            parts.append(part)
            there += len(part)
        self.data, self.at, self.ended = b"".join(parts), 0, there < 2 * size

    def _part(self, size: int) -> bytes:
        if self._is_framed and not self._left:
            head = self._stream.read(9)
            if head[:1] != _FRAME or len(head) < 9:
                self._is_framed = False
                return head
            self._left = int.from_bytes(head[1:], "little")
            self._is_framed = self._left >= _SHORT_FRAME
        part = self._stream.read(min(size, self._left) if self._is_framed else size)
        self._left -= len(part)
        return part


class _Lists:
    """What was read of the lists."""

    def __init__(self, n_rows: int, n_bytes: int, where: str) -> None:
        self.where, self._n_rows, self._n_bytes = where, n_rows, n_bytes
        self.tokens = array("i")
        self.offsets = np.zeros(n_rows + 1, np.int64)
        self.count = 0  # rows, those that wait included
        self._waiting: list[bytes] = []
        self._size = 0
        self._kept = array("i")  # the rows that are in the memo, which names them by numbers from `_first` on
        self._first: int | None = None

    def begin(self, put: bytes, memoized: int) -> None:
        """The memo has so many objects before the list of rows, which `put` adds to it."""
        number = _number(put)
        self._first = memoized + 1 if put == b"\x94" else None if number is None else number + 1
        if not put and memoized:
            self._first = memoized

    def take(self, put: bytes, items: bytes) -> None:
        self._require_room()
        if not items:
            raise DataError(
                f"{self.where}: expected pickled lists of integers, one at least in each, got none in row "
                f"{self.count}. Remove such rows, or get the file again."
            )
        if put:
            number = _number(put)
            if self._first is None:
                self._first = number
            if number is not None and number != (self._first or 0) + len(self._kept):
                raise self._wrong("an instruction that numbers them otherwise than pickle does")
            self._kept.append(self.count)
        self._waiting.append(b"]" + items)
        self._size += len(items) + 1
        self.count += 1
        if self._size > _AT_ONCE:
            self.flush()

    def take_again(self, get: bytes) -> None:
        """A row that was there before: it is stored once, and is a row of its own."""
        self._require_room()
        number = int.from_bytes(get[1:], "little") - (self._first or 0)
        if not 0 <= number < len(self._kept):
            raise self._wrong("one of an object that is no row")
        self.flush()
        row = self._kept[number]
        self.tokens.extend(self.tokens[self.offsets[row] : self.offsets[row + 1]])
        self._end_row(self.count)
        self.count += 1

    def flush(self) -> None:
        """Unpickle the rows that wait: nothing but lists of integers, as `_ROW` has found."""
        first = self.count - len(self._waiting)
        rows = _unpickled(b"\x80\2](" + b"".join(self._waiting) + b"e.") if self._waiting else []
        for n, row in enumerate(rows, start=first):
            try:
                self.tokens.fromlist(row)
            except OverflowError as error:
                raise DataError(f"{self.where}: expected word ids in row {n}, got {error}. {GET_AGAIN}") from None
            self._end_row(n)
        self._waiting.clear()
        self._size = 0

    def _end_row(self, n: int) -> None:
        # A row may be stored once and referenced many times, so that a small file asks for much memory.
        if len(self.tokens) > self._n_bytes:
            raise DataError(
                f"{self.where}: expected at most {self._n_bytes} word ids, got more by row {n}. {GET_AGAIN}"
            )
        self.offsets[n + 1] = len(self.tokens)

    def _require_room(self) -> None:
        if self.count >= self._n_rows:
            raise self._wrong("more rows than the header says")

    def _wrong(self, what: str) -> DataError:
        return DataError(
            f"{self.where}: expected {self._n_rows} pickled lists of integers only, got in row {self.count} {what}. "
            f"{GET_AGAIN}"
        )


def read_rows(stream: Any, n_rows: int, n_bytes: int, where: str) -> tuple[Array, Array]:
    """The `n_rows` lists in the pickle of a 1-D object array, which has `n_bytes`.

    Offsets (N + 1,) int64 and tokens (total,) int32, as in `Reviews`.

    Raises:
        DataError: for anything else than lists of integers of 32 bits; it names the row.
    """
    if n_rows > MOST_ROWS:
        raise DataError(f"{where}: expected at most {MOST_ROWS} rows, got {n_rows}. {GET_AGAIN}")
    program = _Program(stream)
    put, memoized = _take_head(program, n_rows, where)
    lists = _Lists(n_rows, n_bytes, where)
    lists.begin(put, memoized)
    _take_rows(program, lists)
    lists.flush()
    rest = program.data[program.at :]
    if not _END.fullmatch(rest) or lists.count != n_rows:
        raise DataError(
            f"{where}: expected {n_rows} pickled lists of integers only, got something else in row {lists.count}, or "
            f"after it. Do not trust this file. {GET_AGAIN}"
        )
    tokens = lists.tokens
    return lists.offsets, np.frombuffer(tokens, np.int32) if len(tokens) else np.zeros(0, np.int32)


def _take_head(program: _Program, n_rows: int, where: str) -> tuple[bytes, int]:
    """Go past what stands before the lists. The instruction that puts their list into the memo, and how many are there.

    Raises:
        DataError: unless it is that of an array of so many objects.
    """
    program.ahead(_LONGEST_HEAD)
    memoized = 0
    while (found := _HEAD.match(program.data, program.at)) and found.end() < _LONGEST_HEAD:
        memoized += found[0] == b"\x94"
        program.at = found.end()
    head = program.data[: program.at]
    begin = re.compile(rb"\](%s)" % _PUT, re.DOTALL).match(program.data, program.at)
    try:
        if begin is None:
            raise ValueError(
                f"instruction {program.data[program.at : program.at + 1]!r} at byte {program.at}, which such an array "
                "never needs. Do not trust this file"
            )
        # The state that NumPy gives an array: version, shape, dtype, Fortran order, elements.
        _, shape, _, _, _ = _unpickled(head + b"]tb.").state
        if shape != (n_rows,):
            raise ValueError(f"an array of shape {shape}")
    except Exception as error:  # a damaged pickle can fail in any way
        raise DataError(
            f"{where}: expected {n_rows} pickled lists of integers only, got {error}. {GET_AGAIN}"
        ) from None
    program.at = begin.end()
    return begin[1], memoized


def _take_rows(program: _Program, lists: _Lists) -> None:
    """Go past the rows, in runs `(` ... `e` or one by one with `a`, as far as there are any."""
    in_run = False
    while True:
        program.ahead(_LONGEST_ROW + 16)  # a whole row, and what follows
        found = _ROW.match(program.data, program.at)
        if found is None or found.end() - found.start() > _LONGEST_ROW:
            return
        begin, put, items, get, end = found.groups()
        if begin and in_run:
            return
        in_run = in_run or bool(begin)
        if end not in ((b"", b"e") if in_run else (b"a",)):
            return
        if get:
            lists.take_again(get)
        else:
            lists.take(put, items)
        in_run = in_run and end != b"e"
        program.at = found.end()


def _number(put: bytes) -> int | None:
    """The place in the memo that the instruction names; None for the next one."""
    return int.from_bytes(put[1:], "little") if put[:1] in (b"q", b"r") else None
