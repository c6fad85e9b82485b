// GRU whose reset gate acts after the product (Keras' reset_after=True, the default), persistent: one launch per
// direction takes every row through all time steps. Equations and their numbers are those of reference/gru.py.
//
// Thread 4 u + k of a block is lane k of the quad of unit u: lanes 0 to 2 compute the columns z r g, lane 3 has no
// column and helps with stores. Needs -DH, -DHELD, -DACT, -DREC, and -DDROPOUT=1 where h is
// dropped out.

#include "registers.cuh"

enum { Z, R, G, SPARE };
constexpr int THREADS = 4 * PADDED;
constexpr int COPIES = DROPOUT ? 3 : 1;  // of h in shared memory: each gate has a dropout mask of its own

extern "C" __global__ void __launch_bounds__(THREADS) gru_forward(
    const real *ax,             // (T, B, 3H): (1)
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, PADDED, 4, 4): of Wh what is not held, or null
    const real *bx,             // (3H), as bh
    const real *bh,
    const real *h_0,            // (B, H), as h_last
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (3, B, H), or null
    real *h,                    // (T+1, B, H), or null
    real *gates,                // (T, B, 3H), or null
    real *ah_g,                 // (T, B, H): the candidate's columns of ah, (1), or null
    real *h_last, int T, int B) {
    __shared__ __align__(16) real h_shared[2][COPIES][STRIDE];
    const int row = blockIdx.x, unit = threadIdx.x / 4, gate = threadIdx.x % 4;
    const bool exists = unit < H, has_column = exists && gate != SPARE;
    const int column = gate * H + unit;
    const size_t states = (size_t)B * H, at_state = (size_t)row * H + unit, at_gate = (size_t)row * 3 * H + column;

    // The thread's column of Wh, or the part of it that registers hold.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = has_column && k < H ? Wh[k * 3 * H + column] : real(0);
    const real bias_x = has_column ? bx[column] : real(0), bias_h = has_column ? bh[column] : real(0);
    const real kept = DROPOUT && has_column ? dropout_h[gate * states + at_state] : real(1);

    // All four threads of a quad hold its h.
    real h_t = exists ? h_0[at_state] : real(0);
    int buffer = 0;
    if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);
    if (h != nullptr && exists && gate == 0) h[at_state] = h_t;
    __syncthreads();

    real ax_next = has_column ? ax[at_gate] : real(0);
    for (int t = 0; t < T; t++) {
        const real ax_t = ax_next + bias_x;                                               // (1)
        if (has_column && t + 1 < T) ax_next = ax[(t + 1) * 3 * states + at_gate];  // loaded a step before its use
        real own = 0;
        if (is_real_step(mask, row, T, t)) {
            const real ah = bias_h + dot(weights, rest, h_shared[buffer][DROPOUT && gate != SPARE ? gate : 0]);  // (1)
            own = activate(REC, ax_t + ah);                                                 // (3), in lanes z and r
            const real z = of_lane(own, Z), r = of_lane(own, R), ah_of_g = of_lane(ah, G);
            const real g = activate(ACT, of_lane(ax_t, G) + r * ah_of_g);                   // (4), (5)
            h_t = z * h_t + (1 - z) * g;                                                    // (6)
            own = gate == G ? g : gate == SPARE ? ah_of_g : own;
            // The other buffer: slower warps may still be reading this one. So one barrier per step is enough.
            buffer ^= 1;
            if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);
            __syncthreads();
        }  // (2): else h stays as it is
        if (gates != nullptr && has_column) gates[t * 3 * states + at_gate] = own;
        if (ah_g != nullptr && exists && gate == SPARE) ah_g[t * states + at_state] = own;
        if (h != nullptr && exists && gate == 0) h[(t + 1) * states + at_state] = h_t;
    }
    if (exists && gate == 0) h_last[at_state] = h_t;
}

extern "C" __global__ void __launch_bounds__(THREADS) gru_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, PADDED, 4, 4): of Wh what is not held, or null
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (3, B, H), or null
    const real *h,              // (T+1, B, H)
    const real *gates,          // (T, B, 3H)
    const real *ah_g,           // (T, B, H)
    real *dax,                  // (T, B, 3H): with respect to ax, (1), for dx, dWx and dbx
    real *dah,                  // (T, B, 3H): with respect to ah, (1), for dWh and dbh; the candidate's columns differ
    real *dh_0, int T, int B) {
    __shared__ __align__(16) real dah_shared[2][3][STRIDE];
    const int row = blockIdx.x, unit = threadIdx.x / 4, gate = threadIdx.x % 4;
    const bool exists = unit < H, has_column = exists && gate != SPARE;
    const int column = gate * H + unit;
    const size_t states = (size_t)B * H, at_state = (size_t)row * H + unit, at_gate = (size_t)row * 3 * H + column;

    // The thread's gate in the unit's row of Wh: what h[unit] gives to the H columns of this gate.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = has_column && k < H ? Wh[unit * 3 * H + gate * H + k] : real(0);
    const real kept = DROPOUT && has_column ? dropout_h[gate * states + at_state] : real(1);

    // dh: the gradient with respect to h[t+1], held by all four threads of a quad.
    real dh = exists && dh_last != nullptr ? dh_last[at_state] : real(0);
    const bool has_dy = exists && dy != nullptr;
    // A thread's own part of what forward kept: the gates z r g, and in lane 3 ah_g.
    const real *kept_by_forward = gate == SPARE ? ah_g + at_state : gates + at_gate;
    const size_t stride = gate == SPARE ? states : 3 * states;
    real own_next = exists ? kept_by_forward[(T - 1) * stride] : real(0);
    real h_next = exists ? h[(T - 1) * states + at_state] : real(0);
    real dy_next = has_dy ? dy[((size_t)row * T + T - 1) * H + unit] : real(0);
    int buffer = 0;
    for (int t = T - 1; t >= 0; t--) {
        const real own = own_next, h_t = h_next;
        dh += dy_next;
        if (exists && t > 0) {  // loaded a step before their use
            own_next = kept_by_forward[(t - 1) * stride];
            h_next = h[(t - 1) * states + at_state];
        }
        if (has_dy && t > 0) dy_next = dy[((size_t)row * T + t - 1) * H + unit];
        real da_x = 0, da_h = 0;
        if (is_real_step(mask, row, T, t)) {
            const real z = of_lane(own, Z), r = of_lane(own, R), g = of_lane(own, G), ah_of_g = of_lane(own, SPARE);
            const real da_g = derivative(ACT, dh * (1 - z), g);  // (6), (5)
            da_x = gate == Z   ? derivative(REC, dh * (h_t - g), z)      // (6), (3)
                   : gate == R ? derivative(REC, da_g * ah_of_g, r)      // (4), (3)
                               : da_g;
            da_h = gate == G ? da_g * r : da_x;  // (4)
            if (gate != SPARE) dah_shared[buffer][gate][unit] = exists ? da_h : real(0);
            __syncthreads();
            const real product = gate == SPARE ? real(0) : kept * dot(weights, rest, dah_shared[buffer][gate]);  // (1)
            dh = dh * z + sum_of_quad(product);                                                            // (6)
            buffer ^= 1;
        }  // (2): else dh passes straight through
        if (has_column) dax[t * 3 * states + at_gate] = da_x;  // (1)
        if (has_column) dah[t * 3 * states + at_gate] = da_h;
    }
    if (exists && gate == 0) dh_0[at_state] = dh;
}
