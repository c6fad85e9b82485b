// Embedding. Equations and their numbers are those of reference/embedding.py. Needs -DID=id_int32 or another type of the
// ids, and -DWARPS, those of a block of the backward kernel.
//
// Nobody has looked at ids that lie on the device, since the host would have to wait for the answer: an id outside
// 0 ... V-1 is never used as a place, gives NaN, and receives no gradient.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;
constexpr int WARP = 32, THREADS = WARPS * WARP;
constexpr unsigned ALL_LANES = 0xffffffff;
typedef signed char id_int8;
typedef unsigned char id_uint8;
typedef short id_int16;
typedef unsigned short id_uint16;
typedef int id_int32;
typedef unsigned id_uint32;
typedef long long id_int64;
typedef unsigned long long id_uint64;

extern "C" __global__ void embedding_forward(
    const ID *x,    // (B, T), N of them
    const real *E,  // (V, D)
    real *y,        // (B, T, D)
    int N, int V, int D) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)N * D) return;
    const long long id = x[n / D];
    y[n] = id >= 0 && id < V ? E[id * D + n % D] : real(nan(""));  // (1)
}

// A block sums what one id has received. No atomic addition, and an order that is fixed: the bits are the same every
// time.
//
// Each warp looks through every eighth run of 32 ids, a lane at each id, and all lanes learn which places hold the
// block's own. Then the lanes are columns, and add these rows of dy one after the other. That every block reads all the
// ids again costs less than sorting them would, in launches and in time, at the few thousand ids of a batch.
extern "C" __global__ void __launch_bounds__(THREADS) embedding_backward(
    const ID *x,     // (B, T), N of them
    const real *dy,  // (B, T, D)
    real *dE,        // (V, D)
    int N, int D) {
    __shared__ real sums[WARPS][WARP];
    const int v = blockIdx.x, warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, d = blockIdx.y * WARP + lane;
    real sum_0 = 0, sum_1 = 0, sum_2 = 0, sum_3 = 0;
    for (int first = warp * WARP; first < N; first += THREADS) {
        const bool is_own = first + lane < N && (long long)x[first + lane] == v;
        unsigned places = __ballot_sync(ALL_LANES, is_own);
        const real *rows = dy + (size_t)first * D + d;
        if (d >= D) continue;
        if (places == ALL_LANES) {
            // Padding: the runs of one id are long, and four sums side by side need not wait for each other.
#pragma unroll
            for (int n = 0; n < WARP; n += 4) {
                sum_0 += rows[(size_t)n * D];  // (1)
                sum_1 += rows[(size_t)(n + 1) * D];
                sum_2 += rows[(size_t)(n + 2) * D];
                sum_3 += rows[(size_t)(n + 3) * D];
            }
        } else {
            for (; places != 0; places &= places - 1) sum_0 += rows[(size_t)(__ffs(places) - 1) * D];  // (1)
        }
    }
    sums[warp][lane] = (sum_0 + sum_1) + (sum_2 + sum_3);
    __syncthreads();
    if (warp == 0 && d < D) {
        real sum = 0;
        for (int other = 0; other < WARPS; other++) sum += sums[other][lane];
        dE[(size_t)v * D + d] = sum;
    }
}
