"""Tiles follow the CPU that Numba compiles for: wide registers, narrow ones, without fused multiply-adds, and an ARM's.

Other targets are set in processes of their own, each with an empty cache of kernels.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding
from scratchnn_kernels.cpu.target import TARGET, Target, of_numba, probe

X86 = "x86_64-unknown-linux-gnu"
ARM_LIKE = "arm-like"
TARGETS = {  # NUMBA_CPU_NAME, and what its tiles are made for
    "haswell": Target(32, 16, fuses=True, compresses=False),
    "generic": Target(16, 16, fuses=False, compresses=False),
    ARM_LIKE: Target(16, 32, fuses=True, compresses=False),  # see arm_like.py
}
on_x86 = pytest.mark.skipif(
    not binding.get_process_triple().startswith("x86_64"), reason="runs code for other x86 CPUs"
)


@pytest.mark.parametrize(
    ("cpu", "features", "target"),
    [
        ("skylake-avx512", "", Target(64, 32, True, True)),
        ("znver4", "", Target(64, 32, True, True)),
        ("x86-64-v4", "", Target(64, 32, True, True)),
        ("x86-64-v3", "", Target(32, 16, True, False)),
        ("haswell", "", TARGETS["haswell"]),
        ("haswell", "+avx512f,+avx512vl", Target(64, 32, True, True)),  # NUMBA_CPU_NAME alone: the host's features
        ("haswell", "-fma", Target(32, 16, False, False)),
        ("sandybridge", "", TARGETS["generic"]),  # it has 32 bytes; Numba leaves its AVX out as well
        ("nehalem", "", TARGETS["generic"]),
        ("generic", "", TARGETS["generic"]),
    ],
)
def test_what_the_compiler_says_of_an_x86(cpu: str, features: str, target: Target) -> None:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    assert probe(X86, cpu, features) == target


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-darwin"])
@pytest.mark.parametrize("cpu", ["neoverse-n1", "neoverse-v1", "apple-m1", "generic"])
def test_an_arm_has_32_registers_of_16_bytes(triple: str, cpu: str) -> None:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    assert probe(triple, cpu, "") == TARGETS[ARM_LIKE]


def test_the_host_is_asked_the_same_way() -> None:
    assert of_numba() == TARGET


def on(target: str, arguments: list[str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run Python for a target, `arguments` after it."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("NUMBA_CPU_")}
    environment |= {"SCRATCHNN_CACHE": str(tmp_path / "cache")}
    if target != ARM_LIKE:
        environment |= {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": ""}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=1500, check=False
    )


PRODUCTS = """
import numpy as np
from scratchnn_kernels.cpu.gemm import gemm
from scratchnn_kernels.cpu.target import TARGET
random = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    for M, K, N in ((9, 5, 1), (13, 7, 3), (17, 33, 37)):
        A, B, C = (random.normal(size=shape).astype(dtype) for shape in ((M, K), (K, N), (M, N)))
        wanted = C + A @ B
        gemm(C, A, B)
        assert np.allclose(C, wanted, rtol=0, atol=100 * np.finfo(dtype).eps), (dtype, M, K, N)
print(*TARGET)
"""


@on_x86
@pytest.mark.parametrize("target", TARGETS)
def test_products_are_right_for_every_target(target: str, tmp_path: Path) -> None:
    first = "from tests.kernels.arm_like import pretend\npretend()\n" if target == ARM_LIKE else ""
    done = on(target, ["-c", first + PRODUCTS], tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, [str(each) for each in TARGETS[target]]), done.stderr


@on_x86
@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_all_kernels_are_right_for_every_target(target: str, tmp_path: Path) -> None:
    """The kernels' own tests, in float32 and float64, and gradients against finite differences, in float64."""
    plugin = ["-p", "tests.kernels.arm_like"] if target == ARM_LIKE else []
    tests = [f"tests/kernels/test_{name}.py" for name in ("gemm", "sparse", "cpu_against_reference", "same_bits")]
    done = on(target, ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *plugin, *tests], tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    first = "from tests.kernels.arm_like import pretend\npretend()\n" if target == ARM_LIKE else ""
    gradcheck = f"{first}from scratchnn.gradcheck import main\nraise SystemExit(main(['--backend', 'cpu']))"
    done = on(target, ["-c", gradcheck], tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


CROSS = """
import sys, re
from tests.kernels.arm_like import pretend
pretend()
import numba, numpy as np
from llvmlite import binding
from scratchnn_kernels.cpu.gemm import gemm
dtype = np.dtype(sys.argv[1])
gemm(*(np.ones((3, 3), dtype) for _ in range(3)))
text = gemm.inspect_llvm(gemm.signatures[0])
text = re.sub('target (triple|datalayout) = .*', '', text)
machine = binding.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(cpu=sys.argv[2], opt=3)
module = binding.parse_assembly(text)
ours = max((f for f in module.functions if not f.is_declaration), key=lambda f: str(f).count("llvm.fma"))
for function in module.functions:
    if function.name != ours.name and not function.is_declaration:
        function.linkage = "internal"  # the rest, with Numba's x86 code, goes
passes = binding.create_new_module_pass_manager()
passes.add_global_dead_code_eliminate_pass()
passes.run(module, binding.create_pass_builder(machine, binding.create_pipeline_tuning_options()))
print(machine.emit_assembly(module))
"""


@on_x86
@pytest.mark.parametrize(
    ("dtype", "cpu"), [("float32", "neoverse-n1"), ("float32", "apple-m1"), ("float64", "neoverse-v1")]
)
def test_the_tile_stays_in_an_arms_registers(dtype: str, cpu: str, tmp_path: Path) -> None:
    """Translated for an ARM, the loop over k of a whole tile is 16 multiply-adds, and none goes by the stack."""
    done = on(ARM_LIKE, ["-c", CROSS, dtype, cpu], tmp_path)
    assert done.returncode == 0, done.stderr
    blocks = re.split(r"\n(?=\.LBB)", done.stdout)
    loops = [block for block in blocks if re.search(rf"\tb\.\w+\t{re.escape(block.partition(':')[0])}\n", block)]
    products = {block.count("\tfmla\t"): block for block in loops}
    assert max(products) % 16 == 0 and max(products) >= 16, sorted(products)
    whole = products[max(products)]
    assert not re.search(r"\t(str|ldr|stp|ldp)\t[qdv]\d+.*\[sp", whole), whole
