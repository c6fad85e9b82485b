// GRU whose reset gate acts before the product (the paper's version 3, Keras' reset_after=False), persistent.
// Equations and their numbers are those of reference/gru.py.
//
// The candidate needs r, so a step has two products, one after the other, and two barriers: by counting, half as fast
// as gru.cu, and so a source of its own. Lanes of a quad and constants as there.

#include "registers.cuh"

enum { Z, R, G, SPARE };
constexpr int THREADS = 4 * PADDED;

extern "C" __global__ void __launch_bounds__(THREADS) gru_reset_before_forward(
    const real *ax,             // (T, B, 3H): (1)
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, PADDED, 4, 4): of Wh what is not held, or null
    const real *bx,             // (3H)
    const real *h_0,            // (B, H), as h_last
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (3, B, H), or null
    real *h,                    // (T+1, B, H), or null
    real *gates,                // (T, B, 3H), or null
    real *h_last, int T, int B) {
    // Two rows of h, for z and for r, which may have dropout masks of their own; then r * h. With two barriers a step,
    // everything that is overwritten was read before the last of them.
    __shared__ __align__(16) real shared[3][STRIDE];
    const int row = blockIdx.x, unit = threadIdx.x / 4, gate = threadIdx.x % 4;
    const bool exists = unit < H, has_column = exists && gate != SPARE;
    const int column = gate * H + unit;
    const size_t states = (size_t)B * H, at_state = (size_t)row * H + unit, at_gate = (size_t)row * 3 * H + column;

    // The thread's column of Wh, or the part of it that registers hold.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = has_column && k < H ? Wh[k * 3 * H + column] : real(0);
    const real bias = has_column ? bx[column] : real(0);
    const real kept = dropout_h != nullptr && has_column ? dropout_h[gate * states + at_state] : real(1);

    real h_t = exists ? h_0[at_state] : real(0);
    if (gate < G) shared[gate][unit] = exists ? h_t * kept : real(0);
    if (h != nullptr && exists && gate == 0) h[at_state] = h_t;
    __syncthreads();

    real ax_next = has_column ? ax[at_gate] : real(0);
    for (int t = 0; t < T; t++) {
        const real ax_t = ax_next + bias;                                                 // (1)
        if (has_column && t + 1 < T) ax_next = ax[(t + 1) * 3 * states + at_gate];  // loaded a step before its use
        real own = 0;
        if (is_real_step(mask, row, T, t)) {
            if (gate < G) own = activate(REC, ax_t + dot(weights, rest, shared[gate]));  // (1), (3)
            const real z = of_lane(own, Z), r = of_lane(own, R);
            if (gate == G) shared[G][unit] = exists ? r * h_t * kept : real(0);
            __syncthreads();
            real a = 0;
            if (gate == G) a = ax_t + dot(weights, rest, shared[G]);  // (4)
            const real g = activate(ACT, of_lane(a, G));        // (5)
            h_t = z * h_t + (1 - z) * g;                        // (6)
            if (gate == G) own = g;
            if (gate < G) shared[gate][unit] = exists ? h_t * kept : real(0);
            __syncthreads();
        }  // (2): else h stays as it is
        // Zeros at a masked step: dWh multiplies r there with a gradient of 0.
        if (gates != nullptr && has_column) gates[t * 3 * states + at_gate] = own;
        if (h != nullptr && exists && gate == 0) h[(t + 1) * states + at_state] = h_t;
    }
    if (exists && gate == 0) h_last[at_state] = h_t;
}

extern "C" __global__ void __launch_bounds__(THREADS) gru_reset_before_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, PADDED, 4, 4): of Wh what is not held, or null
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (3, B, H), or null
    const real *h,              // (T+1, B, H)
    const real *gates,          // (T, B, 3H)
    real *da,                   // (T, B, 3H): with respect to ax of (1), and so to ah of (1) and q of (4)
    real *dh_0, int T, int B) {
    __shared__ __align__(16) real da_shared[3][STRIDE];
    const int row = blockIdx.x, unit = threadIdx.x / 4, gate = threadIdx.x % 4;
    const bool exists = unit < H, has_column = exists && gate != SPARE;
    const int column = gate * H + unit;
    const size_t states = (size_t)B * H, at_state = (size_t)row * H + unit, at_gate = (size_t)row * 3 * H + column;

    // The thread's gate in the unit's row of Wh: what h[unit] gives to the H columns of this gate.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = has_column && k < H ? Wh[unit * 3 * H + gate * H + k] : real(0);
    const real kept = dropout_h != nullptr && has_column ? dropout_h[gate * states + at_state] : real(1);

    // dh: the gradient with respect to h[t+1], held by all four threads of a quad.
    real dh = exists && dh_last != nullptr ? dh_last[at_state] : real(0);
    for (int t = T - 1; t >= 0; t--) {
        if (dy != nullptr && exists) dh += dy[((size_t)row * T + t) * H + unit];
        real da_own = 0;
        if (is_real_step(mask, row, T, t)) {
            const real own = has_column ? gates[t * 3 * states + at_gate] : real(0);
            const real h_t = exists ? h[t * states + at_state] : real(0);
            const real z = of_lane(own, Z), r = of_lane(own, R), g = of_lane(own, G);
            if (gate == G) {
                da_own = derivative(ACT, dh * (1 - z), g);  // (6), (5)
                da_shared[G][unit] = exists ? da_own : real(0);
            }
            __syncthreads();
            real d_rh = 0;  // the gradient of r * h[t]
            if (gate == G) d_rh = kept * dot(weights, rest, da_shared[G]);  // (4)
            d_rh = of_lane(d_rh, G);
            if (gate == Z) da_own = derivative(REC, dh * (h_t - g), z);  // (6), (3)
            if (gate == R) da_own = derivative(REC, d_rh * h_t, r);      // (4), (3)
            if (gate < G) da_shared[gate][unit] = exists ? da_own : real(0);
            __syncthreads();
            real product = 0;
            if (gate < G) product = kept * dot(weights, rest, da_shared[gate]);  // (1)
            dh = dh * z + d_rh * r + sum_of_quad(product);                 // (6), (4)
        }  // (2): else dh passes straight through
        if (has_column) da[t * 3 * states + at_gate] = da_own;  // (1)
    }
    if (exists && gate == 0) dh_0[at_state] = dh;
}
