"""A gpu pair that takes and gives NumPy arrays: the cases of tests/kernels/pairs.py run on any device as they are."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from scratchnn_kernels import gpu
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
    return tuple(map(to_device, value)) if type(value) is tuple else value


def to_host(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: to_host(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(to_host, value))
    return device.xp().asnumpy(value)[()]  # an array of shape () becomes a number


class DropoutOnDevice(OnDevice):
    """The key of a draw stays on the host."""

    def mask(self, *arguments: Any) -> np.ndarray:
        return to_host(self.module.mask(*arguments))

    def forward(self, x: Any, key: Any, rate: float) -> tuple:
        y, cache = self.module.forward(to_device(x), key, rate)
        return to_host(y), cache


class RulesOnDevice:
    """The update rules, which change arrays in place."""

    def __getattr__(self, rule: str) -> Any:
        def run(*arguments: Any, **options: Any) -> Any:
            given = to_device(arguments)
            result = getattr(gpu.optimizer, rule)(*given, **options)
            for mine, theirs in zip(arguments, given, strict=True):
                if isinstance(mine, np.ndarray):
                    mine[...] = to_host(theirs)
            return result

        return run


def kernels_on_device() -> Any:
    """All of them, for layers that hold their parameters on the host."""
    special = {"dropout": DropoutOnDevice(gpu.dropout), "optimizer": RulesOnDevice()}
    return SimpleNamespace(**{name: special.get(name) or OnDevice(getattr(gpu, name)) for name in gpu.__all__})
