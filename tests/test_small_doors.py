"""Small things that a reader of Keras' pages writes, each taken as Keras takes it or refused with what to do."""

import copy
import pickle  # noqa: TID251 - the package has none; its users do
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, initializers, set_random_seed
from scratchnn.data import imdb
from scratchnn.layers import AveragePooling1D, Conv1D, Dense, MaxPooling1D, RepeatVector, UpSampling1D

STEPS = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("tuples", "numbers"),
    [
        (MaxPooling1D((2,)), MaxPooling1D(2)),
        (MaxPooling1D([2], (3,)), MaxPooling1D(2, 3)),
        (AveragePooling1D((2,), [3]), AveragePooling1D(2, 3)),
        (Conv1D(2, (3,), (2,), kernel_initializer="ones"), Conv1D(2, 3, 2, kernel_initializer="ones")),
        (
            Conv1D(2, [3], dilation_rate=(2,), kernel_initializer="ones"),
            Conv1D(2, 3, dilation_rate=2, kernel_initializer="ones"),
        ),
    ],
)
def test_a_tuple_of_one_where_keras_takes_it(tuples: Any, numbers: Any) -> None:
    assert tuples.get_config() == numbers.get_config()
    np.testing.assert_array_equal(tuples(STEPS), numbers(STEPS))


@pytest.mark.parametrize("kind", [UpSampling1D, RepeatVector, Dense])
def test_a_tuple_of_one_where_keras_refuses_it(kind: Any) -> None:
    wrong: Any = (2,)
    with pytest.raises((ValueError, TypeError)):
        kind(wrong)


# ---- initializers called alone


@pytest.mark.parametrize("name", [name for name in initializers.INITIALIZERS if name not in ("constant", "orthogonal")])
def test_an_initializer_gives_an_array(name: str) -> None:
    """Keras 3.15.1: without a seed too, an initializer gives the same numbers each time, and another one others."""
    rule, other = initializers.get(name), initializers.get(name)
    array = rule((2, 3))
    assert array.shape == (2, 3) and array.dtype == np.float32
    np.testing.assert_array_equal(rule((2, 3)), array)
    np.testing.assert_array_equal(copy.deepcopy(rule)((2, 3)), array)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rule))([2, 3]), array)
    assert (other((2, 3)) == array).all() == (name in ("zeros", "ones"))
    assert rule == other and hash(rule) == hash(other) and repr(rule) == repr(other)
    assert rule.get_config() == other.get_config()


def test_initializers_called_alone_follow_set_random_seed() -> None:
    drawn = []
    for _ in range(2):
        set_random_seed(3)
        drawn.append(initializers.RandomNormal()((4,), dtype=np.float64))
    assert drawn[0].dtype == np.float64
    np.testing.assert_array_equal(*drawn)


def test_a_dtype_in_the_place_of_the_generator_is_refused() -> None:
    rule: Any
    for rule in (initializers.RandomNormal(), initializers.Constant(2.0)):
        with pytest.raises(
            TypeError, match=r"called as \(shape, generator, dtype\), .* got 'float64' as generator; give"
        ):
            rule((2,), "float64")
    np.testing.assert_array_equal(initializers.Constant(2.0)((2,)), [2, 2])


# ---- what is refused


def encoder() -> Model:
    inputs = Input((3,))
    return Model(inputs, Dense(2)(inputs))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Sequential([encoder(), Dense(1)]),
            r"got <Model 'model'.*: a model cannot be a part of another one\. .*c",
        ),
        (
            lambda: imdb.load_data(nb_words=20),
            r"load_data: nb_words=20 is refused: since Keras 2 its name is num_words",
        ),
        (lambda: Sequential([Dense]), r"got the class Dense: call it, Dense\(\.\.\.\)"),
        (lambda: Sequential([[Dense(3)]]), r"got a list in the list: put what is in it into the list itself, \*layers"),
        (lambda: Sequential([np.tanh]), r"got <ufunc 'tanh'>: Lambda\(function, backward=\.\.\.\) makes a layer"),
        (lambda: Sequential([Dense(3), Input((3,))]), r"got an Input, of shape \(None, 3\): the Input is the first of"),
        (lambda: Sequential([Dense(3)(Input((3,)))]), "got the output of Dense, .*: give the layers themselves"),
        (lambda: imdb.load_data(num_wrods=20), r"load_data takes no argument 'num_wrods'; did you mean 'num_words'\?"),
    ],
)
def test_it_is_said_what_to_do(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_a_model_in_a_model_as_it_is_advised() -> None:
    first = encoder()
    model = Sequential([Input((3,)), *(layer.clone() for layer in first.layers), Dense(1)], backend="reference")
    for new, old in zip(model.layers, first.layers, strict=False):
        new.set_weights(old.get_weights())
    x = STEPS[:, 0]
    np.testing.assert_allclose(model.layers[0](x), first.predict(x), rtol=1e-6)


@pytest.mark.parametrize("shape", [(None, 3), [None, 3]])
def test_build_takes_a_list_too(shape: Any) -> None:
    model = Sequential([Dense(3)])
    model.build(shape)
    assert model.count_params() == 12
