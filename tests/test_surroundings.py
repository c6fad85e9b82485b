"""Training among other things: signals, threads, and a process whose global state is none of the trainer's business."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from scratchnn import Sequential
from scratchnn.core import threads
from scratchnn.layers import Dense

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(int)

# Trains slowly enough to be interrupted in the middle of a step, and tells what it finds afterwards.
TRAINING = """
import json, signal, sys, time
import numpy as np
from scratchnn import Sequential
from scratchnn.core import threads
from scratchnn.callbacks import Callback
from scratchnn.layers import Dense
from scratchnn.training.progress import Progress

x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
y = (x.sum(axis=1) > 0).astype(int)

def new_model():
    model = Sequential([Dense(4, "tanh"), Dense(1, "sigmoid")], backend="reference", seed=5)
    model.compile("adam", "binary_crossentropy")
    return model

model = new_model()
backward = model.backward
steps = 0  # taken; `progress` counts them later

def slow_backward(dy, caches):
    global steps
    steps += 1
    if steps == 3:
        print("in step 3", flush=True)
        time.sleep(0.5)
    return backward(dy, caches)

model.backward = slow_backward
progress = Progress()
handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
how = "finished"
try:
    model.fit(x, y, batch_size=4, epochs=500, verbose=0, progress=progress, shuffle=False)
except KeyboardInterrupt:
    how = "KeyboardInterrupt"
