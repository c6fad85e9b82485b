"""`python -m scratchnn.warmup`, and the progress that it and training show while kernels are compiled."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.cpu import precompile
from scratchnn_kernels.store import processor

from scratchnn import Sequential, warmup
from scratchnn.experiments.presets import PRESETS
from scratchnn.gradients import cases
from scratchnn.layers import LAYERS, LSTM, Embedding
from tests.commands.test_train import write_data
from tests.report.test_console import in_terminal, left_on_screen


def builds(work: Any) -> dict[tuple[Any, Any], precompile.Build]:
    return {(build.kernel, build.args): build for build in precompile.builds_for(work)}


# ---- which kernels


def test_a_dry_pass_runs_no_kernel_and_names_them_in_order() -> None:
    model = Sequential([Embedding(9, 3), LSTM(4)], seed=0)
    model.build((None, 5))
    outputs = []

    def work() -> None:
        y, caches = model.forward(np.zeros((2, 5), np.int32))
        outputs.append(caches[1].kernel_cache.gates)
        outputs[0][...] = 7
        model.backward(np.ones_like(y), caches)

    found = precompile.builds_for(work)
    names = [build.name for build in found if not build.name.startswith(("arrays", "pool"))]  # what is around them
    assert names == ["embedding forward", "lstm forward", "lstm backward", "embedding backward"]
    assert not any(build.shared for build in found), "two rows are one shard"
    assert (outputs[0] == 7).all()
    y, _ = model.forward(np.zeros((2, 5), np.int32))  # from here on kernels run again
    assert np.isfinite(y).all()


def test_launches_are_noted_again_after_work_that_failed() -> None:
    with pytest.raises(ZeroDivisionError):
        precompile.builds_for(lambda: 1 / 0)
    assert precompile.launching.listener.get() is None


def forward_and_backward(layer: Any, x: Any, *, mask: Any = None, initial_state: Any = None, training: bool = False,
                         seed: int = 0) -> list[Any]:  # fmt: skip
    options = {} if initial_state is None else {"initial_state": initial_state}
    y, cache = layer.forward(x, mask=mask, training=training, rng=np.random.default_rng(seed), **options)
    layer.backward(tuple(np.ones_like(each) for each in y) if isinstance(y, tuple) else np.ones_like(y), cache)
    return []


def test_warmup_leaves_out_no_kernel_of_any_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient check uses every layer in every way; it needs nothing that warmup does not compile."""
    monkeypatch.setattr(cases, "check", forward_and_backward)
    compiled = builds(partial(warmup.every_kernel, "float64"))
    checked = [case for case in cases.cases() if case.name in LAYERS and "cpu" in case.backends]
    assert {case.name for case in checked} == set(LAYERS) - {"RNN"}  # which has no compiled kernels
    for case in checked:
        needed = builds(lambda case=case: case.check(0, "cpu"))
        assert [build.name for key, build in needed.items() if key not in compiled] == [], (case.name, case.variant)


@pytest.mark.parametrize("arch", PRESETS)
def test_warmup_leaves_out_no_loop_of_a_published_model(arch: str) -> None:
    model = Sequential(PRESETS[arch].layers(10_000), seed=0)
    model.build((None, 500))

    def work() -> None:
        for batch in (1, 32, 256):
            y, caches = model.forward(np.zeros((batch, 500), np.int32), training=True)
            model.backward(np.zeros_like(y), caches)

    compiled = builds(partial(warmup.every_kernel, "float32"))
    for key, build in builds(work).items():
        assert compiled[key].shared >= build.shared, build.name


# ---- the command, with little to compile

PROGRAM = """
import sys
import numpy as np
from scratchnn import Sequential, warmup
from scratchnn.layers import Embedding

def every_kernel(dtype):
    model = Sequential([Embedding(9, 3)], dtype=dtype)
    model.build((None, 5))
    y, cache = model.layers[0].forward(np.zeros((2, 5), np.int32))
    model.layers[0].backward(y, cache)

warmup.every_kernel = every_kernel
PREPARE
sys.exit(warmup.main(ARGUMENTS))
"""


def program(*arguments: str, prepare: str = "") -> str:
    return PROGRAM.replace("ARGUMENTS", repr(arguments)).replace("PREPARE", prepare)


