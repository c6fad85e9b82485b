"""What "accuracy" is in Keras for each loss and shape of outputs and targets: recorded there, and compared live."""

from typing import Any, NamedTuple

import numpy as np

RNG = np.random.default_rng(0)
N, T, C = 20, 4, 3


class Case(NamedTuple):
    """The outputs, targets, and what `evaluate` of Keras 3.15.1 gives: accuracy, and the weighted one."""

    loss: str
    y: Any
    target: Any
    bare: float
    weighted: float

    @property
    def weight(self) -> Any:
        loss_per_step = self.y.ndim == 3 and not (self.y.shape[-1] == 1 and self.target.ndim == 2)
        return STEP_WEIGHTS if loss_per_step else WEIGHTS


def _numbers(*shape: int) -> Any:
    return RNG.random(shape).round(3).astype(np.float32)


def _yes_no(*shape: int) -> Any:
    return (RNG.random(shape) < 0.5).astype(np.float32)


ROWS, ONE, STEPS, ONE_STEPS = _numbers(N, C), _numbers(N, 1), _numbers(N, T, C), _numbers(N, T, 1)
LABELS, LABEL, STEP_LABELS, STEP_LABEL = _yes_no(N, C), _yes_no(N, 1), _yes_no(N, T, C), _yes_no(N, T, 1)
CLASSES, STEP_CLASSES = RNG.integers(0, C, N), RNG.integers(0, C, (N, T))
WEIGHTS, STEP_WEIGHTS = _numbers(N), _numbers(N, T)
HOT, STEP_HOT = np.eye(C, dtype=np.float32)[CLASSES], np.eye(C, dtype=np.float32)[STEP_CLASSES]

CASES = [
    Case("binary_crossentropy", ONE, LABEL, 0.6, 0.547507),
    Case("binary_crossentropy", ONE, LABEL[:, 0], 0.6, 0.547507),
    Case("binary_crossentropy", ROWS, LABELS, 0.4, 0.424536),
    Case("binary_focal_crossentropy", ROWS, LABELS, 0.4, 0.424536),
    Case("categorical_crossentropy", ROWS, HOT, 0.45, 0.565689),
    Case("categorical_focal_crossentropy", ROWS, HOT, 0.45, 0.565689),
    Case("sparse_categorical_crossentropy", ROWS, CLASSES, 0.45, 0.565689),
    Case("sparse_categorical_crossentropy", ROWS, CLASSES[:, None], 0.45, 0.565689),
    Case("mean_squared_error", ONE, LABEL[:, 0], 0.6, 0.547507),
    Case("mean_squared_error", ROWS, LABELS, 0.4, 0.424536),
    Case("mean_absolute_error", ROWS, ROWS[::-1].copy(), 0.6, 0.62698),
    Case("huber", ONE, LABEL, 0.6, 0.547507),
    Case("log_cosh", ROWS, LABELS, 0.4, 0.424536),
    Case("hinge", ONE, LABEL, 0.6, 0.547507),
    Case("categorical_hinge", ROWS, HOT, 0.45, 0.565689),
    Case("kl_divergence", ROWS, HOT, 0.45, 0.565689),
    Case("poisson", ROWS, HOT, 0.45, 0.565689),
    Case("cosine_similarity", ROWS, HOT, 0.45, 0.565689),
    Case("binary_crossentropy", ONE_STEPS, STEP_LABEL, 0.575, 0.593469),
    Case("mean_squared_error", ONE_STEPS, STEP_LABEL[..., 0], 0.575, 0.528861),
    Case("binary_crossentropy", STEPS, STEP_LABELS, 0.425, 0.414556),
    Case("categorical_crossentropy", STEPS, STEP_HOT, 0.4375, 0.485751),
    Case("sparse_categorical_crossentropy", STEPS, STEP_CLASSES, 0.4375, 0.485751),
    Case("sparse_categorical_crossentropy", STEPS, STEP_CLASSES[..., None], 0.4375, 0.485751),
    Case("mean_squared_error", STEPS, STEP_HOT, 0.4375, 0.485751),
]
