"""The folder of a study: one small file per run, so that a study can be killed, continued and extended.

study.json               what all its runs have in common: data, version of the code, settings that were chosen
runs/<key>.json          a run; "result" is the same whenever it is done again, "measured" is not
runs/<key>.npz           the model's output for each test review
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from scratchnn.core.files import container
from scratchnn.core.files.atomic import write_atomically
from scratchnn.core.files.plain import or_null, plain
from scratchnn.study.results import RunResult

_MEASURED = ("seconds", "peak_memory")


class StudyFolder:
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.about = self.path / "study.json"
        self.runs = self.path / "runs"

    @classmethod
    def open(cls, path: str | os.PathLike[str], common: Mapping[str, Any]) -> "StudyFolder":
        """Make the folder, or continue one whose runs have the same in `common`.

        Raises:
            ValueError: if it belongs to another study, naming the difference, or to something else altogether.
            OSError: if it cannot be made.
        """
        folder = cls(path)
        if not folder.about.exists():
            folder.path.mkdir(parents=True, exist_ok=True)
            if strange := sorted(entry.name for entry in folder.path.iterdir() if not entry.name.startswith(".")):
                raise ValueError(
                    f"{os.fspath(path)!r} is no study's folder: it holds {strange[0]!r} and no study.json; "
                    "give --out a new folder"
                )
            write_atomically(folder.about, [_to_bytes(dict(common))])  # first: killed after it, the study can continue
            folder.runs.mkdir(exist_ok=True)
            return folder
        try:
            found = json.loads(folder.about.read_text(encoding="utf-8"))
            names = sorted(found.keys() | common.keys())
        except (ValueError, AttributeError) as error:
            raise ValueError(f"{os.fspath(folder.about)!r} is damaged ({error}); give --out a new folder") from None
        different = [
            f"{name} is {_say(found, name)} there, {_say(common, name)} here"
            for name in names
            if found.get(name) != common.get(name)
        ]
        if different:
            raise ValueError(
                f"{os.fspath(path)!r} holds another study: {'; '.join(different)}. Its runs cannot be counted together "
                "with these; give --out a new folder"
            )
        folder.runs.mkdir(exist_ok=True)
        return folder

    def save(self, result: RunResult) -> None:
        """Store a run; on return it is on disk. The .json comes last: if it is there, the run is complete."""
        if result.probabilities is not None:
            container.write(
                self._file(result.key, ".npz"), {"probabilities": result.probabilities}, {"key": result.key}
            )
        content = {f.name: getattr(result, f.name) for f in fields(result) if f.name != "probabilities"}
        measured = {name: content.pop(name) for name in _MEASURED}
        history = dict(content["history"])
        measured["epoch_seconds"] = history.pop("seconds", [])
        content["history"] = history
        write_atomically(self._file(result.key, ".json"), [_to_bytes({"result": content, "measured": measured})])

    def load(self, key: str) -> RunResult | None:
        """The run of that name; None where there is none.

        Raises:
            ValueError: if its files are damaged.
        """
        path = self._file(key, ".json")
        if not path.exists():
            return None
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            measured = {name: math.nan if value is None else value for name, value in stored["measured"].items()}
            content = stored["result"]
            if measured["epoch_seconds"]:
                content["history"]["seconds"] = measured["epoch_seconds"]
            content |= {name: measured[name] for name in _MEASURED}
            content |= {name: math.nan for name in ("test_loss", "test_accuracy") if content[name] is None}
            result = RunResult(**content)
            if result.key != key:
                raise ValueError(f"it is {result.key}")
            if not result.failed:
                arrays, _ = container.read(self._file(key, ".npz"))
                result = replace(result, probabilities=arrays["probabilities"])
        except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError) as error:
            raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from error
        return result

    def keys(self) -> list[str]:
        """The names of all stored runs."""
        return sorted(path.stem for path in self.runs.glob("*.json"))

    def _file(self, key: str, suffix: str) -> Path:
        return self.runs / f"{key}{suffix}"


def _say(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "not set"


def _to_bytes(content: dict[str, Any]) -> bytes:
    return (json.dumps(plain(content, "content", or_null), indent=1, allow_nan=False) + "\n").encode()
