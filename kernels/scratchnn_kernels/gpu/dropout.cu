// Dropout masks. The equation is that of reference/dropout.py, and the random numbers equal its own, to the bit:
// Philox4x64-10 turns a counter and a key into four words of 64 bits, each of which makes two numbers. A thread takes
// one counter, and so eight numbers; the first counter is 1.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;
typedef unsigned long long word;

extern "C" __global__ void dropout_mask(
    word key_0, word key_1,
    real kept,    // 1 / (1 - rate)
    float least,  // rate 2^24: a number of 24 bits below it is dropped
    real *m,
    const real *x, real *y,  // as m, or null where only the mask is wanted
    long long size) {
    const word M_0 = 0xD2E7470EE14C6C93, M_1 = 0xCA5A826395121157, W_0 = 0x9E3779B97F4A7C15, W_1 = 0xBB67AE8584CAA73B;
    const word block = (word)blockIdx.x * blockDim.x + threadIdx.x;
    word c[4] = {block + 1, 0, 0, 0};
    for (int round = 0; round < 10; round++) {
        const word upper_0 = __umul64hi(M_0, c[0]), lower_0 = M_0 * c[0];
        const word upper_1 = __umul64hi(M_1, c[2]), lower_1 = M_1 * c[2];
        c[0] = upper_1 ^ c[1] ^ key_0;
        c[1] = lower_1;
        c[2] = upper_0 ^ c[3] ^ key_1;
        c[3] = lower_0;
        key_0 += W_0;
        key_1 += W_1;
    }
    for (int n = 0; n < 8; n++) {
        const long long at = (long long)(8 * block) + n;
        const unsigned bits = (unsigned)(c[n / 2] >> 32 * (n % 2)) >> 8;
        if (at >= size) return;
        const real own = (float)bits >= least ? kept : real(0);
        m[at] = own;
        if (x != nullptr) y[at] = x[at] * own;  // (1)
    }
}

extern "C" __global__ void dropout_backward(const real *dy, const real *m, real *dx, long long size) {
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n < size) dx[n] = dy[n] * m[n];  // (1)
}
