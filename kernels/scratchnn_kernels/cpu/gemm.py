"""C += A B, by register tiles: the one matrix product of the CPU kernels.

Why not BLAS: a second pool of threads inside every time step costs more than the products themselves, SciPy would be
needed under Numba, and BLAS promises no fixed order of summation. Why not three plain loops: LLVM vectorises the
innermost but loads and stores C again for every k, which leaves four fifths of the arithmetic units idle.

The idea. A tile of C, a few rows by a few vector registers, stays in registers while k runs:

    for k:                                       per k, at 8 rows by 2 vectors:
        b_0, b_1 = B[k, two vectors]                 2 loads
        for each row r:                              8 loads, each one number for all lanes of a register
            a = A[r, k] in every lane
            C_r0 += a * b_0;  C_r1 += a * b_1       16 fused multiply-adds: the actual work

`gemm` walks the tile over C: full tiles first, half a tile and single rows below them, narrower vectors at the right
edge. (A convolution's 12 rows took twice as long with single rows alone: 2 accumulators leave the units waiting.) Every
element of C is summed over k in ascending order wherever its tile is, by fused multiply-adds where the CPU has them, so
its value depends on neither the shape of the batch nor the number of threads.

`tile` cannot be written in Numba's Python, which has no vector registers; it is emitted as LLVM instructions below.
"""

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from scratchnn_kernels.cpu.jit import compiled, config
from scratchnn_kernels.cpu.target import TARGET, multiply_add

VECTOR_BYTES = TARGET.vector_bytes
ROWS = TARGET.registers // 4  # of a tile: its rows * 2 accumulators must fit into the registers, with b and a
HALF_ROWS = ROWS // 2
K_BLOCK = 256  # rows of B, as wide as a tile, that stay in the first-level cache while m runs


@intrinsic(prefer_literal=True)
def tile(typingctx, C, A, B, m, n, k0, k1, rows, vectors, divisor):
    """C[m : m + rows, n : n + width] += A[m : m + rows, k0:k1] B[k0:k1, n : n + width]

    width = vectors * lanes, where lanes is what fits into a register divided by `divisor`. The last three arguments are
    compile-time constants. A may have any strides (a transpose, or windows that overlap).
    """
    n_rows, n_vectors, width_divisor = (argument.literal_value for argument in (rows, vectors, divisor))

    def codegen(context, builder, signature, args):
        dtype = signature.args[0].dtype
        itemsize = dtype.bitwidth // 8
        lanes = VECTOR_BYTES // width_divisor // itemsize
        if not lanes:
            return context.get_dummy_value()  # never called: a quarter of two float64 is no column
        scalar, word = context.get_value_type(dtype), context.get_value_type(types.intp)
        vector = ir.VectorType(scalar, lanes)
        C, A, B = (
            context.make_array(t)(context, builder, v) for t, v in zip(signature.args[:3], args[:3], strict=True)
        )
        m, n, k0, k1 = args[3:7]

        def constant(number):
            return ir.Constant(word, number)

        def address(array, row, column):
            row_stride, column_stride = cgutils.unpack_tuple(builder, array.strides)
            offset = builder.add(builder.mul(row, row_stride), builder.mul(column, column_stride))
            return builder.add(builder.ptrtoint(array.data, word), offset)

        def vectors_at(place):
            """Pointers to the neighbouring vectors of one row of the tile."""
            offsets = [constant(v * lanes * itemsize) for v in range(n_vectors)]
            return [builder.inttoptr(builder.add(place, offset), vector.as_pointer()) for offset in offsets]

        def in_every_lane(number):
            undefined = ir.Constant(vector, ir.Undefined)
            first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), None))

        row_indices = [builder.add(m, constant(r)) for r in range(n_rows)]
        in_memory = [vectors_at(address(C, row, n)) for row in row_indices]
        # One stack slot per accumulator: LLVM turns slots that are only loaded and stored into registers.
        in_register = [[cgutils.alloca_once(builder, vector) for _ in range(n_vectors)] for _ in range(n_rows)]
        pairs = [pair for both in zip(in_memory, in_register, strict=True) for pair in zip(*both, strict=True)]

        for memory, register in pairs:
            builder.store(builder.load(memory, align=itemsize), register)
        with cgutils.for_range(builder, k1, start=k0, intp=word) as loop:
            k = loop.index
            b = [builder.load(pointer, align=itemsize) for pointer in vectors_at(address(B, k, n))]
            for row, accumulators in zip(row_indices, in_register, strict=True):
                a = builder.load(builder.inttoptr(address(A, row, k), scalar.as_pointer()))
                a = in_every_lane(a)
                for b_v, accumulator in zip(b, accumulators, strict=True):
                    builder.store(multiply_add(builder, a, b_v, builder.load(accumulator)), accumulator)
        for memory, register in pairs:
            builder.store(builder.load(register), memory, align=itemsize)
        return context.get_dummy_value()

    return types.void(C, A, B, m, n, k0, k1, rows, vectors, divisor), codegen


@numba.njit(inline="always")
def _strip(C, A, B, n, k0, k1, vectors, divisor):
    """All rows of C, in the columns of one tile."""
    m = 0
    while m + ROWS <= C.shape[0]:
        tile(C, A, B, m, n, k0, k1, ROWS, vectors, divisor)  # pyright: ignore[reportCallIssue]
        m += ROWS
    if m + HALF_ROWS <= C.shape[0]:
        tile(C, A, B, m, n, k0, k1, HALF_ROWS, vectors, divisor)  # pyright: ignore[reportCallIssue]
        m += HALF_ROWS
    while m < C.shape[0]:
        tile(C, A, B, m, n, k0, k1, 1, vectors, divisor)  # pyright: ignore[reportCallIssue]
        m += 1


@compiled
def _gemm(C, A, B):
    N, K = B.shape[1], B.shape[0]
    lanes = VECTOR_BYTES // C.itemsize
    for k0 in range(0, K, K_BLOCK):
        k1 = min(k0 + K_BLOCK, K)
        n = 0
        while n + 2 * lanes <= N:
            _strip(C, A, B, n, k0, k1, 2, 1)
            n += 2 * lanes
        # The right edge: a full, a half and a quarter of a register as far as they fit, then single numbers.
        if n + lanes <= N:
            _strip(C, A, B, n, k0, k1, 1, 1)
            n += lanes
        if n + lanes // 2 <= N:
            _strip(C, A, B, n, k0, k1, 1, 2)
            n += lanes // 2
        if 0 < lanes // 4 <= N - n:
            _strip(C, A, B, n, k0, k1, 1, 4)
            n += lanes // 4
        for column in range(n, N):
            for m in range(C.shape[0]):
                for k in range(k0, k1):
                    C[m, column] += A[m, k] * B[k, column]


def _gemm_in_python(C, A, B):
    C += A @ B


# NUMBA_DISABLE_JIT=1 is for stepping through the kernels in a debugger: there are no registers for a tile then.
gemm = _gemm_in_python if config.DISABLE_JIT else _gemm
gemm.__doc__ = "C (M, N) += A (M, K) B (K, N). The rows of B and of C are contiguous; A may have any strides."
