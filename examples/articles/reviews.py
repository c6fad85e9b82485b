"""The reviews for these programs: the real ones where they are found or can be downloaded, else generated ones.

    import reviews
    reviews.find()

After that `imdb.load_data` reads what was found. Generated reviews are announced in a line: what a model makes of them
says nothing about films.
"""

import atexit
import json
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from scratchnn.data import DataError, DataWarning, imdb, synthetic


def find(rows=25_000):
    """Make reviews that `imdb.load_data` will find, if there are none: so many to train on and as many to test on."""
    try:
        imdb.get_word_index()
    except DataError:
        folder = tempfile.TemporaryDirectory()
        atexit.register(folder.cleanup)  # of generated reviews: they go with the program
        write(Path(folder.name), rows)
        os.environ["SCRATCHNN_DATA"] = folder.name
        warnings.simplefilter("ignore", DataWarning)
        print("GENERATED REVIEWS: the real ones were not found. Name their folder in SCRATCHNN_DATA; see docs/data.md.")


def write(folder, rows):
    """Write generated reviews in the form of Keras' two files."""
    corpus = synthetic.make_corpus(rows, rows)
    arrays = {}
    for name, part in (("train", corpus.train), ("test", corpus.test)):
        x = np.empty(len(part), object)
        x[:] = [each.tolist() for each in np.split(part.tokens, part.offsets[1:-1])]
        arrays |= {f"x_{name}": x, f"y_{name}": part.labels}
    np.savez(folder / "imdb.npz", **arrays)
    index = {word: rank for rank, word in enumerate(corpus.words, start=1)}
    (folder / "imdb_word_index.json").write_text(json.dumps(index))
