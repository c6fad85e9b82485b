// SimpleRNN, one time step per launch, for any number of units: the product h Wh comes from outside. Equations and
// their numbers are those of reference/simple_rnn.py. A thread is one unit of one row. Needs -DACT and -DREC (not used).

#include "activations.cuh"

extern "C" __global__ void simple_rnn_step_forward(
    const real *ax,             // (B, H): the part of x in (1), at step t
    const real *ah,             // (B, H): the part of h
    const real *b,              // (H)
    const unsigned char *mask,  // (B, T), or null
    const real *h, real *h_after,  // (B, H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const real a = ax[n] + ah[n] + b[n % H];  // (1)
    const bool is_word = mask == nullptr || mask[n / H * T + t];
    h_after[n] = is_word ? activate(ACT, a) : h[n];  // (3), (2)
}

extern "C" __global__ void simple_rnn_step_backward(
    const real *dy,             // (B, T, H), or null
    const unsigned char *mask,  // (B, T), or null
    const real *h_after,        // (B, H)
    real *dh,  // (B, H): with respect to h[t+1]; on return to h[t], without the part of da
    real *da,  // (B, H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const real dh_t = dh[n] + (dy == nullptr ? real(0) : dy[(n / H * T + t) * H + n % H]);
    const bool is_word = mask == nullptr || mask[n / H * T + t];
    da[n] = is_word ? derivative(ACT, dh_t, h_after[n]) : real(0);  // (3)
    dh[n] = is_word ? real(0) : dh_t;                               // (2); (1) is a product, outside
}
