"""Activations in place over one run of numbers, and their derivatives through the output.

NumPy's tanh and exp are called one number at a time under Numba (11 to 16 ns each); a quotient of two polynomials
becomes vector code (0.3 ns). Its coefficients come from benchmarks/fit_tanh.py: relative error at most 3.3e-7 in
float32 over the whole range, and |tanh| <= 1 always. In float64, which is there for checking gradients, the exact
functions are called.

A kernel receives the number of an activation, not a function (scratchnn_kernels/activations.py).
"""

import math

from scratchnn_kernels.activations import NUMBERS, number_of
from scratchnn_kernels.cpu.jit import compiled

__all__ = ["NUMBERS", "activate", "number_of", "times_derivative"]

LINEAR, RELU, TANH, SIGMOID, HARD_SIGMOID, SOFTSIGN, SOFTPLUS, ELU, SELU, LEAKY_RELU, EXPONENTIAL = NUMBERS.values()

_CLAMP = 9.0
_P0, _P1, _P2, _P3, _P4 = (1.0, 0.13381025, 0.0034955875, 2.0609072e-05, 1.3354648e-08)
_Q0, _Q1, _Q2, _Q3, _Q4 = (1.0, 0.46714342, 0.02587698, 0.00032856336, 7.7765526e-07)

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772
_LEAKY_SLOPE = 0.2


@compiled
def activate(activation, v):
    """v = act(v) for every number of the contiguous 1-D array v."""
    # A bare literal would turn float32 arithmetic into float64: every constant takes the dtype of v.
    number = v.dtype.type
    zero, half, one = number(0), number(0.5), number(1)
    if activation == TANH:
        if v.itemsize == 4:
            _rational_tanh(v)
        else:
            for n in range(v.size):
                v[n] = math.tanh(v[n])
    elif activation == SIGMOID:
        # sigmoid(a) = (1 + tanh(a / 2)) / 2, which cannot overflow
        if v.itemsize == 4:
            _rational_sigmoid(v)
        else:
            for n in range(v.size):
                v[n] = half * math.tanh(half * v[n]) + half
    elif activation == RELU:
        for n in range(v.size):
            v[n] = zero if v[n] < zero else v[n]
    elif activation == HARD_SIGMOID:
        sixth = number(1 / 6)
        for n in range(v.size):
            y = v[n] * sixth + half
            y = zero if y < zero else y
            v[n] = one if y > one else y
    elif activation == SOFTSIGN:
        for n in range(v.size):
            v[n] = v[n] / (one + abs(v[n]))
    elif activation == SOFTPLUS:
        for n in range(v.size):
            v[n] = max(v[n], zero) + math.log1p(math.exp(-abs(v[n])))
    elif activation == ELU:
        for n in range(v.size):
            v[n] = v[n] if v[n] > zero else math.expm1(v[n])
    elif activation == SELU:
        scale, alpha = number(_SELU_SCALE), number(_SELU_SCALE * _SELU_ALPHA)
        for n in range(v.size):
            v[n] = scale * v[n] if v[n] > zero else alpha * math.expm1(v[n])
    elif activation == LEAKY_RELU:
        slope = number(_LEAKY_SLOPE)
        for n in range(v.size):
            v[n] = slope * v[n] if v[n] < zero else v[n]
    elif activation == EXPONENTIAL:
        for n in range(v.size):
            v[n] = math.exp(v[n])


@compiled
def _rational_tanh(v):
    number = v.dtype.type
    clamp, one = number(_CLAMP), number(1)
    for n in range(v.size):
        # In this order of arguments min and max pass a NaN on, and become one instruction each.
        x = max(min(v[n], clamp), -clamp)
        u = x * x
        p = (((number(_P4) * u + number(_P3)) * u + number(_P2)) * u + number(_P1)) * u + number(_P0)
        q = (((number(_Q4) * u + number(_Q3)) * u + number(_Q2)) * u + number(_Q1)) * u + number(_Q0)
        v[n] = max(min(x * p / q, one), -one)


@compiled
def _rational_sigmoid(v):
    """The same quotient at half the argument, then halved and lifted: one pass instead of three."""
    number = v.dtype.type
    clamp, one, half = number(2 * _CLAMP), number(1), number(0.5)
    for n in range(v.size):
        x = half * max(min(v[n], clamp), -clamp)
        u = x * x
        p = (((number(_P4) * u + number(_P3)) * u + number(_P2)) * u + number(_P1)) * u + number(_P0)
        q = (((number(_Q4) * u + number(_Q3)) * u + number(_Q2)) * u + number(_Q1)) * u + number(_Q0)
        v[n] = half * max(min(x * p / q, one), -one) + half


@compiled
def times_derivative(activation, d, y):
    """d *= act'(a) for every number of two contiguous 1-D arrays, where y = act(a)."""
    number = y.dtype.type
    zero, one = number(0), number(1)
    if activation == TANH:
        for n in range(d.size):
            d[n] *= one - y[n] * y[n]
    elif activation == SIGMOID:
        for n in range(d.size):
            d[n] *= y[n] * (one - y[n])
    elif activation == RELU:
        for n in range(d.size):
            d[n] = d[n] if y[n] > zero else zero
    elif activation == HARD_SIGMOID:
        sixth = number(1 / 6)
        for n in range(d.size):
            d[n] = d[n] * sixth if zero < y[n] < one else zero
    elif activation == SOFTSIGN:
        for n in range(d.size):
            d[n] *= (one - abs(y[n])) * (one - abs(y[n]))
    elif activation == SOFTPLUS:
        for n in range(d.size):
            d[n] *= -math.expm1(-y[n])
    elif activation == ELU:
        for n in range(d.size):
            d[n] = d[n] if y[n] > zero else d[n] * (y[n] + one)
    elif activation == SELU:
        scale, alpha = number(_SELU_SCALE), number(_SELU_SCALE * _SELU_ALPHA)
        for n in range(d.size):
            d[n] *= scale if y[n] > zero else y[n] + alpha
    elif activation == LEAKY_RELU:
        slope = number(_LEAKY_SLOPE)
        for n in range(d.size):
            d[n] = d[n] if y[n] > zero else slope * d[n]
    elif activation == EXPONENTIAL:
        for n in range(d.size):
            d[n] *= y[n]
