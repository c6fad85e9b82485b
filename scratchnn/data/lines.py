"""Lines of text from a file that may be a pipe or a keyboard: as many at once as there are, and nothing but text."""

from collections.abc import Iterator
from typing import BinaryIO

from scratchnn.data.corpus import DataError
from scratchnn.data.own.decoding import without_mark

_AT_ONCE = 1 << 20  # bytes; a pipe gives 64 KB at a time, a keyboard a line


def blocks_of_lines(file: BinaryIO, what: str) -> Iterator[list[str]]:
    """Lines without their ends, in lists of those that could be read at once; `file` is not buffered.

    A list may hold no line. UTF-8, with or without a BOM; a line ends with "\\n" or "\\r\\n".

    Raises:
        DataError: at the first line that is no text, after the lines before it; `what` names the file.
    """
    done, rest = 0, [b""]  # lines; the parts of one that has not ended
    first = True
    while block := file.read(_AT_ONCE):
        if first:
            block, first = without_mark(block, what), False
        *ended, last = block.split(b"\n")
        if not ended:
            rest.append(last)
            continue
        ended[0] = b"".join([*rest, ended[0]])
        rest = [last]
        yield from _decoded(ended, done, what)
        done += len(ended)
    if last := b"".join(rest):
        yield from _decoded([last], done, what)


def _decoded(lines: list[bytes], done: int, what: str) -> Iterator[list[str]]:
    """The lines as text in one list; up to the first that is none, which is an error."""
    texts: list[str] = []
    for number, line in enumerate(lines, start=done + 1):
        problem = ""
        if b"\0" in line:
            problem = "holds a NUL byte, which no text has: is it an image, an archive, or UTF-16?"
        try:
            texts.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            byte = f"0x{line[error.start]:02x}"
            problem = problem or (
                f"is not UTF-8: byte {byte} at position {error.start + 1}; save it as UTF-8, or convert it, as with "
                "iconv -f latin1 -t utf-8"
            )
        if problem:
            yield texts[: number - done - 1]
            raise DataError(f"{what}, line {number}, {problem}")
    yield texts
