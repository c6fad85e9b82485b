// What the persistent kernels share: a recurrent matrix that stays in registers for the whole sequence, or most of it.
//
// A block takes one row of the batch through all time steps. H, the number of units, is a constant of the compilation;
// PADDED is H rounded up to a multiple of eight, so that the threads of a block are whole warps. Units from H on have
// weights of 0 and are never stored.
//
// Where a unit has a quad of threads, each of them holds HELD of its PADDED weights in registers: all of them up to 96
// units (dispatch.py decides). The rest is read again in every step. Nothing writes to it, so it stays cached: in the
// multiprocessor's own cache where that is large enough.

#include "activations.cuh"
#include "time_loop.cuh"

constexpr int PADDED = (H + 7) / 8 * 8;
constexpr int STRIDE = PADDED + 4;  // of rows in shared memory

struct __align__(16) Four {
    real x, y, z, w;
};

// The first N numbers of a vector in shared memory. Where registers suffice, all are asked for before any is used.
template <int N> struct Vector {
    static constexpr bool AT_ONCE = N <= 64 && N >= H;
    Four fours[AT_ONCE ? N / 4 : 1];
    const Four *from;
    __device__ void read(const real *vector) {
        from = reinterpret_cast<const Four *>(vector);
#pragma unroll
        for (int k = 0; k < N / 4 && AT_ONCE; k++) fours[k] = from[k];
    }
    __device__ Four operator[](int k) const { return AT_ONCE ? fours[k] : from[k]; }
};

// `start` plus the product of the thread's weights with a vector. Four independent sums: each addition to a single one
// would wait for the one before.
template <int N>
__device__ inline real dot(const real (&weights)[N], const Vector<N> &vector, real start) {
    real sum_0 = start, sum_1 = 0, sum_2 = 0, sum_3 = 0;
#pragma unroll
    for (int k = 0; k < N; k += 4) {
        const Four v = vector[k / 4];
        sum_0 += weights[k] * v.x;
        sum_1 += weights[k + 1] * v.y;
        sum_2 += weights[k + 2] * v.z;
        sum_3 += weights[k + 3] * v.w;
    }
    return (sum_0 + sum_1) + (sum_2 + sum_3);
}

// The product of the weights from N on, which are not held, with a vector in shared memory. They are laid out in fours,
// in the order of threads: a warp reads 512 contiguous bytes. IN_FLIGHT: how many are asked for at a time, as far as the
// held weights leave registers.
template <int N, int IN_FLIGHT>
__device__ inline real dot_of_rest(const real *rest, const real *vector) {
    const Four *of_thread = reinterpret_cast<const Four *>(rest) + threadIdx.x;
    real sum_0 = 0, sum_1 = 0, sum_2 = 0, sum_3 = 0;
#pragma unroll IN_FLIGHT
    for (int k = N; k < PADDED; k += 4) {
        const Four w = of_thread[(k - N) / 4 * (4 * PADDED)];
        const Four v = *reinterpret_cast<const Four *>(vector + k);
        sum_0 += w.x * v.x;
        sum_1 += w.y * v.y;
        sum_2 += w.z * v.z;
        sum_3 += w.w * v.w;
    }
    return (sum_0 + sum_1) + (sum_2 + sum_3);
}

// A quad is four threads, one for each gate of a unit. A warp has the quads of eight units: gate k of unit u is on lane
// 8 k + u % 8. So eight neighbours read the same numbers of shared memory, and eight neighbouring ones of memory.
constexpr int UNITS_OF_WARP = 8;
struct Place {
    const int row = blockIdx.x, unit = threadIdx.x / WARP * UNITS_OF_WARP + threadIdx.x % UNITS_OF_WARP;
    const int gate = threadIdx.x / UNITS_OF_WARP % 4;
    const bool exists = H == PADDED || unit < H;
};

// What the thread of a gate holds, in the quad of this thread:
__device__ inline real of_gate(real value, int gate) {
    return __shfl_sync(ALL_LANES, value, gate * UNITS_OF_WARP + threadIdx.x % UNITS_OF_WARP, WARP);
}

// The sum over the quad, to the same bits in all four threads.
__device__ inline real sum_of_quad(real value) {
    value += __shfl_xor_sync(ALL_LANES, value, UNITS_OF_WARP, WARP);
    return value + __shfl_xor_sync(ALL_LANES, value, 2 * UNITS_OF_WARP, WARP);
}
