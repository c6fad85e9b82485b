"""Times recurrent layers on an NVIDIA device: our kernels, and PyTorch's cuDNN where PyTorch with CUDA is installed.

    python -m benchmarks.gpu                     a few minutes; prints tables, writes benchmarks/results/gpu.json
    python -m benchmarks.gpu --quick             B = 32, H = 32, T = 100 only
    python -m benchmarks.gpu --explain-kernels   which kernel runs what, and why; needs no device

Times are the device's own (events around many calls), in milliseconds: the median of five groups of calls after a
warm-up. `total` is a forward and a backward pass with all gradients. D, the input's features, is 16, as after the
embedding of the published models.
"""

import argparse
import datetime
import itertools
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scratchnn_kernels import gpu
from scratchnn_kernels.gpu import availability, device, dispatch

from scratchnn import activations

OUT = Path(__file__).with_name("results") / "gpu.json"
D = 16
GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3}
GROUPS, GROUP_MS = 5, 50.0


@dataclass(frozen=True)
class Case:
    cell: str
    B: int
    H: int
    T: int
    masked: bool


def cases(quick: bool) -> list[Case]:
    """`masked`: rows of random lengths, the padding in front, as Keras pads. cuDNN then needs packed sequences."""
    Bs, Hs, Ts = ((32,), (32,), (100,)) if quick else ((32, 128, 512, 1024), (32, 64, 128, 512), (100, 500))
    return [Case(*each) for each in itertools.product(GATES, Bs, Hs, Ts, (False, True))]


def layer(case: Case) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The calls to time: a forward pass that nobody goes back through, and a forward and a backward pass."""
    rng, xp = np.random.default_rng(0), device.xp()
    G = GATES[case.cell] * case.H
    x, Wx, Wh, dy, *biases = (
        xp.asarray(rng.normal(0, 0.1, shape).astype(np.float32))
        for shape in [(case.B, case.T, D), (D, G), (case.H, G), (case.B, case.H), (G,), (G,)]
    )
    biases = biases if case.cell == "gru" else biases[:1]
    states = 2 if case.cell == "lstm" else 1
    state = tuple(xp.zeros((case.B, case.H), np.float32) for _ in range(states))
    lengths = rng.integers(1, case.T + 1, (case.B, 1))
    mask = xp.asarray(np.arange(case.T) >= case.T - lengths) if case.masked else None
    how: list[Any] = [activations.get("tanh")]
    how += [] if case.cell == "simple_rnn" else [activations.get("sigmoid")]
    how += [True] if case.cell == "gru" else []
    module = getattr(gpu, case.cell)

    def run(keep_cache: bool) -> Any:
        return module.forward(x, Wx, Wh, *biases, state, mask, None, None, *how, False, keep_cache)

    def both() -> Any:
        return module.backward(dy, (None,) * states, run(True)[-1])

    return lambda: run(False), both


def milliseconds(function: Callable[[], Any]) -> float:
    cuda = device.xp().cuda

    def group(calls: int) -> float:
        start, end = cuda.Event(), cuda.Event()
        start.record()
        for _ in range(calls):
            function()
        end.record()
        end.synchronize()
        return cuda.get_elapsed_time(start, end) / calls

    group(3)  # compiles, and fills CuPy's pool of memory
    calls = max(1, round(GROUP_MS / group(1)))
    return statistics.median(group(calls) for _ in range(GROUPS))


def machine() -> dict[str, Any]:
    cupy = device.xp()
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return {
        "device": properties["name"].decode(),
        "driver": cupy.cuda.runtime.driverGetVersion(),
        "cuda": cupy.cuda.runtime.runtimeGetVersion(),
        "cupy": cupy.__version__,
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }


def peers(quick: bool) -> dict[str, Any]:
    """What benchmarks/peers/run_torch_gpu.py prints; in a process of its own, with the device's memory to itself."""
    text = json.dumps([asdict(case) for case in cases(quick)])
    command = [sys.executable, "-m", "benchmarks.peers.run_torch_gpu"]
    run = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout) if run.returncode == 0 else {"error": f"PyTorch did not run ({run.returncode})"}


def table(rows: Sequence[dict[str, Any]], torch: dict[str, Any]) -> str:
    """A line for each case: our times, and how many times as long each variant of PyTorch takes for the total."""
    variants = list(torch.get("rows", [{}])[0].get("total", {})) if torch.get("rows") else []
    lines = ["cell          B     H     T masked  forward    total  " + "  ".join(f"{name:>12}" for name in variants)]
    for n, row in enumerate(rows):
        times = torch["rows"][n]["total"] if variants else {}
        ratios = [f"{times[name] / row['total']:11.1f}x" if times.get(name) else f"{'-':>12}" for name in variants]
        lines.append(
            f"{row['cell']:<10} {row['B']:>4} {row['H']:>5} {row['T']:>5} {'yes' if row['masked'] else 'no':>6}  "
            f"{row['forward']:7.3f}  {row['total']:7.3f}  " + "  ".join(ratios)
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Time the gpu kernels.")
    parser.add_argument("--quick", action="store_true", help="one size only")
    parser.add_argument("--out", type=Path, default=OUT, help="where the JSON goes (default: %(default)s)")
    parser.add_argument("--explain-kernels", action="store_true", help="print which kernel runs what, and stop")
    options = parser.parse_args(arguments)
    if options.explain_kernels:
        print(dispatch.explain())
        return 0
    problem = availability.problem()
    if problem is not None:
        print(f"benchmarks.gpu {problem}", file=sys.stderr)
        return 1
    rows = []
    for case in cases(options.quick):
        forward, both = layer(case)
        kernel = dispatch.choose(case.cell, case.H, case.B, np.float32).kernel
        rows.append(asdict(case) | {"kernel": kernel, "forward": milliseconds(forward), "total": milliseconds(both)})
        print(table(rows[-1:], {}).splitlines()[-1], flush=True)
    torch = peers(options.quick)
    print("\n" + table(rows, torch))
    text = json.dumps({"machine": machine(), "ours": rows, "torch": torch}, indent=1)
    options.out.write_text(text + "\n", encoding="utf-8")
    print(f"\nwritten to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
