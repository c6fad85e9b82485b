"""The order of the sources, the cache, and what happens when a place is wrong, broken or out of reach."""

import hashlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest

from scratchnn.data import cache, download, imdb, sources, synthetic
from scratchnn.data.corpus import DataError, DataWarning
from scratchnn.data.keras_npz import RawFiles


@pytest.fixture
def published(tmp_path, write_files, monkeypatch):
    """A folder of small files whose content counts as the published one."""
    folder = write_files(tmp_path / "published")
    corpus = RawFiles(folder / "imdb.npz", folder / "imdb_word_index.json").parse()
    monkeypatch.setattr(sources, "PUBLISHED_DIGEST", corpus.digest)
    monkeypatch.setattr(synthetic, "make_corpus", lambda: small_synthetic)
    return folder


small_synthetic = synthetic.make_corpus(20, 20)
LABELS_OF_OTHERS = {"y_train": np.tile([1, 0], 12)}  # other reviews than the published ones


def load(path: Path | None = None, **settings: Any) -> imdb.Imdb:
    return imdb.load(path, num_words=50, maxlen=6, **settings)


def load_stand_in(**settings: Any) -> imdb.Imdb:
    """Load where there is nothing to load: the synthetic reviews come, and not silently."""
    with pytest.warns(DataWarning, match=r"SYNTHETIC REVIEWS(.|\n)*Searched: our cache"):
        return load(**settings)


def cache_file() -> Path:
    folder = cache.folder()
    assert folder is not None
    return folder / cache.FILE_NAME


@pytest.mark.parametrize("named", ["folder", "npz"])
@pytest.mark.parametrize("by", ["argument", "text", "variable"])
def test_a_named_place_is_used(published, snapshot, monkeypatch, named, by):
    path = published if named == "folder" else published / "imdb.npz"
    before = snapshot(published)
    if by == "variable":
        monkeypatch.setenv("SCRATCHNN_DATA", str(path))
        data = load()
        assert data.source == "imdb, $SCRATCHNN_DATA"
    else:
        data = load(path) if by == "argument" else imdb.load(str(path), num_words=50, maxlen=6)
        assert data.source == f"imdb, --data {path}"
    assert data.digest_known and not data.is_synthetic and data.banner() is None
    assert data.digest == sources.PUBLISHED_DIGEST
    assert snapshot(published) == before


def test_the_order_of_the_places(published, tmp_path, write_files, monkeypatch):
    """Each place holds its own reviews, and the first in the list wins."""
    folders = {}
    for n, name in enumerate(["argument", "variable", "keras"]):
        labels = np.roll(np.repeat([1, 0], 12), n + 1)
        folder = tmp_path / ("keras/datasets" if name == "keras" else name)
        folders[name] = write_files(folder, y_train=labels)
    load(published)  # fills our cache
    monkeypatch.setenv("SCRATCHNN_DATA", str(folders["variable"]))
    with pytest.warns(DataWarning, match="--data .* unknown content digest"):
        first = load(folders["argument"])
    with pytest.warns(DataWarning, match="SCRATCHNN_DATA: unknown content digest"):
        second = load()
    monkeypatch.delenv("SCRATCHNN_DATA")
    third = load()
    cache_file().unlink()
    with pytest.warns(DataWarning, match="Keras' cache: unknown content digest"):
        fourth = load()
    (folders["keras"] / "imdb.npz").unlink()
    fifth = load_stand_in()
    assert [third.source, fourth.source, fifth.source] == ["imdb, own cache", "imdb, Keras' cache", "synthetic"]
    assert len({data.digest for data in (first, second, third, fourth, fifth)}) == 5
    assert [data.digest_known for data in (first, second, third, fourth)] == [False, False, True, False]


@pytest.mark.parametrize("by", ["argument", "variable"])
@pytest.mark.parametrize("wrong", ["missing", "empty folder", "no index", "a text file", "broken"])
def test_a_named_place_that_is_wrong_is_an_error(published, tmp_path, write_files, monkeypatch, by, wrong):
    write_files(tmp_path / "keras" / "datasets")  # would do, but is not what was asked for
    load(published)  # so would our cache
    place = tmp_path / "named"
    if wrong != "missing":
        place.mkdir()
    if wrong in ("no index", "broken"):
        write_files(place)
    if wrong == "no index":
        (place / "imdb_word_index.json").unlink()
    if wrong == "broken":
        (place / "imdb.npz").write_bytes(b"no zip")
    if wrong == "a text file":
        place = place / "reviews.txt"
        place.write_text("good film")
    told_by = f"--data {place}" if by == "argument" else "$SCRATCHNN_DATA"
    if by == "variable":
        monkeypatch.setenv("SCRATCHNN_DATA", str(place))
    with pytest.raises(DataError) as caught:
        load(place if by == "argument" else None)
    message = str(caught.value)
    assert str(place) in message and "imdb.npz" in message and "\n" not in message
    assert wrong == "broken" or told_by in message


