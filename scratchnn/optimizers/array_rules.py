"""Update rules as array code, which every backend runs. They are rarer: none has kernels of its own."""

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from operator import mul
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core.attributes import heeds_keras
from scratchnn.core.checks import not_negative
from scratchnn.optimizers.optimizer import Optimizer


@heeds_keras
@dataclass(eq=False)
class Adagrad(Optimizer):
    """Each element's step is divided by the root of the sum of all its squared gradients; s begins at s₀.

    (1) s ← s + g²
    (2) w ← w - η g / √(s + ε)

    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
    JMLR 2011.
    """

    name: ClassVar[str] = "adagrad"
    learning_rate: float | Any = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    checks: ClassVar = {
        **Optimizer.checks,
        "initial_accumulator_value": partial(not_negative, "initial_accumulator_value"),
    }

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("accumulator",)

    def slot_start(self, name: str) -> float:
        return self.initial_accumulator_value

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        s = self.slots["accumulator"]
        s += g * g  # (1)
        w -= self.learning_rate * g / np.sqrt(s + self.epsilon)  # (2)


@heeds_keras
@dataclass(eq=False)
class Adadelta(Optimizer):
    """RMSprop whose steps are measured by the running size of the steps before; ρ is `rho`.

    (1) v ← ρ v + (1 - ρ) g²
    (2) d = √(u + ε) g / √(v + ε)
    (3) u ← ρ u + (1 - ρ) d²
    (4) w ← w - η d

    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, where η is 1.
    """

    name: ClassVar[str] = "adadelta"
    learning_rate: float | Any = 0.001
    rho: float = 0.95
    epsilon: float = 1e-7

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("accumulated_grad", "accumulated_delta_var")

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        v, u = self.slots["accumulated_grad"], self.slots["accumulated_delta_var"]
        v[:] = self.rho * v + (1 - self.rho) * (g * g)  # (1)
        d = np.sqrt(u + self.epsilon) * g / np.sqrt(v + self.epsilon)  # (2)
        u[:] = self.rho * u + (1 - self.rho) * (d * d)  # (3)
        w -= self.learning_rate * d  # (4)


@heeds_keras
@dataclass(eq=False)
class Adamax(Optimizer):
    """Adam with the largest gradient of late in the place of the running size; t counts steps from 1.

    (1) m ← m + (1 - β₁)(g - m)
    (2) u ← max(β₂ u, |g|)
    (3) w ← w - η / (1 - β₁ᵗ) m / (u + ε)

    Source: section 7.1 of the source of Adam.
    """

    name: ClassVar[str] = "adamax"
    learning_rate: float | Any = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "norm")

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        m, u = self.slots["momentum"], self.slots["norm"]
        m += (1 - self.beta_1) * (g - m)  # (1)
        u[:] = np.maximum(self.beta_2 * u, np.abs(g))  # (2)
        w -= self.learning_rate / (1 - self.beta_1 ** (self.iterations + 1)) * m / (u + self.epsilon)  # (3)


# ∏ (1 - 0.96ⁱ / 2) over i from 1 to t, for t = 0, 1, ...: after the last factor that is not 1 it stays what it is.
_WARM_UP = tuple(accumulate((1 - 0.5 * 0.96**i for i in range(1, 1000)), mul, initial=1.0))


@heeds_keras
@dataclass(eq=False)
class Nadam(Optimizer):
    """Adam with Nesterov's momentum, which is raised step by step; t counts steps from 1.

    (1) μₜ = β₁ (1 - 0.96ᵗ / 2), and πₜ = μ₁ ... μₜ
    (2) m ← m + (1 - β₁)(g - m)
    (3) v ← v + (1 - β₂)(g² - v)
    (4) n = μₜ₊₁ m / (1 - πₜ₊₁) + (1 - μₜ) g / (1 - πₜ)
    (5) w ← w - η n / (√(v / (1 - β₂ᵗ)) + ε)

    Source: Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop 2016.
    """

    name: ClassVar[str] = "nadam"
    learning_rate: float | Any = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def _momentum(self, t: int) -> tuple[float, float]:
        """(1): μₜ and πₜ."""
        return self.beta_1 * (1 - 0.5 * 0.96**t), self.beta_1**t * _WARM_UP[min(t, len(_WARM_UP) - 1)]

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        m, v, t = self.slots["momentum"], self.slots["velocity"], self.iterations + 1
        (now, until_now), (then, until_then) = self._momentum(t), self._momentum(t + 1)
        m += (1 - self.beta_1) * (g - m)  # (2)
        v += (1 - self.beta_2) * (g * g - v)  # (3)
        n = then / (1 - until_then) * m + (1 - now) / (1 - until_now) * g  # (4)
        w -= self.learning_rate * n / (np.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)  # (5)


@heeds_keras
@dataclass(eq=False)
class Ftrl(Optimizer):
    """ "Follow the regularised leader": w is computed anew from the sum z of all gradients, and l1 makes it sparse.

    s begins at `initial_accumulator_value`, a is `learning_rate_power`, λ₁ and λ₂ the strengths of l1 and l2, λ that of
    the shrinkage.

    (1) r = s + g²
    (2) z ← z + g + 2 λ w - (r⁻ᵃ - s⁻ᵃ) w / η
    (3) w ← (clip(z, -λ₁, λ₁) - z) / (r⁻ᵃ / η + 2 λ₂ + β / η)
    (4) s ← r

    Source: McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013.
    """

    name: ClassVar[str] = "ftrl"
    learning_rate: float | Any = 0.001
    learning_rate_power: float = -0.5
    initial_accumulator_value: float = 0.1
    l1_regularization_strength: float = 0.0
    l2_regularization_strength: float = 0.0
    l2_shrinkage_regularization_strength: float = 0.0
    beta: float = 0.0

    checks: ClassVar = {
        **Optimizer.checks,
        "learning_rate_power": lambda value: -not_negative("-learning_rate_power", -value),
        **{
            name: partial(not_negative, name)
            for name in (
                "initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength",
                "l2_shrinkage_regularization_strength", "beta",
            )
        },
    }  # fmt: skip

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("accumulator", "linear")

    def slot_start(self, name: str) -> float:
        return self.initial_accumulator_value if name == "accumulator" else 0.0

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        s, z, rate = self.slots["accumulator"], self.slots["linear"], self.learning_rate
        if not rate:
            raise ValueError(
                f"Ftrl divides by the learning rate, which its schedule has at 0 in step {self.iterations}"
            )
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        r = s + g * g  # (1)
        now, before = r**-self.learning_rate_power, s**-self.learning_rate_power
        z += g + 2 * self.l2_shrinkage_regularization_strength * w - (now - before) / rate * w  # (2)
        w[:] = (np.clip(z, -l1, l1) - z) / (now / rate + 2 * l2 + self.beta / rate)  # (3)
        s[:] = r  # (4)
