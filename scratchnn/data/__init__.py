"""Reviews in, arrays out: the IMDB data with its sources, words and ids, and a synthetic stand-in.

from scratchnn.data import imdb
data = imdb.load()

Names are imported when they are first used, so that `scratchnn data --help` answers at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchnn.data import imdb
    from scratchnn.data.corpus import Corpus, DataError, DataWarning, Reviews
    from scratchnn.data.imdb import Imdb, load
    from scratchnn.data.text import Vocabulary, pad_sequences
    from scratchnn.data.vectors import WordVectors, word_vectors

_NAMES = {
    "Corpus": "corpus", "DataError": "corpus", "DataWarning": "corpus", "Reviews": "corpus",
    "Imdb": "imdb", "load": "imdb",
    "Vocabulary": "text", "pad_sequences": "text",
    "WordVectors": "vectors", "word_vectors": "vectors",
}  # fmt: skip

__all__ = [
    "Corpus",
    "DataError",
    "DataWarning",
    "Imdb",
    "Reviews",
    "Vocabulary",
    "WordVectors",
    "imdb",
    "load",
    "pad_sequences",
    "word_vectors",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "imdb":
            return importlib.import_module("scratchnn.data.imdb")
        if name in _NAMES:
            return getattr(importlib.import_module(f"scratchnn.data.{_NAMES[name]}"), name)
        from scratchnn.core.keras_missing import missing

        raise missing("data", name, __all__)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
