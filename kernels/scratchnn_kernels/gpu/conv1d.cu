// Conv1D around its matrix products. Equations and their numbers are those of reference/conv1d.py.
//
// Forward gathers every window of k time steps into a row, so that (1) is one product with W as a (k D, F) matrix. The
// bias of (1), and (2), are in pointwise.cu.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

extern "C" __global__ void conv1d_windows(
    const real *x,  // (B, T, D)
    real *windows,  // (B, T_out, k, D)
    int B, int T, int D, int k, int T_out, int stride, int dilation) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * T_out * k * D) return;
    const int d = n % D, j = n / D % k;
    const size_t row = n / D / k, p = row % T_out, b = row / T_out;
    windows[n] = x[(b * T + p * stride + (size_t)j * dilation) * D + d];
}

// The gradient of x[b, t] sums over the windows that contain it, always in the order of the taps.
extern "C" __global__ void conv1d_fold(
    const real *dwindows,  // (B, T_out, k, D)
    real *dx,              // (B, T, D)
    int B, int T, int D, int k, int T_out, int stride, int dilation) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * T * D) return;
    const int d = n % D, t = n / D % T;
    const size_t b = n / D / T;
    real sum = 0;
    for (int j = 0; j < k; j++) {
        const int from_start = t - j * dilation, p = from_start / stride;
        if (from_start >= 0 && from_start % stride == 0 && p < T_out) sum += dwindows[((b * T_out + p) * k + j) * D + d];
    }
    dx[n] = sum;  // (1)
}
