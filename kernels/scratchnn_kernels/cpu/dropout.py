"""Dropout in Numba: the equation, and its number, are those of reference/dropout.py.

The masks are drawn here with the generator that the reference takes from NumPy, Philox4x64-10, to the same bits. One
block of it turns a counter into four words of 64 bits, each of which makes two numbers; blocks are independent, so a
shard can begin anywhere.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from scratchnn_kernels.contract import Array
from scratchnn_kernels.cpu import pool
from scratchnn_kernels.cpu.jit import compiled, config
from scratchnn_kernels.cpu.launching import launch

ROUNDS = 10
NUMBERS = 8  # of one block
BLOCKS = 1024  # of one shard

# Two odd numbers to multiply with, and what is added to the two words of the key in every round (Salmon et al.).
M_0, M_1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
W_0, W_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
HALF = np.uint64(32)


def mask(key: Array, rate: float, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> Array:
    m = pool.empty(shape, dtype)
    with np.errstate(over="ignore"):  # as plain Python, NumPy would warn of words that wrap around, as they should
        launch(draw_shard, _shards(m), key, rate, m.reshape(-1), work=2 * m.size)
    return m


def forward(x: Array, key: Array, rate: float) -> tuple[Array, Array]:
    m, y = mask(key, rate, x.shape, x.dtype), pool.empty(x.shape, x.dtype)
    launch(_multiply_shard, _shards(m), x.reshape(-1), m.reshape(-1), y.reshape(-1), work=x.size)  # (1)
    return y, m


def backward(dy: Array, cache: Array) -> Array:
    dx = pool.empty(dy.shape, dy.dtype)
    launch(_multiply_shard, _shards(dy), dy.reshape(-1), cache.reshape(-1), dx.reshape(-1), work=dx.size)  # (1)
    return dx


def _shards(m: Array) -> int:
    return -(-m.size // (BLOCKS * NUMBERS))


@intrinsic
def _wide_product(typingctx, u, v):
    """The 128 bits of u v as two words, the upper one first: one instruction, which Python cannot express."""

    def codegen(context, builder, signature, args):
        wide, word = ir.IntType(128), ir.IntType(64)
        product = builder.mul(*(builder.zext(arg, wide) for arg in args))
        upper = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, signature.return_type, (upper, builder.trunc(product, word)))

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), codegen


def _wide_product_in_python(u, v):
    upper, lower = divmod(int(u) * int(v), 2**64)
    return np.uint64(upper), np.uint64(lower)


wide_product = _wide_product_in_python if config.DISABLE_JIT else _wide_product


@numba.njit(inline="always")
def _block(counter, k_0, k_1):
    """Four random words from the counter (counter, 0, 0, 0) and the key."""
    c_0, c_1, c_2, c_3 = counter, np.uint64(0), np.uint64(0), np.uint64(0)
    for _ in range(ROUNDS):
        upper_0, lower_0 = wide_product(M_0, c_0)  # pyright: ignore[reportCallIssue]
        upper_1, lower_1 = wide_product(M_1, c_2)  # pyright: ignore[reportCallIssue]
        c_0, c_1, c_2, c_3 = upper_1 ^ c_1 ^ k_0, lower_1, upper_0 ^ c_3 ^ k_1, lower_0
        k_0 += W_0
        k_1 += W_1
    return c_0, c_1, c_2, c_3


@compiled
def draw_shard(s, key, rate, m):
    m = m[s * BLOCKS * NUMBERS : (s + 1) * BLOCKS * NUMBERS]
    whole = m.size // NUMBERS
    _fill_blocks(np.uint64(s * BLOCKS + 1), key[0], key[1], rate, m[: whole * NUMBERS].reshape(whole, NUMBERS))
    if whole * NUMBERS < m.size:
        last = np.empty((1, NUMBERS), m.dtype)
        _fill_blocks(np.uint64(s * BLOCKS + 1 + whole), key[0], key[1], rate, last)
        for n in range(whole * NUMBERS, m.size):
            m[n] = last[0, n - whole * NUMBERS]


@compiled
def _fill_blocks(first, k_0, k_1, rate, m):
    """m (blocks, NUMBERS) = the masks that the counters from `first` on make; the very first counter is 1."""
    kept = m.dtype.type(1 / (1 - rate))
    # An integer n below 2**24 stands for n * 2**-24, as NumPy draws float32: exact on both sides of the comparison.
    least = np.float32(rate) * np.float32(16777216)
    for block in range(m.shape[0]):
        words = _block(first + np.uint64(block), k_0, k_1)
        for w in range(4):
            low, high = np.uint32(words[w]) >> np.uint32(8), np.uint32(words[w] >> HALF) >> np.uint32(8)
            # A product, since a branch would be unpredictable.
            m[block, 2 * w] = kept * (np.float32(low) >= least)
            m[block, 2 * w + 1] = kept * (np.float32(high) >= least)


@compiled
def _multiply_shard(s, x, m, y):
    block = slice(s * BLOCKS * NUMBERS, (s + 1) * BLOCKS * NUMBERS)
    _multiply(x[block], m[block], y[block])


@compiled
def _multiply(x, m, y):
    for n in range(y.size):
        y[n] = x[n] * m[n]
