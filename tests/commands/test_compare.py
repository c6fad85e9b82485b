"""`python -m scratchnn.compare`: a study is killed, gone on with, made longer, refused."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.gpu import availability

from scratchnn import compare, study
from scratchnn.core.files import container
from scratchnn.data import synthetic
from scratchnn.data.sources import Found
from scratchnn.experiments.presets import CONTROLS, PRESETS
from scratchnn.study import overview
from scratchnn.study.results import Reviews, RunResult
from tests.commands.test_train import environment, write_data

COMMAND = [sys.executable, "-m", "scratchnn.compare"]
SMALL = ["--vocabulary", "50", "--length", "20"]
pytestmark = pytest.mark.filterwarnings("ignore::scratchnn.data.DataWarning")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("reviews") / "data")


class Page:
    """Stands where the page is written, and keeps what was handed to it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Path, list[RunResult], dict[str, Reviews]]] = []

    def write(
        self,
        folder: Path,
        results: list[RunResult],
        reviews: dict[str, Reviews],
        published: dict[str, float],
        **more: Any,
    ) -> Path:
        assert published == {}, "neither the data nor the settings are the published ones"
        self.calls.append((folder, results, reviews))
        self.more = more
        (folder / "summary.json").write_text(r'{"verdict": "Both are as good as coins.\n\nOr nearly so."}')
        return folder / "report.html"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page()
    module = types.SimpleNamespace(write=page.write)
    monkeypatch.setitem(sys.modules, "scratchnn.study.page", module)
    monkeypatch.setattr(study, "page", module, raising=False)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    return page


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)


def results_in(folder: Path) -> dict[str, Any]:
    """All that a study's folder holds, without what was measured."""
    found: dict[str, Any] = {"study.json": (folder / "study.json").read_bytes()}
    for path in sorted((folder / "runs").glob("[!.]*")):  # a save that was killed leaves a hidden file for an hour
        probabilities, meta = container.read(path)
        found[path.name] = meta["result"], {name: each.tobytes() for name, each in probabilities.items()}
    return found


