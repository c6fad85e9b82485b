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

`gemm` walks the tile over C: full tiles first, half a tile below them, narrower vectors at the right edge. The rows
that are left, fewer than half a tile, are taken one at a time, and so is a batch of one row. A multiply-add takes
several cycles, and a row of 2 vectors would wait for each: so a tile of one row is up to 8 vectors wide, or, where a
matrix is narrow, 2 vectors of several gates side by side (`gemm_of_gates`).

Every element of C is summed over k in ascending order wherever its tile is, by fused multiply-adds where the CPU has
them, so its value depends on neither the shape of the batch nor the number of threads.

Tiles cannot be written in Numba's Python, which has no vector registers; they are emitted as LLVM instructions below.
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


class _Emitter:
    """Emits what tiles are made of, for registers of `lanes` numbers: what fits into one, divided by `divisor`."""

    def __init__(self, context, builder, dtype, divisor):
        self.builder, self.itemsize = builder, dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // divisor // self.itemsize
        self.scalar, self.word = context.get_value_type(dtype), context.get_value_type(types.intp)
        self.vector = ir.VectorType(self.scalar, max(1, self.lanes))

    def plus(self, index, number):
        return self.builder.add(index, ir.Constant(self.word, number))

    def address(self, array, *indices):
        place = self.builder.ptrtoint(array.data, self.word)
        for index, stride in zip(indices, cgutils.unpack_tuple(self.builder, array.strides), strict=True):
            place = self.builder.add(place, self.builder.mul(index, stride))
        return place

    def vectors_at(self, place, count):
        """Pointers to neighbouring vectors of one row."""
        places = [self.plus(place, v * self.lanes * self.itemsize) for v in range(count)]
        return [self.builder.inttoptr(each, self.vector.as_pointer()) for each in places]

    def loaded(self, pointers):
        return [self.builder.load(pointer, align=self.itemsize) for pointer in pointers]

    def in_every_lane(self, place):
        """The number at an address, in all lanes of a register."""
        number = self.builder.load(self.builder.inttoptr(place, self.scalar.as_pointer()))
        undefined, int32 = ir.Constant(self.vector, ir.Undefined), ir.IntType(32)
        first = self.builder.insert_element(undefined, number, ir.Constant(int32, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(int32, self.lanes), None))

    def add_products(self, in_memory, k0, k1, factors):
        """Add a * b to the vectors of C in memory, one by one, for the pairs (a, b) of `factors(k)`, for every k."""
        # One stack slot per accumulator: LLVM turns slots that are only loaded and stored into registers.
        in_register = [cgutils.alloca_once(self.builder, self.vector) for _ in in_memory]
        for register, value in zip(in_register, self.loaded(in_memory), strict=True):
            self.builder.store(value, register)
        with cgutils.for_range(self.builder, k1, start=k0, intp=self.word) as loop:
            for (a, b), register in zip(factors(loop.index), in_register, strict=True):
                self.builder.store(multiply_add(self.builder, a, b, self.builder.load(register)), register)
        for register, pointer in zip(in_register, in_memory, strict=True):
            self.builder.store(self.builder.load(register), pointer, align=self.itemsize)


@intrinsic(prefer_literal=True)
def tile(typingctx, C, A, B, m, n, k0, k1, rows, vectors, divisor):
    """C[m : m + rows, n : n + width] += A[m : m + rows, k0:k1] B[k0:k1, n : n + width]

    width = vectors * lanes, where lanes is what fits into a register divided by `divisor`. The last three arguments are
    compile-time constants. A may have any strides (a transpose, or windows that overlap).
    """
    n_rows, n_vectors, width_divisor = (argument.literal_value for argument in (rows, vectors, divisor))

    def codegen(context, builder, signature, args):
        emit = _Emitter(context, builder, signature.args[0].dtype, width_divisor)
        if not emit.lanes:
            return context.get_dummy_value()  # never called: a quarter of two float64 is no column
        C, A, B = (context.make_array(t)(context, builder, v) for t, v in zip(signature.args, args[:3], strict=False))
        m, n, k0, k1 = args[3:7]
        row_indices = [emit.plus(m, r) for r in range(n_rows)]

        def factors(k):
            b = emit.loaded(emit.vectors_at(emit.address(B, k, n), n_vectors))
            for row in row_indices:
                a = emit.in_every_lane(emit.address(A, row, k))
                yield from ((a, b_v) for b_v in b)

        in_memory = [pointer for row in row_indices for pointer in emit.vectors_at(emit.address(C, row, n), n_vectors)]
        emit.add_products(in_memory, k0, k1, factors)
        return context.get_dummy_value()

    return types.void(C, A, B, m, n, k0, k1, rows, vectors, divisor), codegen


@intrinsic(prefer_literal=True)
def tile_of_gates(typingctx, C, slot, a, B, n, k0, k1, gates):
    """C[g, slot, 0, n : n + width] += a[0, k0:k1] B[g, k0:k1, n : n + width] for all g < gates; width: 2 vectors."""
    n_gates = gates.literal_value

    def codegen(context, builder, signature, args):
        emit = _Emitter(context, builder, signature.args[0].dtype, 1)
        types_of = (signature.args[0], signature.args[2], signature.args[3])
        C, a, B = (
            context.make_array(t)(context, builder, v)
            for t, v in zip(types_of, (args[0], args[2], args[3]), strict=True)
        )
        slot, (n, k0, k1) = args[1], args[4:7]
        zero = ir.Constant(emit.word, 0)
        gate_indices = [ir.Constant(emit.word, g) for g in range(n_gates)]

        def factors(k):
            a_k = emit.in_every_lane(emit.address(a, zero, k))
            for gate in gate_indices:
                yield from ((a_k, b) for b in emit.loaded(emit.vectors_at(emit.address(B, gate, k, n), 2)))

        in_memory = [p for gate in gate_indices for p in emit.vectors_at(emit.address(C, gate, slot, zero, n), 2)]
        emit.add_products(in_memory, k0, k1, factors)
        return context.get_dummy_value()

    return types.void(C, slot, a, B, n, k0, k1, gates), codegen


