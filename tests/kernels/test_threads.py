"""The kernels' threads take every shard once, sleep and wake, and leave the process when it ends."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from scratchnn_kernels.cpu import launching, threads
from scratchnn_kernels.cpu.jit import compiled


@compiled
def _count_shard(s, first, counts):
    counts[s] += first[0] + s


def expected(shards: int, launches: int) -> np.ndarray:
    return launches * (7.0 + np.arange(shards))


@pytest.fixture(autouse=True)
def two_threads() -> None:
    if launching.number_of_threads() < 2:
        pytest.skip("kernels have one thread here")


@pytest.mark.parametrize("shards", [2, 3, 16, 1000])
def test_every_shard_is_taken_once(shards: int) -> None:
    counts, first = np.zeros(shards), np.full(1, 7.0)
    launches = 2000
    for n in range(launches):
        launching.launch(_count_shard, shards, first, counts)
        if n % 500 == 0:
            time.sleep(0.01)  # the others fall asleep
    np.testing.assert_array_equal(counts, expected(shards, launches))


def test_more_shards_than_a_ticket_can_count() -> None:
    shards = 2 * threads.MOST_SHARDS + 5
    counts = np.zeros(shards)
    launching.launch(_count_shard, shards, np.full(1, 7.0), counts)
    np.testing.assert_array_equal(counts, expected(shards, 1))


def test_python_threads_take_turns() -> None:
    counts = np.zeros((4, 40))

    def keep_launching(n: int) -> None:
        for _ in range(500):
            launching.launch(_count_shard, 40, np.full(1, 7.0), counts[n])

    several = [threading.Thread(target=keep_launching, args=(n,)) for n in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    np.testing.assert_array_equal(counts, np.tile(expected(40, 500), (4, 1)))


def test_fewer_threads_can_be_used_and_all_again() -> None:
    most, used = launching.number_of_threads(), set()
    try:
        for number in (1, most + 5, 0, most):
            launching.use_threads(number)
            used.add(launching.threads_in_use())
            counts = np.zeros(9)
            launching.launch(_count_shard, 9, np.full(1, 7.0), counts)
            np.testing.assert_array_equal(counts, expected(9, 1))
    finally:
        launching.use_threads(most)
    assert used == {1, most}


CHURN = """
import os, sys, time
import numpy as np
from scratchnn_kernels.cpu import launching
from scratchnn_kernels.cpu.jit import compiled

@compiled
def add_shard(s, counts):
    counts[s] += 1

counts = np.zeros(50)
end = time.monotonic() + 4
launches = 0
while time.monotonic() < end:
    launching.launch(add_shard, 50, counts)
    launches += 1
    if launches % 200 == 0:
        time.sleep(0.001)
assert (counts == launches).all()
"""


@pytest.mark.parametrize("number", [2, 5])
def test_more_threads_than_cores_and_the_process_ends(number: int) -> None:
    env = os.environ | {"NUMBA_NUM_THREADS": str(number)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHURN], env=env, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
