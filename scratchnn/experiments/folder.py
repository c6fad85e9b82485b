"""The folder of one training run: runs/<arch>-<date>-<time>-<hash of the settings>/

config.toml       every setting as it was resolved, and the versions it ran with
metrics.csv       one row per finished epoch, on disk before the next epoch starts
health.csv        what has died, is saturated or has exploded, where something has
model.npz         the weights after the last epoch
best.npz          those after the best epoch, that of the lowest validation loss
linear.npz        the linear model that a network on texts of your own is compared with
checkpoint.npz    what resuming needs
curves.svg .png   accuracy and loss           model.svg .png     the layers
"""

import csv
import hashlib
import io
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral
from pathlib import Path
from typing import Any, SupportsFloat

from scratchnn.core.files.atomic import write_atomically
from scratchnn.core.files.bounded import read_bytes, read_toml
from scratchnn.core.files.errors import StorageError
from scratchnn.core.files.plain import plain

_MOST_METRICS_BYTES = 2**21  # of metrics.csv: 100 bytes for each epoch


class RunFolder:
    """An existing run folder. Made by `RunFolder.create` for a new run or `RunFolder.open` to continue one."""

    def __init__(self, path: Path, history: dict[str, list[float]]) -> None:
        self.path = path
        self._columns = list(history)
        self.config = path / "config.toml"
        self.metrics = path / "metrics.csv"
        self.health = path / "health.csv"
        self.model = path / "model.npz"
        self.best = path / "best.npz"
        self.linear = path / "linear.npz"
        self.checkpoint = path / "checkpoint.npz"
        self.curves = path / "curves"  # without suffix: drawn as .svg and .png
        self.diagram = path / "model"  # likewise

    @classmethod
    def create(
        cls, root: str | os.PathLike[str], arch: str, settings: Mapping[str, Any], *, now: datetime | None = None
    ) -> "RunFolder":
        """Make a folder that did not exist and write config.toml into it.

        `settings` may be nested; it holds all that identifies the run, the digest of the data too. Settings that are
        None are left out, since TOML has no null.

        Raises:
            ValueError, TypeError: if `arch` is no file name, or a setting cannot be written as TOML.
            OSError: if `root` is a file, read-only, or on a full disk.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", arch):
            raise ValueError(
                f"arch must be letters, digits, '_', '.' or '-', to be part of a folder's name, got {arch!r}"
            )
        config = _without_none(plain({"arch": arch, **settings}, "settings"))
        digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:8]
        import tomli_w  # whoever reads a run does without

        text = tomli_w.dumps({**config, "versions": versions_here()})
        path = _make_folder(Path(root), f"{arch}-{now or datetime.now():%Y%m%d-%H%M%S}-{digest}")
        run = cls(path, {})
        try:
            write_atomically(run.config, [text.encode()])
        except OSError:
            path.rmdir()
            raise
        return run

    @classmethod
    def open(cls, path: str | os.PathLike[str], finished_epochs: int | None = None) -> "RunFolder":
        """Continue a run: keep its rows up to `finished_epochs` (None: all of them) and append after these.

        A row that was cut off while it was written is dropped; so are rows later than the checkpoint that is resumed.

        Raises:
            FileNotFoundError: if `path` is not a run folder.
            ValueError: if metrics.csv is damaged before its last row.
        """
        run = cls(Path(path), {})
        if not run.config.is_file():
            raise FileNotFoundError(f"{os.fspath(path)!r} is not a run folder: it has no config.toml")
        if not run.metrics.exists():
            return run
        written = _metrics(run.metrics)
        lines = written[: written.rfind(b"\n") + 1].splitlines(keepends=True)
        history = _parse(run.metrics, lines)
        run._columns = list(history)
        if finished_epochs is not None:
            kept = [
                line
                for line, epoch in zip(lines[1:], history.get("epoch", []), strict=True)
                if epoch <= finished_epochs
            ]
            lines = lines[:1] + kept
        if b"".join(lines) != written:
            write_atomically(run.metrics, lines)
        return run

    def append_row(self, row: Mapping[str, SupportsFloat]) -> None:
        """Append the numbers of one epoch to metrics.csv; on return they are on disk. Every row has the same keys.

        Raises:
            ValueError: if the keys are not those of the earlier rows, or "epoch" is not among them.
            OSError: if it cannot be written; the earlier rows are intact.
        """
        columns = list(row)
        if "epoch" not in row or not all(re.fullmatch(r"\w+", name) for name in columns):
            raise ValueError(f"a row needs 'epoch', and names made of letters, digits and '_', got {columns}")
        if self._columns and columns != self._columns:
            raise ValueError(f"the columns of {self.metrics} are {self._columns}, got {columns}")
        text = "" if self._columns else ",".join(columns) + "\n"
        text += ",".join(_number(value) for value in row.values()) + "\n"
        _append(self.metrics, text.encode("utf-8"))
        self._columns = columns

    def write_findings(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Replace health.csv by these findings of `History.findings`; where there are none, there is no such file."""
        if not findings:
            self.health.unlink(missing_ok=True)
            return
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, ["epoch", "kind", "layer", "words"])
        table.writeheader()
        table.writerows(findings)
        write_atomically(self.health, [text.getvalue().encode()])

    def history(self) -> dict[str, list[float]]:
        """Return metrics.csv by column, as `plot_curves` takes it; {} before the first row."""
        if not self.metrics.exists():
            return {}
        return _parse(self.metrics, _metrics(self.metrics).splitlines(keepends=True))

    def read_config(self) -> dict[str, Any]:
        """Return config.toml as nested dicts.

        Raises:
            StorageError: if it is no TOML.
        """
        try:
            return read_toml(self.config)
        except StorageError as error:
            raise StorageError(f"{os.fspath(self.config)!r} {error}") from None


