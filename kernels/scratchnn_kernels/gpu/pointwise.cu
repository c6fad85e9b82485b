// What follows a matrix product, number by number, in Dense and in Conv1D. Their equations (1), of which only the bias
// is left here, and (2) have the same numbers in reference/dense.py and reference/conv1d.py. Needs -DACT, and -DREC (not
// used).

#include "activations.cuh"

extern "C" __global__ void activate_biased(
    const real *b,  // (H)
    real *y,        // (N, H): on entry the product, on return (2)
    int H, long long size) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n < size) y[n] = activate(ACT, y[n] + b[n % H]);  // (1), (2)
}

extern "C" __global__ void activation_derivative(const real *dy, const real *y, real *da, long long size) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n < size) da[n] = derivative(ACT, dy[n], y[n]);  // (2)
}