def test_unknown_reviews_are_used_with_a_warning_and_never_cached(published, tmp_path, write_files):
    other = write_files(tmp_path / "other", **LABELS_OF_OTHERS)
    with pytest.warns(DataWarning, match="not the published data: the training reviews, the test reviews") as caught:
        data = load(other)
    assert len(caught) == 1
    assert not data.digest_known and not data.is_synthetic and len(data.x_train) == 24
    assert not cache_file().exists()


def test_the_cache_is_read_instead_of_the_pickle(published, monkeypatch):
    first = load(published)
    monkeypatch.setattr(RawFiles, "parse", lambda self: pytest.fail("the cache should have been read"))
    for second in (load(published), load()):
        for name in ("x_train", "y_train", "x_test", "y_test"):
            assert np.array_equal(getattr(first, name), getattr(second, name))
        assert second.vocabulary == first.vocabulary and second.digest == first.digest
    assert os.listdir(cache_file().parent) == [cache.FILE_NAME]


def damage(kind: str, whole: bytes, canary: Path) -> bytes:
    middle = len(whole) // 2
    if kind == "pickle inside":
        gadget = np.empty(1, object)
        gadget[0] = Canary(canary)
        stream = io.BytesIO()
        np.savez(stream, train_labels=gadget)
        return stream.getvalue()
    return {
        "empty": b"",
        "truncated": whole[:middle],
        "bit flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "garbage": bytes(range(256)) * 20,
        "another npz": b"PK\x05\x06" + bytes(18),
    }[kind]


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("kind", ["empty", "truncated", "bit flip", "garbage", "another npz", "pickle inside"])
def test_a_broken_cache_is_passed_over_and_written_anew(published, tmp_path, kind):
    expected = load(published)
    whole = cache_file().read_bytes()
    cache_file().write_bytes(damage(kind, whole, tmp_path / "canary"))
    with pytest.warns(DataWarning, match="the cache .* is ignored") as caught:
        data = load(published)
    assert len(caught) == 1 and "\n" not in str(caught[0].message)
    assert np.array_equal(data.x_train, expected.x_train)
    assert not (tmp_path / "canary").exists()
    assert load().source == "imdb, own cache"


@pytest.mark.parametrize("obstacle", ["cache is a file", "parent is a file", "read-only", "disk full"])
def test_without_a_writable_cache_there_is_one_line_and_the_data(published, tmp_path, monkeypatch, obstacle):
    folder = tmp_path / "blocked"
    if obstacle == "cache is a file":
        folder.write_text("mine")
    elif obstacle == "parent is a file":
        folder.write_text("mine")
        folder = folder / "cache"
    else:
        folder.mkdir()

        def fail(*_: Any, **__: Any) -> Any:
            raise OSError(30, "Read-only file system") if obstacle == "read-only" else OSError(28, "No space left")

        # Permissions do not bind the superuser, under whom tests often run, so the calls themselves fail.
        monkeypatch.setattr(*((Path, "mkdir") if obstacle == "read-only" else (np, "savez")), fail)
    monkeypatch.setenv("SCRATCHNN_CACHE", str(folder))
    with pytest.warns(DataWarning, match="no cache is kept in") as caught:
        data = load(published)
    assert len(caught) == 1 and "\n" not in str(caught[0].message)
    assert data.digest_known
    if folder.is_dir():
        assert os.listdir(folder) == [], "a failed attempt must leave nothing behind"
    elif folder.exists():
        assert folder.read_text() == "mine"


