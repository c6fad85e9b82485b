"""Training a model in PyTorch on a device, in variants: eager, in float16, compiled, as one CUDA graph, and packed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.gpu.plan import Model
from benchmarks.peers.run_torch import BETA_2, EPSILON, Recurrent, build
from benchmarks.workloads import initial_weights


class Data:
    """Reviews on the device. Lengths stay on the host, where packing wants them."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, lengths: torch.Tensor, packed: bool) -> None:
        self.x, self.y, self.lengths, self.packed = x, y, lengths, packed

    def batch(
        self, on_host: torch.Tensor, rows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        return self.x[rows], self.y[rows], self.lengths[on_host] if self.packed else None


class Packed(nn.Module):
    """A model whose recurrent layer is given packed sequences, padded at the end."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.embedding, recurrent, *rest = layers
        assert isinstance(recurrent, Recurrent)
        self.recurrent, self.rest = recurrent, nn.Sequential(*rest)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
        state = self.recurrent.layer(packed)[1]
        return self.rest((state[0] if isinstance(state, tuple) else state)[0])


class Training:
    """A model with its optimizer: one step, one epoch, in one of the variants."""

    def __init__(self, model: Model, variant: str, device: torch.device, dropout: bool = True) -> None:
        workload = model.workload(dropout)
        self.B, self.variant, self.device = model.B, variant, device
        layers = build(workload, initial_weights(workload))
        self.model = (Packed(layers) if model.masked else layers).to(device)
        self.run: Callable[..., Any] = torch.compile(self.model) if variant == "compiled" else self.model
        trained = [each for each in self.model.parameters() if each.requires_grad]
        self.optimizer = torch.optim.Adam(
            trained, lr=0.001, betas=(0.9, BETA_2), eps=EPSILON, fused=True, capturable=variant == "graph"
        )
        self.scaler = torch.amp.GradScaler("cuda") if variant == "float16" else None
        self.graph: Any = None

    def to_device(self, x: np.ndarray, y: np.ndarray, lengths: np.ndarray) -> Data:
        packed = isinstance(self.model, Packed)
        if packed:  # from padding at the front to padding at the end
            behind = np.zeros_like(x)
            behind[np.arange(x.shape[1]) < lengths[:, None]] = x[x != 0]
            x = behind
        on_device = (torch.from_numpy(each).to(self.device, non_blocking=True) for each in (x, y))
        return Data(*on_device, torch.from_numpy(lengths), packed)

    def epoch(self, data: Data) -> float:
        """In a shuffled order; the mean loss. Synchronous once, at the end."""
        self.model.train()
        total = torch.zeros((), device=self.device)
        order = torch.randperm(len(data.y))
        for rows, on_device in zip(order.split(self.B), order.to(self.device).split(self.B), strict=True):
            total += self.step(*data.batch(rows, on_device))
        return total.item() * self.B / len(data.y)

    def step(self, x: torch.Tensor, y: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        if self.variant == "graph" and len(y) == self.B:
            return self._replayed(x, y)
        return self._step(x, y, lengths)

    def _step(self, x: torch.Tensor, y: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.float16, enabled=self.scaler is not None):
            logits = self.run(x) if lengths is None else self.run(x, lengths)
            loss = functional.binary_cross_entropy_with_logits(logits[:, 0], y)
        if self.scaler is None:
            loss.backward()
            self.optimizer.step()
        else:
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        return loss.detach()

    def _replayed(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The step as one CUDA graph, captured at the first call: no more launches from Python."""
        if self.graph is None:
            self.x, self.y = x.clone(), y.clone()
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    self._step(self.x, self.y)
            torch.cuda.current_stream().wait_stream(side)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.loss = self._step(self.x, self.y)
        self.x.copy_(x, non_blocking=True)
        self.y.copy_(y, non_blocking=True)
        self.graph.replay()
        return self.loss
