// GRU whose reset gate acts before the product (the paper's version 3, Keras' reset_after=False), persistent.
// Equations and their numbers are those of reference/gru.py; the walk is in time_loop.cuh.
//
// The candidate needs r, so a step has two products, one after the other, and two barriers: by counting, half as fast
// as gru.cu, and so a source of its own. Threads of a quad and constants as there.

#include "registers.cuh"

enum { Z, R, G, SPARE };
constexpr int THREADS = 4 * PADDED;
constexpr int AHEAD = HELD < PADDED ? 1 : H > 64 ? 2 : 4;  // longer steps need fewer, and have no registers for more

extern "C" __global__ void __launch_bounds__(THREADS, 1) gru_reset_before_forward(
    const real *ax,             // (T, B, 3H): (1)
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, THREADS, 4): of Wh what is not held, or null
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
    const Place at;
    const int unit = at.unit, gate = at.gate, column = gate * H + unit;
    const bool exists = at.exists, has_column = exists && gate != SPARE;
    const size_t states = (size_t)B * H, at_state = (size_t)at.row * H + unit, at_gate = (size_t)at.row * 3 * H + column;
    const Span span = span_of(mask, T);

    // The thread's column of Wh, or the part of it that registers hold.
    real weights[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) weights[k] = has_column && k < H ? Wh[k * 3 * H + column] : real(0);
    const real bias = has_column ? bx[column] : real(0);
    const real kept = DROPOUT && has_column ? dropout_h[gate * states + at_state] : real(1);
    real h_t = exists ? h_0[at_state] : real(0);
    Vector<HELD> held;
    const real *own_h = shared[gate == R ? R : Z];
    auto publish = [&] {
        if (gate < G) shared[gate][unit] = exists ? h_t * kept : real(0);
        __syncthreads();
        held.read(own_h);
    };

    const bool stores_gate = has_column && gates != nullptr, stores_h = exists && gate == 0 && h != nullptr;
    real *gate_out = gates + at_gate, *h_out = h + at_state;
    auto store_h = [&] {
        if (stores_h) *h_out = h_t;
        h_out += states;
    };
    auto store = [&](real own) {  // zeros at a masked step: dWh multiplies r there with a gradient of 0
        if (stores_gate) *gate_out = own;
        gate_out += 3 * states;
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
    auto step = [&](auto which, const Asked &asked, int) {
        const real h_before = h_t, ax_t = asked.ax + bias;                  // (1)
        real a = dot(weights, held, ax_t);                                  // (1), for z and r
        if (HELD < PADDED) a += dot_of_rest<HELD, 2>(rest, own_h);          // (1)
        real own = activate(REC, a);                                        // (3)
        const real z = of_gate(own, Z), r = of_gate(own, R);
        if (gate == G) shared[G][unit] = exists ? r * h_t * kept : real(0);
        __syncthreads();
        held.read(shared[G]);
        real a_g = dot(weights, held, ax_t);                                // (4), for g
        if (HELD < PADDED) a_g += dot_of_rest<HELD, 2>(rest, shared[G]);    // (4)
        const real g = activate(ACT, of_gate(a_g, G));                      // (5)
        h_t = z * h_t + (1 - z) * g;                                        // (6)
        if (gate == G) own = g;
        if (which.holes && !asked.is_real) h_t = h_before, own = 0;         // (2)
        publish();
        store(own);
    };

    store_h();
    for (int t = 0; t < span.first; t++) store(0);  // (2)
    publish();
    walk<Asked, AHEAD>(span, ask, step);
    for (int t = span.end; t < T; t++) store(0);  // (2)
    if (exists && gate == 0) h_last[at_state] = h_t;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) gru_reset_before_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros
    const real *Wh,             // (H, 3H)
    const real *rest,           // ((PADDED - HELD) / 4, THREADS, 4): of Wh what is not held, or null
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (3, B, H), or null
    const real *h,              // (T+1, B, H)
    const real *gates,          // (T, B, 3H)
    real *da,                   // (T, B, 3H): with respect to ax of (1), and so to ah of (1) and q of (4)
    real *db,                   // (B, 3H): the part of each row
    real *dh_0, int T, int B) {
    __shared__ __align__(16) real da_shared[3][STRIDE];
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
    Vector<HELD> held;
    real *own_da = da_shared[gate == R ? R : Z];

    // dh: the gradient with respect to h[t+1], held by all four threads of a quad.
    real dh = exists && dh_last != nullptr ? dh_last[at_state] : real(0);
    real db_own = 0;
    const bool has_dy = exists && dy != nullptr;
    const real *dy_in = dy + ((size_t)at.row * T + T - 1) * H + unit;
    real *da_out = da + (T - 1) * 3 * states + at_gate;
    auto store = [&](real da_own) {
        if (has_column) *da_out = da_own;  // (1)
        da_out -= 3 * states;
    };
    auto pass = [&](int steps) {  // (2): dh passes straight through
        for (int n = 0; n < steps; n++) {
            if (has_dy) dh += *dy_in;
            dy_in -= H;
            store(0);
        }
    };

    struct Asked {
        real own, h, dy;
        unsigned char is_real;
    };
    const real *gate_in = gates + (span.end - 1) * 3 * states + at_gate, *h_in = h + (span.end - 1) * states + at_state;
    const unsigned char *mask_in = mask + (size_t)at.row * T + span.end - 1;
    auto ask = [&](auto which, Asked &asked) {
        asked.own = has_column ? *gate_in : real(0);
        asked.h = exists ? *h_in : real(0);
        asked.dy = has_dy ? *dy_in : real(0);
        gate_in -= 3 * states;
        h_in -= states;
        dy_in -= H;
        if (which.holes) asked.is_real = *mask_in--;
    };
    auto step = [&](auto which, const Asked &asked, int) {
        dh += asked.dy;
        const bool is_masked = which.holes && !asked.is_real;  // (2)
        const real z = of_gate(asked.own, Z), r = of_gate(asked.own, R), g = of_gate(asked.own, G);
        const real da_g = is_masked ? 0 : dh * ((1 - z) * slope(ACT, g));  // (6), (5)
        if (gate == G) da_shared[G][unit] = exists ? da_g : real(0);
        __syncthreads();
        held.read(da_shared[G]);
        real d_rh = dot(weights, held, 0);                                     // (4), in g
        if (HELD < PADDED) d_rh += dot_of_rest<HELD, 2>(rest, da_shared[G]);   // (4)
        d_rh = of_gate(kept * d_rh, G);                                        // the gradient of r * h[t]
        const real da_z = dh * ((asked.h - g) * slope(REC, z));                // (6), (3)
        const real da_r = d_rh * (asked.h * slope(REC, r));                    // (4), (3)
        const real da_own = is_masked ? 0 : gate == Z ? da_z : gate == R ? da_r : da_g;
        if (gate < G) own_da[unit] = exists ? da_own : real(0);
        __syncthreads();
        held.read(own_da);
        store(da_own);
        db_own += da_own;                                                      // (1)
        real product = dot(weights, held, 0);                                  // (1)
        if (HELD < PADDED) product += dot_of_rest<HELD, 1>(rest, own_da);      // (1)
        product = sum_of_quad(gate < G ? kept * product : real(0));
        if (!is_masked) dh = dh * z + d_rh * r + product;                      // (6), (4)
    };

    pass(T - span.end);
    walk<Asked, AHEAD>(span, ask, step);
    pass(span.first);
    if (has_column) db[at_gate] = db_own;
    if (exists && gate == 0) dh_0[at_state] = dh;
}
