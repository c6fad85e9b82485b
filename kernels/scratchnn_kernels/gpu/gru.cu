// GRU whose reset gate acts after the product (Keras' reset_after=True, the default), persistent: one launch per
// direction takes every row through all time steps. Equations and their numbers are those of reference/gru.py; the walk
// is in time_loop.cuh.
//
// Of the four threads of a quad, three compute the columns z r g; the fourth has no column and helps with stores.
// Needs -DH, -DHELD, -DACT, -DREC, and -DDROPOUT=1 where h is dropped out.

#include "registers.cuh"

enum { Z, R, G, SPARE };
constexpr int THREADS = 4 * PADDED;
constexpr int AHEAD = HELD < PADDED ? 1 : H > 64 ? 2 : 4;  // longer steps need fewer, and have no registers for more
constexpr int COPIES = DROPOUT ? 3 : 1;  // of h in shared memory: each gate has a dropout mask of its own

// A step from ax and ah of the thread's column. The four threads of a quad all hold its h, and get that after the step.
// Returns the gate, and in the spare thread the candidate's ah.
__device__ inline real step_forward(int gate, real ax, real ah, real &h) {
    const real own = activate(REC, ax + ah);                       // (3), for z and r
    const real z = of_gate(own, Z), r = of_gate(own, R), ah_g = of_gate(ah, G);
    const real g = activate(ACT, of_gate(ax, G) + r * ah_g);       // (4), (5)
    h = z * h + (1 - z) * g;                                       // (6)
    return gate == G ? g : gate == SPARE ? ah_g : own;
}