def run(cache: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"SCRATCHNN_CACHE": str(cache)} | variables,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_it_compiles_what_is_missing(tmp_path: Path) -> None:
    def told(*arguments: str) -> list[str]:
        done = run(tmp_path, program(*arguments))
        assert (done.returncode, done.stderr) == (0, "")
        place, *rest = done.stdout.splitlines()
        assert re.fullmatch(rf"kernels are kept in {tmp_path}/kernels/[0-9a-f]{{16}}", place)
        return [re.sub(r"\d+\.\d s", "1.0 s", line) for line in rest]

    compiling = ["compiling 2 kernels, once on this machine", "compiled 2 kernels in 1.0 s"]
    there = ["nothing to compile: all 2 are there, and were loaded in 1.0 s"]
    assert told() == compiling
    assert told() == there
    float32_done = time.time_ns()
    assert told("--dtype", "float64") == compiling
    (entry,) = (path for path in tmp_path.rglob("*_backward_shard*.kernel") if path.stat().st_mtime_ns < float32_done)
    entry.unlink()
    assert told() == ["compiling 1 kernel, once on this machine", "compiled 1 kernel in 1.0 s; 1 were there already"]
    entry.write_bytes(entry.read_bytes()[:20])
    assert told() == ["compiling 1 kernel, once on this machine", "compiled 1 kernel in 1.0 s; 1 were there already"]
    assert told() == there


def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    written = in_terminal(80, program(), SCRATCHNN_CACHE=str(tmp_path))
    shown = [part.rstrip() for part in written.split("\r") if part.startswith("compiling")]
    assert shown == ["compiling kernels 1/2: embedding forward", "compiling kernels 2/2: embedding backward"]
    place, done = left_on_screen(written)
    assert place.startswith("kernels are kept in ")
    assert re.fullmatch(r"compiled 2 kernels in \d+\.\d s", done)
    assert in_terminal(80, program(), SCRATCHNN_CACHE=str(tmp_path)).count("compiling") == 0