finally:
    finished = new_model()
    for step in range(3):
        finished.train_on_batch(x[4 * step : 4 * step + 4], y[4 * step : 4 * step + 4])
    print(json.dumps({
        "how": how,
        "at": [progress.epoch, progress.step],
        "step 3 is whole": all(map(np.array_equal, model.get_weights(), finished.get_weights())),
        "handlers are back": handlers == [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
    }), flush=True)
"""


def interrupt(*signals: int) -> tuple[int, dict[str, Any]]:
    with subprocess.Popen([sys.executable, "-W", "error", "-c", TRAINING], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "in step 3\n"
        for number in signals:
            child.send_signal(number)
            time.sleep(0.05)
        found = json.loads(child.stdout.readline())
        return child.wait(30), found


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGINT, signal.SIGINT)], ids=["once", "twice"])
def test_ctrl_c_finishes_the_step(signals: tuple[int, ...]) -> None:
    status, found = interrupt(*signals)
    assert found == {"how": "KeyboardInterrupt", "at": [0, 3], "step 3 is whole": True, "handlers are back": True}
    assert status == 0


def test_sigterm_finishes_the_step_and_exits_with_143() -> None:
    status, found = interrupt(signal.SIGTERM)
    assert found == {"how": "finished", "at": [0, 3], "step 3 is whole": True, "handlers are back": True}
    assert status == 143


def test_a_process_told_to_ignore_ctrl_c_ignores_it() -> None:
    script = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + TRAINING.replace("epochs=500", "epochs=1")
    with subprocess.Popen([sys.executable, "-W", "error", "-c", script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "in step 3\n"
        child.send_signal(signal.SIGINT)
        found = json.loads(child.stdout.readline())
        assert child.wait(30) == 0
    assert (found["how"], found["at"]) == ("finished", [1, 0])
    assert found["handlers are back"]


def model_for_x() -> Sequential:
    model = Sequential([Dense(4, "tanh"), Dense(1, "sigmoid")], backend="reference", seed=5)
    model.compile("adam", "binary_crossentropy")
    return model


def test_fit_outside_the_main_thread() -> None:
    results: list[Any] = []

    def train() -> None:
        model = model_for_x()
        model.fit(X, Y, epochs=2, verbose=0)
        results.append(model.get_weights())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join(60)
    model = model_for_x()
    model.fit(X, Y, epochs=2, verbose=0)
    assert len(results) == 1
    assert all(map(np.array_equal, results[0], model.get_weights()))


def blas_threads() -> list[int]:
    """Of NumPy's BLAS. SciPy brings another one, which models do not use, whenever somebody imports it."""
    numpys = {pool["filepath"] for pool in threads._controller().info()}
    return [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas" and p["filepath"] in numpys]


@pytest.mark.parametrize("call", ["predict", "evaluate", "fit", "train_on_batch"])
def test_blas_has_one_thread_during_a_call(call: str) -> None:
    model, during = model_for_x(), []
    forward = model.forward

    def watched(*args: Any, **options: Any) -> Any:
        during.append(blas_threads())
        return forward(*args, **options)

    model.forward = watched  # type: ignore[method-assign]
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        getattr(model, call)(X, **({} if call == "predict" else {"y": Y}))
        assert blas_threads() == before == [2] * len(before)
    assert during
    assert all(seen == [1] * len(before) for seen in during)


def test_overlapping_calls_leave_blas_its_threads() -> None:
    # The call that begins first ends first, so that each finds the other's limit in place.
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    first, second = model_for_x(), model_for_x()
    expected = first.predict(X)
    second.build((None, 3))
    results: list[np.ndarray] = []

    def wait_in(model: Sequential, arrived: threading.Event, leave: threading.Event) -> None:
        forward = model.forward

        def waiting(*args: Any, **options: Any) -> Any:
            arrived.set()
            assert leave.wait(30)
            return forward(*args, **options)

        model.forward = waiting  # type: ignore[method-assign]

    wait_in(first, first_is_in, second_is_in)
    wait_in(second, second_is_in, first_is_out)

    def second_call() -> None:
        first_is_in.wait(30)
        results.append(second.predict(X))

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        thread = threading.Thread(target=second_call)
        thread.start()
        results.append(first.predict(X))
        first_is_out.set()
        thread.join(30)
        assert blas_threads() == before
    assert [np.array_equal(result, expected) for result in results] == [True, True]


GLOBAL_STATE = """
import json, locale, os, signal, threading, warnings
import numpy as np
import numba
from threadpoolctl import threadpool_info

def state():
    return {
        "np.random": repr(np.random.get_state()),  # noqa: NPY002
        "np.geterr": np.geterr(),
        "warnings": repr(warnings.filters),
        "signals": repr([signal.getsignal(s) for s in signal.valid_signals()]),
        "blas": [pool["num_threads"] for pool in threadpool_info() if pool["filepath"] in pools],
        "locale": locale.setlocale(locale.LC_ALL),
        "print": np.get_printoptions(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "numba": [numba.config.CACHE_DIR, numba.config.THREADING_LAYER, numba.config.NUMBA_NUM_THREADS],
        "python threads": threading.active_count(),
    }

# Those that NumPy brought. Numba may load SciPy's, which has threads of its own and was not there to be changed.
pools = [pool["filepath"] for pool in threadpool_info() if pool["user_api"] == "blas"]
before = state()
changed = {}

def probe(what):
    after = state()
    changed[what] = [key for key in before if before[key] != after[key]]

import scratchnn
from scratchnn.layers import Dense, Embedding, Flatten
from scratchnn.optimizers import SGD
model = scratchnn.Sequential([Embedding(9, 3), Flatten(), Dense(1)], backend=BACKEND)
probe("import")
x, y = np.arange(40).reshape(10, 4) % 9, np.arange(10) % 2
model.compile("adam", "mse")
model.fit(x, y, epochs=2, verbose=0, validation_split=0.3)
probe("fit")
model.predict(x)
probe("predict")
model.evaluate(x, y, verbose=0)
probe("evaluate")
model.summary(print_fn=str)
probe("summary")
try:
    model.fit(x - 1, y, verbose=0)
except ValueError:
    probe("refused input")
model.set_weights([weight * np.inf for weight in model.get_weights()])
for call in (lambda: model.fit(x, y, verbose=0), lambda: model.train_on_batch(x, y)):
    try:
        with np.errstate(all="ignore"):
            call()
    except ArithmeticError:
        probe("error in a step")
print(json.dumps(changed))
"""


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_global_state_stays_as_it_was(backend: str) -> None:
    script = f"BACKEND = {backend!r}\n{GLOBAL_STATE}"
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        what: [] for what in ("import", "fit", "predict", "evaluate", "summary", "refused input", "error in a step")
    }