def test_a_study_from_the_command_line(
    page: Page, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    arguments = [*SMALL, "--epochs", "2", "--data", str(data), "--out", str(out)]
    assert compare.main([*arguments, "--arch", "ff", "rnn", "--seeds", "1"]) == 0
    assert compare.main([*arguments, "--arch", "rnn", "ff", "--seeds", "2"]) == 0
    first, second = capsys.readouterr().out.split("saved ")[:2]
    assert "plan       2 models, 1 seed: ff, rnn" in first
    assert re.search(r"^2 runs done, 2 in all; wall time \d+\.\d s$", first, re.MULTILINE)
    assert re.search(r"^2 runs done, 4 in all; wall time", second, re.MULTILINE), "the shorter study is reused"
    assert re.search(r"^rnn +seed 1 +0\.\d{4}  \d+\.\d s  \(4 of 4\)$|^ff +seed 1 .*\(4 of 4\)$", second, re.MULTILINE)
    ends = r" +0\.\d{4}  0\.\d{4} to 0\.\d{4}"
    assert re.search(rf"^ff +2 +0{ends}{ends}$", second, re.MULTILINE), "both protocols, and no published figure"
    assert "\nBoth are as good as coins.\n\nOr nearly so.\n" in second
    assert "training   2 epochs, the last 20 words of a review, vocabulary 50\n" in second
    when = "after the last epoch and at the best epoch; a difference within half a point counts as none"
    assert f"protocols  {when}\n" in second
    assert page.more["margin"] == 0.005 and page.more["code"]["protocols"] == ["last", "best"]
    folder, results, reviews = page.calls[1]
    assert folder == out
    assert [(r.model, r.seed) for r in results] == [("ff", 0), ("ff", 1), ("rnn", 0), ("rnn", 1)]
    assert not any(r.failed for r in results)
    assert {r.order_digest for r in results if r.seed == 0} != {r.order_digest for r in results if r.seed == 1}
    assert len({r.order_digest for r in results}) == 2, "the same order for both models"
    (about,) = reviews.values()
    assert {r.test_set for r in results} == set(reviews) == {about.digest}
    for r in results:
        assert set(r.tested) == {"last", "best"}
        for tested in r.tested.values():
            assert tested.probabilities.dtype == np.float32
            assert tested.accuracy == np.mean((tested.probabilities > 0.5) == about.y)


def test_killed_at_any_moment_it_comes_to_the_same_end(page: Page, data: Path, tmp_path: Path) -> None:
    arguments = [*SMALL, "--arch", "ff", "rnn", "--seeds", "3", "--epochs", "10", "--data", str(data)]
    assert compare.main([*arguments, "--out", str(tmp_path / "unbroken"), "--quiet"]) == 0
    broken = tmp_path / "broken"
    for delay in (0.0, 0.2):
        command = [*COMMAND, *arguments, "--out", str(broken)]
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        while line := process.stdout.readline():
            if b" seed " in line:
                break
        time.sleep(delay)
        children = children_of(process.pid)
        process.kill()
        process.wait()
        process.stdout.close()
        wait_until_gone(children)
    before = len(list((broken / "runs").glob("*.npz")))
    assert before >= 2, "each time at least one run was finished"
    assert compare.main([*arguments, "--out", str(broken), "--quiet"]) == 0
    assert results_in(broken) == results_in(tmp_path / "unbroken")
    (_, unbroken, _), (_, resumed, _) = page.calls
    assert [r.key for r in unbroken] == [r.key for r in resumed]
    for a, b in zip(unbroken, resumed, strict=True):
        assert {name: t.weights for name, t in a.tested.items()} == {name: t.weights for name, t in b.tested.items()}


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def wait_until_gone(pids: list[int]) -> None:
    """Workers end by themselves, at the latest after their epoch, when nobody listens any more."""
    deadline = time.monotonic() + 30
    while alive := [pid for pid in pids if Path(f"/proc/{pid}/exe").exists() and not is_zombie(pid)]:
        assert time.monotonic() < deadline, f"{alive} go on without a parent"
        time.sleep(0.1)


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_stopped_it_says_how_to_go_on(number: int, status: int, data: Path, tmp_path: Path) -> None:
    arguments = [*SMALL, "--arch", "ff", "--seeds", "3", "--epochs", "50000", "--data", str(data)]
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--out", str(tmp_path / "s")], env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    while "folder" not in process.stdout.readline():
        pass
    time.sleep(1)
    children = children_of(process.pid)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err.splitlines()[-1] == "stopped; the same command continues with the rest"
    assert "Traceback" not in err
    assert not [pid for pid in children if Path(f"/proc/{pid}/exe").exists() and not is_zombie(pid)]


def test_a_failing_run_is_marked_and_the_rest_goes_on(
    page: Page, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--vocabulary", "50", "--length", "20", "--epochs", "1", "--data", str(data)]
    arguments += ["--arch", "ff", "--grid", "learning_rate=0.001,1e30", "--seeds", "1", "--out", str(tmp_path / "s")]
    assert compare.main(arguments) == 1  # so large a step ends in infinite weights
    out = capsys.readouterr().out
    name = r"ff,learning_rate=1e\+30"
    assert re.search(rf"^{name} +seed 0 +failed: NonFiniteError: .*", out, re.MULTILINE)
    assert re.search(rf"^{name} +1 +1$", out, re.MULTILINE)
    assert re.search(rf"^{name} seed 0 failed: NonFiniteError: ", out, re.MULTILINE)
    _, results, _ = page.calls[0]
    assert [(r.model, r.failed) for r in results] == [
        ("ff,learning_rate=0.001", False),
        ("ff,learning_rate=1e+30", True),
    ]
    assert compare.main([*arguments, "--quiet"]) == 1
    said = capsys.readouterr()
    assert not said.out and re.match(rf"{name} seed 0 failed: NonFiniteError: ", said.err)


REFUSED = {
    "unknown model": (["--arch", "lsmt"], "'lsmt'; did you mean 'lstm'?"),
    "a model twice": (["--arch", "ff", "ff"], "model 'ff' is there twice"),
    "no seeds": (["--seeds", "0"], "--seeds must be a whole number from 1 to 100000, got 0"),
    "a seed twice": (["--seeds", "1,2,1"], "seed 1 is there twice"),
    "seeds between commas": (["--seeds", "3,,,"], "--seeds takes how many, such as 10, or the seeds themselves"),
    "generated reviews from a file": (["--synthetic"], "--synthetic makes its reviews itself: leave out --data"),
    "seeds in words": (["--seeds", "ten"], "--seeds takes how many, such as 10, or the seeds themselves"),
    "no margin": (["--margin", "0"], "--margin is the largest difference in points of accuracy that counts as none"),
    "nothing to choose the best epoch by": (["--validation-split", "0"], "with --protocol last"),
    "no such setting": (["--grid", "unit=8,16"], "unknown setting 'unit'; did you mean 'units'?"),
    "a grid that does not fit": (["--arch", "ff", "--grid", "units=8"], "'ff' has no recurrent layer"),
    "a margin that is no number": (["--margin", "nan"], "above 0 and below 100, got nan"),
    "a rate below 0": (["--arch", "ff", "--learning-rate", "-1"], "'ff': learning_rate must be positive and finite"),
    "a rate in a grid": (["--arch", "ff", "--grid", "learning_rate=nan"], "learning_rate must be positive and finite"),
    "a value twice": (["--arch", "lstm", "--grid", "units=8,8"], "--grid units: 8 is there twice"),
    "time without end": (["--budget", "inf"], "--budget takes a time such as 90s, 10m or 2h"),
    "no time": (["--budget", "10"], "--budget takes a time such as 90s, 10m or 2h"),
    "no preset file": (["--presets", "/nope.toml"], "/nope.toml"),
    "a network's setting": (["--arch", "linear", "--optimizer", "sgd"], "'linear' is no network: it has no optimizer"),
    "workers of a cluster": (["--workers", "2", "--cluster", "local"], "a cluster has its own: leave it out"),
    "no workers": (["--workers", "0"], "--workers must be a whole number from 1 to 1024, got 0"),
    "epochs": (["--epochs", "0"], "epochs must be a whole number"),
    "no data": (["--data", "/nope"], "/nope"),
    "no host": (["--cluster", "tcp://no-such-host.invalid:8786"], "no Dask scheduler answers at"),
    "no address": (["--cluster", "nonsense://x"], "--cluster takes the address of a scheduler"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(name: str, data: Path, tmp_path: Path) -> None:
    arguments, told = REFUSED[name]
    start = time.monotonic()
    done = run("--data", data, "--out", tmp_path / "s", *arguments)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert told in lines[-1]
    assert "error: " in lines[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "s").exists()
    assert time.monotonic() - start < 20


def test_a_backend_that_cannot_be_used_is_told_before_the_first_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(availability, "problem", lambda: "needs an NVIDIA device")
    out = tmp_path / "study"
    assert compare.main(["--arch", "ff", "--backend", "gpu", "--data", str(data), "--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith('error: backend="gpu" needs an NVIDIA device. Without')
    assert not out.exists()


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"])
def test_a_cluster_that_does_not_answer_is_reported_and_not_waited_for(
    answer: bytes | None, data: Path, tmp_path: Path
) -> None:
    """Nobody is there, somebody who says nothing, and somebody who is no scheduler."""
    with socket.socket() as server, ThreadPoolExecutor(1) as thread:
        server.bind(("127.0.0.1", 0))
        stop = threading.Event()
        if answer is not None:
            server.listen()
            server.settimeout(0.1)
            thread.submit(answer_all, server, answer, stop)
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        started = time.monotonic()
        try:
            done = run("--data", data, "--out", tmp_path / "s", "--cluster", address)
        finally:
            stop.set()
        assert time.monotonic() - started < 40  # 5 s on an idle machine; without a limit of ours it would be minutes
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: no Dask scheduler answers at {address} (")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "s").exists()


def answer_all(server: socket.socket, answer: bytes, stop: threading.Event) -> None:
    with ExitStack() as connections:
        while not stop.is_set():
            with suppress(TimeoutError):
                connection = connections.enter_context(server.accept()[0])
                connection.sendall(answer)


def test_a_folder_of_another_study_is_refused(page: Page, data: Path, tmp_path: Path) -> None:
    arguments = [*SMALL, "--arch", "ff", "--seeds", "1", "--data", str(data), "--out", str(tmp_path)]
    assert compare.main([*arguments, "--epochs", "1", "--quiet"]) == 0
    before = results_in(tmp_path)
    done = run(*arguments, "--epochs", "2")
    assert done.returncode == 2
    assert f"{str(tmp_path)!r} holds another study: --epochs is 1 there, 2 here" in done.stderr
    about = json.loads((tmp_path / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps({**about, "code": "0123456789ab"}))
    done = run(*arguments, "--epochs", "1")
    assert done.returncode == 2
    assert f"code is '0123456789ab' there, '{about['code']}' here" in done.stderr
    (tmp_path / "study.json").write_bytes(before["study.json"])
    assert results_in(tmp_path) == before


def test_help_imports_nothing_heavy() -> None:
    command = [COMMAND[0], "-X", "importtime", *COMMAND[1:], "--help"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    heavy = r"(numba|numpy|matplotlib|scipy|jinja2|rich|dask|distributed)\b"
    assert not {name for name in imported if re.match(heavy, name)}
    assert all(word in done.stdout for word in ("--seeds", "--cluster", "vdropout", "example:"))


def test_the_real_page_is_the_same_after_a_kill(data: Path, tmp_path: Path) -> None:
    """Byte for byte, apart from the lines that hold times."""
    arguments = [*SMALL, "--arch", "ff", "rnn", "--seeds", "2", "--epochs", "2", "--data", data]
    done = run(*arguments, "--out", tmp_path / "unbroken")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"saved {tmp_path / 'unbroken' / 'report.html'}"
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments), "--out", str(tmp_path / "broken")], env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    while " seed " not in process.stdout.readline():
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "broken" / "report.html").exists()
    assert run(*arguments, "--out", tmp_path / "broken").returncode == 0
    unbroken, broken = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("unbroken", "broken"))
    assert unbroken.pop("times") and broken.pop("times")
    assert unbroken == broken
    assert list(unbroken["protocols"]) == ["last", "best"]
    times = re.compile(r"<!-- times -->.*<!-- end of times -->", re.DOTALL)
    pages = [(tmp_path / name / "report.html").read_text() for name in ("unbroken", "broken")]
    assert all(times.search(page) for page in pages)
    assert times.sub("", pages[0]) == times.sub("", pages[1])


def test_a_budget_too_short_for_one_run_trains_nothing(data: Path, tmp_path: Path) -> None:
    arguments = [*SMALL, "--arch", "lstm", "--epochs", "100000", "--data", data, "--out", tmp_path / "s"]
    done = run(*arguments, "--budget", "8s")
    assert done.returncode == 2
    assert re.search(r"error: --budget 8 s is too short for one run: lstm is expected to take \d+ s, ", done.stderr)
    assert not list((tmp_path / "s" / "runs").iterdir())


def test_a_budget_leaves_the_rest_to_the_same_command(
    page: Page, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The linear model takes a second; an LSTM with so many epochs is not begun."""
    arguments = [*SMALL, "--arch", "linear", "lstm", "--seeds", "1", "--data", str(data), "--out", str(tmp_path / "s")]
    assert compare.main([*arguments, "--epochs", "100000", "--budget", "60s"]) == 0
    out = capsys.readouterr().out
    assert "1 run done, 1 in all; 1 are left (lstm), and the same command goes on with them; wall time" in out
    assert [result.model for result in page.calls[0][1]] == ["linear"]


def test_a_grid_and_presets_of_ones_own(page: Page, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        """
[mine]
embedding = 4
layers = [
    {class = "Bidirectional", layer = {class = "LSTM", units = 3}},
    {class = "Dense", units = 1, activation = "sigmoid"},
]
epochs = 1
length = 20
"""
    )
    arguments = ["--vocabulary", "50", "--data", str(data), "--presets", str(file), "--arch", "mine", "--seeds", "4,9"]
    arguments += ["--out", str(tmp_path / "s"), "--quiet", "--protocol", "last"]
    assert compare.main([*arguments, "--grid", "units=2,3", "--grid", "optimizer=sgd"]) == 0
    (_, results, _) = page.calls[0]
    names = ["mine,units=2,optimizer=sgd", "mine,units=3,optimizer=sgd"]
    assert [(r.model, r.seed) for r in results] == [(name, seed) for name in names for seed in (4, 9)]
    assert [r.parameters for r in results[::2]] == [50 * 4 + 2 * 4 * (4 * H + H * H + H) + 2 * H + 1 for H in (2, 3)]
    assert not any(r.failed for r in results)
    assert all(set(r.tested) == {"last"} and r.settings["epochs"] == 1 for r in results)
    file.write_text(file.read_text().replace("embedding = 4", "embedding = 5"))
    before = results_in(tmp_path / "s")
    assert compare.main([*arguments, "--grid", "units=2,3", "--grid", "optimizer=sgd"]) == 2
    assert results_in(tmp_path / "s") == before, "runs of other layers are not counted under one name"


def test_published_figures_stand_beside_the_published_settings_alone() -> None:
    found = Found(synthetic.make_corpus(20, 20), "imdb", False, True)
    known = PRESETS | CONTROLS

    def told(arch: str, found: Found, **chosen: Any) -> dict[str, float]:
        settings = vars(known[arch].settings(**chosen, seed=3)) | {"out": "elsewhere"}
        result = RunResult(arch, 3, "h", settings, 1, {}, {}, "t", "o", 1.0, 1.0)
        return overview.published_of([result], found, known)

    assert told("lstm", found) == {"lstm": 0.8321}
    assert told("lstm", found, epochs=9) == told("lstm", found, shuffle_words=True) == {}
    assert told("linear", found) == told("cnn", found) == {}
    assert told("lstm", found._replace(digest_known=False)) == told("lstm", found._replace(is_synthetic=True)) == {}
