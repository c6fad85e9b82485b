"""Models that go to PyTorch and come from it, for ../exchange.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from scratchnn import Sequential
from scratchnn.exchange import load_pytorch, save_pytorch
from scratchnn.models.cloning import clone_model

Pair = tuple[Sequential, Callable[[np.ndarray], np.ndarray]]  # a model of ours, and what should compute the same


class Network(nn.Module):
    """What a user would write: an embedding, the body, and a linear layer over its last states."""

    def __init__(self, ours: Sequential, kind: str, masked: bool) -> None:
        super().__init__()
        first, bodies, last = ours.layers[0], ours.layers[1:-1], ours.layers[-1]
        vocabulary, features = first.get_weights()[0].shape
        self.embedding, self.masked = nn.Embedding(vocabulary, features), masked
        self.both = hasattr(bodies[0], "forward_layer")
        if kind == "Conv1d":
            self.body: Any = nn.Conv1d(features, bodies[0].filters, bodies[0].kernel_size)
        else:
            units = (bodies[0].forward_layer if self.both else bodies[0]).units
            self.body = getattr(nn, kind)(features, units, len(bodies), batch_first=True, bidirectional=self.both)
        self.out = nn.Linear(last.input_shape[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.out(self.last(x)))

    def last(self, x: torch.Tensor) -> torch.Tensor:
        if isinstance(self.body, nn.Conv1d):
            return self.body(self.embedding(x).transpose(1, 2)).relu().amax(dim=2)
        values: Any = self.embedding(x)
        if self.masked:
            lengths = (x != 0).sum(dim=1)
            values = nn.utils.rnn.pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        _, state = self.body(values)
        h = state[0] if isinstance(state, tuple) else state
        return torch.cat([h[-2], h[-1]], dim=1) if self.both else h[-1]

    def predict(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self(torch.from_numpy(padded_behind(x) if self.masked else x.astype(np.int64))).numpy()


def padded_behind(x: np.ndarray) -> np.ndarray:
    """The ids with their padding behind, as pack_padded_sequence takes them."""
    rolled = np.zeros_like(x, np.int64)
    for row, into in zip(x, rolled, strict=True):
        into[: (row != 0).sum()] = row[row != 0]
    return rolled


def both_ways(ours: Sequential, kind: str, masked: bool, folder: Path) -> tuple[Pair, Pair]:
    """Ours and PyTorch's with its weights; one of PyTorch's with drawn weights, and ours, read from its file."""
    names = {str(layer.name): "body" for layer in ours.layers[1:-1] if layer.params}
    names |= {str(ours.layers[-1].name): "out"}
    torch.manual_seed(0)
    out, fresh = Network(ours, kind, masked), Network(ours, kind, masked)
    for name, weight in fresh.named_parameters():
        nn.init.uniform_(weight, *((-1, 1) if name.startswith("embedding") else (-0.25, 0.25)))
    save_pytorch(ours, folder / "ours.safetensors", names)
    out.load_state_dict(load_file(folder / "ours.safetensors"))
    torch.save(fresh.state_dict(), folder / "fresh.pt")
    back: Any = clone_model(ours)
    load_pytorch(back, folder / "fresh.pt", names)
    return (ours, out.predict), (back, fresh.predict)
