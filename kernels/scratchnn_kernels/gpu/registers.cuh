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

constexpr int PADDED = (H + 7) / 8 * 8;
constexpr int STRIDE = PADDED + 4;  // of rows in shared memory: the four lanes of a quad read from different banks
constexpr unsigned ALL_LANES = 0xffffffff;

struct __align__(16) Four {
    real x, y, z, w;
};

// The product of the thread's weights with a vector in shared memory. Four independent sums: each addition to a single
// one would wait for the one before.
template <int N>
__device__ inline real dot(const real (&weights)[N], const real *vector) {
    real sum_0 = 0, sum_1 = 0, sum_2 = 0, sum_3 = 0;
#pragma unroll
    for (int k = 0; k < N; k += 4) {
        const Four v = *reinterpret_cast<const Four *>(vector + k);
        sum_0 += weights[k] * v.x;
        sum_1 += weights[k + 1] * v.y;
        sum_2 += weights[k + 2] * v.z;
        sum_3 += weights[k + 3] * v.w;
    }
    return (sum_0 + sum_1) + (sum_2 + sum_3);
}

// The same, where `held` may be the first weights only. The rest is laid out in fours, in the order of threads: a warp
// reads 512 contiguous bytes.
template <int N>
__device__ inline real dot(const real (&held)[N], const real *rest, const real *vector) {
    const Four *of_thread = reinterpret_cast<const Four *>(rest) + threadIdx.x;
    real sum_0 = 0, sum_1 = 0, sum_2 = 0, sum_3 = 0;
    // Two at a time: with more loads in flight, 80 weights would not stay in registers, and the cache is busy anyway.
#pragma unroll 2
    for (int k = N; k < PADDED; k += 4) {
        const Four w = of_thread[(k - N) / 4 * (4 * PADDED)];
        const Four v = *reinterpret_cast<const Four *>(vector + k);
        sum_0 += w.x * v.x;
        sum_1 += w.y * v.y;
        sum_2 += w.z * v.z;
        sum_3 += w.w * v.w;
    }
    const real sum = dot(held, vector);
    return N < PADDED ? sum + ((sum_0 + sum_1) + (sum_2 + sum_3)) : sum;
}

// A quad is four neighbouring threads, one for each gate of a unit. What thread `lane` of this thread's quad holds:
__device__ inline real of_lane(real value, int lane) { return __shfl_sync(ALL_LANES, value, lane, 4); }

// The sum over the quad, to the same bits in all four threads.
__device__ inline real sum_of_quad(real value) {
    value += __shfl_xor_sync(ALL_LANES, value, 1, 4);
    return value + __shfl_xor_sync(ALL_LANES, value, 2, 4);
}

// Whether step t of a row is real, not masked. The whole block has one row, so all its threads agree.
__device__ inline bool is_real_step(const unsigned char *mask, int row, int T, int t) {
    return mask == nullptr || mask[(size_t)row * T + t];
}
