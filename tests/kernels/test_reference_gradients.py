"""Link 1: the reference pairs against central differences, float64, for every number of every array."""

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from scratchnn_kernels import reference

from scratchnn.activations import ACTIVATIONS
from tests.kernels.pairs import (
    STATES,
    BinaryCrossentropy,
    Case,
    Conv1D,
    Dense,
    Embedding,
    GlobalMaxPooling1D,
    MaxPooling1D,
    Recurrent,
    assert_gradients_are_right,
    name_of,
    variants,
)

RECURRENT = [case for kernel in STATES for case in variants(Recurrent(kernel))]
# Softmax runs over the last axis, where a recurrent layer's gates lie side by side in the cpu kernels: reference only.
SMALL = {"T": 3, "H": 2, "scale": 0.3}
ACTIVATED = [
    *(Recurrent(kernel, activation=name, **SMALL) for kernel in STATES for name in ACTIVATIONS),
    *(Recurrent(kernel, recurrent_activation=name, **SMALL) for kernel in ("lstm", "gru") for name in ACTIVATIONS),
    *(Recurrent("gru", recurrent_activation=name, reset_after=False, **SMALL) for name in ACTIVATIONS),
    *(Conv1D(activation=name) for name in ACTIVATIONS),
]
CONVOLUTIONS = [
    *(Conv1D(k=k) for k in (1, 2, 7)),
    *(Conv1D(stride=stride, T=T) for stride in (2, 3) for T in (7, 8, 9)),
    *(Conv1D(dilation=dilation, T=T) for dilation in (2, 3) for T in (7, 9)),
    Conv1D(stride=2, dilation=2, T=8),
    Conv1D(stride=5, k=2, T=9),  # steps between the windows that no window sees
    Conv1D(B=1, T=1, D=1, k=1, F=1),
    Conv1D(B=3, T=11, D=5, k=4, F=7),
    *(MaxPooling1D(k=k, stride=stride) for k in (1, 2, 5) for stride in (1, 2, 5)),
    *(GlobalMaxPooling1D(T=T) for T in (1, 5)),
]
DENSE = [Dense(), Dense(B=1, D=1, H=1), Dense(B=5, D=7, H=2)]
DENSE += [Dense(activation=name) for name in ACTIVATIONS if name != Dense().activation]
WAYS = [(from_logits, labels) for from_logits in (False, True) for labels in (False, True)]
LOSSES = [
    *(BinaryCrossentropy(from_logits=from_logits, labels=labels) for from_logits, labels in WAYS),
    *(BinaryCrossentropy(B=B, D=1, from_logits=from_logits) for B in (1, 7) for from_logits in (False, True)),
]
EMBEDDINGS = [Embedding(), Embedding(V=1), Embedding(B=1, T=1), Embedding(B=3, T=9, D=1, V=2), Embedding(V=50)]


@pytest.fixture(autouse=True, scope="module")
def strict_numbers() -> Iterator[None]:
    """No overflow, no NaN, no division by zero on the way."""
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.mark.parametrize("case", [*RECURRENT, *CONVOLUTIONS, *DENSE, *EMBEDDINGS, *LOSSES], ids=name_of)
def test_backward_agrees_with_central_differences(case: Case) -> None:
    assert_gradients_are_right(case, module_of(case))


@pytest.mark.parametrize("case", ACTIVATED, ids=name_of)
def test_backward_agrees_with_every_activation(case: Case) -> None:
    assert_gradients_are_right(case, module_of(case))


@pytest.mark.parametrize("case", [Recurrent(kernel, B=1, T=30, D=1) for kernel in STATES], ids=name_of)
def test_gradients_reach_through_many_steps(case: Case) -> None:
    assert_gradients_are_right(case, module_of(case))


@pytest.mark.parametrize("kernel", STATES)
def test_a_row_without_a_word_keeps_its_state_and_passes_its_gradient_on(kernel: str) -> None:
    case = Recurrent(kernel, mask="rows", B=3)
    outputs, gradients = case.run(module_of(case))
    arrays, dys = case.arrays(), case.dys(outputs)
    dy_sum = dys[0][0].sum(axis=0)  # y shows the same state at every step
    for number, name in enumerate(STATES[kernel]):
        assert np.array_equal(outputs[1 + number][0], arrays[f"{name}0"][0])
        expected = dys[1 + number][0] + (dy_sum if name == "h" else 0)
        np.testing.assert_allclose(gradients[f"{name}0"][0], expected, rtol=1e-14)
    assert np.array_equal(outputs[0][0], np.broadcast_to(arrays["h0"][0], (case.T, case.H)))
    assert not gradients["x"][0].any()


def module_of(case: Case) -> ModuleType:
    return getattr(reference, case.kernel)
