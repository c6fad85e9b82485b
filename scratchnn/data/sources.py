"""Where the reviews come from: the places that are searched, in order, and the one that has them.

    1  the path given (--data)        2  $SCRATCHNN_DATA      set but wrong is an error, never skipped
    3  our own cache                  4  Keras' cache         5  the download
    6  the synthetic corpus

Files that we did not create are only ever read.
"""

import os
from pathlib import Path
from typing import NamedTuple

from scratchnn.core.warning import warn
from scratchnn.data import cache, download, synthetic
from scratchnn.data.corpus import Corpus, DataError, DataWarning
from scratchnn.data.keras_npz import RawFiles

NPZ_NAME, INDEX_NAME = "imdb.npz", "imdb_word_index.json"
# The content of Keras' files, whatever file it comes in; the combined digest below follows from these three.
TRAIN_DIGEST = "6dce1ab8d7a9c036550e1a79283028979d3d3e66a9086fa6f39001b2853e3deb"
TEST_DIGEST = "70f94f929156d6f36c9d33f11e3ce84e4348a14dd84ff9ddfcf9586f0ffbe6e4"
WORDS_DIGEST = "c5875fe5aa047b30f148423ade177d8afca9f2599691a2a2eded0b6dab0e3996"
PUBLISHED_DIGEST = "228facd0d35f1a18548e88e4b63f88227e9865f12ca2f1b7e792709bb1dcd96f"


class Found(NamedTuple):
    corpus: Corpus
    source: str
    """For people, such as "imdb, $SCRATCHNN_DATA"."""
    is_synthetic: bool
    digest_known: bool


def find(path: str | Path | None = None, *, allow_download: bool = True, synthetic_data: bool | None = None) -> Found:
    """Return the corpus from the first source that has it.

    Args:
        path: a folder that holds imdb.npz and imdb_word_index.json, or the .npz itself with the index beside it.
        allow_download: whether to use the network when no file is found.
        synthetic_data: True makes the synthetic corpus at once; False never does; None does when nothing else is left.

    Raises:
        DataError: if a path that was set holds no good files, or if nothing was found and `synthetic_data` is False.
    """
    if path is not None and not isinstance(path, str | os.PathLike):
        raise TypeError(f"the first argument is the place of the files, got {path!r}; num_words={path!r} was meant?")
    if synthetic_data:
        return _synthetic()
    cached = cache.read(PUBLISHED_DIGEST)
    if path is not None:
        return _from_files(_files_at(Path(path), f"--data {path}"), f"--data {path}", cached)
    if variable := os.environ.get("SCRATCHNN_DATA"):
        return _from_files(_files_at(Path(variable), "$SCRATCHNN_DATA"), "$SCRATCHNN_DATA", cached)
    if cached:
        return Found(cached.corpus, "imdb, own cache", False, True)
    searched = [f"our cache ({cache.folder() or 'no home folder'})"]

    keras_folder = _keras_folder()
    searched.append(f"Keras' cache ({keras_folder or 'no home folder'})")
    if keras_folder and _exists(keras_folder / NPZ_NAME):
        try:
            return _from_files((keras_folder / NPZ_NAME, keras_folder / INDEX_NAME), "Keras' cache", None)
        except DataError as error:
            warn(f"Keras' cache is skipped. {error}", DataWarning)

    if allow_download:
        try:
            files = download.fetch()
            corpus = files.parse()
            cache.write(corpus, files.sha256)
            return _judged(corpus, "imdb, download")
        except DataError as error:
            searched.append(f"the download ({error})")
    if synthetic_data is None:
        warn(f"\n{synthetic.banner()}\nSearched: {'; '.join(searched)}.", DataWarning)
        return _synthetic()
    raise DataError(f"no IMDB reviews found. Searched: {'; '.join(searched)}. {HOW_TO_GET}")


def _synthetic() -> Found:
    corpus = synthetic.make_corpus()
    return Found(corpus, "synthetic", True, corpus.digest == synthetic.DIGEST)


def _files_at(path: Path, given_by: str) -> tuple[Path, Path]:
    path = path.expanduser() if str(path).startswith("~") else path
    npz = path if path.suffix == ".npz" and not path.is_dir() else path / NPZ_NAME
    pair = (npz, npz.parent / INDEX_NAME)
    expected = f"a folder with {NPZ_NAME} and {INDEX_NAME}, or the .npz with the index beside it"
    if npz != path and _exists(path) and not path.is_dir():
        kind = f"a {path.suffix} file" if path.suffix else "a file of another kind"
        raise DataError(
            f"{given_by}: {path} is {kind}, and the film reviews are {expected}. Labelled texts of your own are read by"
            " python -m scratchnn.train (docs/own-text.md)."
        )
    for file in pair:
        if not _exists(file):
            missing = file if _exists(path) else path
            raise DataError(f"{given_by}: expected {expected}; there is no {missing}. {HOW_TO_GET}")
    return pair


def _from_files(pair: tuple[Path, Path], given_by: str, cached: cache.CachedCorpus | None) -> Found:
    files = RawFiles(*pair)
    if cached and cached.made_from == files.sha256:
        return Found(cached.corpus, f"imdb, {given_by}", False, True)
    corpus = files.parse()
    if cached is None and corpus.digest == PUBLISHED_DIGEST:
        cache.write(corpus, files.sha256)
    return _judged(corpus, f"imdb, {given_by}")


def _judged(corpus: Corpus, source: str) -> Found:
    known = corpus.digest == PUBLISHED_DIGEST
    if not known:
        parts = {
            "the training reviews": corpus.train.digest == TRAIN_DIGEST,
            "the test reviews": corpus.test.digest == TEST_DIGEST,
            "the word index": corpus.words_digest == WORDS_DIGEST,
        }
        different = ", ".join(name for name, same in parts.items() if not same)
        warn(
            f"{source}: unknown content digest {corpus.digest[:8]} (not the published data: {different}). The data are"
            " used, but accuracies are not comparable with the published ones.",
            DataWarning,
        )
    return Found(corpus, source, False, known)


def _keras_folder() -> Path | None:
    home = os.environ.get("KERAS_HOME")
    try:
        return (Path(home) if home else Path.home() / ".keras") / "datasets"
    except RuntimeError:  # there is no home folder
        return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may not be entered
        return False


HOW_TO_GET = (
    f"Get {NPZ_NAME} and {INDEX_NAME} from {download.URL}, put them in one folder and name it with --data or"
    " SCRATCHNN_DATA."
)
