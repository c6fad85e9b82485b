"""config.toml read back: the settings of a run, to train with them again, changed or not."""

import os
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, get_args

from scratchnn.core.names import nearest
from scratchnn.core.warning import warn
from scratchnn.experiments.settings import Settings

# What a run records beside its settings: on which data, with what, and on which machine, which changes no result.
_RECORDED = ("data", "versions", "threads", "device")
_KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


class Config(NamedTuple):
    settings: dict[str, Any]
    digest: str | None
    """Of the data that the run was trained on."""


def read(path: str | os.PathLike[str]) -> Config:
    """The settings in a config.toml, or in that of a run's folder. A file of your own may hold some of them alone.

    A warning says where it was written with other versions, whose last bits may differ.

    Raises:
        ValueError: if it cannot be read, is no TOML, or holds what is no setting; the message names it.
    """
    path = Path(path) / "config.toml" if Path(path).is_dir() else Path(path)
    where = f"--config {os.fspath(path)!r}"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{where} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{where} is no TOML file: {error}") from None
    recorded = {name: table.pop(name) for name in _RECORDED if name in table}
    kinds = {field.name: field.type for field in fields(Settings)}
    for name, value in table.items():
        if name not in kinds:
            raise ValueError(f"{where}: {name!r} is no setting{nearest(name, kinds) or '.'} Known: {', '.join(kinds)}")
        kind, *_ = get_args(kinds[name]) or (kinds[name],)
        if not isinstance(value, (int, float) if kind is float else kind):
            raise ValueError(f"{where}: {name} must be {_KINDS[kind]}, got {value!r}")
    data = recorded.get("data", {})
    _tell_versions(path, recorded.get("versions", {}))
    return Config(table, data.get("digest") if isinstance(data, dict) else None)


def _tell_versions(path: Path, versions: Any) -> None:
    from scratchnn.experiments.folder import versions_here

    here = versions_here()
    changed = [f"{name} {then}" for name, then in versions.items() if then != here.get(name)]
    if changed:
        warn(f"{path} was written with {', '.join(changed)}: the numbers may differ from those of its run")
