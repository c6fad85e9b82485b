"""The backward products of a convolution where most of da is zero, as behind max pooling and relu.

Max pooling sends a gradient to one step of each window and none to the others, and relu none to negative sums: behind a
pooling of 5, four fifths of da are zero at least. For each number a = da[p, f] that is not,

    dW[f] += a x[p]         x[p]:  the window at place p, k D neighbouring numbers of a review
    dx[p] += a W[f]         W[f]:  the weights of filter f, as many numbers

and a zero adds nothing. (Where x is infinite, the product would have made a NaN of 0 * inf; but then y is no number
either, and so is the loss.) The windows overlap, so the places are gone through in ascending order, and each adds to
what the one before has left in memory.

Kept in registers: x[p] and dx[p], for all filters of a place. Per number and vector this leaves 2 multiply-adds,
2 loads and 1 store; plain loops over n (5 memory accesses) took 2.5 times as long.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from scratchnn_kernels.cpu.gemm import VECTOR_BYTES
from scratchnn_kernels.cpu.jit import compiled, config

# Of 2 * WIDEST registers for x and dx, beside a and what is under way, 32 (AVX-512, NEON) or 16 (AVX2) have room.
WIDEST = 8 if VECTOR_BYTES != 32 else 4


@compiled
def is_sparse(v):
    """Whether skipping the zeros of the contiguous 1-D array v pays.

    Against gemm it did up to a share of 0.6 other numbers at 32 filters of 112 numbers, and of 0.35 at 128 of 448,
    which no longer fit into the first-level cache.
    """
    count = 0
    for n in range(v.size):
        count += v[n] != 0
    return 3 * count < v.size


@compiled
def aligned_zeros(like, shape):
    """Zeros of the dtype of `like` that start at a multiple of 64 bytes."""
    size = shape[0] * shape[1] * shape[2]
    memory = np.zeros(size + VECTOR_BYTES // like.itemsize, like.dtype)
    skip = (-memory.ctypes.data % VECTOR_BYTES) // like.itemsize
    return memory[skip : skip + size].reshape(shape)


@compiled
def list_nonzeros(da, filters, starts):
    """filters[starts[p] : starts[p + 1]] = the f with da[p, f] != 0, for each row p of da. Return their number."""
    count = 0
    for p in range(da.shape[0]):
        starts[p] = count
        for f in range(da.shape[1]):
            # No branch: each f is written, and the next one overwrites it unless da was something (or NaN).
            filters[count] = f
            count += da[p, f] != 0
    starts[da.shape[0]] = count
    return count


@intrinsic(prefer_literal=True)
def strip(typingctx, da, filters, first, last, p, n, x, W, dx, dW, vectors):
    """The two lines above for the filters [first : last] of place p, in the columns of `vectors` registers from n."""
    n_vectors = vectors.literal_value

    def codegen(context, builder, signature, args):
        dtype = signature.args[0].dtype
        itemsize = dtype.bitwidth // 8
        lanes = VECTOR_BYTES // itemsize
        scalar, word = context.get_value_type(dtype), context.get_value_type(types.intp)
        vector = ir.VectorType(scalar, lanes)
        fma_type = ir.FunctionType(vector, [vector] * 3)
        fma = builder.module.declare_intrinsic(f"llvm.fma.v{lanes}f{dtype.bitwidth}", fnty=fma_type)
        da, filters, first, last, p, n, x, W, dx, dW = (
            context.make_array(t)(context, builder, v) if isinstance(t, types.Array) else v
            for t, v in zip(signature.args[:10], args[:10], strict=True)
        )

        def address(array, row, column):
            row_stride, column_stride = cgutils.unpack_tuple(builder, array.strides)
            offset = builder.add(builder.mul(row, row_stride), builder.mul(column, column_stride))
            return builder.add(builder.ptrtoint(array.data, word), offset)

        def vectors_at(array, row):
            place = address(array, row, n)
            offsets = [ir.Constant(word, v * VECTOR_BYTES) for v in range(n_vectors)]
            return [builder.inttoptr(builder.add(place, offset), vector.as_pointer()) for offset in offsets]

        x_p = [builder.load(pointer, align=itemsize) for pointer in vectors_at(x, p)]
        dx_p = vectors_at(dx, p)
        sums = [cgutils.alloca_once(builder, vector) for _ in range(n_vectors)]  # LLVM makes registers of them
        for pointer, total in zip(dx_p, sums, strict=True):
            builder.store(builder.load(pointer, align=itemsize), total)
        with cgutils.for_range(builder, last, start=first, intp=word) as loop:
            f = builder.load(builder.gep(filters.data, [loop.index]))
            a = builder.load(builder.inttoptr(address(da, p, f), scalar.as_pointer()))
            a = builder.insert_element(ir.Constant(vector, ir.Undefined), a, ir.Constant(ir.IntType(32), 0))
            lane_0 = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
            a = builder.shuffle_vector(a, ir.Constant(vector, ir.Undefined), lane_0)  # in every lane
            for W_f, dW_f, x_v, total in zip(vectors_at(W, f), vectors_at(dW, f), x_p, sums, strict=True):
                w, dw = builder.load(W_f, align=itemsize), builder.load(dW_f, align=itemsize)
                builder.store(builder.call(fma, [a, w, builder.load(total)]), total)
                builder.store(builder.call(fma, [a, x_v, dw]), dW_f, align=itemsize)
        for pointer, total in zip(dx_p, sums, strict=True):
            builder.store(builder.load(total), pointer, align=itemsize)
        return context.get_dummy_value()

    return types.void(da, filters, first, last, p, n, x, W, dx, dW, vectors), codegen


@numba.njit(inline="always")
def _all_places(da, filters, starts, n, x, W, dx, dW, vectors):
    for p in range(da.shape[0]):
        if starts[p] < starts[p + 1]:
            strip(da, filters, starts[p], starts[p + 1], p, n, x, W, dx, dW, vectors)  # pyright: ignore[reportCallIssue]


@compiled
def _add_products(da, filters, starts, x, W, dx, dW):
    N = x.shape[1]
    lanes = VECTOR_BYTES // x.itemsize
    n = 0
    while n + lanes <= N:
        vectors = min((N - n) // lanes, WIDEST)
        if vectors == 8:
            _all_places(da, filters, starts, n, x, W, dx, dW, 8)
        elif vectors == 7:
            _all_places(da, filters, starts, n, x, W, dx, dW, 7)
        elif vectors >= 4:
            vectors = 4
            _all_places(da, filters, starts, n, x, W, dx, dW, 4)
        elif vectors >= 2:
            vectors = 2
            _all_places(da, filters, starts, n, x, W, dx, dW, 2)
        else:
            _all_places(da, filters, starts, n, x, W, dx, dW, 1)
        n += vectors * lanes
    for p in range(da.shape[0]):
        for i in range(starts[p], starts[p + 1]):
            f = filters[i]
            for column in range(n, N):
                dW[f, column] += da[p, f] * x[p, column]
                dx[p, column] += da[p, f] * W[f, column]


def _add_products_in_python(da, filters, starts, x, W, dx, dW):
    for p in range(len(da)):
        for f in filters[starts[p] : starts[p + 1]]:
            dW[f] += da[p, f] * x[p]
            dx[p] += da[p, f] * W[f]


# With NUMBA_DISABLE_JIT=1 there are no registers (see gemm.py).
add_products = _add_products_in_python if config.DISABLE_JIT else _add_products
