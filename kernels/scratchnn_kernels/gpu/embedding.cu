// Embedding. Equations and their numbers are those of reference/embedding.py. Needs -DID=id_int32 or another type of the ids,
// and -DGROUPS and -DCOLUMNS, the shape of a block of the backward kernel.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;
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
    int N, int D) {
    const size_t n = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= (size_t)N * D) return;
    y[n] = E[(size_t)x[n / D] * D + n % D];  // (1)
}

// A block sums what one id has received, in a fixed order: no atomic addition, so the bits are the same every time.
// Threads (group, d): group 0 takes the id's first place in x, group 1 the second, and so on around; then the groups'
// sums are added one after the other. Padding has by far the most places, so an id gets a whole block.
extern "C" __global__ void embedding_backward(
    const real *dy,          // (B, T, D)
    const long long *order,  // (N): the places in x, sorted by id, and by place where ids are the same
    const long long *first,  // (V+1): where the places of id v begin in `order`
    real *dE,                // (V, D)
    int D) {
    __shared__ real sums[GROUPS * COLUMNS];
    const int v = blockIdx.x, group = threadIdx.x / COLUMNS, d = blockIdx.y * COLUMNS + threadIdx.x % COLUMNS;
    real sum = 0;
    if (d < D)
        for (long long n = first[v] + group; n < first[v + 1]; n += GROUPS) sum += dy[order[n] * D + d];  // (1)
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (group == 0 && d < D) {
        for (int other = 1; other < GROUPS; other++) sum += sums[other * COLUMNS + threadIdx.x];
        dE[(size_t)v * D + d] = sum;
    }
}
