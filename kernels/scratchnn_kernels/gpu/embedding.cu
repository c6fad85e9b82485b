// Embedding. Equations and their numbers are those of reference/embedding.py. Needs -DID=id_int32 or another type of the
// ids, and -DWARPS and -DIDS, those of a block of the backward kernel.
//
// Ids on the device were not checked, since the host would have to wait for the answer: an id outside 0 ... V-1 is never
// used as an index, gives NaN, and receives no gradient.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;
constexpr int WARP = 32, THREADS = WARPS * WARP, AT_ONCE = 8;
constexpr int NONE = -1;
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

// A block sums the gradients of IDS neighbouring ids, in a fixed order and without atomic additions: the bits are the
// same every time.
//
// Warp w of WARPS searches every WARPS-th run of 32 places, a lane at each place, and all lanes learn which of them hold
// ids of the block. Then the lanes are columns, and add these rows of dy one after the other, each lane to sums of
// its own. AT_ONCE rows are asked for together: each alone would be waited for longer than its addition takes. Reading all ids in every block costs less than sorting them would, in launches and in time.
extern "C" __global__ void __launch_bounds__(THREADS) embedding_backward(
    const ID *x,     // (B, T), N of them
    const real *dy,  // (B, T, D)
    real *dE,        // (V, D)
    int N, int V, int D) {
    __shared__ real sums[WARPS][IDS][WARP];
    const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, d = blockIdx.y * WARP + lane;
    const long long first_id = (long long)blockIdx.x * IDS;
    real(*own_sums)[WARP] = sums[warp];
    for (int k = 0; k < IDS; k++) own_sums[k][lane] = 0;

    for (int first = warp * WARP; first < N; first += THREADS) {
        const long long id = first + lane < N ? (long long)x[first + lane] : -1;
        const int k = id >= first_id && id < first_id + IDS ? (int)(id - first_id) : -1;  // which one of the block's
        unsigned places = __ballot_sync(ALL_LANES, k >= 0);
        if (places == 0) continue;
        const real *rows = dy + (size_t)first * D + d;
        const int k_0 = __shfl_sync(ALL_LANES, k, 0, WARP);
        if (__ballot_sync(ALL_LANES, k == k_0) == ALL_LANES) {
            // Padding: the runs of one id are long, and four independent sums need not wait for each other.
            if (d >= D) continue;
            real sum_0 = 0, sum_1 = 0, sum_2 = 0, sum_3 = 0;
#pragma unroll
            for (int n = 0; n < WARP; n += 4) {
                sum_0 += rows[(size_t)n * D];  // (1)
                sum_1 += rows[(size_t)(n + 1) * D];
                sum_2 += rows[(size_t)(n + 2) * D];
                sum_3 += rows[(size_t)(n + 3) * D];
            }
            own_sums[k_0][lane] += (sum_0 + sum_1) + (sum_2 + sum_3);
            continue;
        }
        while (places != 0) {
            int place[AT_ONCE];
            real row[AT_ONCE];
#pragma unroll
            for (int n = 0; n < AT_ONCE; n++) {
                place[n] = places != 0 ? __ffs(places) - 1 : NONE;
                row[n] = d < D && place[n] != NONE ? rows[(size_t)place[n] * D] : 0;
                places &= places - 1;
            }
#pragma unroll
            for (int n = 0; n < AT_ONCE; n++) {
                if (place[n] == NONE) break;
                const int k_n = __shfl_sync(ALL_LANES, k, place[n], WARP);
                if (d < D) own_sums[k_n][lane] += row[n];  // (1)
            }
        }
    }
    __syncthreads();
    for (int k = warp; k < IDS; k += WARPS) {
        real sum = 0;
        for (int other = 0; other < WARPS; other++) sum += sums[other][k][lane];
        if (first_id + k < V && d < D) dE[(first_id + k) * D + d] = sum;
    }
}
