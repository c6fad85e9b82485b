// GRU, one time step per launch, for any number of units: the products with Wh come from outside. Equations and their
// numbers are those of reference/gru.py. A thread is one unit of one row. Needs -DACT and -DREC.
//
// With reset_after a step is one launch each way. Without, its two products cut it in two.

#include "activations.cuh"

enum { Z, R, G };

__device__ inline bool is_word(const unsigned char *mask, int row, int T, int t) {
    return mask == nullptr || mask[(size_t)row * T + t];
}

extern "C" __global__ void gru_step_forward(
    const real *ax,              // (B, 3H): (1) without bx, at step t
    const real *ah,              // (B, 3H): (1) without bh
    const real *bx, const real *bh,  // (3H)
    const unsigned char *mask,   // (B, T), or null
    const real *h, real *h_after,  // (B, H)
    real *gates,                 // (B, 3H)
    real *ah_g,                  // (B, H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const int row = n / H, unit = n % H, at_R = R * H + unit, at_G = G * H + unit;
    const size_t at = (size_t)row * 3 * H;
    const real z = activate(REC, ax[at + unit] + bx[unit] + ah[at + unit] + bh[unit]);    // (1), (3)
    const real r = activate(REC, ax[at + at_R] + bx[at_R] + ah[at + at_R] + bh[at_R]);
    ah_g[n] = ah[at + at_G] + bh[at_G];                                                   // (1)
    const real g = activate(ACT, ax[at + at_G] + bx[at_G] + r * ah_g[n]);                 // (4), (5)
    h_after[n] = is_word(mask, row, T, t) ? z * h[n] + (1 - z) * g : h[n];                // (6), (2)
    gates[at + unit] = z;
    gates[at + at_R] = r;
    gates[at + at_G] = g;
}

extern "C" __global__ void gru_step_backward(
    const real *dy,             // (B, T, H), or null
    const unsigned char *mask,  // (B, T), or null
    const real *h,              // (B, H)
    const real *gates,          // (B, 3H)
    const real *ah_g,           // (B, H)
    real *dh,              // (B, H): with respect to h[t+1]; on return to h[t], without the part of dah
    real *dax, real *dah,  // (B, 3H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const int row = n / H, unit = n % H;
    const size_t at_Z = (size_t)row * 3 * H + unit, at_R = at_Z + H, at_G = at_R + H;
    const real dh_t = dh[n] + (dy == nullptr ? real(0) : dy[((size_t)row * T + t) * H + unit]);
    const bool word = is_word(mask, row, T, t);
    const real z = gates[at_Z], r = gates[at_R], g = gates[at_G];
    const real da_g = word ? derivative(ACT, dh_t * (1 - z), g) : real(0);                // (6), (5)
    dax[at_Z] = dah[at_Z] = word ? derivative(REC, dh_t * (h[n] - g), z) : real(0);       // (6), (3)
    dax[at_R] = dah[at_R] = word ? derivative(REC, da_g * ah_g[n], r) : real(0);          // (4), (3)
    dax[at_G] = da_g;                                                                     // (1)
    dah[at_G] = da_g * r;                                                                 // (4)
    dh[n] = word ? dh_t * z : dh_t;                                                       // (6), (2); (1) outside
}

// Without reset_after: z, r and r * h; then, with the product of that, the candidate and the new state.

extern "C" __global__ void gru_reset_before_step_forward_gates(
    const real *ax,      // (B, 3H): (1) without bx, at step t
    const real *ah,      // (B, 2H): (1)
    const real *bx,      // (3H)
    const real *h,       // (B, H)
    real *gates,         // (B, 3H)
    real *rh,            // (B, H)
    int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const int unit = n % H;
    const size_t row = n / H, at = row * 3 * H + unit, at_h = row * 2 * H + unit;
    gates[at] = activate(REC, ax[at] + bx[unit] + ah[at_h]);                        // (1), (3)
    gates[at + H] = activate(REC, ax[at + H] + bx[H + unit] + ah[at_h + H]);
    rh[n] = gates[at + H] * h[n];                                                   // (4), before its product
}

extern "C" __global__ void gru_reset_before_step_forward_state(
    const real *ax,             // (B, 3H): (1) without bx, at step t
    const real *q,              // (B, H): (4)
    const real *bx,             // (3H)
    const unsigned char *mask,  // (B, T), or null
    const real *h, real *h_after,  // (B, H)
    real *gates,                // (B, 3H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const int row = n / H, unit = n % H;
    const size_t at = (size_t)row * 3 * H + unit;
    const real z = gates[at], g = activate(ACT, ax[at + G * H] + bx[G * H + unit] + q[n]);  // (5)
    gates[at + G * H] = g;
    h_after[n] = is_word(mask, row, T, t) ? z * h[n] + (1 - z) * g : h[n];                  // (6), (2)
}

extern "C" __global__ void gru_reset_before_step_backward_state(
    const real *dy,             // (B, T, H), or null
    const unsigned char *mask,  // (B, T), or null
    const real *h,              // (B, H)
    const real *gates,          // (B, 3H)
    real *dh,                   // (B, H): with respect to h[t+1]; on return what z and masked steps pass on
    real *da_z, real *da_g,     // (B, H)
    int t, int T, int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const int row = n / H, unit = n % H;
    const size_t at = (size_t)row * 3 * H + unit;
    const real dh_t = dh[n] + (dy == nullptr ? real(0) : dy[((size_t)row * T + t) * H + unit]);
    const bool word = is_word(mask, row, T, t);
    const real z = gates[at], g = gates[at + G * H];
    da_z[n] = word ? derivative(REC, dh_t * (h[n] - g), z) : real(0);  // (6), (3)
    da_g[n] = word ? derivative(ACT, dh_t * (1 - z), g) : real(0);     // (6), (5)
    dh[n] = word ? dh_t * z : dh_t;                                    // (6), (2)
}

extern "C" __global__ void gru_reset_before_step_backward_gates(
    const real *h,      // (B, H)
    const real *gates,  // (B, 3H)
    const real *d_rh,   // (B, H): the gradient of r * h[t]; 0 at a masked step
    const real *da_z, const real *da_g,  // (B, H)
    real *dh,           // (B, H): what (4) gives to h[t] is added
    real *da,           // (B, 3H)
    int B, int H) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)B * H) return;
    const size_t at = n / H * 3 * H + n % H;
    const real r = gates[at + R * H];
    da[at] = da_z[n];
    da[at + R * H] = derivative(REC, d_rh[n] * h[n], r);  // (4), (3)
    da[at + G * H] = da_g[n];                             // (1)
    dh[n] += d_rh[n] * r;                                 // (4); (1) is a product, outside
}
