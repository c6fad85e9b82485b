// Sums in double, in an order that never changes. Needs -DBLOCK, the number of threads of a block, a power of two.

// The sum of one number per thread of a block, as a tree; thread 0 gets it. `part` is shared memory for BLOCK numbers.
__device__ inline double sum_of_block(double number, double *part) {
    part[threadIdx.x] = number;
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    }
    return part[0];
}
