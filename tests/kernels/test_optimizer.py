"""The optimizers' rules on the cpu against the reference, and the norm against what float32 cannot hold."""

import numpy as np
import pytest
from scratchnn_kernels import cpu, reference

from scratchnn.core import backend as backends
from scratchnn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

RULES = [
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True),
    RMSprop(0.01),
    RMSprop(0.01, momentum=0.9),
    RMSprop(0.01, momentum=0.9, centered=True),
    Adam(0.01),
    AdamW(0.01, global_clipnorm=0.5),
    Adam(0.01, clipnorm=0.1),
]
SIZES = [1, 7, 8, 16384, 16385, 50001]  # less than a lane, a block and one more


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_five_steps_go_where_the_reference_goes(optimizer: Optimizer, dtype: str, size: int) -> None:
    ends = []
    for name in ("reference", "cpu"):
        rng = np.random.default_rng(size)
        w = rng.normal(size=size).astype(dtype)
        optimizer.init(size, dtype, backends.load(name))
        for _ in range(5):
            optimizer.step(w, rng.normal(size=size).astype(dtype), [slice(0, size)])
        ends.append([w, *optimizer.slots.values()])
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for expected, got in zip(*ends, strict=True):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", SIZES)
def test_the_norm_is_summed_in_float64(size: int) -> None:
    g = np.random.default_rng(0).normal(size=size).astype(np.float32)
    expected = float(np.sum(g.astype(np.float64) ** 2))
    for module in (reference.optimizer, cpu.optimizer):
        assert module.squared_norm(g) == pytest.approx(expected, rel=1e-12)
        assert module.squared_norm(np.full(size, 1e25, np.float32)) == pytest.approx(size * 1e50, rel=1e-5)
        assert not np.isfinite(module.squared_norm(np.r_[g, np.float32(np.nan)]))
