// SimpleRNN, persistent: one launch per direction takes every row through all time steps. Equations and their numbers
// are those of reference/simple_rnn.py; the walk is in time_loop.cuh.
//
// A thread of a block is a unit; up to 32 units are one warp. Needs -DH, -DACT, -DREC (not used), and -DDROPOUT=1 where
// h is dropped out.

#include "registers.cuh"

constexpr int THREADS = (H + 31) / 32 * 32;
constexpr int LENGTH = (H + 3) / 4 * 4;  // of h in shared memory, read four at a time
constexpr int AHEAD = 4;

// A step from the unit's pre-activation; and the gradient of that.
__device__ inline real step_forward(real a) {
    return activate(ACT, a);  // (3)
}
__device__ inline real step_backward(real dh, real h_after) {
    return dh * slope(ACT, h_after);  // (3)
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) simple_rnn_forward(
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
    const bool exists = unit < H, stores_h = exists && h != nullptr;
    const size_t states = (size_t)B * H, at = (size_t)row * H + unit;
    const Span span = span_of(mask, T);

    // The thread's column of Wh.
    real weights[LENGTH];
#pragma unroll
    for (int k = 0; k < LENGTH; k++) weights[k] = exists && k < H ? Wh[k * H + unit] : real(0);
    const real bias = exists ? b[unit] : real(0);
    const real kept = DROPOUT && exists ? dropout_h[at] : real(1);

    real h_t = exists ? h_0[at] : real(0);
    Vector<LENGTH> h_held;
    auto publish = [&](int buffer) {
        h_shared[buffer][unit] = exists ? h_t * kept : real(0);
        __syncthreads();
        h_held.read(h_shared[buffer]);
    };
    real *h_out = h + at;
    auto store = [&] {
        if (stores_h) *h_out = h_t;
        h_out += states;
    };

    struct Asked {
        real ax;
        unsigned char is_real;
    };
    const real *ax_in = ax + span.first * states + at;
    const unsigned char *mask_in = mask + (size_t)row * T + span.first;
    auto ask = [&](auto which, Asked &asked) {
        asked.ax = exists ? *ax_in : real(0);
        ax_in += states;
        if (which.holes) asked.is_real = *mask_in++;
    };
    auto step = [&](auto which, const Asked &asked, int buffer) {
        const real a = dot(weights, h_held, asked.ax + bias);          // (1)
        if (!which.holes || asked.is_real) h_t = step_forward(a);      // (3), (2)
        publish(buffer ^ 1);  // slower warps may still be reading the other: so one barrier a step is enough
        store();
    };

    store();
    for (int t = 0; t < span.first; t++) store();  // (2)
    publish((span.end - span.first) % 2);
    walk<Asked, AHEAD>(span, ask, step);
    for (int t = span.end; t < T; t++) store();  // (2)
    if (exists) h_last[at] = h_t;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) simple_rnn_backward(
    const real *dy,             // (B, T, H), or null
    const real *dh_last,        // (B, H), or null for zeros
    const real *Wh,             // (H, H)
    const unsigned char *mask,  // (B, T), or null
    const real *dropout_h,      // (1, B, H), or null
    const real *h,              // (T+1, B, H)
    real *da,                   // (T, B, H)
    real *db,                   // (B, H): the part of each row
    real *dh_0, int T, int B) {
    __shared__ __align__(16) real da_shared[2][THREADS];
    const int row = blockIdx.x, unit = threadIdx.x;
    const bool exists = unit < H, has_dy = exists && dy != nullptr;
    const size_t states = (size_t)B * H, at = (size_t)row * H + unit;
    const Span span = span_of(mask, T);

    // The unit's row of Wh.
    real weights[LENGTH];
#pragma unroll
    for (int k = 0; k < LENGTH; k++) weights[k] = exists && k < H ? Wh[unit * H + k] : real(0);
    const real kept = DROPOUT && exists ? dropout_h[at] : real(1);

    // dh: the gradient with respect to h[t+1].
    real dh = exists && dh_last != nullptr ? dh_last[at] : real(0);
    real db_own = 0;
    const real *dy_in = dy + ((size_t)row * T + T - 1) * H + unit;
    real *da_out = da + (T - 1) * states + at;
    auto store = [&](real da_own) {
        if (exists) *da_out = da_own;
        da_out -= states;
    };
    auto pass = [&](int steps) {  // (2): dh passes straight through
        for (int n = 0; n < steps; n++) {
            if (has_dy) dh += *dy_in;
            dy_in -= H;
            store(0);
        }
    };

    struct Asked {
        real h_after, dy;
        unsigned char is_real;
    };
    const real *h_in = h + span.end * states + at;
    const unsigned char *mask_in = mask + (size_t)row * T + span.end - 1;
    auto ask = [&](auto which, Asked &asked) {
        asked.h_after = exists ? *h_in : real(0);
        asked.dy = has_dy ? *dy_in : real(0);
        h_in -= states;
        dy_in -= H;
        if (which.holes) asked.is_real = *mask_in--;
    };
    auto step = [&](auto which, const Asked &asked, int buffer) {
        dh += asked.dy;
        const bool is_masked = which.holes && !asked.is_real;
        const real da_own = is_masked ? 0 : step_backward(dh, asked.h_after);  // (3), (2)
        da_shared[buffer][unit] = exists ? da_own : real(0);
        __syncthreads();
        Vector<LENGTH> da_held;
        da_held.read(da_shared[buffer]);
        store(da_own);
        db_own += da_own;                                          // (1)
        if (!is_masked) dh = kept * dot(weights, da_held, 0);      // (1)
    };

    pass(T - span.end);
    walk<Asked, AHEAD>(span, ask, step);
    pass(span.first);
    if (exists) db[at] = db_own;
    if (exists) dh_0[at] = dh;
}
