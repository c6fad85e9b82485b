"""The folder of a study: one small file per run, so that a study can be killed, continued and extended.

study.json        what all its runs have in common: data, version of the code, protocols, settings that were chosen
runs/<key>.npz    a run (core/files/container.py): the model's output for each test review under each protocol; of its
                  meta.json "result" is the same whenever the run is done again, "measured" is not
set-aside/        files that were found in runs/ and are no runs of this study, or damaged
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from scratchnn.core.files import container
from scratchnn.core.files.atomic import write_atomically
from scratchnn.core.files.bounded import parsed_json, read_bytes
from scratchnn.core.files.errors import StorageError
from scratchnn.core.files.plain import or_null, plain
from scratchnn.core.warning import warn
from scratchnn.experiments.settings import Settings
from scratchnn.study.results import PROTOCOLS, RunResult, Tested

_MEASURED = ("seconds", "peak_memory")
_SUFFIX = ".npz"
_MOST_ABOUT_BYTES = 2**20  # of study.json, which has 2 KB
ASIDE = "set-aside"


class StudyFolder:
    def __init__(self, path: str | os.PathLike[str], common: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.common = json.loads(_to_bytes(dict(common)))  # as it comes back from a file
        self.about = self.path / "study.json"
        self.runs = self.path / "runs"

    @classmethod
    def open(cls, path: str | os.PathLike[str], common: Mapping[str, Any]) -> "StudyFolder":
        """Make the folder, or continue one whose runs have the same in `common`.

        Raises:
            ValueError: if it belongs to another study, naming the difference, or to something else altogether, or
                cannot be made.
        """
        folder = cls(path, common)
        if not folder.about.exists():
            try:
                folder.path.mkdir(parents=True, exist_ok=True)
            except FileExistsError:
                raise ValueError(f"{os.fspath(path)!r} is a file; give --out a new folder, or a study's") from None
            except OSError as error:
                raise ValueError(
                    f"the folder {os.fspath(path)!r} cannot be made ({error.strerror}); give --out another one"
                ) from None
            if strange := sorted(entry.name for entry in folder.path.iterdir() if not entry.name.startswith(".")):
                raise ValueError(
                    f"{os.fspath(path)!r} is no study's folder: it holds {strange[0]!r} and no study.json; "
                    "give --out a new folder"
                )
            write_atomically(folder.about, [_to_bytes(folder.common)])  # first: killed after it, the study can continue
            folder.runs.mkdir(exist_ok=True)
            return folder
        try:
            found = parsed_json(read_bytes(folder.about, _MOST_ABOUT_BYTES))
            if not isinstance(found, dict):
                raise ValueError(f"holds {type(found).__name__}, no object")
        except (ValueError, OSError) as error:
            raise StorageError(f"{os.fspath(folder.about)!r} is damaged: it {error}; give --out a new folder") from None
        if different := _differences(found, folder.common):
            raise ValueError(
                f"{os.fspath(path)!r} holds another study: {different}. Its runs cannot be counted together "
                "with these; give --out a new folder"
            )
        folder._check_places()
        folder.runs.mkdir(exist_ok=True)
        return folder

    def _check_places(self) -> None:
        """Raise ValueError now if something else stands where the study will write at its end."""
        for place in (self.runs, self.path / ASIDE):
            if (place.exists() or place.is_symlink()) and not place.is_dir():
                raise ValueError(f"{os.fspath(place)!r} is a file, where the study has a folder: move it away")
        for place in (self.path / name for name in ("report.html", "summary.json")):
            if place.is_symlink() and not place.exists():
                raise ValueError(f"{os.fspath(place)!r} is a link that leads nowhere: move it away")
            if place.exists() and not place.is_file():
                kind = "a folder" if place.is_dir() else "a device, a pipe or a socket"
                raise ValueError(f"{os.fspath(place)!r} is {kind}, where the study has a file: move it away")

    def save(self, result: RunResult) -> None:
        """Store a run, in one file; on return it is on disk."""
        content = {f.name: getattr(result, f.name) for f in fields(result)}
        content["history"] = dict(result.history)
        measured = {name: content.pop(name) for name in _MEASURED}
        measured["epoch_seconds"] = content["history"].pop("seconds", [])
        content["tested"] = {name: _without_probabilities(each) for name, each in result.tested.items()}
        probabilities = {name: each.probabilities for name, each in result.tested.items()}
        meta = {"study": self.common, "result": content, "measured": measured}
        container.write(self._file(result.key), probabilities, meta)

    def load(self, key: str) -> RunResult | None:
        """The run of that name; None where there is none.

        Raises:
            ValueError: if its file is damaged, or it is a run of another study.
            OSError: if it cannot be read.
        """
        path = self._file(key)
        try:
            probabilities, meta = container.read(path)
            if meta["study"] != self.common:
                raise ValueError(f"it belongs to another study: {_differences(meta['study'], self.common)}")
            content, measured = meta["result"], meta["measured"]
            _check(content, measured, probabilities)
            if measured["epoch_seconds"]:
                content["history"]["seconds"] = measured["epoch_seconds"]
            content |= {name: measured[name] for name in _MEASURED}
            tested = {
                name: Tested(**each, probabilities=probabilities[name]) for name, each in content["tested"].items()
            }
            result = RunResult(**{**content, "tested": tested})
            if result.key != key:
                raise ValueError(f"it is {result.key}")
            if not result.failed and sorted(tested) != sorted(self.common.get("protocols", PROTOCOLS)):
                raise ValueError(f"it was tested under {' and '.join(tested) or 'no protocol'}")
        except FileNotFoundError:
            if path.is_symlink():
                raise ValueError(f"{os.fspath(path)!r} is a link that leads nowhere") from None
            return None
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise StorageError(f"{os.fspath(path)!r} cannot be counted: {error}") from error
        return result

    def load_all(self) -> list[RunResult]:
        """Every stored run, also those of earlier plans. What is no run of this study is set aside, with a warning."""
        found = []
        for path in sorted(self.runs.iterdir()):
            if path.name.startswith("."):
                continue  # a save under way, or what is left of one
            try:
                if path.suffix != _SUFFIX:
                    raise ValueError(f"{os.fspath(path)!r} is no run")
                result = self.load(path.stem)
            except (ValueError, OSError) as error:
                warn(
                    f"{error}; it is moved to {self._set_aside(path)}, and its run is done again if the study needs it"
                )
                continue
            if result is not None:
                found.append(result)
        return found

    def _set_aside(self, path: Path) -> Path:
        """Move what is in the way to where it is not: nothing is deleted."""
        place = self.path / ASIDE
        place.mkdir(exist_ok=True)
        target, number = place / path.name, 1
        while target.exists():
            number += 1
            target = place / f"{path.stem}-{number}{path.suffix}"
        path.rename(target)
        return target

    def _file(self, key: str) -> Path:
        return self.runs / f"{key}{_SUFFIX}"


def _check(content: Mapping[str, Any], measured: Mapping[str, Any], probabilities: Mapping[str, Any]) -> None:
    """Raise ValueError for a record that no run can have written; that its file is whole, its checksum has shown."""
    numbers = {name: content[name] for name in ("parameters", "seed")} | {"seconds": measured["seconds"]}
    for name, tested in content["tested"].items():
        numbers |= {f"{name} {key}": tested[key] for key in ("epoch", "loss", "accuracy")}
    for name, each in content["history"].items():
        if not isinstance(each, list):
            raise ValueError(f"its {name} is {each!r}, no list of numbers")
        numbers |= {f"{name} of epoch {n}": number for n, number in enumerate(each, start=1)}
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(f"its {name} is {number!r}, no number")
    for name, array in probabilities.items():
        several = array.ndim == 2 and array.shape[1] > 2  # classes
        if not (array.ndim == 1 or several) or array.dtype.kind != "f":
            raise ValueError(f"its probabilities {name!r} are {array.dtype} of shape {array.shape}")
        if not array.size or not ((array >= 0) & (array <= 1)).all():  # NaN is neither
            raise ValueError(f"its probabilities {name!r} are none, or no probabilities")
    if len({len(array) for array in probabilities.values()}) > 1:
        raise ValueError("it has more answers under one protocol than under another")
    for name, tested in content["tested"].items():
        if not 0 <= tested["accuracy"] <= 1 or tested["epoch"] < 0:
            raise ValueError(f"its {name} accuracy is {tested['accuracy']} after epoch {tested['epoch']}")
    if not isinstance(content["error"], str | None):
        raise ValueError(f"its error is {content['error']!r}, no text")
    if unknown := sorted(set(content["settings"]) - {f.name for f in fields(Settings)}):
        raise ValueError(f"its setting {unknown[0]!r} is unknown")


def _without_probabilities(tested: Tested) -> dict[str, Any]:
    return {f.name: getattr(tested, f.name) for f in fields(tested) if f.name != "probabilities"}


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What two studies do not have in common; nothing, where they are the same."""
    return "; ".join(
        f"{name} is {_say(there, name)} there, {_say(here, name)} here"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name)
    )


def _say(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "not set"
    value = values[name]
    is_digest = isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)
    return value[:8] if is_digest else repr(value)  # as far as the console shows a digest everywhere


def _to_bytes(content: dict[str, Any]) -> bytes:
    return (json.dumps(plain(content, "content", or_null), indent=1, allow_nan=False) + "\n").encode()
