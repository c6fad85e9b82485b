"""A host that looks like an ARM to the kernels: registers of 16 bytes, 32 of them, with fused multiply-adds.

Call `pretend` before anything of the kernels is imported; pytest's `-p tests.kernels.arm_like` does so. Numba goes on
compiling for the CPU that is there, so what the kernels then do can be run.
"""

from unittest import mock

import pytest
from llvmlite import binding
from numba.core.registry import cpu_target


def pretend() -> None:
    cpu_target.target_context  # noqa: B018 - made now, while Numba still sees the true host
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    with (
        mock.patch.object(binding, "get_process_triple", return_value="aarch64-unknown-linux-gnu"),
        mock.patch.object(binding, "get_host_cpu_name", return_value="neoverse-n1"),
        mock.patch.object(binding, "get_host_cpu_features", return_value=binding.FeatureMap()),
    ):
        from scratchnn_kernels.cpu.target import TARGET
    assert TARGET == (16, 32, True, False), TARGET


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    pretend()  # after jaxtyping, which must see every import of ours
