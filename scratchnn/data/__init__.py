"""Reviews in, arrays out: the IMDB data with its sources, words and ids, and a synthetic stand-in.

from scratchnn.data import imdb
data = imdb.load()
"""

from scratchnn.data import imdb
from scratchnn.data.corpus import Corpus, DataError, DataWarning, Reviews
from scratchnn.data.imdb import Imdb, load
from scratchnn.data.text import Vocabulary, pad_sequences

__all__ = ["Corpus", "DataError", "DataWarning", "Imdb", "Reviews", "Vocabulary", "imdb", "load", "pad_sequences"]
