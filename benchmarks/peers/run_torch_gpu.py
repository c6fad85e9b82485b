"""Time PyTorch's recurrent layers, that is cuDNN, on the cases that come in as JSON; print JSON. See ../gpu.py.

Variants: float32 without and with TF32 (PyTorch's default is with), float16, each on padded sequences, and packed
sequences in float32, which is what a mask costs there. A masked case is timed packed only.
"""

import json
import statistics
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

D = 16
GROUPS, GROUP_MS = 5, 50.0
CELLS = {"simple_rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
# name: (dtype, TF32 allowed, packed)
VARIANTS = {
    "float32": (torch.float32, False, False),
    "TF32": (torch.float32, True, False),
    "float16": (torch.float16, True, False),
    "packed": (torch.float32, False, True),
}


def layer(case: dict[str, Any], dtype: torch.dtype, packed: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    torch.manual_seed(0)
    B, T = case["B"], case["T"]
    module = CELLS[case["cell"]](D, case["H"], batch_first=True, device="cuda", dtype=dtype)
    x = torch.randn(B, T, D, device="cuda", dtype=dtype, requires_grad=True)
    dy = torch.randn(1, B, case["H"], device="cuda", dtype=dtype)
    lengths = torch.randint(1, T + 1, (B,)) if case["masked"] else torch.full((B,), T)

    def last_state() -> torch.Tensor:
        given = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False) if packed else x
        state = module(given)[1]
        return state[0] if isinstance(state, tuple) else state

    def forward() -> None:
        with torch.no_grad():
            last_state()

    def both() -> None:
        torch.autograd.grad(last_state(), [x, *module.parameters()], dy)

    return forward, both


def milliseconds(function: Callable[[], Any]) -> float:
    def group(calls: int) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            function()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / calls

    group(3)
    calls = max(1, round(GROUP_MS / group(1)))
    return statistics.median(group(calls) for _ in range(GROUPS))


def main() -> None:
    rows = []
    for case in json.load(sys.stdin):
        row: dict[str, Any] = {"forward": {}, "total": {}}
        for name, (dtype, tf32, packed) in VARIANTS.items():
            fits = packed or not case["masked"]
            if fits:
                torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
                forward, both = layer(case, dtype, packed)
                row["forward"][name], row["total"][name] = milliseconds(forward), milliseconds(both)
            else:
                row["forward"][name] = row["total"][name] = None
        rows.append(row)
    versions = {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version()}
    print(json.dumps({**versions, "rows": rows}))


if __name__ == "__main__":
    main()