// The gradients of ax and of ah of the thread's column, from dh with respect to h after the step; dh gets the part of
// that with respect to h before it which does not go through ah. What does not need dh is computed while it is on its
// way.
__device__ inline real step_backward(int gate, real own, real h_before, real &dh, real &da_h) {
    const real z = of_gate(own, Z), r = of_gate(own, R), g = of_gate(own, G), ah_g = of_gate(own, SPARE);
    const real to_g = (1 - z) * slope(ACT, g);                     // (6), (5)
    const real to_z = (h_before - g) * slope(REC, z);              // (6), (3)
    const real to_r = to_g * (ah_g * slope(REC, r));               // (4), (3)
    const real da_x = dh * (gate == Z ? to_z : gate == R ? to_r : to_g);
    da_h = dh * (gate == Z ? to_z : gate == R ? to_r : to_g * r);  // (4)
    dh *= z;                                                       // (6)
    return da_x;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) gru_forward(
    const real *ax,             // (T, B, 3H): (1)
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, THREADS, 4): of Wh what is not held, or null
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
    const Place at;
    const int unit = at.unit, gate = at.gate, column = gate * H + unit;
    const bool exists = at.exists, has_column = exists && gate != SPARE;
    const size_t states = (size_t)B * H, at_state = (size_t)at.row * H + unit, at_gate = (size_t)at.row * 3 * H + column;
    const Span span = span_of(mask, T);

    // The thread's column of Wh, or the part of it that registers hold.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = has_column && k < H ? Wh[k * 3 * H + column] : real(0);
    const real bias_x = has_column ? bx[column] : real(0), bias_h = has_column ? bh[column] : real(0);
    const real kept = DROPOUT && has_column ? dropout_h[gate * states + at_state] : real(1);
    real h_t = exists ? h_0[at_state] : real(0);
    Vector<HELD> h_held;
    const int copy = DROPOUT && gate != SPARE ? gate : 0;
    auto publish = [&](int buffer) {
        if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);
        __syncthreads();
        h_held.read(h_shared[buffer][copy]);
    };

    // The spare thread stores ah_g where the others store their gates.
    real *own_out = gate == SPARE ? ah_g + at_state : gates + at_gate;
    const size_t own_stride = gate == SPARE ? states : 3 * states;
    const bool stores_own = exists && (gate == SPARE ? ah_g : gates) != nullptr;
    const bool stores_h = exists && gate == 0 && h != nullptr;
    real *h_out = h + at_state;
    auto store_h = [&] {
        if (stores_h) *h_out = h_t;
        h_out += states;
    };
    auto store = [&](real own) {
        if (stores_own) *own_out = own;
        own_out += own_stride;
        store_h();
    };

    struct Asked {
        real ax;
        unsigned char is_real;
    };
    const real *ax_in = ax + span.first * 3 * states + at_gate;
    const unsigned char *mask_in = mask + (size_t)at.row * T + span.first;
    auto ask = [&](auto which, Asked &asked) {
        asked.ax = has_column ? *ax_in : real(0);
        ax_in += 3 * states;
        if (which.holes) asked.is_real = *mask_in++;
    };
    auto step = [&](auto which, const Asked &asked, int buffer) {
        const real h_before = h_t;
        real ah = dot(weights, h_held, bias_h);                                        // (1)
        if (HELD < PADDED) ah += dot_of_rest<HELD, 2>(rest, h_shared[buffer][copy]);   // (1)
        real own = step_forward(gate, asked.ax + bias_x, ah, h_t);                     // (1), (3), (4), (5), (6)
        if (which.holes && !asked.is_real) h_t = h_before, own = 0;                    // (2)
        publish(buffer ^ 1);  // slower warps may still be reading the other: so one barrier a step is enough
        store(own);
    };

    store_h();
    for (int t = 0; t < span.first; t++) store(0);  // (2)
    publish((span.end - span.first) % 2);
    walk<Asked, AHEAD>(span, ask, step);
    for (int t = span.end; t < T; t++) store(0);  // (2)
    if (exists && gate == 0) h_last[at_state] = h_t;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) gru_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, THREADS, 4): of Wh what is not held, or null
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (3, B, H), or null
    const real *h,              // (T+1, B, H)
    const real *gates,          // (T, B, 3H)
    const real *ah_g,           // (T, B, H)
    real *dax,                  // (T, B, 3H): with respect to ax, (1), for dx and dWx
    real *dah,                  // (T, B, 3H): with respect to ah, (1), for dWh; the candidate's columns differ
    real *dbx, real *dbh,       // (B, 3H): the part of each row
    real *dh_0, int T, int B) {
    __shared__ __align__(16) real dah_shared[2][4][STRIDE];
    const Place at;
    const int unit = at.unit, gate = at.gate, column = gate * H + unit;
    const bool exists = at.exists, has_column = exists && gate != SPARE;
    const size_t states = (size_t)B * H, at_state = (size_t)at.row * H + unit, at_gate = (size_t)at.row * 3 * H + column;
    const Span span = span_of(mask, T);

    // The thread's gate in the unit's row of Wh: what h[unit] gives to the H columns of this gate.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = has_column && k < H ? Wh[unit * 3 * H + gate * H + k] : real(0);
    const real kept = DROPOUT && has_column ? dropout_h[gate * states + at_state] : real(1);

    // dh: the gradient with respect to h[t+1], held by all four threads of a quad.
    real dh = exists && dh_last != nullptr ? dh_last[at_state] : real(0);
    real dbx_own = 0, dbh_own = 0;
    const bool has_dy = exists && dy != nullptr;
    const real *dy_in = dy + ((size_t)at.row * T + T - 1) * H + unit;
    size_t out = (T - 1) * 3 * states + at_gate;
    auto store = [&](real da_x, real da_h) {
        if (has_column) dax[out] = da_x, dah[out] = da_h;  // (1)
        out -= 3 * states;
    };
    auto pass = [&](int steps) {  // (2): dh passes straight through
        for (int n = 0; n < steps; n++) {
            if (has_dy) dh += *dy_in;
            dy_in -= H;
            store(0, 0);
        }
    };

    // A thread's own part of what forward kept: the gates z r g, and in the spare thread ah_g.
    struct Asked {
        real own, h, dy;
        unsigned char is_real;
    };
    const size_t own_stride = gate == SPARE ? states : 3 * states;
    const real *own_in = (gate == SPARE ? ah_g + at_state : gates + at_gate) + (span.end - 1) * own_stride;
    const real *h_in = h + (span.end - 1) * states + at_state;
    const unsigned char *mask_in = mask + (size_t)at.row * T + span.end - 1;
    auto ask = [&](auto which, Asked &asked) {
        asked.own = exists ? *own_in : real(0);
        asked.h = exists ? *h_in : real(0);
        asked.dy = has_dy ? *dy_in : real(0);
        own_in -= own_stride;
        h_in -= states;
        dy_in -= H;
        if (which.holes) asked.is_real = *mask_in--;
    };
    auto step = [&](auto which, const Asked &asked, int buffer) {
        dh += asked.dy;
        const real dh_after = dh;
        real da_h, da_x = step_backward(gate, asked.own, asked.h, dh, da_h);  // (6), (5), (4), (3)
        const bool is_masked = which.holes && !asked.is_real;
        if (is_masked) da_x = da_h = 0;  // (2)
        real *shared = dah_shared[buffer][gate];
        shared[unit] = has_column ? da_h : real(0);
        __syncthreads();
        Vector<HELD> dah_held;
        dah_held.read(shared);
        store(da_x, da_h);
        dbx_own += da_x;                                                // (1)
        dbh_own += da_h;                                                // (1)
        real product = dot(weights, dah_held, 0);                       // (1)
        if (HELD < PADDED) product += dot_of_rest<HELD, 2>(rest, shared);  // (1)
        dh = is_masked ? dh_after : dh + sum_of_quad(kept * product);  // (6), (1), (2)
    };

    pass(T - span.end);
    walk<Asked, AHEAD>(span, ask, step);
    pass(span.first);
    if (has_column) dbx[at_gate] = dbx_own, dbh[at_gate] = dbh_own;
    if (exists && gate == 0) dh_0[at_state] = dh;
}
