"""Every draw has a stream of its own: seeds that are given, and models and layers without one."""

import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, set_random_seed
from scratchnn.core.randomness import Keys, checked, generator, named
from scratchnn.layers import GRU, Bidirectional, Conv1D, Dense, Embedding, SimpleRNN

SEEDS: list[Any] = [
    0,
    1,
    2,
    2**32 + 1,
    2**63,
    2**64 - 1,
    (0, 1),
    (0, 2),
    (1, 1),
    (2, 1),
    (1, 0),
    (2**32 - 1, 2**32 - 1),
]


@pytest.fixture(autouse=True)
def as_at_the_start() -> Iterator[None]:
    set_random_seed(0)
    yield
    set_random_seed(0)


def dense(**settings: Any) -> Sequential:
    return Sequential([Input((3,)), Dense(2)], backend="reference", **settings)


def first(model: Any) -> bytes:
    return model.get_weights()[0].tobytes()


def test_no_two_seeds_share_a_draw() -> None:
    draws = [
        generator(seed, purpose).bytes(16) for seed in SEEDS for purpose in ("weights", "order", "dropout", "data")
    ]
    places = [dict(epoch=e, step=s, layer=i) for e, s, i in product((0, 1, 2**16 - 1), (0, 1, 2**28 - 1), (0, 1))]
    for place, seed in product(places, SEEDS):
        keys = Keys(seed, **place)
        draws += [keys.next().tobytes() for _ in range(3)]
    assert len(set(draws)) == len(draws) == len(SEEDS) * (4 + 3 * len(places))


def test_a_given_seed_draws_what_it_always_did() -> None:
    """Recorded before models counted anything."""
    assert generator(7, "weights", layer=2).integers(0, 10**6, 3).tolist() == WEIGHTS_OF_7
    assert Keys(7, epoch=3, step=5, layer=2).next().tolist() == [7, 2**63 | 3 << 46 | 5 << 18 | 2 << 4]


WEIGHTS_OF_7 = [72882, 652432, 303318]


# ---- models without a seed


@pytest.mark.parametrize("make", [dense, lambda: Model(i := Input((3,)), Dense(2)(i), backend="reference")])
def test_models_without_a_seed_differ(make: Any) -> None:
    models = [make() for _ in range(4)]
    assert len({first(model) for model in models}) == 4
    assert [model.seed for model in models] == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert not {first(model) for model in models} & {first(dense(seed=seed)) for seed in range(50)}


def test_their_orders_and_dropout_masks_differ_too() -> None:
    orders = {generator(dense().seed, "order", epoch=0).permutation(50).tobytes() for _ in range(5)}
    masks = {dense().dropout_keys(0, 0, 0).next().tobytes() for _ in range(5)}
    assert len(orders) == len(masks) == 5


def test_set_random_seed_begins_again() -> None:
    unset = [first(dense()) for _ in range(2)]
    set_random_seed(0)  # as if nobody had set it
    assert [first(dense()) for _ in range(2)] == unset
    set_random_seed(5)
    of_5 = [first(dense()) for _ in range(2)]
    set_random_seed(5)
    assert [first(dense()) for _ in range(2)] == of_5
    assert len({*unset, *of_5}) == 4


def test_models_with_a_seed_and_models_from_files_take_no_number(tmp_path: Any) -> None:
    from scratchnn import load_model

    one = dense()
    one.save(tmp_path / "one.npz")
    dense(seed=3)
    assert load_model(tmp_path / "one.npz").seed == one.seed == (0, 1)
    with pytest.raises(ValueError, match="dtype"):
        dense(dtype="int8")
    assert dense().seed == (0, 2)


def test_a_stream_is_printed_and_can_be_taken_again() -> None:
    set_random_seed(9)
    dense()
    model = dense()
    words: list[str] = []
    for each in (model, dense(seed=7)):
        each.summary(print_fn=words.append)
    assert [each.rpartition("\n")[2] for each in words] == [" Seed: model 2 of set_random_seed(9)", " Seed: 7"]
    assert first(dense(seed=(9, 2))) == first(dense(seed=model.seed)) == first(model)
    assert named((9, 2)) == "model 2 of set_random_seed(9)"


def test_a_program_gives_the_same_numbers_each_time_it_runs() -> None:
    script = (
        "from scratchnn import Sequential, Input; from scratchnn.layers import Dense\n"
        "for _ in range(2): print(Sequential([Input((3,)), Dense(2)], backend='reference').get_weights()[0].tolist())"
    )
    runs = [subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in "ab"]
    assert runs[0].stdout == runs[1].stdout
    assert eval(runs[0].stdout.splitlines()[1]) == dense(seed=(0, 2)).get_weights()[0].tolist()


# ---- layers used alone


@pytest.mark.parametrize(
    "make", [lambda: Dense(2), lambda: GRU(2), lambda: Bidirectional(SimpleRNN(2)), lambda: Conv1D(2, 2)]
)
def test_layers_alone_differ_as_models_do(make: Any) -> None:
    layers = [make() for _ in range(3)]
    for layer in layers:
        layer.build((None, 5, 3), backend="reference")
    weights = [first(layer) for layer in layers]
    assert len(set(weights)) == 3
    set_random_seed(0)
    again = make()
    again.build((None, 5, 3), backend="reference")
    assert first(again) == weights[0]
    assert dense().seed == (0, 1)  # they take no number from the models


def test_both_directions_alone_differ() -> None:
    layer = Bidirectional(SimpleRNN(2))
    layer.build((None, 5, 3), backend="reference")
    assert not np.array_equal(layer.params["forward.Wx"], layer.params["backward.Wx"])


def test_layers_of_one_model_differ() -> None:
    model = Sequential([Input((3,)), Dense(3), Dense(3), Dense(3)], backend="reference")
    assert len({layer.get_weights()[0].tobytes() for layer in model.layers}) == 3


# ---- what is a seed


@pytest.mark.parametrize("seed", [-1, 2**64, True, np.int64(-1), (0,), (1, 2, 3), (0, 2**32), (-1, 0), (True, 1)])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    for make in (lambda: dense(seed=seed), lambda: Embedding(3, 2).build((None, 4), backend="reference", seed=seed)):
        with pytest.raises((TypeError, ValueError), match="seed"):
            make()


@pytest.mark.parametrize("seed", [-1, 2**32, True, "1", 0.5, None])
def test_set_random_seed_takes_what_keras_takes(seed: Any) -> None:
    """keras.utils.set_random_seed(2**32) raises ValueError: Seed must be between 0 and 2**32 - 1."""
    with pytest.raises((TypeError, ValueError)):
        set_random_seed(seed)
    assert dense().seed == (0, 1)


def test_the_generators_of_python_and_numpy_begin_with_the_seed_as_in_keras() -> None:
    """After keras.utils.set_random_seed(7), random.random() is 0.32383276483316237, numpy.random.rand() 0.0763..."""
    before = first(dense(seed=(7, 1)))
    set_random_seed(7)
    drawn = random.random(), np.random.rand()  # noqa: NPY002 - what a program may call
    assert drawn == (0.32383276483316237, 0.07630828937395717)
    assert first(dense()) == before  # which draws from neither


@pytest.mark.parametrize("kind", [np.int32, np.uint64, np.int64])
def test_numbers_of_numpy_are_seeds(kind: Any) -> None:
    model = dense(seed=kind(7))
    assert type(model.seed) is int and first(model) == first(dense(seed=7))
    assert checked([kind(1), 2]) == (1, 2)
    set_random_seed(3)
    assert dense().seed == (3, 1)
