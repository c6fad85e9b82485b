"""Optimizers against formulas written out a second time, straight through, one variable at a time, in float64."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from scratchnn import optimizers
from scratchnn.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Nadam,
    Optimizer,
    RMSprop,
    gradient_norm,
)

SEGMENTS = [slice(0, 4), slice(4, 5), slice(5, 11)]  # three variables in one vector
STEPS = 6


def gradients(seed: int = 7, dtype: type = np.float64) -> list[np.ndarray]:
    """Of very different sizes, so that clipping acts on some variables and steps and not on others."""
    generator = np.random.default_rng(seed)
    sizes = np.repeat([3.0, 0.01, 0.3], [4, 1, 6])
    return [(generator.normal(size=11) * sizes * 0.5**step).astype(dtype) for step in range(STEPS)]


def run(optimizer: Optimizer, grads: list[np.ndarray], dtype: type = np.float64) -> np.ndarray:
    """The parameters after each step, (STEPS, 11)."""
    w = np.linspace(-1, 1, 11).astype(dtype)
    optimizer.init(w.size, dtype)
    path = []
    for g in grads:
        optimizer.step(w, g, SEGMENTS)
        path.append(w.copy())
    return np.array(path)


def sgd(w, grads, lr):
    for g in grads:
        w = w - lr * g
        yield w


def sgd_momentum(w, grads, lr, mu, nesterov):
    m = 0
    for g in grads:
        m = mu * m - lr * g
        w = w + (mu * m - lr * g if nesterov else m)
        yield w


def rmsprop(w, grads, lr, rho=0.9, mu=0.0, eps=1e-7, centered=False):
    v, a, m = 0, 0, 0
    for g in grads:
        v = rho * v + (1 - rho) * g**2
        a = rho * a + (1 - rho) * g
        variance = v - a**2 if centered else v
        m = mu * m + lr * g / (variance + eps) ** 0.5
        w = w - m
        yield w


def adam(w, grads, lr, b1=0.9, b2=0.999, eps=1e-7, decay=0.0, amsgrad=False):
    m, v, h = 0, 0, 0
    for t, g in enumerate(grads, start=1):
        w = w - lr * decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        # The paper's m̂ and v̂. Its ε hat stands beside √v, so beside √v̂ it is ε / √(1 - β₂ᵗ).
        h = np.maximum(h, v) if amsgrad else v
        m_hat, v_hat = m / (1 - b1**t), h / (1 - b2**t)
        w = w - lr * m_hat / (v_hat**0.5 + eps / (1 - b2**t) ** 0.5)
        yield w


def adagrad(w, grads, lr, start=0.1, eps=1e-7):
    for t in range(len(grads)):
        s = start + sum(g**2 for g in grads[: t + 1])
        w = w - lr * grads[t] / (s + eps) ** 0.5
        yield w


def adadelta(w, grads, lr, rho=0.95, eps=1e-7):
    v, u = 0, 0
    for g in grads:
        v = rho * v + (1 - rho) * g**2
        d = g * ((u + eps) / (v + eps)) ** 0.5
        u = rho * u + (1 - rho) * d**2
        w = w - lr * d
        yield w


def adamax(w, grads, lr, b1=0.9, b2=0.999, eps=1e-7):
    m = 0
    for t in range(1, len(grads) + 1):
        m = b1 * m + (1 - b1) * grads[t - 1]
        u = np.max([np.abs(g) * b2 ** (t - 1 - i) for i, g in enumerate(grads[:t])], axis=0)
        w = w - lr * m / (1 - b1**t) / (u + eps)
        yield w


def nadam(w, grads, lr, b1=0.9, b2=0.999, eps=1e-7):
    m, v, mu = 0, 0, [b1 * (1 - 0.5 * 0.96**t) for t in range(1, len(grads) + 2)]
    for t, g in enumerate(grads, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = mu[t] * m / (1 - math.prod(mu[: t + 1])) + (1 - mu[t - 1]) * g / (1 - math.prod(mu[:t]))
        w = w - lr * m_hat / ((v / (1 - b2**t)) ** 0.5 + eps)
        yield w


def ftrl(w, grads, lr, power=-0.5, start=0.1, l1=0.0, l2=0.0, shrinkage=0.0, beta=0.0):
    s, z = start, 0
    for g in grads:
        z = z + g + 2 * shrinkage * w - ((s + g**2) ** -power - s**-power) / lr * w
        s = s + g**2
        w = np.where(np.abs(z) > l1, (l1 * np.sign(z) - z) / (s**-power / lr + 2 * (l2 + beta / (2 * lr))), 0)
        yield w


RULES: list[tuple[Optimizer, Callable]] = [
    (SGD(0.1), lambda w, g: sgd(w, g, 0.1)),
    (SGD(), lambda w, g: sgd(w, g, 0.01)),
    (SGD(0.1, momentum=0.8), lambda w, g: sgd_momentum(w, g, 0.1, 0.8, False)),
    (SGD(0.1, momentum=0.8, nesterov=True), lambda w, g: sgd_momentum(w, g, 0.1, 0.8, True)),
    (SGD(0.1, nesterov=True), lambda w, g: sgd(w, g, 0.1)),
    (RMSprop(), lambda w, g: rmsprop(w, g, 0.001)),
    (RMSprop(0.1, rho=0.7, epsilon=0.01), lambda w, g: rmsprop(w, g, 0.1, 0.7, eps=0.01)),
    (RMSprop(0.1, momentum=0.6), lambda w, g: rmsprop(w, g, 0.1, mu=0.6)),
    (RMSprop(0.1, centered=True), lambda w, g: rmsprop(w, g, 0.1, centered=True)),
    (RMSprop(0.1, 0.8, 0.6, 1e-3, True), lambda w, g: rmsprop(w, g, 0.1, 0.8, 0.6, 1e-3, True)),
    (Adam(), lambda w, g: adam(w, g, 0.001)),
    (Adam(0.1, beta_1=0.7, beta_2=0.9, epsilon=0.01), lambda w, g: adam(w, g, 0.1, 0.7, 0.9, 0.01)),
    (Adam(0.1, weight_decay=0.5), lambda w, g: adam(w, g, 0.1, decay=0.5)),
    (AdamW(0.1), lambda w, g: adam(w, g, 0.1, decay=0.004)),
    (Adam(0.1, beta_2=0.6, amsgrad=True), lambda w, g: adam(w, g, 0.1, b2=0.6, amsgrad=True)),
    (AdamW(0.1, 0.004, 0.8, 0.6, 1e-3, True), lambda w, g: adam(w, g, 0.1, 0.8, 0.6, 1e-3, 0.004, True)),
    (Adagrad(), lambda w, g: adagrad(w, g, 0.001)),
    (Adagrad(0.1, 0.0, 0.01), lambda w, g: adagrad(w, g, 0.1, 0.0, 0.01)),
    (Adadelta(), lambda w, g: adadelta(w, g, 0.001)),
    (Adadelta(1.0, 0.7, 0.01), lambda w, g: adadelta(w, g, 1.0, 0.7, 0.01)),
    (Adamax(), lambda w, g: adamax(w, g, 0.001)),
    (Adamax(0.1, 0.8, 0.7, 0.01), lambda w, g: adamax(w, g, 0.1, 0.8, 0.7, 0.01)),
    (Nadam(), lambda w, g: nadam(w, g, 0.001)),
    (Nadam(0.1, 0.8, 0.7, 0.01), lambda w, g: nadam(w, g, 0.1, 0.8, 0.7, 0.01)),
    (Ftrl(), lambda w, g: ftrl(w, g, 0.001)),
    (Ftrl(0.1, -0.7, 0.2, 0.3, 0.1, 0.05, 0.4), lambda w, g: ftrl(w, g, 0.1, -0.7, 0.2, 0.3, 0.1, 0.05, 0.4)),
]


@pytest.mark.parametrize(("optimizer", "rule"), RULES, ids=[repr(optimizer) for optimizer, _ in RULES])
def test_every_step_follows_the_formula(optimizer: Optimizer, rule: Callable) -> None:
    expected = list(rule(np.linspace(-1, 1, 11), gradients()))
    np.testing.assert_allclose(run(optimizer, gradients()), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(run(optimizer, gradients()), run(optimizer, gradients()))  # init starts afresh


def clipped(clip: str, limit: float) -> list[np.ndarray]:
    out = []
    for g in gradients():
        if clip == "clipvalue":
            out.append(np.array([min(max(x, -limit), limit) for x in g]))
        elif clip == "global_clipnorm":
            out.append(g * min(1, limit / math.sqrt(math.fsum(g**2))))
        else:
            parts = [g[segment] * min(1, limit / math.sqrt(math.fsum(g[segment] ** 2))) for segment in SEGMENTS]
            out.append(np.concatenate(parts))
    return out


@pytest.mark.parametrize("make", [lambda **clip: SGD(0.1, 0.9, **clip), lambda **clip: Adam(0.1, epsilon=0.1, **clip)])
@pytest.mark.parametrize("clip", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping(clip: str, make: Callable[..., Optimizer]) -> None:
    grads = gradients()
    untouched = [g.copy() for g in grads]
    path = run(make(**{clip: 0.5}), grads)
    np.testing.assert_allclose(path, run(make(), clipped(clip, 0.5)), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(grads, untouched)
    # The case is a real one: the first step is clipped, the last is not.
    assert np.abs(clipped(clip, 0.5)[0] - grads[0]).max() > 0.1
    np.testing.assert_array_equal(clipped(clip, 0.5)[-1], grads[-1])


@pytest.mark.parametrize("optimizer", [row[0] for row in RULES], ids=repr)
def test_float32_stays_float32_and_near(optimizer: Optimizer) -> None:
    exact = run(optimizer, gradients())
    path = run(optimizer, gradients(dtype=np.float32), np.float32)
    assert path.dtype == np.float32
    assert {slot.dtype for slot in optimizer.slots.values()} <= {np.dtype(np.float32)}
    np.testing.assert_allclose(path, exact, rtol=1e-4, atol=1e-5)


# After ten steps of Keras 3.15.1 in float32 from linspace(-1, 1, 4), with gradients linspace(-1, 2, 4) * 0.6**step:
# keras.optimizers.Adam(learning_rate=0.1, beta_2=0.9, amsgrad=True), and so on.
KERAS: list[tuple[Optimizer, list[float]]] = [
    (Adam(0.1, beta_2=0.9, amsgrad=True), [-0.2900314, -0.3333333, -0.3766353, 0.2900313]),
    (AdamW(0.1, beta_2=0.9, amsgrad=True), [-0.2875537, -0.3320024, -0.3764511, 0.2875537]),
    (Adam(0.1, beta_2=0.9), [-0.2167612, -0.3333333, -0.4499055, 0.2167611]),
    (Nadam(0.1), [-0.6234471, -0.3333333, -0.04321956, 0.6234471]),
    (Nadam(0.1, clipnorm=0.5, weight_decay=0.1), [-0.3791511, -0.3014607, -0.2237701, 0.379151]),
    (Adamax(0.1), [-0.5382811, -0.3333333, -0.1283855, 0.5382811]),
    (Adagrad(0.1), [-0.7855654, -0.3333333, 0.1188987, 0.7791506]),
    (Adadelta(1.0), [-0.995787, -0.3333333, 0.3291203, 0.995787]),
    (Ftrl(0.1), [-0.484054, 0.0, 0.01839489, 0.622977]),
    (Ftrl(0.1, -0.7, 0.2, 0.01, 0.1, 0.05, 0.3), [-0.3755622, 0.003146629, 0.02648357, 0.6272359]),
]


@pytest.mark.parametrize(("optimizer", "expected"), KERAS, ids=[repr(optimizer) for optimizer, _ in KERAS])
def test_ten_steps_lead_where_those_of_keras_lead(optimizer: Optimizer, expected: list[float]) -> None:
    w = np.linspace(-1, 1, 4).astype(np.float32)
    optimizer.init(4, np.float32)
    for step in range(10):
        optimizer.step(w, (np.linspace(-1, 2, 4) * 0.6**step).astype(np.float32), [slice(0, 4)])
    np.testing.assert_allclose(w, expected, rtol=2e-6, atol=1e-6)


def test_the_warm_up_of_nadam_has_ended_where_its_table_ends() -> None:
    late = Nadam(beta_1=0.999)
    late.init(1, np.float64)
    late.iterations = 5000
    assert late._momentum(5001)[1] == pytest.approx(math.prod(0.999 * (1 - 0.5 * 0.96**t) for t in range(1, 5002)))


@pytest.mark.parametrize("optimizer", [row[0] for row in RULES if not isinstance(row[0], Ftrl)], ids=repr)
def test_a_zero_gradient_moves_nothing_at_the_start(optimizer: Optimizer) -> None:
    with np.errstate(all="raise"):
        path = run(optimizer, [np.zeros(11)])
    decay = 1 - optimizer.learning_rate * (optimizer.weight_decay or 0)
    np.testing.assert_array_equal(path[0], np.linspace(-1, 1, 11) * decay)


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_a_zero_gradient_can_be_clipped(clip: str) -> None:
    with np.errstate(all="raise"):
        path = run(optimizers.get({"name": "sgd", clip: 1.0}), [np.zeros(11)])
    np.testing.assert_array_equal(path[0], np.linspace(-1, 1, 11))


def test_centered_rmsprop_survives_a_constant_gradient_in_float32() -> None:
    # v and a² become equal up to rounding, which at this size is far more than ε: their difference must not go below 0.
    g = np.resize(np.array([601.5, 637.75, 674.0, 710.25], np.float32), 11)
    path = run(RMSprop(centered=True), [g] * 400, np.float32)
    assert np.isfinite(path).all()


def test_an_interrupted_run_continues_from_its_state() -> None:
    make = lambda: RMSprop(0.1, momentum=0.6, centered=True)  # noqa: E731
    whole = run(make(), gradients())

    first, second = make(), make()
    w = np.linspace(-1, 1, 11)
    first.init(11, np.float64)
    for g in gradients()[:3]:
        first.step(w, g)
    state = first.state()
    first.step(w.copy(), gradients()[3])  # the state is a copy: what happens later does not reach it
    second.init(11, np.float64)
    second.load_state(state)
    assert second.iterations == 3
    for g in gradients()[3:]:
        second.step(w, g)
    np.testing.assert_array_equal(w, whole[-1])


def set_up(optimizer: Optimizer) -> Optimizer:
    optimizer.init(3, np.float32)
    return optimizer


GOOD = {"iterations": np.array(2), "momentum": np.ones(3, np.float32), "velocity": np.ones(3, np.float32)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"velocity": None}, r"expects the state \['iterations', 'momentum', 'velocity'\], got \['iterations', 'mom"),
        ({"extra": np.ones(3)}, r"adam expects the state .*, got \['extra', "),
        ({"velocity": np.ones(4, np.float32)}, r"expects velocity of shape \(3,\) and dtype float32, got \(4,\)"),
        ({"velocity": np.ones(3)}, r"expects velocity of shape \(3,\) and dtype float32, got \(3,\) and float64"),
        ({"iterations": np.array(-1)}, r"whole number from 0 on, got array\(-1\)"),
        ({"iterations": np.array(1.5)}, r"whole number from 0 on, got array\(1\.5\)"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: dict, message: str) -> None:
    optimizer = set_up(Adam())
    state = {key: value for key, value in (GOOD | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        optimizer.load_state(state)
    assert optimizer.iterations == 0
    np.testing.assert_array_equal(np.concatenate(list(optimizer.slots.values())), np.zeros(6))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: SGD(0.0), r"learning_rate must be positive and finite, got 0\.0"),
        (lambda: Adam(-0.1), r"learning_rate must be positive and finite, got -0\.1"),
        (lambda: Adam(math.nan), r"learning_rate must be positive and finite, got nan"),
        (lambda: Adam(math.inf), r"learning_rate must be positive and finite, got inf"),
        (lambda: SGD(momentum=1.0), r"momentum must be at least 0 and below 1, got 1\.0"),
        (lambda: RMSprop(rho=-0.1), r"rho must be at least 0 and below 1, got -0\.1"),
        (lambda: RMSprop(momentum=2.0), r"momentum must be at least 0 and below 1, got 2\.0"),
        (lambda: RMSprop(epsilon=0.0), r"epsilon must be positive and finite, got 0\.0"),
        (lambda: Adam(beta_1=1.0), r"beta_1 must be at least 0 and below 1, got 1\.0"),
        (lambda: Adam(beta_2=math.nan), r"beta_2 must be at least 0 and below 1, got nan"),
        (lambda: Adagrad(initial_accumulator_value=-0.1), r"initial_accumulator_value must be 0 or more and finite"),
        (lambda: Ftrl(learning_rate_power=0.5), r"-learning_rate_power must be 0 or more and finite, got -0\.5"),
        (
            lambda: Ftrl(l1_regularization_strength=-1),
            r"l1_regularization_strength must be 0 or more and finite, got -1",
        ),
        (lambda: Adam(amsgrad=1), r"optimizer: amsgrad must be True or False, got 1"),
        (lambda: Adam(epsilon=-1.0), r"epsilon must be positive and finite, got -1\.0"),
        (lambda: AdamW(weight_decay=-0.1), r"weight_decay must be 0 or more and finite, got -0\.1"),
        (lambda: SGD(clipnorm=0.0), r"clipnorm must be positive and finite, got 0\.0"),
        (lambda: SGD(clipnorm=1.0, clipvalue=1.0), r"only one of .* got \{'clipnorm': 1\.0, 'clipvalue': 1\.0\}"),
        (
            lambda: optimizers.get("adma"),
            r"unknown optimizer 'adma'; did you mean 'adam'\? Known: adadelta, adagrad, adam, ",
        ),
        (lambda: set_up(SGD()).step(np.ones(4, np.float32), np.ones(4, np.float32)), r"set up for 3 parameters, got 4"),
        (
            lambda: set_up(SGD(clipnorm=1.0)).step(np.ones(3, np.float32), np.ones(3, np.float32)),
            r"clipnorm needs segments that cover all 3 parameters, got \[\]",
        ),
    ],
)
def test_what_is_refused(act: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


@pytest.mark.parametrize("optimizer", [row[0] for row in RULES], ids=repr)
def test_config_brings_the_same_optimizer_back(optimizer: Optimizer) -> None:
    again = optimizers.get(optimizer.get_config())
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()
    np.testing.assert_array_equal(run(again, gradients()), run(optimizer, gradients()))


def test_get_takes_an_object_and_makes_a_new_one_of_a_name() -> None:
    adam = Adam()
    assert optimizers.get(adam) is adam
    assert optimizers.get("RMSprop").get_config() == RMSprop().get_config()
    assert optimizers.get("adam") is not optimizers.get("adam")


def test_gradient_norm_is_summed_in_float64_and_in_pieces() -> None:
    assert gradient_norm(np.array([3e30, -4e30], np.float32)) == pytest.approx(5e30)  # its square is no float32
    g = np.random.default_rng(1).normal(size=40_001).astype(np.float32)
    assert gradient_norm(g) == pytest.approx(math.sqrt(math.fsum(float(x) ** 2 for x in g)), rel=1e-14)
    assert gradient_norm(np.zeros(0, np.float32)) == 0
