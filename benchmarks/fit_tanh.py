"""Fit the rational tanh of kernels/scratchnn_kernels/cpu/activations.py and print its coefficients and its error.

    python benchmarks/fit_tanh.py

tanh(x) ~ x P(x²) / Q(x²), P and Q of degree 4, on |x| <= CLAMP, beyond which tanh rounds to ±1 in float32. The equation
is made linear, P(x²) x - tanh(x) Q(x²) = 0, with Q's constant term 1, and solved by least squares again and again:
weights 1/Q of the last round undo the linearisation, and weights that grow where the error is large turn least squares
into the smallest largest error (Lawson's method). Relative error, because a state that starts at 0 should leave it at
the right speed.
"""

import numpy as np

DEGREE = 4
CLAMP = 9.0


def fit(rounds: int = 400) -> tuple[np.ndarray, np.ndarray]:
    nodes = np.cos(np.linspace(0, np.pi / 2, 4000, endpoint=False))  # dense at both ends once mirrored
    x = CLAMP * nodes
    t = np.tanh(x)
    u = (x / CLAMP) ** 2  # scaled, for the condition of the least squares
    powers = u[:, None] ** np.arange(DEGREE + 1)
    weight, q = np.ones_like(x), np.ones_like(x)
    best, best_error = None, np.inf
    for _ in range(rounds):
        scale = np.sqrt(weight) / (np.abs(t) * np.abs(q))
        rows = np.hstack([x[:, None] * powers, -t[:, None] * powers[:, 1:]]) * scale[:, None]
        solution, *_ = np.linalg.lstsq(rows, t * scale, rcond=None)
        p_coefficients, q_coefficients = solution[: DEGREE + 1], np.r_[1.0, solution[DEGREE + 1 :]]
        q = powers @ q_coefficients
        error = np.abs(x * (powers @ p_coefficients) / q / t - 1)
        if error.max() < best_error:
            best, best_error = (p_coefficients.copy(), q_coefficients.copy()), error.max()
        weight *= error + 1e-3 * error.max()
        weight /= weight.sum()
    assert best is not None
    unscale = CLAMP ** (-2.0 * np.arange(DEGREE + 1))
    return best[0] * unscale, best[1] * unscale


def rational_tanh(x: np.ndarray, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The approximation as the kernel computes it, in the precision of x."""
    x = np.clip(x, -CLAMP, CLAMP)
    u = x * x
    numerator, denominator = np.full_like(x, p[-1]), np.full_like(x, q[-1])
    for i in reversed(range(DEGREE)):
        numerator = numerator * u + x.dtype.type(p[i])
        denominator = denominator * u + x.dtype.type(q[i])
    return np.clip(x * numerator / denominator, -1, 1)


if __name__ == "__main__":
    p, q = fit()
    print("P", [float(np.float32(v)) for v in p])
    print("Q", [float(np.float32(v)) for v in q])
    for dtype in (np.float64, np.float32):
        x = np.linspace(-12, 12, 2_000_001).astype(dtype)
        x = x[x != 0]
        error = np.abs(rational_tanh(x, p, q).astype(np.float64) / np.tanh(x.astype(np.float64)) - 1)
        print(f"{dtype.__name__}: largest relative error {error.max():.2e} at x = {x[error.argmax()]:.3f}")