@numba.njit(inline="always")
def _strip(C, A, B, n, k0, k1, vectors, divisor):
    """The rows of full and half tiles, in the columns of one tile."""
    m = 0
    while m + ROWS <= C.shape[0]:
        tile(C, A, B, m, n, k0, k1, ROWS, vectors, divisor)  # pyright: ignore[reportCallIssue]
        m += ROWS
    if m + HALF_ROWS <= C.shape[0]:
        tile(C, A, B, m, n, k0, k1, HALF_ROWS, vectors, divisor)  # pyright: ignore[reportCallIssue]


@numba.njit(inline="always")
def _in_strips(C, A, B, rows, k0, k1):
    """The first `rows` of C, which full and half tiles cover, in all columns."""
    N = C.shape[1]
    lanes = VECTOR_BYTES // C.itemsize
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
    _numbers(C, A, B, 0, rows, n, k0, k1)


@numba.njit(inline="always")
def _row(C, A, B, m, n, k0, k1):
    """Row m of C, in the columns from n on."""
    N = C.shape[1]
    lanes = VECTOR_BYTES // C.itemsize
    while n + 8 * lanes <= N:
        tile(C, A, B, m, n, k0, k1, 1, 8, 1)  # pyright: ignore[reportCallIssue]
        n += 8 * lanes
    if n + 4 * lanes <= N:
        tile(C, A, B, m, n, k0, k1, 1, 4, 1)  # pyright: ignore[reportCallIssue]
        n += 4 * lanes
    if n + 2 * lanes <= N:
        tile(C, A, B, m, n, k0, k1, 1, 2, 1)  # pyright: ignore[reportCallIssue]
        n += 2 * lanes
    if n + lanes <= N:
        tile(C, A, B, m, n, k0, k1, 1, 1, 1)  # pyright: ignore[reportCallIssue]
        n += lanes
    if n + lanes // 2 <= N:
        tile(C, A, B, m, n, k0, k1, 1, 1, 2)  # pyright: ignore[reportCallIssue]
        n += lanes // 2
    if 0 < lanes // 4 <= N - n:
        tile(C, A, B, m, n, k0, k1, 1, 1, 4)  # pyright: ignore[reportCallIssue]
        n += lanes // 4
    _numbers(C, A, B, m, m + 1, n, k0, k1)


@numba.njit(inline="always")
def _numbers(C, A, B, m, end, n, k0, k1):
    """Rows m to end of C, in the columns from n on, one number at a time."""
    for column in range(n, C.shape[1]):
        for row in range(m, end):
            for k in range(k0, k1):
                C[row, column] += A[row, k] * B[k, column]


@compiled
def _gemm(C, A, B):
    K = B.shape[0]
    in_tiles = C.shape[0] // HALF_ROWS * HALF_ROWS  # rows
    for k0 in range(0, K, K_BLOCK):
        k1 = min(k0 + K_BLOCK, K)
        if in_tiles:
            _in_strips(C, A, B, in_tiles, k0, k1)
        for m in range(in_tiles, C.shape[0]):
            _row(C, A, B, m, 0, k0, k1)


@compiled
def _gemm_of_gates(C, slot, A, B):
    G, K, N = B.shape
    lanes = VECTOR_BYTES // C.itemsize
    if A.shape[0] > 1 or N >= 4 * lanes or G not in (2, 4):
        for g in range(G):
            _gemm(C[g, slot], A, B[g])
        return
    for k0 in range(0, K, K_BLOCK):
        k1 = min(k0 + K_BLOCK, K)
        n = 0
        while n + 2 * lanes <= N:
            if G == 4:
                tile_of_gates(C, slot, A, B, n, k0, k1, 4)  # pyright: ignore[reportCallIssue]
            else:
                tile_of_gates(C, slot, A, B, n, k0, k1, 2)  # pyright: ignore[reportCallIssue]
            n += 2 * lanes
        if n < N:
            for g in range(G):
                _row(C[g, slot], A, B[g], 0, n, k0, k1)


def _gemm_in_python(C, A, B):
    C += A @ B


def _gemm_of_gates_in_python(C, slot, A, B):
    C[:, slot] += A @ B


# NUMBA_DISABLE_JIT=1 is for stepping through the kernels in a debugger: there are no registers for a tile then.
gemm = _gemm_in_python if config.DISABLE_JIT else _gemm
gemm.__doc__ = "C (M, N) += A (M, K) B (K, N). The rows of B and of C are contiguous; A may have any strides."
gemm_of_gates = _gemm_of_gates_in_python if config.DISABLE_JIT else _gemm_of_gates
gemm_of_gates.__doc__ = (
    "C[g, slot] (M, N) += A (M, K) B[g] (K, N) for every gate g, to the bits of `gemm`. All are contiguous."
)
