// Binary cross-entropy. Equations and their numbers are those of reference/binary_crossentropy.py.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

#include "sums.cuh"

// Keeps a probability away from 0 and 1; a NaN stays a NaN.
__device__ inline real inside(real y) {
    const real low = real(1e-7), high = real(1 - 1e-7);
    return y < low ? low : y > high ? high : y;
}

// One block: a batch has few outputs, and the mean then needs no second launch.
extern "C" __global__ void __launch_bounds__(BLOCK) binary_crossentropy_forward(
    const real *y, const real *target, double *loss, int from_logits, long long size) {
    __shared__ double part[BLOCK];
    double sum = 0;
    for (long long n = threadIdx.x; n < size; n += BLOCK) {
        const real t = target[n];
        real surprise;
        if (from_logits) {
            surprise = (y[n] > 0 ? y[n] : real(0)) - t * y[n] + log1p(exp(-fabs(y[n])));  // (1), (2) together
        } else {
            const real p = inside(y[n]);                         // (1)
            surprise = -(t * log(p) + (1 - t) * log(1 - p));     // (2)
        }
        sum += surprise;
    }
    sum = sum_of_block(sum, part);
    if (threadIdx.x == 0) *loss = sum / size;  // (2)
}

extern "C" __global__ void binary_crossentropy_backward(
    const real *y, const real *target, real *dy, int from_logits, long long size) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= size) return;
    if (from_logits) {
        const real e = exp(-fabs(y[n]));
        dy[n] = ((y[n] >= 0 ? real(1) : e) / (1 + e) - target[n]) / real(size);  // (1), (2) together
    } else {
        const real p = inside(y[n]);
        const real dp = (p - target[n]) / (p * (1 - p) * real(size));  // (2)
        dy[n] = p == y[n] ? dp : real(0);                              // (1)
    }
}
