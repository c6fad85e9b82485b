// Runs CUDA kernels on the CPU, to see whether they are right; it says nothing about speed.
//
// Every CUDA thread is a fiber (a stack of its own, switched by hand) of one thread of the CPU; blocks run one after
// the other. A barrier, a shuffle or a ballot hands over to the next fiber. What this finds and a GPU may hide:
// - shared memory is NaN before every block, and an array of ours that is `empty` is too (emulator.py);
// - a barrier that not all threads reach ends in a report, not in a hang;
// - the order of threads between two barriers is chosen: forwards, backwards, at random, or one warp as far ahead of
//   the others as the barriers let it. Results have to be the same bits in all of them.
// What it cannot find: reordering of memory accesses inside one thread, and the exact rounding of __expf.

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

#include <utility>

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("shared_memory")))
extern "C" char __start_shared_memory[] __attribute__((weak));
extern "C" char __stop_shared_memory[] __attribute__((weak));

namespace cuda_on_cpu {

struct Index {
    int x, y, z;
};
constexpr int WARP = 32, MOST_THREADS = 1024, STACK = 64 * 1024;
constexpr size_t SHARED_MEMORY = 48 * 1024;  // what every device gives a block without being asked
enum Order { FORWARDS, BACKWARDS, AT_RANDOM, WARP_AHEAD };
enum State { READY, AT_WARP_BARRIER, AT_BLOCK_BARRIER, DONE };

#ifdef __x86_64__
// Keeps what a called function has to keep on the old stack, and takes it from the new one. ucontext does the same with
// two system calls, and made all of this six times as slow.
using Context = void *;  // the top of a stack that is not in use
extern "C" __attribute__((visibility("hidden"))) void change_stack(Context *from, Context to);
asm(R"(
.text
change_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
inline void change(Context &from, Context &to) { change_stack(&from, to); }
inline void prepare(Context &context, char *stack, size_t size, void (*run)()) {
    void **top = reinterpret_cast<void **>(reinterpret_cast<size_t>(stack + size) & ~size_t(15));
    *--top = nullptr;  // where `run` would return to
    *--top = reinterpret_cast<void *>(run);
    for (int n = 0; n < 6; n++) *--top = nullptr;
    context = top;
}
#else
using Context = ucontext_t;
inline void change(Context &from, Context &to) { swapcontext(&from, &to); }
inline void prepare(Context &context, char *stack, size_t size, void (*run)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = size;
    context.uc_link = nullptr;
    makecontext(&context, run, 0);
}
#endif

struct Thread {
    Context context;
    State state;
    int line;  // of the barrier at which it waits
    int shuffles;
    Index index;
};
struct Warp {
    int size, waiting;
    double slots[2][WARP];  // what its threads give away in even and in odd shuffles
};

inline Thread threads[MOST_THREADS];
inline Warp warps[MOST_THREADS / WARP];
inline char stacks[MOST_THREADS][STACK];
inline Context scheduler;
inline int count, current, waiting;  // threads of the block; the one that runs; those at the block's barrier
inline unsigned random_state;
inline Index block_index, block_size, grid_size;
inline const char *error;

inline Thread &self() { return threads[current]; }

inline void pause(State state, int line) {
    self().state = state;
    self().line = line;
    change(self().context, scheduler);
}

inline void release(State from, int first, int last) {
    for (int n = first; n < last; n++) {
        if (threads[n].state == from) threads[n].state = READY;
    }
}

inline void block_barrier(int line) {
    if (++waiting == count) {
        for (int n = 0; n < count; n++) {
            if (n != current && threads[n].line != line) error = "threads wait at different barriers";
        }
        waiting = 0;
        release(AT_BLOCK_BARRIER, 0, count);
        return pause(READY, line);  // being the last to arrive is no head start
    }
    pause(AT_BLOCK_BARRIER, line);
}

inline void warp_barrier(int line) {
    Warp &warp = warps[current / WARP];
    if (++warp.waiting == warp.size) {
        const int first = current / WARP * WARP;
        warp.waiting = 0;
        return release(AT_WARP_BARRIER, first, first + warp.size);
    }
    pause(AT_WARP_BARRIER, line);
}

// Even and odd shuffles have slots of their own: whoever runs ahead cannot overwrite what others have yet to read.
template <class Value> Value shuffle(Value value, int from, int line) {
    double *slots = warps[current / WARP].slots[self().shuffles++ % 2];
    memcpy(&slots[current % WARP], &value, sizeof value);
    warp_barrier(line);
    memcpy(&value, &slots[from], sizeof value);
    return value;
}

// Of the lanes of the warp, those for which `holds`.
inline unsigned ballot(bool holds, int line) {
    const Warp &warp = warps[current / WARP];
    double *slots = warps[current / WARP].slots[self().shuffles++ % 2];
    slots[current % WARP] = holds;
    warp_barrier(line);
    unsigned lanes = 0;
    for (int lane = 0; lane < warp.size; lane++) lanes |= (unsigned)(slots[lane] != 0) << lane;
    return lanes;
}

// The next thread that can run, or -1. `turn` goes around; a warp that runs ahead keeps its turn.
inline int next_thread(int order, int turn) {
    if (order == WARP_AHEAD) turn = (turn + count - 1) % count / WARP * WARP;
    if (order == AT_RANDOM) turn = (int)((random_state = random_state * 1664525u + 1013904223u) >> 8) % count;
    for (int n = 0; n < count; n++) {
        const int place = (turn + n) % count;
        const int thread = order == BACKWARDS ? count - 1 - place : place;
        if (threads[thread].state == READY) return thread;
    }
    return -1;
}

inline const char *describe_deadlock() {
    static char text[200];
    int at_barrier = 0, in_shuffle = 0, done = 0, line = 0;
    for (int n = 0; n < count; n++) {
        const Thread &thread = threads[n];
        at_barrier += thread.state == AT_BLOCK_BARRIER;
        in_shuffle += thread.state == AT_WARP_BARRIER;
        done += thread.state == DONE;
        if (thread.state != DONE) line = thread.line;
    }
    snprintf(text, sizeof text, "deadlock: %d threads wait at a barrier, %d in a shuffle, %d have returned (line %d)",
             at_barrier, in_shuffle, done, line);
    return text;
}

using Body = void (*)(void **);
inline Body body;
inline void **arguments;

inline void run_thread() {
    body(arguments);
    pause(DONE, 0);
}

inline bool run_block(int order) {
    if (__start_shared_memory != nullptr)
        memset(__start_shared_memory, 0xff, __stop_shared_memory - __start_shared_memory);
    waiting = 0;
    for (int w = 0; w * WARP < count; w++) warps[w] = Warp{count - w * WARP < WARP ? count - w * WARP : WARP, 0, {}};
    for (int n = 0; n < count; n++) {
        Thread &thread = threads[n];
        thread.state = READY;
        thread.line = thread.shuffles = 0;
        thread.index = Index{n, 0, 0};
        prepare(thread.context, stacks[n], STACK, run_thread);
    }
    for (int done = 0, turn = 0; done < count && error == nullptr;) {
        const int thread = next_thread(order, turn);
        if (thread < 0) {
            error = describe_deadlock();
            break;
        }
        current = thread;
        change(scheduler, threads[thread].context);
        done += threads[thread].state == DONE;
        turn = (order == BACKWARDS ? count - 1 - thread : thread) + 1;
    }
    return error == nullptr;
}

template <class... Arguments, size_t... n>
void call(void (*kernel)(Arguments...), void **values, std::index_sequence<n...>) {
    kernel(*static_cast<Arguments *>(values[n])...);
}
template <class... Arguments> void call(void (*kernel)(Arguments...), void **values) {
    call(kernel, values, std::index_sequence_for<Arguments...>());
}

// Runs a grid of blocks of `block` threads; returns what went wrong, or null.
inline const char *launch(Body kernel, void **values, const int *grid, int block, int order, unsigned seed) {
    random_state = seed;
    error = nullptr;
    body = kernel;
    arguments = values;
    if (block < 1 || block > MOST_THREADS) return "a block has 1 to 1024 threads";
    if (__start_shared_memory != nullptr && (size_t)(__stop_shared_memory - __start_shared_memory) > SHARED_MEMORY)
        return "too much shared memory";
    count = block;
    block_size = Index{block, 1, 1};
    grid_size = Index{grid[0], grid[1], 1};
    for (int y = 0; y < grid[1]; y++)
        for (int x = 0; x < grid[0]; x++) {
            block_index = Index{x, y, 0};
            if (!run_block(order)) return error;
        }
    return nullptr;
}

}  // namespace cuda_on_cpu

#define threadIdx (cuda_on_cpu::self().index)
#define blockIdx (cuda_on_cpu::block_index)
#define blockDim (cuda_on_cpu::block_size)
#define gridDim (cuda_on_cpu::grid_size)
#define __syncthreads() cuda_on_cpu::block_barrier(__LINE__)
#define __syncwarp() cuda_on_cpu::warp_barrier(__LINE__)
#define __shfl_sync(mask, value, lane, width) \
    cuda_on_cpu::shuffle(value, cuda_on_cpu::current % cuda_on_cpu::WARP / (width) * (width) + (lane) % (width), __LINE__)
#define __shfl_xor_sync(mask, value, lanes, width) \
    cuda_on_cpu::shuffle(value, (cuda_on_cpu::current % cuda_on_cpu::WARP) ^ (lanes), __LINE__)
#define __ballot_sync(mask, holds) cuda_on_cpu::ballot(holds, __LINE__)
#define __ffs(word) __builtin_ffs(word)
// As a device computes them, a power of two and a reciprocal, and the first off by the two units that it may be off.
inline float __expf(float a) { return exp2f(a * 1.44269504f) * (1 + 0x1p-22f); }
inline float __fdividef(float a, float b) { return a * (1 / b); }
#define __umul64hi(a, b) ((unsigned long long)(((unsigned __int128)(a) * (b)) >> 64))

// One line for each kernel, written by emulator.py.
#define EMULATE(kernel)                                                                                              \
    extern "C" const char *emulate_##kernel(void **values, const int *grid, int block, int order, unsigned seed) {   \
        return cuda_on_cpu::launch([](void **v) { cuda_on_cpu::call(kernel, v); }, values, grid, block, order, seed); \
    }
