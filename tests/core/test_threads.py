"""The number of threads: what is refused, what is warned of. Each case is a process, for Numba is told only once."""

import os
import re
import subprocess
import sys

import pytest

from scratchnn.core.threads import cores

MODEL = """
import sys
from scratchnn import Sequential
from scratchnn.core import threads
from scratchnn.layers import Embedding
BEFORE
Sequential([Embedding(9, 3)])
print(threads.kernel_threads())
"""


def python(before: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"} | variables
    return subprocess.run(
        [sys.executable, "-c", MODEL.replace("BEFORE", before)],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_by_default_there_is_one_for_each_core() -> None:
    run = python()
    assert (run.stdout, run.stderr) == (f"{cores()}\n", "")


@pytest.mark.parametrize("value", ["0", "-1", "abc", "1.5", "1025"])
def test_the_environment_variable_is_refused_by_its_name(value: str) -> None:
    run = python(NUMBA_NUM_THREADS=value)
    assert run.returncode == 1
    message = run.stderr.splitlines()[-1]
    expected = "ValueError: the environment variable NUMBA_NUM_THREADS must be a whole number from 1 to 1024, got "
    assert message in (expected + value, expected + repr(value))


@pytest.mark.parametrize("number", [0, -1, 1025, 2.5, True])
def test_a_number_out_of_range_is_refused(number: object) -> None:
    run = python(f"threads.set_threads({number})")
    assert run.returncode == 1
    message = run.stderr.splitlines()[-1]
    assert message == f"ValueError: the number of threads must be a whole number from 1 to 1024, got {number}"


def test_a_number_that_can_be() -> None:
    run = python("threads.set_threads(1)", NUMBA_NUM_THREADS="2")
    assert (run.stdout, run.stderr) == ("1\n", "")


@pytest.mark.parametrize("how", ["call", "variable"])
def test_more_than_cores_are_warned_of_once(how: str) -> None:
    many = str(cores() + 1)
    run = python(f"threads.set_threads({many})") if how == "call" else python(NUMBA_NUM_THREADS=many)
    assert run.stdout == f"{many}\n"
    told = re.findall(r"RuntimeWarning: (.*)", run.stderr)
    assert told == [f"{many} threads on {cores()} cores will be slower than {cores()}"]


def test_it_is_too_late_once_the_kernels_are_loaded() -> None:
    run = python("Sequential([Embedding(9, 3)])\nthreads.set_threads(1)")
    assert run.returncode == 1
    assert "RuntimeError: set_threads must come before the first model is made" in run.stderr


def test_cores_are_those_that_this_process_may_use() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system does not bind processes to cores")
    first = min(os.sched_getaffinity(0))
    run = python(f"import os; os.sched_setaffinity(0, [{first}]); assert threads.cores() == 1")
    assert (run.stdout, run.stderr) == ("1\n", "")
