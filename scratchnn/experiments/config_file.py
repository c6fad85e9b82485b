"""config.toml read back: the settings of a run, to train with them again, changed or not."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, get_args

from scratchnn.core.files.bounded import read_toml
from scratchnn.core.files.errors import StorageError
from scratchnn.core.names import nearest
from scratchnn.core.warning import warn
from scratchnn.data.own.options import TextOptions
from scratchnn.data.own.reading import is_own
from scratchnn.experiments.settings import Settings

# What a run records beside its settings: on which data, with what, and on which machine, which changes no result.
_RECORDED = ("data", "classes", "versions", "threads", "device")
_KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


class Config(NamedTuple):
    settings: dict[str, Any]
    texts: dict[str, Any]
    """What was said about texts of the user's own, `data` among it; empty for the film reviews."""
    digest: str | None
    """Of the data that the run was trained on."""

    def values(self, data: str | None) -> dict[str, Any]:
        """Both together, for data at another place or of another kind; None: those of the run.

        On texts of the user's own a run records how it would split them, even where they have parts of their own: what
        nobody chose is left out then, since a choice without effect is refused.

        Raises:
            ValueError: if the texts of the run are not where they were.
        """
        found = {**self.settings, **self.texts}
        if data is None and (data := found.get("data")) is not None and not os.path.exists(os.path.expanduser(data)):
            raise ValueError(f"--config is of a run on {data}, which is not there: say where it is now with --data")
        if data is not None and is_own(data):
            for name, usual in (("resplit", (0, 1)), ("validation_split", (Settings.validation_split,))):
                if found.get(name) in usual:
                    del found[name]
        return found


def read(path: str | os.PathLike[str]) -> Config:
    """The settings in a config.toml, or in that of a run's folder. A file of your own may hold some of them alone.

    A warning says where it was written with other versions, whose last bits may differ.

    Raises:
        ValueError: if it cannot be read, is no TOML, or holds what is no setting; the message names it.
    """
    path = Path(path) / "config.toml" if Path(path).is_dir() else Path(path)
    where = f"--config {os.fspath(path)!r}"
    try:
        table = read_toml(path)
    except OSError as error:
        raise ValueError(f"{where} cannot be read: {error.strerror}") from None
    except StorageError as error:
        raise StorageError(f"{where} {error}") from None
    recorded = {name: table.pop(name) for name in _RECORDED if name in table}
    data, versions = (recorded.get(name, {}) for name in ("data", "versions"))
    _require_table(where, "data", data)
    _require_table(where, "versions", versions)
    texts, digest = data.get("texts", {}), data.get("digest")
    _require_table(where, "data.texts", texts)
    if not isinstance(digest, str | None):
        raise ValueError(f"{where}: data.digest must be text, got {digest!r}")
    _check(where, table, Settings)
    _check(f"{where}, [data.texts]", texts, TextOptions)
    _tell_versions(path, versions)
    return Config(table, texts, digest)


def _require_table(where: str, name: str, part: Any) -> None:
    if not isinstance(part, dict):
        raise ValueError(f"{where}: {name} must be a table, got {part!r}")


def _check(where: str, table: dict[str, Any], owner: type) -> None:
    """Raise ValueError for what is no field of the class, or is of another kind."""
    kinds: dict[str, Any] = {field.name: field.type for field in fields(owner)}
    for name, value in table.items():
        if name not in kinds:
            raise ValueError(f"{where}: {name!r} is no setting{nearest(name, kinds) or '.'} Known: {', '.join(kinds)}")
        kind, *_ = get_args(kinds[name]) or (kinds[name],)
        if not isinstance(value, (int, float) if kind is float else kind):
            raise ValueError(f"{where}: {name} must be {_KINDS[kind]}, got {value!r}")


def _tell_versions(path: Path, versions: dict[str, Any]) -> None:
    from scratchnn.experiments.folder import versions_here

    here = versions_here()
    changed = [f"{name} {then}" for name, then in versions.items() if then != here.get(name)]
    if changed:
        warn(f"{path} was written with {', '.join(changed)}: the numbers may differ from those of its run")
