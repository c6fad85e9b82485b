"""The update rules that have kernels of their own: SGD, RMSprop, Adam, AdamW."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core.attributes import heeds_keras
from scratchnn.optimizers.optimizer import Optimizer


@heeds_keras
@dataclass(eq=False)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum μ and step size η.

    (1) m ← μ m - η g
    (2) w ← w + m, or w ← w + μ m - η g with `nesterov`

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
    """

    name: ClassVar[str] = "sgd"
    learning_rate: float | Any = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        self.kernels.sgd(w, g, self.slots.get("momentum"), self.learning_rate, self.momentum, self.nesterov)


@heeds_keras
@dataclass(eq=False)
class RMSprop(Optimizer):
    """Each element's step is divided by the running size of its gradient; ρ is `rho`, μ is `momentum`.

    (1) v ← ρ v + (1 - ρ) g²
    (2) a ← ρ a + (1 - ρ) g           when `centered`
    (3) s = √(v + ε), or √(v - a² + ε) when `centered`
    (4) m ← μ m + η g / s
    (5) w ← w - m

    Source: Hinton, "Neural Networks for Machine Learning", lecture 6, 2012; centered: Graves, "Generating Sequences
    With Recurrent Neural Networks", 2013.
    """

    name: ClassVar[str] = "rmsprop"
    learning_rate: float | Any = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("velocity", *(["momentum"] if self.momentum else []), *(["average_gradient"] if self.centered else []))

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        v, m, a = self.slots["velocity"], self.slots.get("momentum"), self.slots.get("average_gradient")
        self.kernels.rmsprop(w, g, v, m, a, self.learning_rate, self.rho, self.momentum, self.epsilon)


@heeds_keras
@dataclass(eq=False)
class Adam(Optimizer):
    """Momentum and RMSprop together, both corrected for their start at zero; t counts steps from 1.

    (1) m ← m + (1 - β₁)(g - m)
    (2) v ← v + (1 - β₂)(g² - v)
    (3) α = η √(1 - β₂ᵗ) / (1 - β₁ᵗ)
    (4) w ← w - α m / (√v + ε)

    With `amsgrad` the largest v so far stands in (4): (5) h ← max(h, v), after (2).

    ε is outside the root, and the corrections are folded into α: it is the "ε hat" of the paper's section 2.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; amsgrad: Reddi, Kale and Kumar, "On
    the Convergence of Adam and Beyond", ICLR 2018.
    """

    name: ClassVar[str] = "adam"
    learning_rate: float | Any = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity", "velocity_hat") if self.amsgrad else ("momentum", "velocity")

    def update(self, w: Float[Array, " P"], g: Float[Array, " P"]) -> None:
        m, v, t = self.slots["momentum"], self.slots["velocity"], self.iterations + 1
        alpha = self.learning_rate * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)  # (3)
        if self.amsgrad:
            h = self.slots["velocity_hat"]
            m += (1 - self.beta_1) * (g - m)  # (1)
            v += (1 - self.beta_2) * (g * g - v)  # (2)
            np.maximum(h, v, out=h)  # (5)
            w -= alpha * m / (np.sqrt(h) + self.epsilon)  # (4)
        else:
            self.kernels.adam(w, g, m, v, alpha, self.beta_1, self.beta_2, self.epsilon)


@heeds_keras
@dataclass(eq=False)
class AdamW(Adam):
    """Adam with weight decay, which acts on w directly rather than through the gradient: see `Optimizer`."""

    name: ClassVar[str] = "adamw"
    weight_decay: float | None = field(default=0.004, kw_only=False)  # the second argument, as in Keras
