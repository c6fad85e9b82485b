"""Fetch Keras' IMDB files, and give up soon where there is no network."""

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from scratchnn.data.corpus import DataError
from scratchnn.data.keras_npz import RawFiles

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
NPZ = ("imdb.npz", "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
INDEX = ("imdb_word_index.json", "md5:bfafd718b763782e994055a2d397834f")
CITATION = (
    "Andrew L. Maas, Raymond E. Daly, Peter T. Pham, Dan Huang, Andrew Y. Ng, and Christopher Potts. Learning Word"
    " Vectors for Sentiment Analysis. ACL 2011, pages 142-150. https://aclanthology.org/P11-1015"
)
# Name look-up, connection and first answer together. Only the look-up has no timeout, hence the thread below.
ANSWER_WITHIN_S = 8.0
STALL_S = 10.0


def fetch() -> RawFiles:
    """Download both files into a temporary folder, check their hashes and return their bytes.

    Progress goes to standard error: a percentage on a terminal, else one line.

    Raises:
        DataError: if there is no answer within 8 s, the transfer breaks or stalls, or a hash differs.
    """
    failure = _no_answer()
    if failure:
        raise DataError(f"{URL}: {failure}")
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would name the temporary folder as if the files were kept there
    print(f"downloading the IMDB reviews (19 MB) from {URL}", file=sys.stderr)
    # pooch's own annotations do not agree with each other here.
    shown: Any = _Percentage() if sys.stderr.isatty() else False
    downloader: Any = pooch.HTTPDownloader(progressbar=shown, timeout=STALL_S)
    try:
        with tempfile.TemporaryDirectory(prefix="scratchnn-") as folder:
            for name, known_hash in (NPZ, INDEX):
                pooch.retrieve(URL + name, known_hash, fname=name, path=folder, downloader=downloader)
            files = RawFiles(Path(folder, NPZ[0]), Path(folder, INDEX[0]))
    except DataError:
        raise
    except Exception as error:  # requests, urllib3, ssl and pooch each have types of their own
        raise DataError(f"{URL}: the download failed ({type(error).__name__}: {error})") from None
    print(f"please cite: {CITATION}", file=sys.stderr)
    return files


class _Percentage:
    """Shows how many bytes have come, as pooch reports it: one file after the other, each closed at its end."""

    total = done = 0

    def update(self, n: int) -> None:
        total = self.total or 1  # a server need not send it
        before, self.done = self.done, min(total, self.done + n)
        if 100 * before // total < 100 * self.done // total:
            print(f"\r{self.done / total:4.0%}", end="", file=sys.stderr, flush=True)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.done = 0
        print("\r    \r", end="", file=sys.stderr, flush=True)


def _no_answer() -> str | None:
    """Return why the server does not answer, or None if it does. Proxies set in the environment are used."""
    outcome: list[str | None] = []

    def ask() -> None:
        import requests

        try:
            requests.head(URL + INDEX[0], timeout=ANSWER_WITHIN_S / 2).raise_for_status()
            outcome.append(None)
        except Exception as error:
            outcome.append(f"no answer ({type(error).__name__})")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN_S)
    return outcome[0] if outcome else f"no answer within {ANSWER_WITHIN_S:.0f} s"
