"""Time a workload in PyTorch, eager or compiled (`--variant compiled`); print one line of JSON. See ../harness.py."""

import math
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import runner
from benchmarks.workloads import Weights, Workload, stages

EVALUATION_BATCH = 250  # of 50 to 2,500 the best or as good, for every kind of layer
REPEATS = 4  # when the number of threads is chosen; the first one warms up
EPSILON, BETA_2 = 1e-7, 0.999


class Recurrent(nn.Module):
    """nn.LSTM, nn.GRU or nn.RNN: their fused layers, the fastest that PyTorch has for each."""

    def __init__(self, kind: str, D: int, settings: dict[str, Any], weights: list[np.ndarray]) -> None:
        super().__init__()
        layer = {"LSTM": nn.LSTM, "GRU": nn.GRU, "SimpleRNN": nn.RNN}[kind]
        self.layer = layer(D, settings["units"], batch_first=True)
        self.sequences = settings["return_sequences"]
        Wx, Wh, b = weights
        if kind == "GRU":  # Keras packs z r g, PyTorch r z g; both have two biases
            Wx, Wh, b = (_swap_first_two_of_three(array) for array in (Wx, Wh, b))
            bx, bh = b
        else:
            bx, bh = b, np.zeros_like(b)
            # Keras has one bias. Adam would move a sum of two by twice as much, so the second stays at zero.
            self.layer.bias_hh_l0.requires_grad_(False)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        for name, array in zip(names, (Wx.T, Wh.T, bx, bh), strict=True):
            _copy(getattr(self.layer, name), array)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, state = self.layer(x)
        if self.sequences:
            return y
        return (state[0] if isinstance(state, tuple) else state)[0]


class Convolution(nn.Module):
    """Conv1D with the time axis in the middle, as Keras has it; PyTorch wants it last."""

    def __init__(self, settings: dict[str, Any], weights: list[np.ndarray]) -> None:
        super().__init__()
        k, D, F = weights[0].shape
        self.layer = nn.Conv1d(D, F, k)
        _copy(self.layer.weight, weights[0].transpose(2, 1, 0))
        _copy(self.layer.bias, weights[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.transpose(1, 2)).relu().transpose(1, 2)


class MaxPooling(nn.Module):
    def __init__(self, pool_size: int) -> None:
        super().__init__()
        self.pool_size = pool_size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.max_pool1d(x.transpose(1, 2), self.pool_size).transpose(1, 2)


class GlobalMaxPooling(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.amax(1)


def build(workload: Workload, weights: Weights) -> nn.Sequential:
    """The model up to its logits: the last sigmoid is part of the loss."""
    layers: list[nn.Module] = []
    for stage, arrays in zip(stages(workload), weights, strict=True):
        match stage.kind:
            case "Embedding":
                layer = nn.Embedding(*arrays[0].shape)  # its gradients are dense by default
                _copy(layer.weight, arrays[0])
            case "SimpleRNN" | "GRU" | "LSTM":
                layer = Recurrent(stage.kind, stage.x[-1], stage.settings, arrays)
            case "Dense":
                layer = nn.Linear(*arrays[0].shape)
                _copy(layer.weight, arrays[0].T)
                _copy(layer.bias, arrays[1])
                if stage.settings["activation"] == "relu":
                    layer = nn.Sequential(layer, nn.ReLU())
            case "Conv1D":
                layer = Convolution(stage.settings, arrays)
            case "MaxPooling1D":
                layer = MaxPooling(stage.settings["pool_size"])
            case "GlobalMaxPooling1D":
                layer = GlobalMaxPooling()
            case "Flatten":
                layer = nn.Flatten()
            case "Dropout":
                layer = nn.Dropout(stage.settings["rate"])
        layers.append(layer)
    return nn.Sequential(*layers)


class Torch:
    seconds_after = 0.0

    def __init__(self, workload: Workload, weights: Weights, variant: str) -> None:
        self.batch = workload.batch
        self.model = build(workload, weights)
        self.compiled = variant == "compiled"
        self.run = torch.compile(self.model) if self.compiled else self.model
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=0.001, betas=(0.9, BETA_2), eps=EPSILON, fused=True)
        self.steps = 0
        self.train_threads = self.evaluation_threads = 0  # chosen by `prepare`

    def describe(self) -> dict[str, Any]:
        how = "compiled" if self.compiled else "eager"
        settings = {"train_threads": self.train_threads, "evaluation_threads": self.evaluation_threads, "adam": "fused"}
        settings |= {name: os.environ[name] for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT") if name in os.environ}
        return {"framework": f"PyTorch {torch.__version__}, {how}", "settings": settings}

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        # Keras adds epsilon outside of the bias correction of v. In training this is irrelevant, but a comparison of
        # losses would show it.
        self.steps += 1
        self.optimizer.param_groups[0]["eps"] = EPSILON / math.sqrt(1 - BETA_2**self.steps)
        return self._step(torch.from_numpy(x), torch.from_numpy(y)).item()

    def prepare(self, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> None:
        rows = runner.WARM_UP_STEPS * self.batch
        all_threads = torch.get_num_threads()
        self.train_threads = fastest(all_threads, lambda: self.train(x[:rows], y[:rows]))
        rows = 2 * EVALUATION_BATCH
        self.evaluation_threads = fastest(all_threads, lambda: self.evaluate(x_test[:rows], y_test[:rows]))

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        if self.train_threads:
            torch.set_num_threads(self.train_threads)
        self.model.train()
        x_all, y_all = torch.from_numpy(x), torch.from_numpy(y)
        total = torch.zeros(())
        for rows in torch.randperm(len(x)).split(self.batch):
            total += self._step(x_all[rows], y_all[rows])
        return total.item() * self.batch / len(x)

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.binary_cross_entropy_with_logits(self.run(x)[:, 0], y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> float:
        if self.evaluation_threads:
            torch.set_num_threads(self.evaluation_threads)
        self.model.eval()
        total = 0.0
        with torch.inference_mode():
            for x_batch, y_batch in zip(
                torch.from_numpy(x).split(EVALUATION_BATCH), torch.from_numpy(y).split(EVALUATION_BATCH), strict=True
            ):
                logits = self.run(x_batch)[:, 0]
                total += functional.binary_cross_entropy_with_logits(logits, y_batch, reduction="sum").item()
        return total / len(x)


def fastest(all_threads: int, work: Callable[[], Any]) -> int:
    """One thread or all of them, whichever is faster here: small layers lose more at barriers than they gain."""
    seconds = {1: math.inf, all_threads: math.inf}
    for _ in range(REPEATS):
        for threads in seconds:
            torch.set_num_threads(threads)
            started = time.perf_counter()
            work()
            seconds[threads] = min(seconds[threads], time.perf_counter() - started)
    return min(seconds, key=seconds.__getitem__)


def _copy(parameter: torch.Tensor, array: np.ndarray) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))


def _swap_first_two_of_three(array: np.ndarray) -> np.ndarray:
    first, second, third = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, third], axis=-1)


if __name__ == "__main__":
    runner.main(Torch)
