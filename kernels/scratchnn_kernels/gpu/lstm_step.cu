// LSTM, one time step per launch, for any number of units: the product h Wh comes from outside. Equations and their
// numbers are those of reference/lstm.py. A thread is one unit of one row. Needs -DACT and -DREC.

#include "activations.cuh"

enum { I, F, G, O };

extern "C" __global__ void lstm_step_forward(
    const real *ax,             // (B, 4H): the part of x in (1), at step t
    const real *ah,             // (B, 4H): the part of h
    const real *b,              // (4H)
    const unsigned char *mask,  // (B, T), or null
    const real *h, const real *c, real *h_after, real *c_after,  // (B, H)
    real *gates,                                                 // (B, 4H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const int row = n / H, unit = n % H;
    real gate[4];
    for (int k = 0; k < 4; k++) {
        const size_t at = (size_t)row * 4 * H + k * H + unit;
        gate[k] = activate_gate(k == G, ax[at] + ah[at] + b[k * H + unit]);  // (1), (3), (4)
        gates[at] = gate[k];
    }
    const bool is_word = mask == nullptr || mask[(size_t)row * T + t];
    const real c_t = gate[F] * c[n] + gate[I] * gate[G];           // (5)
    h_after[n] = is_word ? gate[O] * activate(ACT, c_t) : h[n];    // (6), (2)
    c_after[n] = is_word ? c_t : c[n];                             // (2)
}

extern "C" __global__ void lstm_step_backward(
    const real *dy,             // (B, T, H), or null
    const unsigned char *mask,  // (B, T), or null
    const real *c, const real *c_after,  // (B, H)
    const real *gates,                   // (B, 4H)
    real *dh, real *dc,  // (B, H): with respect to h[t+1], c[t+1]; on return to h[t], c[t], without the part of da
    real *da,            // (B, 4H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const int row = n / H, unit = n % H;
    const size_t at = (size_t)row * 4 * H + unit;
    const real dh_t = dh[n] + (dy == nullptr ? real(0) : dy[((size_t)row * T + t) * H + unit]);
    if (mask != nullptr && !mask[(size_t)row * T + t]) {
        dh[n] = dh_t;  // (2): dh and dc pass straight through
        for (int k = 0; k < 4; k++) da[at + k * H] = 0;
        return;
    }
    const real i = gates[at + I * H], f = gates[at + F * H], g = gates[at + G * H], o = gates[at + O * H];
    const real act_c = activate(ACT, c_after[n]);
    const real dc_t = dc[n] + derivative(ACT, dh_t * o, act_c);  // (6)
    da[at + I * H] = derivative(REC, dc_t * g, i);               // (5), (3)
    da[at + F * H] = derivative(REC, dc_t * c[n], f);            // (5), (3)
    da[at + G * H] = derivative(ACT, dc_t * i, g);               // (5), (4)
    da[at + O * H] = derivative(REC, dh_t * act_c, o);           // (6), (3)
    dc[n] = dc_t * f;                                            // (5)
    dh[n] = 0;                                                   // (1) is a product, outside
}
