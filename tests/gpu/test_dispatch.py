"""The table that decides which kernel runs."""

import numpy as np
import pytest
from scratchnn_kernels.gpu import dispatch


@pytest.mark.parametrize(
    ("H", "dtype", "kernel"),
    [
        (1, np.float32, "persistent"),
        (64, np.float32, "persistent"),
        (65, np.float32, "stepwise"),
        (4096, np.float32, "stepwise"),
        (1, np.float64, "stepwise"),
    ],
)
def test_the_first_rule_that_fits_decides(H: int, dtype: type, kernel: str) -> None:
    assert dispatch.choose(H, dtype).kernel == kernel


def test_explain_has_a_line_for_every_rule() -> None:
    lines = dispatch.explain().splitlines()[1:]
    assert len(lines) == len(dispatch.TABLE)
    assert "float32, up to 64 units: persistent" in lines[0]
