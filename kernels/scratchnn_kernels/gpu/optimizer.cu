// The update rules, one pass over the vectors each. Equations and their numbers are those of reference/optimizer.py.
// Needs -DBLOCK, the threads of a block of the two kernels at the end.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

#include "sums.cuh"

extern "C" __global__ void sgd(
    real *w, const real *g, real *m, real rate, real momentum, int nesterov, long long size) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= size) return;
    const real step = rate * g[n];
    if (m == nullptr) {
        w[n] -= step;
        return;
    }
    m[n] = momentum * m[n] - step;                            // (1)
    w[n] += nesterov ? momentum * m[n] - step : m[n];         // (2)
}

extern "C" __global__ void rmsprop(
    real *w, const real *g, real *v, real *m, real *a, real rate, real rho, real rest, real momentum, real epsilon,
    long long size) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= size) return;
    v[n] = rho * v[n] + rest * g[n] * g[n];  // (1)
    real variance = v[n];
    if (a != nullptr) {
        a[n] = rho * a[n] + rest * g[n];  // (2)
        // Only rounding can take it below 0. A NaN stays a NaN.
        variance = v[n] - a[n] * a[n];
        variance = variance < 0 ? real(0) : variance;
    }
    real step = rate * g[n] / sqrt(variance + epsilon);  // (3)
    if (m != nullptr) step = m[n] = momentum * m[n] + step;  // (4)
    w[n] -= step;                                            // (5)
}

extern "C" __global__ void adam(
    real *w, const real *g, real *m, real *v, real alpha, real share_1, real share_2, real epsilon, long long size) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= size) return;
    m[n] += share_1 * (g[n] - m[n]);                    // (1)
    v[n] += share_2 * (g[n] * g[n] - v[n]);             // (2)
    w[n] -= alpha * m[n] / (sqrt(v[n]) + epsilon);      // (4)
}

// Up to eight arrays, one after the other; each ends where its `end` says, counted from the start of g.
extern "C" __global__ void join(
    real *g, const real *p_0, const real *p_1, const real *p_2, const real *p_3, const real *p_4, const real *p_5,
    const real *p_6, const real *p_7, long long end_0, long long end_1, long long end_2, long long end_3,
    long long end_4, long long end_5, long long end_6, long long end_7) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= end_7) return;
    g[n] = n < end_0   ? p_0[n]
           : n < end_1 ? p_1[n - end_0]
           : n < end_2 ? p_2[n - end_1]
           : n < end_3 ? p_3[n - end_2]
           : n < end_4 ? p_4[n - end_3]
           : n < end_5 ? p_5[n - end_4]
           : n < end_6 ? p_6[n - end_5]
                       : p_7[n - end_6];
}

// A block's share of the sum of squares. Of a single block it is the sum; the shares of several are added by the next
// kernel. In double: float would overflow at 1e19.
extern "C" __global__ void __launch_bounds__(BLOCK) sum_of_squares(const real *g, double *sums, long long size) {
    __shared__ double part[BLOCK];
    double sum = 0;
    for (long long n = (long long)blockIdx.x * BLOCK + threadIdx.x; n < size; n += (long long)gridDim.x * BLOCK) {
        const double number = g[n];
        sum += number * number;
    }
    sum = sum_of_block(sum, part);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(BLOCK) sum_of_sums(const double *sums, double *total, int blocks) {
    __shared__ double part[BLOCK];
    const double sum = sum_of_block(threadIdx.x < blocks ? sums[threadIdx.x] : 0.0, part);
    if (threadIdx.x == 0) *total = sum;
}
