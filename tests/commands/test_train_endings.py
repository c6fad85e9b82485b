"""Training that is stopped, resumed, or resumed from a damaged folder, from the command line."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scratchnn.core.files import container
from tests.commands.test_train import (
    COMMAND,
    SMALL,
    assert_refused,
    checksum_of,
    environment,
    one,
    train,
    write_data,
)
from tests.training.test_kept_by_fit import flip

EPOCHS = 100  # two seconds: enough to be stopped in the middle
ROW = r" +3 "  # the row of the third epoch
# Spaces, so that the command that is printed must be quoted.
PLACES = ["--data", "the reviews", "--out", "my runs"]
ARGUMENTS = [*SMALL, *PLACES, "--seed", "5", "--batch-size", "8"]

pytestmark = pytest.mark.usefixtures("ctrl_c_interrupts")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to train in, with reviews."""
    write_data(tmp_path / "the reviews")
    return tmp_path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checksum of a run that nobody stopped."""
    cwd = tmp_path_factory.mktemp("undisturbed")
    write_data(cwd / "the reviews")
    return checksum_of(train(cwd, *ARGUMENTS, "--epochs", str(EPOCHS)))


def stop(
    command: str | list[str], cwd: Path, number: int, row: str = ROW, delay: float = 0.0, **variables: str
) -> tuple[int, str]:
    """Send the signal once a line matches `row`. Return the exit status and the command that is printed then."""
    process = subprocess.Popen(
        command, cwd=cwd, env=environment() | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if re.match(row, line):
            break
    time.sleep(delay)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    assert not re.search(r"^weights", out, re.MULTILINE), f"it had finished before it was stopped\n{''.join(seen)}{out}"
    return process.returncode, one(r"(python -m scratchnn\.train --resume .+)$", err)


def words(command: str, cwd: Path) -> list[str]:
    """The command as the shell reads it, with `python` being this one."""
    shown = f'for word in {command}; do printf "%s\\n" "$word"; done'
    split = subprocess.run(["sh", "-c", shown], cwd=cwd, capture_output=True, text=True, check=True)
    program, *arguments = split.stdout.splitlines()
    assert program == "python"
    return [sys.executable, *arguments]


def go_on(command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(command, cwd), cwd=cwd, env=environment() | variables, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


def epochs_recorded(place: Path) -> list[int]:
    (folder,) = (place / "my runs").iterdir()
    rows = (folder / "metrics.csv").read_text().splitlines()[1:] if (folder / "metrics.csv").exists() else []
    return [int(row.split(",")[0]) for row in rows]


# ---- stopped


def test_ctrl_c_twice_and_on(place: Path, undisturbed: str) -> None:
    status, command = stop([*COMMAND, *ARGUMENTS, "--epochs", str(EPOCHS)], place, signal.SIGINT)
    assert status == 130
    assert 3 <= len(epochs_recorded(place)) < EPOCHS
    status, command = stop(words(command, place), place, signal.SIGINT, row=r" +\d+ ")
    assert status == 130
    assert checksum_of(go_on(command, place)) == undisturbed
    assert epochs_recorded(place) == list(range(1, EPOCHS + 1))


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_sigterm_and_sighup(number: int, expected: int, place: Path, undisturbed: str) -> None:
    status, command = stop([*COMMAND, *ARGUMENTS, "--epochs", str(EPOCHS)], place, number)
    assert status == expected
    assert checksum_of(go_on(command, place)) == undisturbed
    assert epochs_recorded(place) == list(range(1, EPOCHS + 1))


def test_killed_before_it_stops_early(place: Path) -> None:
    def files(folder: Path) -> tuple[bytes, int]:
        return (folder / "best.npz").read_bytes(), len((folder / "metrics.csv").read_text().splitlines())

    early = [*ARGUMENTS, "--epochs", str(EPOCHS), "--learning-rate", "0.03", "--early-stop", "20"]
    whole = train(place, *early)
    assert checksum_of(whole)
    last, best = re.findall(r"^stopped early after epoch (\d+): .* lowest after epoch (\d+)$", whole.stdout, re.M)[0]
    assert int(last) == int(best) + 20 < EPOCHS
    (folder,) = (place / "my runs").iterdir()
    expected = files(folder)
    shutil.rmtree(folder)
    process = subprocess.Popen([*COMMAND, *early], cwd=place, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert any(re.match(r" +5 ", line) for line in process.stdout)
    process.kill()
    process.communicate(timeout=120)
    (folder,) = (place / "my runs").iterdir()
    resumed = train(place, "--resume", str(folder), "--data", "the reviews")
    assert checksum_of(resumed) == checksum_of(whole)
    assert files(folder) == expected


def test_ctrl_c_after_the_epochs_were_extended(place: Path, undisturbed: str) -> None:
    assert checksum_of(train(place, *ARGUMENTS, "--epochs", "2")) != undisturbed
    (folder,) = (place / "my runs").iterdir()
    more = [*COMMAND, "--resume", str(folder), "--data", "the reviews", "--epochs", str(EPOCHS)]
    status, command = stop(more, place, signal.SIGINT, row=r" +4 ")
    assert status == 130
    assert checksum_of(go_on(command, place)) == undisturbed
    assert epochs_recorded(place) == list(range(1, EPOCHS + 1))


def test_ctrl_c_while_the_kernels_are_compiled(place: Path, undisturbed: str) -> None:
    cold = {"SCRATCHNN_CACHE": str(place / "cache")}
    begin = [*COMMAND, *ARGUMENTS, "--epochs", str(EPOCHS)]
    status, command = stop(begin, place, signal.SIGINT, row="compiling", delay=0.3, **cold)
    assert status == 130
    assert epochs_recorded(place) == []
    assert checksum_of(go_on(command, place, **cold)) == undisturbed
    assert epochs_recorded(place) == list(range(1, EPOCHS + 1))


# ---- resumed with other arguments


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reviews and `run`, which has had two epochs."""
    cwd = tmp_path_factory.mktemp("two")
    write_data(cwd / "the reviews")
    assert checksum_of(train(cwd, *ARGUMENTS, "--epochs", "2"))
    (folder,) = (cwd / "my runs").iterdir()
    folder.rename(cwd / "run")
    return cwd


