"""The backward products of a convolution where most of da is zero, as after max pooling and relu.

Max pooling sends a gradient to one step of each window and none to the others, and relu none to negative sums: after a
pooling of 5, at least four fifths of da are zero. For each number a = da[p, f] that is not,

    dW[f] += a x[p]         x[p]:  the window at place p, k D neighbouring numbers of a review
    dx[p] += a W[f]         W[f]:  the weights of filter f, as many numbers

and a zero adds nothing. (From an infinite x, gemm would make a NaN here, 0 * inf; that x has already shown in y.) The
windows overlap, so the places are processed in ascending order, and each adds to what the one before has left in
memory: the order of every sum is fixed.

Kept in registers: x[p] and dx[p], for all filters of a place. Per vector of them this leaves 2 multiply-adds, 2 loads
and 1 store, 18 cycles for 112 numbers; plain loops over n, where LLVM cannot rule out overlap, took 10 times as long.
Lists by filter, with dW[f] in registers too, would save the stores and pay for a second list: no faster on paper.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from scratchnn_kernels.cpu.gemm import VECTOR_BYTES
from scratchnn_kernels.cpu.jit import compiled, config
from scratchnn_kernels.cpu.target import TARGET, multiply_add

# How many registers of x and of dx are held at once. Windows are often 7 steps long; 8 in place of 7 was 12% slower,
# powers of 2 alone 25%.
WIDTHS = (7, 4, 2, 1) if TARGET.registers == 32 else (4, 2, 1)
COMPRESSES = TARGET.compresses and not config.DISABLE_JIT  # see append_nonzeros
FILTERS_AT_ONCE = 16  # float32 at a time


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
    """Zeros of the dtype of `like` that start at a multiple of a register.

    A register across two cache lines is loaded and stored twice: add_products took a fifth longer.
    """
    size = shape[0] * shape[1] * shape[2]
    memory = np.zeros(size + VECTOR_BYTES // like.itemsize, like.dtype)
    skip = (-memory.ctypes.data % VECTOR_BYTES) // like.itemsize
    return memory[skip : skip + size].reshape(shape)


@compiled
def list_nonzeros(da, filters, starts):
    """filters[starts[p] : starts[p + 1]] = the f with da[p, f] != 0, for each row p of da. Return their number.

    `filters` is int32 and has room for a register (FILTERS_AT_ONCE) more than da has numbers.
    """
    at_once = FILTERS_AT_ONCE // (da.itemsize // 4)
    whole = da.shape[1] - da.shape[1] % at_once if COMPRESSES else 0
    count = 0
    for p in range(da.shape[0]):
        starts[p] = count
        for f in range(0, whole, at_once):
            count = append_nonzeros(da, p, f, filters, count)  # pyright: ignore[reportCallIssue]
        for f in range(whole, da.shape[1]):
            # No branch: each f is written, and the next one overwrites it unless da was non-zero (or NaN).
            filters[count] = f
            count += da[p, f] != 0
    starts[da.shape[0]] = count
    return count


@intrinsic
def append_nonzeros(typingctx, da, p, f, filters, count):
    """Append f, f + 1, ... of one register of da[p] where da is not zero, and return the new count.

    AVX-512 compresses a register: the lanes that a mask names move to its front. All of it is written, and what
    follows the last of them is overwritten by the next call. (The loop of list_nonzeros takes 8 times as long, which
    was a quarter of the backward pass.)
    """

    def codegen(context, builder, signature, args):
        dtype = signature.args[0].dtype
        lanes = FILTERS_AT_ONCE // (dtype.bitwidth // 32)
        scalar, word, int32 = context.get_value_type(dtype), context.get_value_type(types.intp), ir.IntType(32)
        vector, numbers, mask = (ir.VectorType(kind, lanes) for kind in (scalar, int32, ir.IntType(1)))
        da, filters = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 3))
        p, f, count = args[1], args[2], args[4]
        if not COMPRESSES:
            return count  # never called
        place = cgutils.get_item_pointer(context, builder, signature.args[0], da, [p, f])
        a = builder.load(builder.bitcast(place, vector.as_pointer()), align=dtype.bitwidth // 8)
        nonzero = builder.fcmp_unordered("!=", a, ir.Constant(vector, [0.0] * lanes))  # true for NaN
        first = builder.insert_element(ir.Constant(numbers, ir.Undefined), builder.trunc(f, int32), int32(0))
        first = builder.shuffle_vector(first, ir.Constant(numbers, ir.Undefined), ir.Constant(numbers, None))
        f_of_lane = builder.add(first, ir.Constant(numbers, list(range(lanes))))
        compress = builder.module.declare_intrinsic(
            f"llvm.x86.avx512.mask.compress.v{lanes}i32", fnty=ir.FunctionType(numbers, [numbers, numbers, mask])
        )
        front = builder.call(compress, [f_of_lane, ir.Constant(numbers, None), nonzero])
        end = builder.bitcast(builder.gep(filters.data, [count]), numbers.as_pointer())
        builder.store(front, end, align=4)
        found = builder.ctpop(builder.bitcast(nonzero, ir.IntType(lanes)))
        return builder.add(count, builder.zext(found, word))

    return types.intp(da, p, f, filters, count), codegen


@intrinsic(prefer_literal=True)
def strip(typingctx, da, filters, first, last, p, n, x, W, dx, dW, vectors):
    """Both equations above for the filters [first : last] of place p, in the columns of `vectors` registers from n."""
    n_vectors = vectors.literal_value

    def codegen(context, builder, signature, args):
        dtype = signature.args[0].dtype
        itemsize = dtype.bitwidth // 8
        lanes = VECTOR_BYTES // itemsize
        scalar, word = context.get_value_type(dtype), context.get_value_type(types.intp)
        vector = ir.VectorType(scalar, lanes)
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
            f = builder.sext(builder.load(builder.gep(filters.data, [loop.index])), word)
            a = builder.load(builder.inttoptr(address(da, p, f), scalar.as_pointer()))
            a = builder.insert_element(ir.Constant(vector, ir.Undefined), a, ir.Constant(ir.IntType(32), 0))
            lane_0 = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
            a = builder.shuffle_vector(a, ir.Constant(vector, ir.Undefined), lane_0)  # in every lane
            for W_f, dW_f, x_v, total in zip(vectors_at(W, f), vectors_at(dW, f), x_p, sums, strict=True):
                w, dw = builder.load(W_f, align=itemsize), builder.load(dW_f, align=itemsize)
                builder.store(multiply_add(builder, a, w, builder.load(total)), total)
                builder.store(multiply_add(builder, a, x_v, dw), dW_f, align=itemsize)
        for pointer, total in zip(dx_p, sums, strict=True):
            builder.store(builder.load(total), pointer, align=itemsize)
        return context.get_dummy_value()

    return types.void(da, filters, first, last, p, n, x, W, dx, dW, vectors), codegen


@compiled
def _width(registers):
    for width in WIDTHS:
        if width <= registers:
            return width
    return 1


@compiled
def _add_products(da, filters, starts, x, W, dx, dW):
    N = x.shape[1]
    lanes = VECTOR_BYTES // x.itemsize
    n = 0
    while n + lanes <= N:
        width = _width((N - n) // lanes)
        for p in range(da.shape[0]):
            first, last = starts[p], starts[p + 1]
            if first == last:
                continue
            if width == 7:
                strip(da, filters, first, last, p, n, x, W, dx, dW, 7)  # pyright: ignore[reportCallIssue]
            elif width == 4:
                strip(da, filters, first, last, p, n, x, W, dx, dW, 4)  # pyright: ignore[reportCallIssue]
            elif width == 2:
                strip(da, filters, first, last, p, n, x, W, dx, dW, 2)  # pyright: ignore[reportCallIssue]
            else:
                strip(da, filters, first, last, p, n, x, W, dx, dW, 1)  # pyright: ignore[reportCallIssue]
        n += width * lanes
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