def test_there_is_nowhere_to_keep_kernels(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    done = run(tmp_path / "file", program())
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: no cache for compiled kernels in {tmp_path}/file/kernels/")
    assert line.endswith("set SCRATCHNN_CACHE to a folder that can be written to")


def test_kernels_that_could_not_be_stored_are_told(tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    done = run(tmp_path, program(prepare=full))
    assert done.returncode == 1
    assert "error: 2 of them could not be stored in " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name, value", [("NUMBA_NUM_THREADS", "0"), ("NUMBA_DISABLE_JIT", "1")])
def test_a_setting_that_makes_no_sense_here(name: str, value: str, tmp_path: Path) -> None:
    done = run(tmp_path, program(), **{name: value})
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and name in line


def test_help_answers_without_numba() -> None:
    script = "import sys; from scratchnn import warmup\ntry: warmup.main(['--help'])\nexcept SystemExit: pass\n"
    done = run(Path(), script + "assert 'numpy' not in sys.modules and 'numba' not in sys.modules")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(words in done.stdout for words in ("--dtype", "SCRATCHNN_CACHE"))


# ---- taking kernels to other machines


def exported(folder: Path, *arguments: str) -> str:
    """Export the two kernels, and return the digest."""
    done = run(folder / "unused", program("--export", str(folder / "export"), *arguments))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert not (folder / "unused").exists(), "it is compiled apart from what the user has"
    return done.stdout.split()[-1]


def level_of_host() -> str:
    levels = processor.levels_of_host()
    if not levels:
        pytest.skip("this CPU has no level that kernels can be exported for")
    return levels[-1]


@pytest.mark.parametrize("target", ["native", "a level"])
def test_exported_kernels_are_taken_in_and_used(target: str, tmp_path: Path) -> None:
    digest = exported(tmp_path, "--target", level_of_host() if target == "a level" else target)
    cache = tmp_path / "cache"
    taken = run(cache, program("--import", str(tmp_path / "export"), "--digest", digest))
    assert (taken.returncode, taken.stderr) == (0, "")
    assert "2 kernels are in " in taken.stdout
    used = run(cache, program())
    assert "nothing to compile: all 2 are there" in used.stdout
    verified = run(cache, program("--verify"))
    assert (verified.returncode, verified.stdout) == (0, "2 stored kernels are whole\n")
    # What the import lacks is compiled here, and kept apart from it.
    assert "compiled 2 kernels" in run(cache, program("--dtype", "float64")).stdout
    assert len(list(cache.rglob("*.kernel"))) == 4
    assert len(list((cache / "kernels").iterdir())) == (2 if target == "a level" else 1)


def test_an_export_is_taken_in_whole_and_where_it_fits_or_not_at_all(tmp_path: Path) -> None:
    digest = exported(tmp_path)
    export, cache = tmp_path / "export", tmp_path / "cache"

    def refused(digest: str) -> str:
        done = run(cache, program("--import", str(export), "--digest", digest))
        assert (done.returncode, done.stdout) == (2, "")
        assert not list(cache.rglob("*.kernel"))
        (line,) = done.stderr.splitlines()
        return line

    assert "it is another export, or was changed" in refused("0" * 64)
    listed = export / "kernels.json"
    text = listed.read_text()

    def digest_with(old: str, new: str) -> str:
        assert old in text
        listed.write_text(text.replace(old, new))
        return hashlib.sha256(listed.read_bytes()).hexdigest()

    fits_not = refused(digest_with('"Numba": "', '"Numba": "9'))
    assert "does not fit: it was made for another Numba, 9" in fits_not and "here it is" in fits_not
    assert "made for another CPU" in refused(digest_with('"CPU": "', '"CPU": "another '))
    assert "no list of kernels that this version reads" in refused(digest_with("kernels 1", "kernels 2"))
    assert "which is no kernel's" in refused(digest_with("embedding._forward", "../embedding._forward"))
    listed.write_text(text)
    entry = next(export.glob("*.kernel"))
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert f"{entry} is damaged" in refused(digest)
    entry.unlink()
    assert "No such file" in refused(digest)
    assert run(tmp_path, program("--export", str(export))).stderr.endswith("kernels are exported into a new folder\n")


def test_damaged_kernels_are_named(tmp_path: Path) -> None:
    run(tmp_path, program())
    entry = next(tmp_path.rglob("*.kernel"))
    entry.write_bytes(entry.read_bytes()[:-1])
    done = run(tmp_path, program("--verify"))
    assert (done.returncode, done.stderr) == (1, f"error: {entry} is damaged\n")
    assert done.stdout == "1 stored kernels are whole, 1 are not: they will be compiled again\n"


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["--target", "native"], "--target needs --export"),
        (["--import", "folder"], "--import and --digest need each other"),
        (["--digest", "0"], "--import and --digest need each other"),
        (["--verify", "--dtype", "float64"], "--dtype is for compiling"),
        (["--verify", "--export", "folder"], "not allowed with"),
    ],
)
def test_what_does_not_go_together(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        warmup.main(arguments)
    assert reason in capsys.readouterr().err


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_ctrl_c_ends_it_between_two_kernels(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", program()],
        env=os.environ | {"SCRATCHNN_CACHE": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        while "compiling" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert (process.wait(60), process.stderr.read()) == (130, "")
        assert "compiled" not in rest
    assert list(tmp_path.rglob("*_forward_shard*.kernel")) and not list(tmp_path.rglob("*_backward_shard*.kernel"))


# ---- training


def test_training_says_what_it_compiles_and_compiles_nothing_else(tmp_path: Path) -> None:
    """Every kernel is counted before the first one: once the last line is out, the compiler has nothing to do."""
    write_data(tmp_path / "data")
    script = """
import sys
from numba.core import event
from scratchnn.train import main

class Compiler(event.Listener):
    def on_start(self, event):
        print(end=f"<{event.data['dispatcher'].py_func.__name__}>")
    def on_end(self, event):
        pass

event.register("numba:compile", Compiler())
choice = "--arch ff --vocabulary 50 --length 20 --epochs 1 --data data --global-clipnorm 1"
sys.exit(main(choice.split()))
"""
    environment = os.environ | {"SCRATCHNN_CACHE": str(tmp_path / "cache")}
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    cold, warm = outputs
    parts = re.fullmatch(
        r"(.*)compiling (\d+) kernels, once on this machine\n(.*)compiled \2 kernels in (.*)", cold, re.DOTALL
    )
    assert parts is not None, cold
    before, count, compiling, after = parts.groups()
    assert compiling.count("_shard>") == int(count)
    assert "_shard>" not in before + after  # the loop that runs recorded steps is no kernel, and takes no time
    assert "<" not in warm and "compil" not in warm
