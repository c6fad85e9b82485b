"""Our own copy of the published reviews: flat arrays in an .npz without pickles, read in a fraction of the time.

Only content with the published digest is ever stored, so there is one cache file and it is right or it is broken.
A cache is a convenience: whatever goes wrong here costs a warning and nothing else.
"""

from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_STORED

import numpy as np
from scratchnn_kernels.user_cache import folder

from scratchnn.core.files.atomic import replacing
from scratchnn.core.files.bounded import open_zip
from scratchnn.core.warning import warn
from scratchnn.data.corpus import Corpus, DataWarning, Reviews

FILE_NAME = "imdb-flat-1.npz"
_MOST_BYTES = 200_000_000  # that of the published reviews has 50 MB


class CachedCorpus(NamedTuple):
    corpus: Corpus
    made_from: str
    """SHA-256 of the files it was made from."""


def read(digest: str) -> CachedCorpus | None:
    """Return the cached corpus if there is one and its content has this digest; a broken file counts as none."""
    directory = folder()
    path = directory / FILE_NAME if directory else None
    try:
        if path is None or not path.is_file():
            return None
        _require_plain(path)
        # Opened here, because NumPy leaves the file open when it turns out to be no zip.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            splits = [
                Reviews(stored[f"{split}_labels"], stored[f"{split}_offsets"], stored[f"{split}_tokens"])
                for split in ("train", "test")
            ]
            words = tuple(stored["words"].tobytes().decode().split("\n"))
            cached = CachedCorpus(Corpus(splits[0], splits[1], words), stored["made_from"].tobytes().decode())
        if cached.corpus.digest == digest:
            return cached
        reason = "its content is not what was stored"
    except Exception as error:  # every kind of damage, down to another program's file of this name
        reason = f"{type(error).__name__}: {error}"
    warn(f"the cache {path} is ignored ({_one_line(reason)})", DataWarning)
    return None


def _require_plain(path: Path) -> None:
    """Raise ValueError unless the file takes no more memory than it has bytes, and not too many of these."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
    with open_zip(path) as archive:
        if any(each.compress_type != ZIP_STORED for each in archive.infolist()):
            raise ValueError("it is compressed, as this cache never is")


def write(corpus: Corpus, made_from: str) -> bool:
    """Store the corpus, replacing the file atomically, and return whether that worked."""
    directory = folder()
    if directory is None:
        return False
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with replacing(directory / FILE_NAME) as file:
            np.savez(
                file,
                train_labels=corpus.train.labels,
                train_offsets=corpus.train.offsets,
                train_tokens=corpus.train.tokens,
                test_labels=corpus.test.labels,
                test_offsets=corpus.test.offsets,
                test_tokens=corpus.test.tokens,
                words=np.frombuffer("\n".join(corpus.words).encode(), np.uint8),
                made_from=np.frombuffer(made_from.encode(), np.uint8),
            )
        return True
    except OSError as error:
        reason = error.strerror or str(error)
        warn(f"no cache is kept in {directory} ({_one_line(reason)})", DataWarning)
        return False


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
