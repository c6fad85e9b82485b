"""Passes over contiguous 1-D runs of numbers.

Each is a function of its own so that LLVM sees separate arrays and makes vector code; inside one large function, with
many slices of the same array, it cannot prove that they do not overlap. (They also compile faster than NumPy's slice
assignments, which include code for their error messages.)

In each, at most one product is added to a sum. In u * v + w * x a compiler may fuse either product into the sum, and
choose differently for the vector code and for the remainder: then a row's bits would depend on its batch.
"""

from scratchnn_kernels.cpu.jit import compiled


@compiled
def fill(value, out):
    for n in range(out.size):
        out[n] = value


@compiled
def copy(u, out):
    for n in range(out.size):
        out[n] = u[n]


@compiled
def add(u, out):
    for n in range(out.size):
        out[n] += u[n]


@compiled
def add_product(u, v, out):
    for n in range(out.size):
        out[n] += u[n] * v[n]


@compiled
def multiply(u, v, out):
    for n in range(out.size):
        out[n] = u[n] * v[n]
