// SimpleRNN, persistent: one launch per direction takes every row through all time steps. Equations and their numbers
// are those of reference/simple_rnn.py.
//
// A thread of a block is a unit; up to 32 units are one warp. Needs -DH, -DACT and -DREC (not used).

#include "registers.cuh"

constexpr int THREADS = (H + 31) / 32 * 32;
constexpr int LENGTH = (H + 3) / 4 * 4;  // of h in shared memory, read four at a time

extern "C" __global__ void __launch_bounds__(THREADS) simple_rnn_forward(
    const real *ax,             // (T, B, H): the part of x in (1)
    const real *Wh,             // (H, H)
    const real *b,              // (H)
    const real *h_0,            // (B, H), as h_last
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (1, B, H), or null
    real *h,                    // (T+1, B, H), or null
    real *h_last, int T, int B) {
    __shared__ __align__(16) real h_shared[2][THREADS];
    const int row = blockIdx.x, unit = threadIdx.x;
    const bool exists = unit < H;
    const size_t states = (size_t)B * H, at = (size_t)row * H + unit;

    // The thread's column of Wh.
    real weights[LENGTH];
#pragma unroll
    for (int k = 0; k < LENGTH; k++) weights[k] = exists && k < H ? Wh[k * H + unit] : real(0);
    const real bias = exists ? b[unit] : real(0);
    const real kept = dropout_h != nullptr && exists ? dropout_h[at] : real(1);

    real h_t = exists ? h_0[at] : real(0);
    int buffer = 0;
    h_shared[buffer][unit] = exists ? h_t * kept : real(0);
    if (h != nullptr && exists) h[at] = h_t;
    __syncthreads();

    real ax_next = exists ? ax[at] : real(0);
    for (int t = 0; t < T; t++) {
        const real ax_t = ax_next;
        if (exists && t + 1 < T) ax_next = ax[(t + 1) * states + at];  // loaded a step before its use
        if (is_real_step(mask, row, T, t)) {
            const real a = ax_t + bias + dot(weights, h_shared[buffer]);  // (1)
            h_t = activate(ACT, a);                                       // (3)
            // The other buffer: slower warps may still be reading this one. So one barrier per step is enough.
            buffer ^= 1;
            h_shared[buffer][unit] = exists ? h_t * kept : real(0);
            __syncthreads();
        }  // (2): else h stays as it is
        if (h != nullptr && exists) h[(t + 1) * states + at] = h_t;
    }
    if (exists) h_last[at] = h_t;
}

extern "C" __global__ void __launch_bounds__(THREADS) simple_rnn_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros
    const real *Wh,             // (H, H)
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (1, B, H), or null
    const real *h,              // (T+1, B, H)
    real *da,                   // (T, B, H)
    real *dh_0, int T, int B) {
    __shared__ __align__(16) real da_shared[2][THREADS];
    const int row = blockIdx.x, unit = threadIdx.x;
    const bool exists = unit < H;
    const size_t states = (size_t)B * H, at = (size_t)row * H + unit;

    // The unit's row of Wh.
    real weights[LENGTH];
#pragma unroll
    for (int k = 0; k < LENGTH; k++) weights[k] = exists && k < H ? Wh[unit * H + k] : real(0);
    const real kept = dropout_h != nullptr && exists ? dropout_h[at] : real(1);

    // dh: the gradient with respect to h[t+1].
    real dh = exists && dh_last != nullptr ? dh_last[at] : real(0);
    const bool has_dy = exists && dy != nullptr;
    real h_next = exists ? h[T * states + at] : real(0);
    real dy_next = has_dy ? dy[((size_t)row * T + T - 1) * H + unit] : real(0);
    int buffer = 0;
    for (int t = T - 1; t >= 0; t--) {
        const real h_after = h_next;
        dh += dy_next;
        if (exists) h_next = h[t * states + at];  // loaded a step before its use
        if (has_dy && t > 0) dy_next = dy[((size_t)row * T + t - 1) * H + unit];
        real da_t = 0;
        if (is_real_step(mask, row, T, t)) {
            da_t = derivative(ACT, dh, h_after);  // (3)
            da_shared[buffer][unit] = exists ? da_t : real(0);
            __syncthreads();
            dh = kept * dot(weights, da_shared[buffer]);  // (1)
            buffer ^= 1;
        }  // (2): else dh passes straight through
        if (exists) da[t * states + at] = da_t;
    }
    if (exists) dh_0[at] = dh;
}
