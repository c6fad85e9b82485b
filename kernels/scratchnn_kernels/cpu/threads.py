"""The threads that share the shards of a pass.

Why not OpenMP, which Numba's prange uses. It gives each thread its part before the loop begins and then waits for all
of them; on a machine that other programs use too, a thread that is not running just then holds up the others, even
where it has done nothing yet. Here a shard is taken by whoever is free: the thread that launches a pass takes shards
like any other, and waits only for shards that another has begun. A pass is announced in a few words of memory:

    TICKET   the number of the pass, how many shards it has, and the next one to be taken, in one word: a shard is
             taken by replacing the word by that with the next number, which only one thread can do
    ENTRY, BLOCK, FIRST   the function that runs a shard, its arguments, and the number of the first shard
    DONE     how many shards are done

A thread without work looks at TICKET for about as long as the gap between two passes of a step, then sleeps. Which
thread takes a shard changes no bit of any result, since sums are taken by shard.

The locks on which threads sleep are those of Python's own threads, by their addresses: they work without the GIL.
"""

import atexit
import ctypes
import threading
from typing import Any

import numpy as np

from scratchnn_kernels.cpu import words
from scratchnn_kernels.cpu.jit import compiled

LINE = 8  # words of a cache line: what different threads write is kept apart
TICKET, DONE, WAITS, JOB, LOCKS = 0, LINE, 2 * LINE, 3 * LINE, 4 * LINE
ENTRY, BLOCK, FIRST, HELPERS, STOP = range(JOB, JOB + 5)
ACQUIRE, RELEASE, LOCK = range(LOCKS, LOCKS + 3)  # two functions, and the lock of the thread that launches
WORKERS = 5 * LINE  # then for each worker a line: whether it sleeps, and its lock
SLEEPS, OWN_LOCK = 0, 1

BITS = 18  # of a number of shards in the ticket
MOST_SHARDS = (1 << BITS) - 1
SPINS = 2000  # looks before a thread sleeps: about the gap between two passes of a step


@compiled
def share(team, function, block, shards, helpers):
    """Run function(s, block) for all shards s, together with as many workers."""
    for first in range(0, shards, MOST_SHARDS):
        _share(team, function, block, first, min(MOST_SHARDS, shards - first), helpers)


@compiled
def _share(team, function, block, first, shards, helpers):
    team[ENTRY], team[BLOCK], team[FIRST], team[HELPERS] = function, block, first, helpers
    words.store(team, DONE, 0)
    number = (words.load(team, TICKET) >> (2 * BITS)) + 1
    words.store(team, TICKET, (number << (2 * BITS)) | (shards << BITS))
    for worker in range(min(helpers, shards - 1)):
        place = WORKERS + worker * LINE
        if words.load(team, place + SLEEPS) and words.exchange(team, place + SLEEPS, 0):
            words.call(team[RELEASE], team[place + OWN_LOCK], 0)
    while _take(team):
        pass
    spins = 0
    while words.load(team, DONE) < shards:
        spins += 1
        if spins < SPINS:
            words.pause()
        else:
            words.store(team, WAITS, 1)
            # Whoever takes the flag back owes the lock one release, or one acquisition.
            if words.load(team, DONE) < shards or not words.exchange(team, WAITS, 0):
                words.call(team[ACQUIRE], team[LOCK], 1)


@compiled
def _take(team):
    """Take one shard of the pass, if there is one left, and run it."""
    ticket = words.load(team, TICKET)
    number, shards = ticket & MOST_SHARDS, (ticket >> BITS) & MOST_SHARDS
    if number >= shards:
        return False
    function, block, first = team[ENTRY], team[BLOCK], team[FIRST]  # of this pass, if the ticket is still the same:
    if words.replace(team, TICKET, ticket, ticket + 1):
        words.call(function, first + number, block)
        if words.add(team, DONE, 1) == shards and words.exchange(team, WAITS, 0):
            words.call(team[RELEASE], team[LOCK], 0)
    return True


@compiled
def work(team, worker):
    """What a worker does until it is told to stop."""
    place = WORKERS + worker * LINE
    spins = 0
    while not words.load(team, STOP):
        if worker < team[HELPERS] and _take(team):
            spins = 0
        elif spins < SPINS:
            spins += 1
            words.pause()
        else:
            spins = 0
            words.store(team, place + SLEEPS, 1)
            ticket = words.load(team, TICKET)
            is_needed = (ticket & MOST_SHARDS) < ((ticket >> BITS) & MOST_SHARDS) and worker < team[HELPERS]
            is_needed |= words.load(team, STOP) != 0
            if not is_needed or not words.exchange(team, place + SLEEPS, 0):
                words.call(team[ACQUIRE], team[place + OWN_LOCK], 1)


def start(workers: int) -> np.ndarray:
    """Start so many threads, and return the words that they watch."""
    python = ctypes.pythonapi
    python.PyThread_allocate_lock.restype = ctypes.c_void_p
    team = _aligned(WORKERS + workers * LINE)
    team[ACQUIRE], team[RELEASE] = (_address(python.PyThread_acquire_lock), _address(python.PyThread_release_lock))
    for lock in (LOCK, *(WORKERS + n * LINE + OWN_LOCK for n in range(workers))):
        team[lock] = python.PyThread_allocate_lock()
        python.PyThread_acquire_lock(ctypes.c_void_p(int(team[lock])), 1)
    threads = [
        threading.Thread(target=work, args=(team, n), daemon=True, name=f"scratchnn {n}") for n in range(workers)
    ]
    for thread in threads:
        thread.start()
    atexit.register(_stop, team, threads)
    return team


def _stop(team: np.ndarray, threads: list[threading.Thread]) -> None:
    team[STOP] = 1
    for n, thread in enumerate(threads):
        place = WORKERS + n * LINE
        if _taken_back(team, place + SLEEPS):
            ctypes.pythonapi.PyThread_release_lock(ctypes.c_void_p(int(team[place + OWN_LOCK])))
        thread.join(1)


@compiled
def _taken_back(team, place):
    return words.exchange(team, place, 0) != 0


def _aligned(count: int) -> np.ndarray:
    """So many words, all zero, from the beginning of a cache line on."""
    memory = np.zeros(count + LINE, np.int64)
    return memory[-(memory.ctypes.data // words.WORD_BYTES) % LINE :][:count]


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