def _make_folder(root: Path, name: str) -> Path:
    number = 1
    try:
        root.mkdir(parents=True, exist_ok=True)
        while True:
            path = root / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()  # fails if it exists: two runs that start together never share a folder
                return path
            except FileExistsError:
                number += 1
    except OSError as error:
        reason = f"cannot make a run folder here: {error.strerror or error}"
        raise OSError(error.errno, reason, os.fspath(root)) from error


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                while data:
                    data = data[file.write(data) :]
                os.fsync(file.fileno())
            except BaseException:
                os.ftruncate(file.fileno(), size)  # no partial row for the next one to continue
                raise
    except OSError as error:
        raise OSError(error.errno, f"row not saved: {error.strerror or error}", os.fspath(path)) from error


def _metrics(path: Path) -> bytes:
    try:
        return read_bytes(path, _MOST_METRICS_BYTES)
    except StorageError as error:
        raise StorageError(f"{os.fspath(path)!r} {error}") from None


def _parse(path: Path, lines: list[bytes]) -> dict[str, list[float]]:
    """Return the columns of a metrics.csv."""
    if not lines:
        return {}
    columns = lines[0].decode("utf-8", "replace").rstrip("\r\n").split(",")
    history: dict[str, list[float]] = {name: [] for name in columns}
    for i, line in enumerate(lines[1:], start=2):
        try:
            values = [float(text) for text in line.split(b",")]
            for name, value in zip(columns, values, strict=True):
                history[name].append(value)
        except ValueError:
            shown = line[:80]
            raise StorageError(
                f"{os.fspath(path)!r}, line {i}: expected {len(columns)} numbers, got {shown!r}"
            ) from None
    return history


def _number(value: SupportsFloat) -> str:
    """Return the shortest text that reads back as the same number."""
    return str(int(value)) if isinstance(value, Integral) else repr(float(value))


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }


def versions_here() -> dict[str, str]:
    """What a run is trained with."""
    versions = {"python": platform.python_version()}
    for package in ("scratchnn", "numpy", "numba"):
        try:
            versions[package] = version(package)  # from the metadata: importing numba takes a third of a second
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions
