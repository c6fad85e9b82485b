// Activations, and their derivatives through the output alone, as in scratchnn/activations.py.
//
// ACT and REC, the numbers of a layer's activations, are constants of the compilation (-DACT=2): every `switch` below
// is decided by the compiler. REAL is float or double. float takes the device's own power of two and reciprocal, which
// is why the whole program needs no -use_fast_math: tanh is off by a few units in the last place, and sigmoid by more
// where it is small (tests/gpu/test_activations.py has a limit for each).

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

#include "activations.py"  // enum Activation

constexpr real LOG2_E = real(1.4426950408889634);

__device__ inline float power_of_two(float a) { return exp2f(a); }  // a single instruction, with -ftz=true
__device__ inline double power_of_two(double a) { return exp2(a); }
__device__ inline float reciprocal(float a) { return __fdividef(1.0f, a); }
__device__ inline double reciprocal(double a) { return 1 / a; }

// The power may overflow to infinity; its reciprocal is then 0, as it should be.
__device__ inline real sigmoid(real a) { return reciprocal(1 + power_of_two(-LOG2_E * a)); }

// 2 sigmoid(2a) - 1 loses the digits of small numbers: up to NEAR_ZERO a series, fitted there, replaces it.
constexpr float NEAR_ZERO = 0.6f;
__device__ inline float tanh_near_zero(float a) {
    const float s = a * a;
    float series = -0.005895156413f * s + 0.020795969292f;
    series = series * s - 0.053783830255f;
    series = series * s + 0.133319243789f;
    series = series * s - 0.333332985640f;
    return series * s * a + a;
}
__device__ inline float tanh_of(float a) {
    const float far = 2 * reciprocal(1 + power_of_two(-2 * LOG2_E * a)) - 1;
    return fabsf(a) < NEAR_ZERO ? tanh_near_zero(a) : far;
}
__device__ inline double tanh_of(double a) { return tanh(a); }

__device__ inline real activate(int activation, real a) {
    const real selu_scale = real(1.0507009873554805), selu_alpha = real(1.6732632423543772);
    switch (activation) {
    case RELU: return a < 0 ? real(0) : a;  // a NaN stays a NaN
    case TANH: return tanh_of(a);
    case SIGMOID: return sigmoid(a);
    case HARD_SIGMOID: {
        const real y = a * real(1.0 / 6) + real(0.5);
        return y < 0 ? real(0) : y > 1 ? real(1) : y;
    }
    case SOFTSIGN: return a / (1 + fabs(a));
    case SOFTPLUS: return (a > 0 ? a : real(0)) + log1p(exp(-fabs(a)));
    case ELU: return a > 0 ? a : expm1(a);
    case SELU: return selu_scale * (a > 0 ? a : selu_alpha * expm1(a));
    case LEAKY_RELU: return a > 0 ? a : real(0.2) * a;
    case EXPONENTIAL: return exp(a);
    default: return a;
    }
}

// The derivative of `activate`, from its output y alone.
__device__ inline real slope(int activation, real y) {
    const real selu_scale = real(1.0507009873554805), selu_alpha = real(1.6732632423543772);
    switch (activation) {
    case RELU: return y > 0 ? real(1) : real(0);
    case TANH: return 1 - y * y;
    case SIGMOID: return y * (1 - y);
    case HARD_SIGMOID: return y > 0 && y < 1 ? real(1.0 / 6) : real(0);
    case SOFTSIGN: return (1 - fabs(y)) * (1 - fabs(y));
    case SOFTPLUS: return -expm1(-y);
    case ELU: return y > 0 ? real(1) : y + 1;
    case SELU: return y > 0 ? selu_scale : y + selu_scale * selu_alpha;
    case LEAKY_RELU: return y > 0 ? real(1) : real(0.2);
    case EXPONENTIAL: return y;
    default: return 1;
    }
}

// dy times the derivative.
__device__ inline real derivative(int activation, real dy, real y) { return dy * slope(activation, y); }

// tanh(a) = 2 sigmoid(2a) - 1: with one reciprocal r, both are up r + down, and all gates of a unit, which are on
// neighbouring threads, take the same way.
__device__ inline float sigmoid_or_tanh(bool is_tanh, float a) {
    const float scale = is_tanh ? -2 * LOG2_E : -LOG2_E, up = is_tanh ? 2 : 1, down = is_tanh ? -1 : 0;
    const float far = up * reciprocal(1 + power_of_two(scale * a)) + down;
    return is_tanh && fabsf(a) < NEAR_ZERO ? tanh_near_zero(a) : far;
}
__device__ inline double sigmoid_or_tanh(bool is_tanh, double a) { return is_tanh ? tanh(a) : sigmoid(a); }

__device__ inline real activate_gate(bool is_candidate, real a) {
    if (ACT == TANH && REC == SIGMOID) return sigmoid_or_tanh(is_candidate, a);
    return is_candidate ? activate(ACT, a) : activate(REC, a);
}
