"""What the CPU that Numba compiles for can do, which need not be the one that this process runs on.

`NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` name another, for a cache that several machines share. A tile as wide as the
host's registers may then take half the speed, and LLVM replaces a fused multiply-add that a CPU lacks by a call of
libm's fmaf for each number, fifty times slower. So the compiler itself is asked, by a few lines that it translates for
that CPU and those features: no table of names has to know them.
"""

from typing import Any, NamedTuple

from llvmlite import binding, ir

from scratchnn_kernels.store.places import tiles_for

# A product, a fused multiply-add of 64 bytes, and numbers that are added where others are greater.
_PROBE = """
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
define void @multiply_add(<16 x float>* %a, <16 x float>* %b) {
  %1 = load <16 x float>, <16 x float>* %a, align 4
  %2 = load <16 x float>, <16 x float>* %b, align 4
  %3 = fmul <16 x float> %1, %2
  %4 = call <16 x float> @llvm.fma.v16f32(<16 x float> %1, <16 x float> %2, <16 x float> %3)
  store <16 x float> %4, <16 x float>* %a, align 4
  ret void
}
define void @masked_add(<8 x i32>* %a, <8 x i32>* %b) {
  %1 = load <8 x i32>, <8 x i32>* %a, align 4
  %2 = load <8 x i32>, <8 x i32>* %b, align 4
  %3 = icmp slt <8 x i32> %1, %2
  %4 = add <8 x i32> %1, %2
  %5 = select <8 x i1> %3, <8 x i32> %4, <8 x i32> %2
  store <8 x i32> %5, <8 x i32>* %a, align 4
  ret void
}
"""


class Target(NamedTuple):
    vector_bytes: int  # of a register
    registers: int
    fuses: bool  # a multiply-add is one instruction
    compresses: bool  # the lanes of a register that a mask names move to its front in one (AVX-512 VL)


def probe(triple: str, cpu: str, features: str) -> Target:
    """What LLVM makes of `_PROBE` for this CPU."""
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features, opt=1)
    module = binding.parse_assembly(_PROBE)
    module.triple = triple
    lines = machine.emit_assembly(module).splitlines()

    def says(*words: str) -> bool:
        return any(all(word in line for word in words) for line in lines)

    fuses = not says("fmaf")
    if not triple.startswith("x86_64"):
        return Target(16, 32, fuses, compresses=False)  # ARM's NEON; of other CPUs nothing is known
    vector_bytes = 64 if says("%zmm") else 32 if says("%ymm") else 16
    masks = says("%ymm", "{%k")  # AVX-512 VL: masks for registers of 32 bytes too
    return Target(vector_bytes, 32 if vector_bytes == 64 else 16, fuses, masks)


def of_numba() -> Target:
    """Of the CPU that this process compiles tiles for."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return probe(*tiles_for())


TARGET = of_numba()


def multiply_add(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    """Emit a * b + c for three registers: fused, or rounded twice where that is all the CPU can do."""
    if not TARGET.fuses:
        return builder.fadd(builder.fmul(a, b), c)
    kind = a.type
    name = f"llvm.fma.v{kind.count}f{64 if isinstance(kind.element, ir.DoubleType) else 32}"
    return builder.call(builder.module.declare_intrinsic(name, fnty=ir.FunctionType(kind, [kind] * 3)), [a, b, c])
