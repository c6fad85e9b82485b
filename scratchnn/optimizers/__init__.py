"""Optimizers: from gradients to the next parameters.

`Optimizer` has what they share, `rules.py` and `array_rules.py` their update rules; `schedules` are learning rates that
change from step to step.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.core.names import make
from scratchnn.optimizers import schedules
from scratchnn.optimizers.array_rules import Adadelta, Adagrad, Adamax, Ftrl, Nadam
from scratchnn.optimizers.optimizer import Optimizer, gradient_norm
from scratchnn.optimizers.rules import SGD, Adam, AdamW, RMSprop

__all__ = [
    "OPTIMIZERS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Nadam", "Optimizer", "RMSprop",
    "get", "gradient_norm", "schedules",
]  # fmt: skip

OPTIMIZERS: dict[str, type[Optimizer]] = {
    rule.name: rule for rule in (SGD, RMSprop, Adam, AdamW, Adadelta, Adagrad, Adamax, Ftrl, Nadam)
}


def get(identifier: str | Optimizer | Mapping[str, Any]) -> Optimizer:
    """Return the optimizer meant by a name (a new one), an `Optimizer`, or its `get_config()`.

    Raises:
        ValueError: for an unknown name (the message corrects a misspelled one) or a hyper-parameter out of range.
    """
    return make("optimizer", identifier, Optimizer, OPTIMIZERS)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("optimizers", name, list(globals()))