def test_without_a_home_everything_works(published, tmp_path, monkeypatch):
    import pwd

    def unknown(*_: Any) -> Any:
        raise KeyError("no such user")

    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for variable in ("HOME", "SCRATCHNN_CACHE", "KERAS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(published).digest_known
        assert load_stand_in().is_synthetic
        monkeypatch.setattr(platformdirs, "user_cache_dir", lambda _: "~/.cache/scratchnn")  # as older versions do
        assert load(published).digest_known
    assert os.listdir(here) == [], "no folder named ~"


def test_a_broken_keras_cache_is_passed_over_unharmed(published, tmp_path, write_files, snapshot):
    """Keras itself deletes such a file when it cannot fetch another."""
    folder = write_files(tmp_path / "keras" / "datasets")
    npz = folder / "imdb.npz"
    npz.write_bytes(npz.read_bytes()[:-100])
    before = snapshot(tmp_path / "keras")
    with pytest.warns(DataWarning, match="Keras' cache is skipped"):
        assert load_stand_in().is_synthetic
    assert snapshot(tmp_path / "keras") == before


def test_without_network_the_synthetic_reviews_stand_in(published):
    data = load_stand_in()
    assert data.is_synthetic and data.source == "synthetic"
    assert "SYNTHETIC" in (data.banner() or "")
    with pytest.raises(DataError) as caught:
        load(synthetic=False)
    for place in ("our cache", "Keras' cache", "the download", "no answer", "SCRATCHNN_DATA"):
        assert place in str(caught.value)


def test_synthetic_reviews_on_request_come_before_all_else(published):
    assert load(published, synthetic=True).is_synthetic


def test_download_false_asks_nobody(published, monkeypatch):
    monkeypatch.setattr(download, "fetch", lambda: pytest.fail("the network was asked"))
    assert load_stand_in(download=False).is_synthetic
    with pytest.raises(DataError):
        load(download=False, synthetic=False)


def test_a_name_server_that_never_answers_costs_no_more_than_the_limit(monkeypatch):
    release = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        release.wait(20)
        raise OSError("late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(download, "ANSWER_WITHIN_S", 0.3)
    start = time.monotonic()
    try:
        with pytest.raises(DataError, match="no answer within"):
            download.fetch()
        assert time.monotonic() - start < 5
    finally:
        release.set()


def test_the_real_limit_is_under_ten_seconds():
    assert download.ANSWER_WITHIN_S < 10


@pytest.fixture
def server(published, monkeypatch):
    """Let the download find the small files, through pooch and its hash check, without a network."""
    import requests

    served: list[str] = []
    content = {name: (published / name).read_bytes() for name in ("imdb.npz", "imdb_word_index.json")}

    class Answer:
        def __init__(self, url: str) -> None:
            self.body = content[url.removeprefix(download.URL)]
            self.headers = {"content-length": str(len(self.body))}
            served.append(url)

        def raise_for_status(self) -> None: ...

        def iter_content(self, chunk_size: int) -> Any:
            return (self.body[n : n + chunk_size] for n in range(0, len(self.body), chunk_size))

    for method in ("get", "head"):
        monkeypatch.setattr(requests.Session, method, lambda session, url, **_: Answer(url))
    for attribute, name in (("NPZ", "imdb.npz"), ("INDEX", "imdb_word_index.json")):
        monkeypatch.setattr(download, attribute, (name, "sha256:" + hashlib.sha256(content[name]).hexdigest()))
    return types.SimpleNamespace(served=served, content=content)


def test_the_download_is_checked_cached_and_cited_once(server, capsys):
    data = load()
    printed = capsys.readouterr()
    assert data.source == "imdb, download" and data.digest_known
    assert download.CITATION in printed.err and printed.out == ""
    n_served = len(server.served)
    assert load().source == "imdb, own cache"
    assert len(server.served) == n_served
    assert capsys.readouterr().err == ""
    assert os.listdir(cache_file().parent) == [cache.FILE_NAME]


def test_a_terminal_sees_how_far_the_download_is(server, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    load()
    told = capsys.readouterr().err.split("\r")
    shown = [int(part.strip().rstrip("%")) for part in told if part.strip().endswith("%")]
    ends = [n for n, percent in enumerate(shown) if percent == 100]
    assert ends[-1] == len(shown) - 1 and shown[: ends[0]] == sorted(shown[: ends[0]])
    assert told[-2].strip() == "", "it is cleared in the end"


def test_a_download_with_another_hash_is_not_used(server):
    server.content["imdb.npz"] += b"!"
    assert load_stand_in().is_synthetic
    assert not cache_file().exists()
    with pytest.raises(DataError, match="the download failed"):
        load(synthetic=False)


def test_a_download_ends_where_more_comes_than_there_is(server, monkeypatch):
    monkeypatch.setattr(download, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match=r"the download failed .*more than 1,000 bytes came"):
        download.fetch()


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(server, monkeypatch):
    import requests

    class Slow:
        def __init__(self) -> None:
            self.headers: dict[str, str] = {}

        def raise_for_status(self) -> None: ...

        def iter_content(self, _: int) -> Any:
            while True:
                time.sleep(0.05)
                yield b"a"

    monkeypatch.setattr(requests.Session, "get", lambda session, url, **_: Slow())
    monkeypatch.setattr(download, "ALL_WITHIN_S", 0.3)
    start = time.monotonic()
    with pytest.raises(DataError, match="not done within"):
        download.fetch()
    assert time.monotonic() - start < 5


def test_redirects_have_an_end(server, monkeypatch):
    import requests

    def redirected(session: Any, *_: Any, **__: Any) -> Any:
        assert session.max_redirects == download.MOST_REDIRECTS <= 5
        raise requests.TooManyRedirects("more than 3")

    monkeypatch.setattr(requests.Session, "get", redirected)
    with pytest.raises(DataError, match=r"the download failed .*TooManyRedirects"):
        download.fetch()


def test_the_published_digest_follows_from_its_parts():
    parts = sources.TRAIN_DIGEST + sources.TEST_DIGEST + sources.WORDS_DIGEST
    assert hashlib.sha256(parts.encode()).hexdigest() == sources.PUBLISHED_DIGEST


def test_importing_is_light():
    heavy = {"pooch", "requests", "tqdm", "numba", "platformdirs", "matplotlib"}
    code = f"import sys, scratchnn.data; print(sorted({heavy!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
