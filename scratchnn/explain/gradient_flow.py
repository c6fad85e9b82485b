"""Where the gradient goes on its way back, step by step: recorded from one exact backward pass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.reference import gru, projection, recurrence

from scratchnn.core.backend import load
from scratchnn.core.threads import one_blas_thread
from scratchnn.explain.chain import Chain
from scratchnn.explain.reading import Reading
from scratchnn.layers import GRU
from scratchnn.models.model import Model

TARGETS = ("p", "loss")


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """One walk through time, in the order of the row: place t is step t."""

    name: str
    dstates: dict[str, Array]
    """dh, and dc of an LSTM, (T, H): of the states that leave step t, whatever way they reach the target."""
    dax: Array
    """(T, G): of the part of the pre-activations that comes from x."""
    dah: Array
    """(T, Gh): of the part that comes from h."""
    factors: dict[str, list[tuple[Array, Array]]]
    """parameter -> blocks of columns: what step t adds to its gradient is the outer product of two rows."""
    grads: dict[str, Array]
    """The gradients as the backward pass returned them."""
    jacobian: Array
    """(T,): the spectral norm of dh_last / dh_t."""
    kept: Array | None
    """(T, H): the product of all forget gates (a GRU's update gates) after step t; None where there are none."""

    def norms(self, state: str = "h") -> Array:
        """|dstate| (T,)"""
        return np.linalg.norm(self.dstates[f"d{state}"], axis=1)

    def itemised(self, parameter: str, t: int) -> Array:
        """What step t alone adds to the gradient of Wx, Wh or a bias; these sum to `grads[parameter]`."""
        item = np.concatenate([np.outer(left[t], right[t]) for left, right in self.factors[parameter]], axis=-1)
        return item[0] if self.grads[parameter].ndim == 1 else item

    def shares(self, parameter: str = "Wh") -> Array:
        """(T, blocks of H columns): the share of each step in each block of the gradient; all of them sum to 1.

        A share is the product of the step's part with the whole gradient, over that of the whole with itself: below
        zero where a step pulls the other way.
        """
        total = np.atleast_2d(self.grads[parameter])
        left, H = self.factors[parameter], self.dstates["dh"].shape[1]
        found, begin = [], 0
        for factor, right in left:
            for first in range(0, right.shape[1], H):
                block = total[:, begin + first : begin + first + H]
                found.append(np.einsum("tn,nh,th->t", factor, block, right[:, first : first + H], optimize=True))
            begin += right.shape[1]
        return np.stack(found, axis=1) / max((total**2).sum(), np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Flow:
    target: str
    layers: dict[str, LayerFlow]
    """Of each recurrent layer, by its name."""
    dx: Array
    """(T, D): of the embedded row."""


def flow(model: Model | Chain, reading: Reading, target: str = "p") -> Flow:
    """The gradients of "p", the model's output, or of its "loss" for `reading.label`, at every step of the text.

    Raises:
        ValueError: for a model without a recurrent layer, another target, and a loss where the text has no label or the
            model was not compiled.
    """
    if target not in TARGETS:
        raise ValueError(f"target must be one of {TARGETS}, got {target!r}")
    chain = Chain.of(model, reading.of_class)
    if target == "loss" and chain.of_class is not None:
        raise ValueError("the gradient of the loss needs a model with one output; of several classes, take target='p'")
    if chain.last_recurrent is None:
        raise ValueError("the model has no recurrent layer, so that no gradient flows through time")
    records = {name: _recorded(layer) for name, layer in chain.walks()}
    walk = chain.forward(reading.x[None])
    of_logits = target == "loss" and chain.of_logits  # which our sigmoid stands behind
    dy = np.ones((1, 1)) if target == "p" else _of_loss(chain.model, reading, walk.outputs[-2 if of_logits else -1])
    dx = chain.backward(dy, walk, 1, -1 if of_logits else None)[0]
    found = chain.walked(walk.caches)
    layers = {name: _layer_flow(name, layer, cache.kernel_cache, records[name]) for name, layer, cache in found}
    return Flow(target, layers, dx)


def _of_loss(model: Model, reading: Reading, y: Array) -> Array:
    if model.loss is None or reading.label is None:
        raise ValueError(
            "the gradient of the loss needs a compiled model and a label: read(model, text, label=1), or target='p'"
        )
    loss = model.loss.on(load("reference").kernels)
    _, cache = loss.forward(y, np.full(y.shape, float(reading.label)))
    return loss.backward(cache)


def _recorded(layer: Any) -> dict[str, Any]:
    """Let the layer's backward pass write down its steps and its gradients."""
    record: dict[str, Any] = {"steps": []}
    pair: Callable = gru.backward if isinstance(layer, GRU) else recurrence.backward

    def backward(dy: Any, dstate: tuple, cache: Any) -> tuple:
        dx, grads, dstate0 = pair(dy, dstate, cache, record["steps"])
        record["grads"] = {name: grads[name] for name in layer.params}
        return dx, grads, dstate0

    vars(layer)["run_backward"] = backward
    return record


def _layer_flow(name: str, layer: Any, walk: Any, record: dict[str, Any]) -> LayerFlow:
    steps, order = record["steps"][::-1], slice(None, None, -1 if layer.go_backwards else 1)
    dafter = [np.stack([step.dafter[n][0] for step in steps]) for n in range(len(layer.state_names))]
    dax, dah = np.stack([step.dax[0] for step in steps]), np.stack([step.dah[0] for step in steps])
    factors = _factors(walk, dax, dah)
    with one_blas_thread():
        jacobian = _jacobian(walk)
    return LayerFlow(
        name,
        {f"d{state}": array[order] for state, array in zip(layer.state_names, dafter, strict=True)},
        dax[order],
        dah[order],
        {of: [(left[order], right[order]) for left, right in blocks] for of, blocks in factors.items()},
        record["grads"],
        jacobian[order],
        _kept(layer, walk, order),
    )


def _factors(walk: Any, dax: Array, dah: Array) -> dict[str, list[tuple[Array, Array]]]:
    """The factors of every outer product whose sum over the steps is a gradient."""
    x, h, ones = walk.call.x[0], np.stack([state[0][0] for state in walk.states[:-1]]), np.ones((len(dax), 1))
    factors = {"Wx": [(x, dax)], "Wh": [(h, dah)], "b": [(ones, dax)], "bx": [(ones, dax)], "bh": [(ones, dah)]}
    if "Wh_g" in walk.own:  # the reset gate before the product: the candidate's columns multiply r ⊙ h
        r, H = np.stack([kept[1][0] for kept in walk.saved]), h.shape[1]
        factors["Wh"].append((r * h, dax[:, 2 * H :]))
    return factors


def _jacobian(walk: Any) -> Array:
    """|dh_last / dh_t| at every step: the way back once more, with a row for each unit of h_last."""
    H, norms = len(walk.Wh), []

    def rows(arrays: Any) -> Any:
        return tuple(np.broadcast_to(a, (H, *a.shape[1:])) for a in arrays) if isinstance(arrays, tuple) else arrays

    states, saved = [rows(state) for state in walk.states], [rows(kept) for kept in walk.saved]
    d = (np.eye(H), *[np.zeros_like(state) for state in states[-1][1:]])
    for t in reversed(range(len(saved))):
        norms.append(_largest_singular_value(d[0]))
        *da, before = walk.cell.backward(d, states[t], states[t + 1], saved[t], **walk.own)
        _, dah = recurrence.choose(walk.mask[t], da, (0.0, 0.0))
        through = (before[0] + projection.backward_x(dah, walk.Wh, None), *before[1:])
        d = recurrence.choose(walk.mask[t], through, d)
    return np.array(norms[::-1])


def _largest_singular_value(J: Array) -> float:
    """From J Jᵀ, which is faster than a decomposition of J; scaled, so that small squares do not vanish."""
    scale = np.abs(J).max()
    if scale == 0:
        return 0.0
    J = J / scale
    return float(scale * np.sqrt(np.linalg.eigvalsh(J @ J.T)[-1]))


def _kept(layer: Any, walk: Any, order: slice) -> Array | None:
    """The products of what each gate leaves of a unit's state, over the steps that follow."""
    name = next((name for name in ("f", "z") if name in layer.gate_names), None)
    if name is None:
        return None
    gate = np.stack([kept[layer.gate_names.index(name)][0] for kept in walk.saved])
    gate = np.where(walk.mask[:, 0], gate, 1.0)
    after = np.vstack([gate[1:], np.ones((1, gate.shape[1]))])
    return np.cumprod(after[::-1], axis=0)[::-1][order]
