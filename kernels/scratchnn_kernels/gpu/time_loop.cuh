// The walk through time that the persistent kernels share: a block takes one row of the batch through its real steps.
//
// A step needs the one before, so what counts is how long a step takes, not how much there is to compute. Whatever does
// not depend on the state is therefore off its way: a number of a later step is asked for AHEAD steps before its use,
// and what a step leaves in memory is stored after the barrier at which the others wait.

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffff;

template <bool HOLES> struct With {
    static constexpr bool holes = HOLES;
};

// The real steps of a row: those from `first` to before `end`, unless there are holes, masked steps among them.
struct Span {
    int first, end;
    bool has_holes;
};

// Each warp looks through the whole row: the threads of a block agree without a barrier.
__device__ inline Span span_of(const unsigned char *mask, int T) {
    if (mask == nullptr) return Span{0, T, false};
    const unsigned char *of_row = mask + (size_t)blockIdx.x * T;
    Span span{T, T, false};
    int count = 0;
    for (int start = 0; start < T; start += WARP) {
        const int t = start + threadIdx.x % WARP;
        const unsigned real_here = __ballot_sync(ALL_LANES, t < T && of_row[t]);
        if (real_here == 0) continue;
        if (count == 0) span.first = start + __ffs(real_here) - 1;
        span.end = start + WARP - __clz(real_here);
        count += __popc(real_here);
    }
    span.has_holes = count < span.end - span.first;
    return span;
}

// `ask(which, asked)` loads what a step needs, the next one each time; `step(which, asked, buffer)` computes it.
// `which.holes`: whether a step may be masked. Steps alternate between two buffers in shared memory; the last has 1.

// One step after the other, and each waits for its loads.
template <class Asked, bool HOLES, class Ask, class Step>
__device__ inline void walk_one_by_one(With<HOLES> which, int steps, const Ask &ask, const Step &step) {
#pragma unroll 1
    for (; steps > 0; steps--) {
        Asked asked;
        ask(which, asked);
        step(which, asked, steps % 2);
    }
}

// A multiple of AHEAD steps. The ring is in registers, since the inner loops are unrolled; and there is no branch between
// two steps, so that the compiler can prepare the second during the first.
template <class Asked, int AHEAD, class Ask, class Step>
__device__ inline void walk_with_ring(int steps, const Ask &ask, const Step &step) {
    const With<false> which;
    Asked ring[AHEAD];
#pragma unroll
    for (int n = 0; n < AHEAD; n++) ask(which, ring[n]);
#pragma unroll 1
    for (int left = steps; left > AHEAD; left -= AHEAD) {
#pragma unroll
        for (int n = 0; n < AHEAD; n++) {
            const Asked asked = ring[n];
            ask(which, ring[n]);
            step(which, asked, AHEAD == 1 ? left % 2 : n % 2);
        }
    }
#pragma unroll
    for (int n = 0; n < AHEAD; n++) step(which, ring[n], AHEAD == 1 ? 1 : n % 2);
}

// AHEAD: 1 or even. Rows with holes are rare, since padding is at the ends.
template <class Asked, int AHEAD, class Ask, class Step>
__device__ inline void walk(const Span &span, const Ask &ask, const Step &step) {
    const int steps = span.end - span.first;
    if (span.has_holes) return walk_one_by_one<Asked>(With<true>{}, steps, ask, step);
    walk_one_by_one<Asked>(With<false>{}, steps % AHEAD, ask, step);
    if (steps >= AHEAD) walk_with_ring<Asked, AHEAD>(steps / AHEAD * AHEAD, ask, step);
}
