"""A gpu pair that takes and gives NumPy arrays: the cases of tests/kernels/pairs.py run on any device as they are."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Recurrence
from scratchnn_kernels.gpu import device


class OnDevice:
    """`forward` and `backward` of one pair; the cache stays on the device."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def forward(self, *arguments: Any, **options: Any) -> tuple:
        *outputs, cache = self.module.forward(*to_device(arguments), **options)
        return (*to_host(outputs), cache)

    def backward(self, dy: Any, *rest: Any) -> Any:
        return to_host(self.module.backward(*to_device((dy, *rest))))


def to_device(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return device.xp().asarray(value)
    if isinstance(value, Recurrence):
        return Recurrence(**{name: to_device(each) for name, each in vars(value).items()})
    return tuple(map(to_device, value)) if type(value) is tuple else value


def to_host(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: to_host(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(to_host, value))
    return device.xp().asnumpy(value)[()]  # an array of shape () becomes a number
