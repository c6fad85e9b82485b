// LSTM, persistent: one launch per direction takes every row through all time steps. Equations and their numbers are
// those of reference/lstm.py; the walk is in time_loop.cuh.
//
// Each thread computes one gate of one unit, in the order i f g o.
// Needs -DH, -DHELD, -DACT, -DREC, and -DDROPOUT=1 where h is dropped out (each gate has a mask of its own then).

#include "registers.cuh"

enum { I, F, G, O };
constexpr int THREADS = 4 * PADDED;
constexpr int AHEAD = HELD < PADDED ? 1 : H > 64 ? 2 : 4;  // longer steps need fewer, and have no registers for more
constexpr int COPIES = DROPOUT ? 4 : 1;  // of h in shared memory

// A step from the gate's pre-activation. The four threads of a quad all hold its h and c, and get those after the step.
__device__ inline real step_forward(int gate, real a, real &h, real &c) {
    const real own = activate_gate(gate == G, a);                 // (3), (4)
    c = of_gate(own, F) * c + of_gate(own, I) * of_gate(own, G);  // (5)
    h = of_gate(own, O) * activate(ACT, c);                       // (6)
    return own;
}

// The gradient of the gate's pre-activation, from dh and dc with respect to h and c after the step; dc gets that with
// respect to c before it. What does not depend on dh is computed while dh is on its way.
__device__ inline real step_backward(int gate, real own, real c_before, real c_after, real dh, real &dc) {
    const real i = of_gate(own, I), f = of_gate(own, F), g = of_gate(own, G), o = of_gate(own, O);
    const real act_c = activate(ACT, c_after);
    const real factor = gate == I ? g : gate == F ? c_before : gate == G ? i : act_c;  // (5), (6)
    const real by_d = factor * (gate == G ? slope(ACT, own) : slope(REC, own));        // (4), (3)
    dc += dh * (o * slope(ACT, act_c));                                                // (6)
    const real da = (gate == O ? dh : dc) * by_d;
    dc *= f;  // (5)
    return da;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) lstm_forward(
    const real *ax,             // (T, B, 4H): the part of x in (1)
    const real *Wh,             // (H, 4H)
    const real *rest,           // ((PADDED - HELD) / 4, THREADS, 4): of Wh what is not held, or null
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
    const Place at;
    const int unit = at.unit, gate = at.gate, column = gate * H + unit;
    const bool exists = at.exists;
    const size_t states = (size_t)B * H, at_state = (size_t)at.row * H + unit, at_gate = (size_t)at.row * 4 * H + column;
    const Span span = span_of(mask, T);

    // The thread's column of Wh, or the part of it that registers hold.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = exists && k < H ? Wh[k * 4 * H + column] : real(0);
    const real bias = exists ? b[column] : real(0);
    const real kept = DROPOUT && exists ? dropout_h[gate * states + at_state] : real(1);
    real h_t = exists ? h_0[at_state] : real(0), c_t = exists ? c_0[at_state] : real(0);
    Vector<HELD> h_held;
    const int copy = DROPOUT ? gate : 0;
    auto publish = [&](int buffer) {
        if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);
        __syncthreads();
        h_held.read(h_shared[buffer][copy]);
    };

    // Gate 0 stores h, and gate 1 c.
    real *state_out = gate == 0 ? h : c;
    const bool stores_gate = exists && gates != nullptr, stores_state = exists && gate < 2 && state_out != nullptr;
    real *gate_out = gates + at_gate;
    state_out += at_state;
    auto store_state = [&] {
        if (stores_state) *state_out = gate == 0 ? h_t : c_t;
        state_out += states;
    };
    auto store = [&](real own) {
        if (stores_gate) *gate_out = own;
        gate_out += 4 * states;
        store_state();
    };

    struct Asked {
        real ax;
        unsigned char is_real;
    };
    const real *ax_in = ax + span.first * 4 * states + at_gate;
    const unsigned char *mask_in = mask + (size_t)at.row * T + span.first;
    auto ask = [&](auto which, Asked &asked) {
        asked.ax = exists ? *ax_in : real(0);
        ax_in += 4 * states;
        if (which.holes) asked.is_real = *mask_in++;
    };
    auto step = [&](auto which, const Asked &asked, int buffer) {
        const real h_before = h_t, c_before = c_t;
        real a = dot(weights, h_held, asked.ax + bias);                              // (1)
        if (HELD < PADDED) a += dot_of_rest<HELD, 2>(rest, h_shared[buffer][copy]);  // (1)
        real own = step_forward(gate, a, h_t, c_t);                                  // (3), (4), (5), (6)
        if (which.holes && !asked.is_real) h_t = h_before, c_t = c_before, own = 0;  // (2)
        publish(buffer ^ 1);  // slower warps may still be reading the other: so one barrier a step is enough
        store(own);
    };

    store_state();
    for (int t = 0; t < span.first; t++) store(0);  // (2)
    publish((span.end - span.first) % 2);
    walk<Asked, AHEAD>(span, ask, step);
    for (int t = span.end; t < T; t++) store(0);  // (2)
    if (exists && gate == 0) h_last[at_state] = h_t;
    if (exists && gate == 1) c_last[at_state] = c_t;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) lstm_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros, as dc_last
    const real *dc_last,
    const real *Wh,             // (H, 4H)
    const real *rest,           // ((PADDED - HELD) / 4, THREADS, 4): of Wh what is not held, or null
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (4, B, H), or null
    const real *c,              // (T+1, B, H)
    const real *gates,          // (T, B, 4H)
    real *da,                   // (T, B, 4H)
    real *db,                   // (B, 4H): the part of each row
    real *dh_0, real *dc_0, int T, int B) {
    __shared__ __align__(16) real da_shared[2][4][STRIDE];
    const Place at;
    const int unit = at.unit, gate = at.gate, column = gate * H + unit;
    const bool exists = at.exists;
    const size_t states = (size_t)B * H, at_state = (size_t)at.row * H + unit, at_gate = (size_t)at.row * 4 * H + column;
    const Span span = span_of(mask, T);

    // The thread's gate in the unit's row of Wh: what h[unit] gives to the H columns of this gate.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = exists && k < H ? Wh[unit * 4 * H + gate * H + k] : real(0);
    const real kept = DROPOUT && exists ? dropout_h[gate * states + at_state] : real(1);

    // dh, dc: gradients with respect to h[t+1], c[t+1], held by all four threads of a quad.
    real dh = exists && dh_last != nullptr ? dh_last[at_state] : real(0);
    real dc = exists && dc_last != nullptr ? dc_last[at_state] : real(0);
    real db_own = 0;
    const bool has_dy = exists && dy != nullptr;
    const real *dy_in = dy + ((size_t)at.row * T + T - 1) * H + unit;
    real *da_out = da + (T - 1) * 4 * states + at_gate;
    auto store = [&](real da_own) {
        if (exists) *da_out = da_own;
        da_out -= 4 * states;
    };
    auto pass = [&](int steps) {  // (2): dh and dc pass straight through
        for (int n = 0; n < steps; n++) {
            if (has_dy) dh += *dy_in;
            dy_in -= H;
            store(0);
        }
    };

    struct Asked {
        real own, c, dy;
        unsigned char is_real;
    };
    const real *gate_in = gates + (span.end - 1) * 4 * states + at_gate;
    const real *c_in = c + (span.end - 1) * states + at_state;
    const unsigned char *mask_in = mask + (size_t)at.row * T + span.end - 1;
    real c_after = exists ? c_in[states] : real(0);
    auto ask = [&](auto which, Asked &asked) {
        asked.own = exists ? *gate_in : real(0);
        asked.c = exists ? *c_in : real(0);
        asked.dy = has_dy ? *dy_in : real(0);
        gate_in -= 4 * states;
        c_in -= states;
        dy_in -= H;
        if (which.holes) asked.is_real = *mask_in--;
    };
    auto step = [&](auto which, const Asked &asked, int buffer) {
        dh += asked.dy;
        const real dh_after = dh, dc_after = dc;
        real da_own = step_backward(gate, asked.own, asked.c, c_after, dh, dc);  // (6), (5), (4), (3)
        const bool is_masked = which.holes && !asked.is_real;
        if (is_masked) da_own = 0, dc = dc_after;  // (2)
        real *shared = da_shared[buffer][gate];
        shared[unit] = exists ? da_own : real(0);
        __syncthreads();
        Vector<HELD> da_held;
        da_held.read(shared);
        store(da_own);
        db_own += da_own;                                     // (1)
        real product = dot(weights, da_held, 0);              // (1)
        if (HELD < PADDED) product += dot_of_rest<HELD, 2>(rest, shared);  // (1)
        dh = is_masked ? dh_after : sum_of_quad(kept * product);  // (1), (2)
        c_after = asked.c;
    };

    pass(T - span.end);
    walk<Asked, AHEAD>(span, ask, step);
    pass(span.first);
    if (exists) db[at_gate] = db_own;
    if (exists && gate == 0) dh_0[at_state] = dh;
    if (exists && gate == 1) dc_0[at_state] = dc;
}