RESUME = ["--resume", "run", "--data", "the reviews", "--epochs", "4"]


@pytest.mark.parametrize(
    "flag",
    [
        *("--seed=6", "--arch=lstm", "--vocabulary=40", "--length=10", "--skip-top=1", "--batch-size=4"),
        *("--validation-split=0.1", "--optimizer=sgd", "--learning-rate=0.1", "--global-clipnorm=1"),
        *("--backend=reference", "--out=elsewhere", "--synthetic", "--seed=0", "--validation-split=0", "--skip-top=0"),
    ],
)
def test_a_resumed_run_keeps_its_settings(flag: str, two_epochs: Path) -> None:
    assert flag.split("=")[0] in assert_refused(train(two_epochs, *RESUME, flag))
    assert not (two_epochs / "elsewhere").exists()


def test_resuming_takes_epochs_data_threads_early_stop_and_quiet(two_epochs: Path, tmp_path: Path) -> None:
    shutil.copytree(two_epochs, tmp_path, dirs_exist_ok=True)
    run = train(tmp_path, *RESUME, "--threads", "1", "--early-stop", "9", "--quiet")
    assert (run.returncode, run.stdout) == (0, "")
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 1 + 4


# ---- resumed from a damaged folder


def rewrite(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what the checkpoint says beside its arrays, and seal it again."""
    arrays, meta = container.read(run / "checkpoint.npz")
    change(meta)
    container.write(run / "checkpoint.npz", arrays, meta)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "no folder": shutil.rmtree,
    "no config": lambda run: (run / "config.toml").unlink(),
    "no checkpoint": lambda run: (run / "checkpoint.npz").unlink(),
    "checkpoint cut off": lambda run: cut(run / "checkpoint.npz"),
    "checkpoint empty": lambda run: (run / "checkpoint.npz").write_bytes(b""),
    "a model for a checkpoint": lambda run: shutil.copy(run / "model.npz", run / "checkpoint.npz"),
    "epoch is text": lambda run: rewrite(run, lambda meta: meta["progress"].update(epoch="two")),
    "records are numbers": lambda run: rewrite(run, lambda meta: meta["progress"].update(records=[1, 2])),
    "no metadata": lambda run: rewrite(run, lambda meta: meta["model"]["metadata"].clear()),
    "metadata are text": lambda run: rewrite(run, lambda meta: meta["model"].update(metadata="text")),
    "settings are text": lambda run: rewrite(run, lambda meta: meta["model"]["metadata"].update(settings="text")),
    "setting of a wrong type": lambda run: rewrite(
        run, lambda meta: meta["model"]["metadata"]["settings"].update(validation_split="x")
    ),
    "metrics damaged": lambda run: (run / "metrics.csv").write_text("epoch,loss\n1,0.5\nx,y\n3,0.5\n"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_run_is_refused_in_one_line(name: str, two_epochs: Path, tmp_path: Path) -> None:
    shutil.copytree(two_epochs, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run" / "checkpoint.previous.npz").unlink()  # which would be used
    DAMAGE[name](tmp_path / "run")
    assert_refused(train(tmp_path, *RESUME))


@pytest.mark.parametrize("name", ["no checkpoint", "checkpoint cut off", "a model for a checkpoint", "one bit"])
def test_the_one_before_a_damaged_checkpoint_is_used(
    name: str, two_epochs: Path, four_epochs: str, tmp_path: Path
) -> None:
    shutil.copytree(two_epochs, tmp_path, dirs_exist_ok=True)
    run = tmp_path / "run"
    (DAMAGE | {"one bit": lambda run: flip(run / "checkpoint.npz", 0.5)})[name](run)
    good = (run / "checkpoint.previous.npz").read_bytes()
    resumed = train(tmp_path, *RESUME)
    assert checksum_of(resumed) == four_epochs
    assert re.search(r"^warning: .*; the one before is used, .*checkpoint\.previous\.npz$", resumed.stderr, re.M)
    assert (run / "checkpoint.previous.npz").read_bytes() != good  # by now it is a later one
    assert len((run / "metrics.csv").read_text().splitlines()) == 1 + 4


def replace(path: Path, pattern: str, text: str) -> None:
    before = path.read_text()
    after = re.sub(pattern, text, before, count=1, flags=re.MULTILINE | re.DOTALL)
    assert after != before
    path.write_text(after)


CONFIG_DAMAGE = {
    "no [data]": (r"^\[data\].*?^\[", "["),
    "epochs is text": (r"^epochs = \d+$", 'epochs = "many"'),
    "digest is a number": (r'^digest = "\w+"$', "digest = 5"),
    "seed is a list": (r"^seed = \d+$", "seed = [5]"),
    "no TOML": (r"\A", "arch == \n"),
    "other arch": (r'^arch = "ff"$', 'arch = "fff"'),
}


@pytest.fixture(scope="module")
def four_epochs(two_epochs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    cwd = tmp_path_factory.mktemp("four")
    shutil.copytree(two_epochs, cwd, dirs_exist_ok=True)
    return checksum_of(train(cwd, *RESUME))


@pytest.mark.parametrize("name", CONFIG_DAMAGE)
def test_a_damaged_config_does_no_harm(name: str, two_epochs: Path, four_epochs: str, tmp_path: Path) -> None:
    """Either it is refused in one line, or it does not matter because the checkpoint knows better."""
    shutil.copytree(two_epochs, tmp_path, dirs_exist_ok=True)
    replace(tmp_path / "run" / "config.toml", *CONFIG_DAMAGE[name])
    run = train(tmp_path, *RESUME)
    if run.returncode == 0:
        assert checksum_of(run) == four_epochs
    else:
        assert_refused(run)


def test_other_data_are_refused(two_epochs: Path, tmp_path: Path) -> None:
    shutil.copytree(two_epochs, tmp_path, dirs_exist_ok=True)
    index = tmp_path / "the reviews" / "imdb_word_index.json"
    index.write_text(index.read_text().replace("word7", "other7"))
    assert "--data" in assert_refused(train(tmp_path, *RESUME))
