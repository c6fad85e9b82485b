"""Time a workload in JAX: cells by hand in lax.scan, the whole epoch one compiled call. See ../harness.py."""

import functools
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import runner
from benchmarks.workloads import Weights, Workload

EVALUATION_BATCH = 250  # of 50 to 2,500 the best or as good, for every kind of layer
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 0.001, 0.9, 0.999, 1e-7
UNROLL = 1


def lstm(cell: list[jax.Array], x: jax.Array, sequences: bool) -> jax.Array:
    Wx, Wh, b = cell
    H = Wh.shape[0]

    def step(state, ax):
        h, c = state
        a = ax + h @ Wh
        i, f, o = (jax.nn.sigmoid(a[:, n * H : (n + 1) * H]) for n in (0, 1, 3))
        c = f * c + i * jnp.tanh(a[:, 2 * H : 3 * H])
        h = o * jnp.tanh(c)
        return (h, c), (h if sequences else None)

    zeros = jnp.zeros((x.shape[0], H), x.dtype)
    return over_time(step, (zeros, zeros), x, Wx, b, sequences)


def gru(cell: list[jax.Array], x: jax.Array, sequences: bool) -> jax.Array:
    Wx, Wh, (bx, bh) = cell
    H = Wh.shape[0]

    def step(state, ax):
        (h,) = state
        ah = h @ Wh + bh
        z, r = jnp.split(jax.nn.sigmoid(ax[:, : 2 * H] + ah[:, : 2 * H]), 2, axis=1)
        g = jnp.tanh(ax[:, 2 * H :] + r * ah[:, 2 * H :])
        h = z * h + (1 - z) * g
        return (h,), (h if sequences else None)

    return over_time(step, (jnp.zeros((x.shape[0], H), x.dtype),), x, Wx, bx, sequences)


def simple_rnn(cell: list[jax.Array], x: jax.Array, sequences: bool) -> jax.Array:
    Wx, Wh, b = cell

    def step(state, ax):
        h = jnp.tanh(ax + state[0] @ Wh)
        return (h,), (h if sequences else None)

    return over_time(step, (jnp.zeros((x.shape[0], Wh.shape[0]), x.dtype),), x, Wx, b, sequences)


def over_time(step: Any, state: tuple, x: jax.Array, Wx: jax.Array, b: jax.Array, sequences: bool) -> jax.Array:
    """Project all steps at once, time first, then scan."""
    state, ys = lax.scan(step, state, x.swapaxes(0, 1) @ Wx + b, unroll=UNROLL)
    return ys.swapaxes(0, 1) if sequences else state[0]


def convolution(kernel: list[jax.Array], x: jax.Array) -> jax.Array:
    """Windows side by side, then one product."""
    W, b = kernel
    k, D, F = W.shape
    T = x.shape[1] - k + 1
    windows = jnp.concatenate([x[:, n : n + T] for n in range(k)], axis=2)
    return jax.nn.relu(windows @ W.reshape(k * D, F) + b)


def max_pooling(x: jax.Array, pool_size: int) -> jax.Array:
    B, T, D = x.shape
    T = T // pool_size
    return x[:, : T * pool_size].reshape(B, T, pool_size, D).max(axis=2)


def logits(workload: Workload, params: Any, x: jax.Array, key: jax.Array | None) -> jax.Array:
    """The model up to its logits; with a key, in training."""
    for number, ((kind, settings), arrays) in enumerate(zip(workload.layers, params, strict=True)):
        x = layer(kind, settings, arrays, x, None if key is None else jax.random.fold_in(key, number))
    return x[:, 0]


def layer(kind: str, settings: dict[str, Any], arrays: list[jax.Array], x: jax.Array, key: Any) -> jax.Array:
    match kind:
        case "Embedding":
            return arrays[0][x]
        case "SimpleRNN" | "GRU" | "LSTM":
            cell = {"SimpleRNN": simple_rnn, "GRU": gru, "LSTM": lstm}[kind]
            return cell(arrays, x, settings["return_sequences"])
        case "Dense":
            y = x @ arrays[0] + arrays[1]
            return jax.nn.relu(y) if settings["activation"] == "relu" else y
        case "Conv1D":
            return convolution(arrays, x)
        case "MaxPooling1D":
            return max_pooling(x, settings["pool_size"])
        case "GlobalMaxPooling1D":
            return x.max(axis=1)
        case "Flatten":
            return x.reshape(len(x), -1)
        case "Dropout":
            rate = settings["rate"]
            if key is None or rate == 0:
                return x
            return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)
    raise ValueError(f"no layer is known for {kind!r}")


def loss(workload: Workload, params: Any, x: jax.Array, y: jax.Array, key: jax.Array | None) -> jax.Array:
    a = logits(workload, params, x, key)
    return jnp.mean(jnp.maximum(a, 0) - a * y + jnp.log1p(jnp.exp(-jnp.abs(a))))


def train_step(workload: Workload, state: Any, x: jax.Array, y: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
    """Adam, as Keras computes it."""
    params, m, v, t = state
    value, grads = jax.value_and_grad(functools.partial(loss, workload))(params, x, y, key)
    t = t + 1
    rate = LEARNING_RATE * jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
    m = jax.tree.map(lambda m, g: m + (1 - BETA_1) * (g - m), m, grads)
    v = jax.tree.map(lambda v, g: v + (1 - BETA_2) * (g * g - v), v, grads)
    params = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), params, m, v)
    return (params, m, v, t), value


def epoch(workload: Workload, state: Any, x: jax.Array, y: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
    """All batches of a shuffled epoch: one scan over steps of training."""
    order = jax.random.permutation(key, len(x)).reshape(-1, workload.batch)
    keys = jax.random.split(key, len(order))

    def step(state, batch):
        rows, step_key = batch
        return train_step(workload, state, x[rows], y[rows], step_key)

    state, losses = lax.scan(step, state, (order, keys))
    return state, losses.mean()


def evaluation(workload: Workload, params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    batches = x.reshape(-1, EVALUATION_BATCH, x.shape[1]), y.reshape(-1, EVALUATION_BATCH)
    return lax.map(lambda batch: loss(workload, params, *batch, None), batches).mean()


class Jax:
    seconds_after = 0.0

    def __init__(self, workload: Workload, weights: Weights, variant: str) -> None:
        self.workload = workload
        params = jax.tree.map(jnp.asarray, weights)
        zeros = functools.partial(jax.tree.map, jnp.zeros_like)
        self.state = (params, zeros(params), zeros(params), jnp.zeros((), jnp.float32))
        self.key = jax.random.key(0)
        self.jitted_step = jax.jit(functools.partial(train_step, workload), donate_argnums=0)

    def describe(self) -> dict[str, Any]:
        settings = {"unroll": UNROLL, "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""), "cores": os.cpu_count()}
        return {"framework": f"JAX {jax.__version__}, epoch compiled", "settings": settings}

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        self.state, value = self.jitted_step(self.state, x, y, self.key)
        return float(value)

    def prepare(self, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> None:
        train = jax.jit(functools.partial(epoch, self.workload), donate_argnums=0)
        test = jax.jit(functools.partial(evaluation, self.workload))
        self.compiled_epoch = train.lower(self.state, x, y, self.key).compile()
        self.compiled_evaluation = test.lower(self.state[0], x_test, y_test).compile()
        self.evaluate(x_test, y_test)  # starts the threads

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        self.key, key = jax.random.split(self.key)
        self.state, value = self.compiled_epoch(self.state, x, y, key)
        return float(value)

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> float:
        return float(self.compiled_evaluation(self.state[0], x, y))


if __name__ == "__main__":
    runner.main(Jax)
