// Max pooling over neighbouring steps, and over all of them. Equations and their numbers are those of
// reference/max_pooling1d.py and reference/global_max_pooling1d.py. Needs no constant except -DREAL.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

extern "C" __global__ void max_pooling1d_forward(
    const real *x,  // (B, T, D)
    real *y,        // (B, T_out, D)
    int *winner,    // (B, T_out, D): the j of (1)
    int B, int T, int D, int T_out, int k, int stride) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * T_out * D) return;
    const size_t d = n % D, p = n / D % T_out, b = n / D / T_out;
    const real *window = x + (b * T + p * stride) * D + d;
    real largest = window[0];
    int best = 0;
    for (int j = 1; j < k; j++) {
        const real value = window[(size_t)j * D];
        if (value > largest || isnan(value)) {
            largest = value;  // (1)
            best = j;
        }
    }
    y[n] = largest;
    winner[n] = best;
}

// The windows that contain step t, in the order of their places j in them, as in the reference.
extern "C" __global__ void max_pooling1d_backward(
    const real *dy, const int *winner,  // (B, T_out, D)
    real *dx,                           // (B, T, D)
    int B, int T, int D, int T_out, int k, int stride) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * T * D) return;
    const size_t d = n % D, b = n / D / T;
    const int t = n / D % T;
    real sum = 0;
    for (int j = 0; j < k && j <= t; j++) {
        const int p = (t - j) / stride;
        const size_t at = (b * T_out + p) * D + d;
        if ((t - j) % stride == 0 && p < T_out && winner[at] == j) sum += dy[at];  // (1)
    }
    dx[n] = sum;
}

extern "C" __global__ void global_max_pooling1d_forward(
    const real *x,    // (B, T, D)
    real *y,          // (B, D)
    int *equals,      // (B, D): how many steps are as large
    int B, int T, int D) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * D) return;
    const real *series = x + n / D * T * D + n % D;
    real largest = series[0];
    int count = 1;
    for (int t = 1; t < T; t++) {
        const real value = series[(size_t)t * D];
        const bool is_equal = value == largest || (isnan(value) && isnan(largest));
        const bool is_larger = value > largest || (isnan(value) && !isnan(largest));
        count = is_larger ? 1 : count + is_equal;
        largest = is_larger ? value : largest;  // (1)
    }
    y[n] = largest;
    equals[n] = count;
}

extern "C" __global__ void global_max_pooling1d_backward(
    const real *dy, const real *y, const int *equals,  // (B, D)
    const real *x, real *dx,                           // (B, T, D)
    int B, int T, int D) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * T * D) return;
    const size_t at = n / D / T * D + n % D;
    const bool is_max = x[n] == y[at] || isnan(x[n]);
    dx[n] = is_max ? dy[at] / equals[at] : real(0);  // (1)
}
