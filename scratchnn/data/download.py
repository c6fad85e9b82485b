"""Fetch Keras' IMDB files, and give up soon where there is no network, or where more comes than there is."""

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from scratchnn.data.corpus import DataError
from scratchnn.data.keras_npz import RawFiles

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
NPZ = ("imdb.npz", "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
INDEX = ("imdb_word_index.json", "md5:bfafd718b763782e994055a2d397834f")
CITATION = (
    "Andrew L. Maas, Raymond E. Daly, Peter T. Pham, Dan Huang, Andrew Y. Ng, and Christopher Potts. Learning Word"
    " Vectors for Sentiment Analysis. ACL 2011, pages 142-150. https://aclanthology.org/P11-1015"
)
# Name look-up, connection and first answer together. Only the look-up has no timeout, hence the threads below.
ANSWER_WITHIN_S = 8.0
STALL_S = 10.0
ALL_WITHIN_S = 1800.0  # 19 MB at 10 KB/s; a server that sends a byte now and then never stalls
MOST_BYTES = 40_000_000  # of a file: twice those that there are
MOST_REDIRECTS = 3


def fetch() -> RawFiles:
    """Download both files into a temporary folder, check their hashes and return their bytes.

    Progress goes to standard error: a percentage on a terminal, else one line.

    Raises:
        DataError: if there is no answer within 8 s, the transfer breaks, stalls, takes half an hour, or brings more
            than there is, or a hash differs.
    """
    failure = _no_answer()
    if failure:
        raise DataError(f"{URL}: {failure}")
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would name the temporary folder as if the files were kept there
    print(f"downloading the IMDB reviews (19 MB) from {URL}", file=sys.stderr)
    downloader: Any = _Download(time.monotonic() + ALL_WITHIN_S, sys.stderr.isatty())
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


class _Download:
    """What pooch calls to fetch a file: with an end to the bytes, the redirects, and the time of all files together."""

    def __init__(self, deadline: float, shows: bool) -> None:
        self._deadline, self._shows = deadline, shows

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        outcome: list[Exception | None] = []
        over = threading.Event()

        def transfer() -> None:
            try:
                with open(output_file, "wb") as file:
                    self._transfer(url, file, over)
                outcome.append(None)
            except Exception as error:
                outcome.append(error)

        # A read may wait for each of its bytes, so that only another thread can tell that it takes too long.
        thread = threading.Thread(target=transfer, daemon=True)
        thread.start()
        thread.join(max(0.0, self._deadline - time.monotonic()))
        over.set()
        error = outcome[0] if outcome else TimeoutError(f"not done within {ALL_WITHIN_S:.0f} s")
        if error is not None:
            raise error

    def _transfer(self, url: str, file: BinaryIO, over: threading.Event) -> None:
        import requests

        with requests.Session() as session:
            session.max_redirects = MOST_REDIRECTS
            answer = session.get(url, timeout=STALL_S, stream=True)
            answer.raise_for_status()
            percentage = _Percentage(int(answer.headers.get("content-length", 0)), self._shows)
            done = 0
            for part in answer.iter_content(2**15):
                done += len(part)
                if over.is_set() or done > MOST_BYTES:
                    raise ValueError(f"more than {MOST_BYTES:,} bytes came")
                file.write(part)
                percentage.update(done)
            percentage.close()


class _Percentage:
    """Shows how many bytes of a file have come."""

    def __init__(self, total: int, shows: bool) -> None:
        self._total, self._shows = total, shows and total > 0  # a server need not send the total
        self._percent = 0

    def update(self, done: int) -> None:
        percent = min(100, 100 * done // self._total) if self._shows else 0
        if percent > self._percent:
            self._percent = percent
            print(f"\r{percent:3}%", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._shows:
            print("\r    \r", end="", file=sys.stderr, flush=True)


def _no_answer() -> str | None:
    """Return why the server does not answer, or None if it does. Proxies set in the environment are used."""
    outcome: list[str | None] = []

    def ask() -> None:
        import requests

        try:
            with requests.Session() as session:
                session.max_redirects = MOST_REDIRECTS
                session.head(URL + INDEX[0], timeout=ANSWER_WITHIN_S / 2).raise_for_status()
            outcome.append(None)
        except Exception as error:
            outcome.append(f"no answer ({type(error).__name__})")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN_S)
    return outcome[0] if outcome else f"no answer within {ANSWER_WITHIN_S:.0f} s"
