"""The pages that show each equation beside its lines: no equation without lines, and each line is the source's."""

from pathlib import Path

import pytest

from scratchnn.core import numbered_lines as numbered

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "layers"
KERNELS = ("simple_rnn", "lstm", "gru", "dense", "conv1d", "embedding", "dropout", "max_pooling1d",
           "global_max_pooling1d", "binary_crossentropy")  # fmt: skip


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_equation_has_lines_in_every_backend(kernel: str) -> None:
    """Forward and backward; and no line has the number of an equation that there is not."""
    equations = numbered.equations(kernel)
    assert list(equations) == list(range(1, len(equations) + 1))
    for backend in ("reference", "cpu", "gpu"):
        lines = numbered.lines(kernel, backend)
        for number in equations:
            for backward in (False, True):
                found = [line for line in lines if number in line.equations and line.backward == backward]
                assert found, (backend, number, "backward" if backward else "forward")
        assert {n for line in lines for n in line.equations} == set(equations), backend


def test_a_line_is_the_source_of_its_number() -> None:
    for line in numbered.lines("lstm", "reference") + numbered.lines("lstm", "gpu"):
        text = (numbered.KERNELS / line.file).read_text(encoding="utf-8").splitlines()[line.number - 1]
        assert text.strip() == line.text
    assert numbered.equations("lstm")[5] == "c'      = f ⊙ c + i ⊙ g"
    assert numbered.equations("simple_rnn")[3] == "h' = act(ax + ah)"


def test_every_kernel_has_a_page() -> None:
    shown = "\n".join(path.read_text(encoding="utf-8") for path in PAGES.glob("*.md"))
    assert all(f"```{{by-number}} {kernel}\n" in shown for kernel in KERNELS)


def test_the_persistent_kernels_of_cuda_are_found_backward_too() -> None:
    """Their declarations have __launch_bounds__(...) before the name."""
    files = {line.file for line in numbered.lines("lstm", "gpu") if line.backward}
    assert {"gpu/lstm.cu", "gpu/lstm_step.cu"} <= files
