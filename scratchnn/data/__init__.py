"""Reviews in, arrays out: the IMDB data with its sources, words and ids, and a synthetic stand-in.

from scratchnn.data import imdb
data = imdb.load()
"""

from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.data import imdb
from scratchnn.data.corpus import Corpus, DataError, DataWarning, Reviews
from scratchnn.data.imdb import Imdb, load
from scratchnn.data.text import Vocabulary, pad_sequences
from scratchnn.data.vectors import WordVectors, word_vectors

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
        raise missing("data", name, list(globals()))
