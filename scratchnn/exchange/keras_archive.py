"""The parts of a `.keras` file, which is a zip of two texts and the weights. Nothing of it is run."""

import zipfile
from pathlib import Path
from typing import Any

from scratchnn.core.files.bounded import open_zip, parsed_json
from scratchnn.core.files.errors import StorageError
from scratchnn.exchange.errors import ExchangeError

_MAX_CONFIG_BYTES = 16 * 2**20


def member(path: Path, name: str) -> bytes:
    """The bytes of a member. It must be stored as it is, as Keras does: so it is no larger than the file.

    Raises:
        ExchangeError: if there is no such member, or the zip is damaged.
    """
    try:
        with open_zip(path) as archive:
            found = archive.getinfo(name)
            if found.compress_type != zipfile.ZIP_STORED or found.file_size > path.stat().st_size:
                raise ExchangeError(f"{path}: {name} is compressed, as Keras never writes it: save it in Keras again")
            return archive.read(found)
    except ExchangeError:
        raise
    except KeyError:
        raise ExchangeError(f"{path} has no {name}, as a .keras file has: save it in Keras 3 again") from None
    except Exception as error:  # zipfile raises a dozen types for damage, from struct.error to NotImplementedError
        raise ExchangeError(f"{path} is no .keras file, or damaged: {error}") from None


def config(path: Path) -> Any:
    """What config.json says.

    Raises:
        ExchangeError: if it is no JSON, or too long for the description of a model.
    """
    text = member(path, "config.json")
    if len(text) > _MAX_CONFIG_BYTES:
        raise ExchangeError(f"{path}: config.json has {len(text)} bytes, more than any model needs")
    try:
        return parsed_json(text)
    except StorageError as error:
        raise ExchangeError(f"{path}: config.json {error}") from None
