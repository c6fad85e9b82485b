// Activations, and their derivatives through the output alone, as in scratchnn/activations.py.
//
// ACT and REC, the numbers of a layer's activations, are constants of the compilation (-DACT=2): every `switch` below
// is decided by the compiler. REAL is float or double. float takes the fast exponential and the fast quotient of the
// device: sigmoid and tanh are then off by about 1e-7, which is why the whole program needs no -use_fast_math.

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

#include "activations.py"  // enum Activation

__device__ inline float fast_exp(float a) { return __expf(a); }
__device__ inline double fast_exp(double a) { return exp(a); }
__device__ inline float quotient(float a, float b) { return __fdividef(a, b); }
__device__ inline double quotient(double a, double b) { return a / b; }

// exp(-a) may overflow to infinity; its reciprocal is then 0, as it should be.
__device__ inline real sigmoid(real a) { return quotient(real(1), real(1) + fast_exp(-a)); }

__device__ inline real activate(int activation, real a) {
    const real selu_scale = real(1.0507009873554805), selu_alpha = real(1.6732632423543772);
    switch (activation) {
    case RELU: return a < 0 ? real(0) : a;  // a NaN stays a NaN
    case TANH: return 2 * sigmoid(2 * a) - 1;
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

// dy times the derivative, where y is the output of `activate`.
__device__ inline real derivative(int activation, real dy, real y) {
    const real selu_scale = real(1.0507009873554805), selu_alpha = real(1.6732632423543772);
    switch (activation) {
    case RELU: return y > 0 ? dy : real(0);
    case TANH: return dy * (1 - y * y);
    case SIGMOID: return dy * y * (1 - y);
    case HARD_SIGMOID: return y > 0 && y < 1 ? dy * real(1.0 / 6) : real(0);
    case SOFTSIGN: return dy * (1 - fabs(y)) * (1 - fabs(y));
    case SOFTPLUS: return dy * -expm1(-y);
    case ELU: return y > 0 ? dy : dy * (y + 1);
    case SELU: return dy * (y > 0 ? selu_scale : y + selu_scale * selu_alpha);
    case LEAKY_RELU: return y > 0 ? dy : real(0.2) * dy;
    case EXPONENTIAL: return dy * y;
    default: return dy;
    }
}

// An LSTM's four gates are on neighbouring threads. tanh(a) = 2 sigmoid(2a) - 1 lets them all take the same branch
// where the activations are the usual pair.
__device__ inline real activate_gate(bool is_candidate, real a) {
    if (ACT == TANH && REC == SIGMOID) {
        const real y = sigmoid(is_candidate ? 2 * a : a);
        return is_candidate ? 2 * y - 1 : y;
    }
    return is_candidate ? activate(ACT, a) : activate(REC, a);
}
