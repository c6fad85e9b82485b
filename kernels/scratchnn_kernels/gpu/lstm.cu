// LSTM, persistent: one launch per direction takes every row through all time steps. Equations and their numbers are
// those of reference/lstm.py.
//
// Thread 4 u + k of a block is lane k of the quad of unit u, and computes gate k of i f g o.
// Needs -DH, -DHELD, -DACT, -DREC, and -DDROPOUT=1 where h is dropped out (each gate has a mask of its own then).

#include "registers.cuh"

enum { I, F, G, O };
constexpr int THREADS = 4 * PADDED;
constexpr int COPIES = DROPOUT ? 4 : 1;  // of h in shared memory

extern "C" __global__ void __launch_bounds__(THREADS) lstm_forward(
    const real *ax,             // (T, B, 4H): the part of x in (1)
    const real *Wh,             // (H, 4H)
    const real *rest,           // ((PADDED - HELD) / 4, PADDED, 4, 4): of Wh what is not held, or null
    const real *b,              // (4H)
    const real *h_0,            // (B, H), as c_0, h_last and c_last
    const real *c_0,
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (4, B, H), or null
    real *h,                    // (T+1, B, H), or null
    real *c,                    // (T+1, B, H), or null
    real *gates,                // (T, B, 4H), or null
    real *h_last, real *c_last, int T, int B) {
    __shared__ __align__(16) real h_shared[2][COPIES][STRIDE];
    const int row = blockIdx.x, unit = threadIdx.x / 4, gate = threadIdx.x % 4;
    const bool exists = unit < H;
    const int column = gate * H + unit;
    const size_t states = (size_t)B * H, at_state = (size_t)row * H + unit, at_gate = (size_t)row * 4 * H + column;

    // The thread's column of Wh, or the part of it that registers hold.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = exists && k < H ? Wh[k * 4 * H + column] : real(0);
    const real bias = exists ? b[column] : real(0);
    const real kept = DROPOUT && exists ? dropout_h[gate * states + at_state] : real(1);

    // All four threads of a quad hold its h and c.
    real h_t = exists ? h_0[at_state] : real(0), c_t = exists ? c_0[at_state] : real(0);
    int buffer = 0;
    if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);
    if (h != nullptr && exists && gate == 0) h[at_state] = h_t;
    if (c != nullptr && exists && gate == 1) c[at_state] = c_t;
    __syncthreads();

    real ax_next = exists ? ax[at_gate] : real(0);
    for (int t = 0; t < T; t++) {
        const real ax_t = ax_next;
        if (exists && t + 1 < T) ax_next = ax[(t + 1) * 4 * states + at_gate];  // loaded a step before its use
        real own = 0;
        if (is_real_step(mask, row, T, t)) {
            const real a = ax_t + bias + dot(weights, rest, h_shared[buffer][DROPOUT ? gate : 0]);  // (1)
            own = activate_gate(gate == G, a);                                               // (3), (4)
            c_t = of_lane(own, F) * c_t + of_lane(own, I) * of_lane(own, G);                  // (5)
            h_t = of_lane(own, O) * activate(ACT, c_t);                                      // (6)
            // The other buffer: slower warps may still be reading this one. So one barrier per step is enough.
            buffer ^= 1;
            if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);
            __syncthreads();
        }  // (2): else h and c stay as they are
        if (gates != nullptr && exists) gates[t * 4 * states + at_gate] = own;
        if (h != nullptr && exists && gate == 0) h[(t + 1) * states + at_state] = h_t;
        if (c != nullptr && exists && gate == 1) c[(t + 1) * states + at_state] = c_t;
    }
    if (exists && gate == 0) h_last[at_state] = h_t;
    if (exists && gate == 1) c_last[at_state] = c_t;
}

extern "C" __global__ void __launch_bounds__(THREADS) lstm_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros, as dc_last
    const real *dc_last,
    const real *Wh,             // (H, 4H)
    const real *rest,           // ((PADDED - HELD) / 4, PADDED, 4, 4): of Wh what is not held, or null
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (4, B, H), or null
    const real *c,              // (T+1, B, H)
    const real *gates,          // (T, B, 4H)
    real *da,                   // (T, B, 4H)
    real *dh_0, real *dc_0, int T, int B) {
    __shared__ __align__(16) real da_shared[2][4][STRIDE];
    const int row = blockIdx.x, unit = threadIdx.x / 4, gate = threadIdx.x % 4;
    const bool exists = unit < H;
    const int column = gate * H + unit;
    const size_t states = (size_t)B * H, at_state = (size_t)row * H + unit, at_gate = (size_t)row * 4 * H + column;

    // The thread's gate in the unit's row of Wh: what h[unit] gives to the H columns of this gate.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = exists && k < H ? Wh[unit * 4 * H + gate * H + k] : real(0);
    const real kept = DROPOUT && exists ? dropout_h[gate * states + at_state] : real(1);

    // dh, dc: gradients with respect to h[t+1], c[t+1], held by all four threads of a quad.
    real dh = exists && dh_last != nullptr ? dh_last[at_state] : real(0);
    real dc = exists && dc_last != nullptr ? dc_last[at_state] : real(0);
    const bool has_dy = exists && dy != nullptr;
    real c_after = exists ? c[T * states + at_state] : real(0);
    real own_next = exists ? gates[(T - 1) * 4 * states + at_gate] : real(0);
    real c_next = exists ? c[(T - 1) * states + at_state] : real(0);
    real dy_next = has_dy ? dy[((size_t)row * T + T - 1) * H + unit] : real(0);
    int buffer = 0;
    for (int t = T - 1; t >= 0; t--) {
        const real own = own_next, c_t = c_next;
        dh += dy_next;
        if (exists && t > 0) {  // loaded a step before their use
            own_next = gates[(t - 1) * 4 * states + at_gate];
            c_next = c[(t - 1) * states + at_state];
        }
        if (has_dy && t > 0) dy_next = dy[((size_t)row * T + t - 1) * H + unit];
        real da_own = 0;
        if (is_real_step(mask, row, T, t)) {
            const real i = of_lane(own, I), f = of_lane(own, F), g = of_lane(own, G), o = of_lane(own, O);
            const real act_c = activate(ACT, c_after);
            dc += derivative(ACT, dh * o, act_c);                                                         // (6)
            const real d_own = gate == I ? dc * g : gate == F ? dc * c_t : gate == G ? dc * i : dh * act_c;  // (5), (6)
            da_own = gate == G ? derivative(ACT, d_own, own) : derivative(REC, d_own, own);                 // (4), (3)
            da_shared[buffer][gate][unit] = exists ? da_own : real(0);
            __syncthreads();
            dc *= f;                                                              // (5)
            dh = sum_of_quad(kept * dot(weights, rest, da_shared[buffer][gate]));       // (1)
            buffer ^= 1;
        }  // (2): else dh and dc pass straight through
        if (exists) da[t * 4 * states + at_gate] = da_own;
        c_after = c_t;
    }
    if (exists && gate == 0) dh_0[at_state] = dh;
    if (exists && gate == 1) dc_0[at_state] = dc;
}
