"""The words of the grammar: layers, and the losses that a model ends in, each with what fits around it."""

from typing import Any, NamedTuple

from tests.parity.cases import Spec, construct, spec

V, D, H = 7, 4, 3  # ids, features, units

STEPS, ROW = "steps", "row"  # (B, T, features) and (B, features)


class Word(NamedTuple):
    """A layer of the grammar: one of `specs` is drawn."""

    specs: tuple[Spec, ...]
    takes: tuple[str, ...] = (STEPS,)
    gives: str = "same"  # "steps", "row", "same" as it takes; "choice": both are drawn
    keeps_mask: bool = True  # hands on the mask that reaches it
    shape: Any = None  # (T, features, spec) -> the same of what it gives, where units or filters do not say it
    first: bool = False  # takes what enters the model


def _cell(kind: str, **options: Any) -> Word:
    extras: tuple[dict[str, Any], ...] = (
        {},
        {"go_backwards": True},
        {"use_bias": False, "zero_output_for_mask": True},
        {"trainable": False},
    )
    return Word(tuple(spec(kind, units=H, **options, **extra) for extra in extras), gives="choice")


def _both(merge: str | None) -> Word:
    cells = [spec(kind, units=H) for kind in ("LSTM", "GRU", "SimpleRNN")]
    return Word(tuple(spec("Bidirectional", layer=cell, merge_mode=merge) for cell in cells), gives="choice")


def _windows(T: int, features: int, layer: Spec) -> tuple[int, int]:
    """Of a convolution or a pooling."""
    options: dict[str, Any] = {"padding": "valid", "strides": layer.options.get("pool_size")} | layer.options
    size: int = options["kernel_size"] if "kernel_size" in options else options["pool_size"]
    stride: int = options["strides"]
    steps = (T - size) // stride + 1 if options["padding"] == "valid" else -(-T // stride)
    return steps, options.get("filters", features)


WORDS: dict[str, Word] = {
    "Embedding": Word((spec("Embedding", input_dim=V, output_dim=D),), ("ids",), STEPS, first=True),
    "SimpleRNN": _cell("SimpleRNN"),
    "LSTM": _cell("LSTM"),
    "GRU": _cell("GRU"),
    "GRU, reset before": _cell("GRU", reset_after=False),
    "Bidirectional, concat": _both("concat"),
    "Bidirectional, sum": _both("sum"),
    "Bidirectional, mul": _both("mul"),
    "Bidirectional, ave": _both("ave"),
    "Conv1D": Word(
        tuple(
            spec("Conv1D", filters=H, kernel_size=size, padding=padding, strides=stride)
            for size, padding, stride in ((3, "valid", 1), (2, "same", 2), (3, "causal", 1))
        ),
        keeps_mask=False,
        shape=_windows,
    ),
    "MaxPooling1D": Word(
        (spec("MaxPooling1D", pool_size=2), spec("MaxPooling1D", pool_size=3, strides=1, padding="same")),
        keeps_mask=False,
        shape=_windows,
    ),
    "GlobalMaxPooling1D": Word((spec("GlobalMaxPooling1D"),), gives=ROW),
    "GlobalAveragePooling1D": Word((spec("GlobalAveragePooling1D"),), gives=ROW),
    "Dense": Word(
        (
            spec("Dense", units=H, activation="tanh"),
            spec("Dense", units=D, use_bias=False, kernel_regularizer="l2"),
            spec("Dense", units=H, trainable=False),
        ),
        (STEPS, ROW),
    ),
    "Dropout": Word((spec("Dropout", rate=0.0),), (STEPS, ROW)),  # the two frameworks draw different numbers
    "Activation": Word((spec("Activation", activation="tanh"), spec("Activation", activation="softmax")), (STEPS, ROW)),
    "Flatten": Word((spec("Flatten"),), gives=ROW),
    "Masking": Word((spec("Masking"),), first=True),
    "TimeDistributed": Word((spec("TimeDistributed", layer=spec("Dense", units=H, activation="tanh")),)),
    "LayerNormalization": Word(
        (
            spec("LayerNormalization"),
            spec("LayerNormalization", epsilon=0.1),
            spec("LayerNormalization", center=False, trainable=False),
        ),
        (STEPS, ROW),
    ),
    "AveragePooling1D": Word(
        (spec("AveragePooling1D", pool_size=2), spec("AveragePooling1D", pool_size=3, strides=1, padding="same")),
        keeps_mask=False,
        shape=_windows,
    ),
    "RepeatVector": Word((spec("RepeatVector", n=3),), (ROW,), STEPS, shape=lambda T, features, layer: (3, features)),
    "Reshape": Word(
        (spec("Reshape", target_shape=(-1, 1)),),
        keeps_mask=False,
        shape=lambda T, features, layer: (T * features, 1),
    ),
    "Permute": Word((spec("Permute", dims=(2, 1)),), keeps_mask=False, shape=lambda T, features, layer: (features, T)),
    "UpSampling1D": Word(
        (spec("UpSampling1D", size=2),), keeps_mask=False, shape=lambda T, features, layer: (2 * T, features)
    ),
    "ZeroPadding1D": Word(
        (spec("ZeroPadding1D", padding=(1, 2)),),
        keeps_mask=False,
        shape=lambda T, features, layer: (T + 3, features),
    ),
    "Cropping1D": Word(
        (spec("Cropping1D", cropping=(0, 2)),), keeps_mask=False, shape=lambda T, features, layer: (T - 2, features)
    ),
    "SpatialDropout1D": Word((spec("SpatialDropout1D", rate=0.0),)),
    "Noise": Word(
        (
            spec("GaussianNoise", stddev=0.0),
            spec("GaussianDropout", rate=0.0),
            spec("AlphaDropout", rate=0.0),
        ),
        (STEPS, ROW),
    ),
    # TensorFlow has LeakyReLU's slope in float32, whatever the dtype: one that is the same in both.
    "Rectifier": Word(
        (
            spec("ReLU", negative_slope=0.2, threshold=0.1),
            spec("LeakyReLU", negative_slope=0.25),
            spec("ELU", alpha=0.7),
        ),
        (STEPS, ROW),
    ),
    "PReLU": Word((spec("PReLU", shared_axes=[1]),)),
    "Softmax": Word((spec("Softmax"),), (STEPS, ROW)),
}


class Last(NamedTuple):
    """A loss, with the last layers before it, its targets, and metrics that fit."""

    loss: Spec
    layers: tuple[Spec, ...]
    targets: str  # "numbers", "positive" ones, "labels" (0, 1), "signs" (-1, 1), "rows" (one-hot), "classes" (0, 1, 2)
    metrics: tuple[str | Spec, ...] = ()
    weighted_metrics: tuple[str | Spec, ...] = ()

    @property
    def outputs(self) -> int:
        return self.layers[0].options["units"]

    def measured(self, metrics: Any, dtype: str) -> dict[str, Any]:
        """Arguments of compile; `metrics` is keras.metrics or scratchnn.metrics."""
        found = {"metrics": self.metrics, "weighted_metrics": self.weighted_metrics}
        return {
            key: [
                each if isinstance(each, str) else construct(metrics, each)
                for each in measures
                if dtype == "float32" or each != "top_k_categorical_accuracy"  # which TensorFlow lacks in float64
            ]
            for key, measures in found.items()
        }


def _dense(units: int, activation: str | None = None) -> Spec:
    return spec("Dense", units=units, activation=activation)


LASTS: dict[str, Last] = {
    "mse": Last(spec("MeanSquaredError"), (_dense(2),), "numbers", ("mae",), ("mse",)),
    "bce": Last(
        spec("BinaryCrossentropy"), (_dense(1, "sigmoid"),), "labels", ("accuracy", "mae"), ("binary_accuracy",)
    ),
    "bce, activation": Last(
        spec("BinaryCrossentropy"), (_dense(1), spec("Activation", activation="sigmoid")), "labels", (), ("accuracy",)
    ),
    "bce, logits": Last(spec("BinaryCrossentropy", from_logits=True), (_dense(1),), "labels", (), ("mse",)),
    "bce, three labels": Last(
        spec("BinaryCrossentropy"), (_dense(3, "sigmoid"),), "labels", ("binary_accuracy",), ("mae",)
    ),
    "cce": Last(spec("CategoricalCrossentropy"), (_dense(3, "softmax"),), "rows", ("accuracy",), ("mae",)),
    "cce, logits": Last(
        spec("CategoricalCrossentropy", from_logits=True), (_dense(3),), "rows", (), ("categorical_accuracy",)
    ),
    "sparse": Last(
        spec("SparseCategoricalCrossentropy"),
        (_dense(3, "softmax"),),
        "classes",
        ("accuracy",),
        ("sparse_categorical_accuracy",),
    ),
    "sparse, activation": Last(
        spec("SparseCategoricalCrossentropy"),
        (_dense(3), spec("Activation", activation="softmax")),
        "classes",
        ("accuracy",),
    ),
    "sparse, logits": Last(spec("SparseCategoricalCrossentropy", from_logits=True), (_dense(3),), "classes"),
    "bce, smooth": Last(
        spec("BinaryCrossentropy", label_smoothing=0.2),
        (_dense(1, "sigmoid"),),
        "labels",
        (spec("Precision", name="precision"),),
        (spec("Recall", name="recall"), spec("AUC", name="auc")),
    ),
    "cce, smooth": Last(
        spec("CategoricalCrossentropy", label_smoothing=0.2), (_dense(3, "softmax"),), "rows", ("kl_divergence",)
    ),
    "mae": Last(spec("MeanAbsoluteError"), (_dense(2),), "numbers", (spec("RootMeanSquaredError", name="rmse"),)),
    "huber": Last(spec("Huber", delta=0.4), (_dense(2),), "numbers", (), ("log_cosh_error",)),
    "log cosh": Last(spec("LogCosh"), (_dense(2, "tanh"),), "numbers", ("mse",)),
    "mape": Last(spec("MeanAbsolutePercentageError"), (_dense(2),), "positive"),
    "msle": Last(spec("MeanSquaredLogarithmicError"), (_dense(2, "softplus"),), "positive", ("mape",)),
    "poisson": Last(spec("Poisson"), (_dense(2, "softplus"),), "positive", (), ("msle",)),
    "cosine": Last(spec("CosineSimilarity"), (_dense(3),), "numbers", ("cosine_similarity",)),
    "kl": Last(spec("KLDivergence"), (_dense(3, "softmax"),), "rows", ("poisson",)),
    "hinge": Last(spec("Hinge"), (_dense(1, "tanh"),), "signs", ("squared_hinge",)),
    "squared hinge": Last(spec("SquaredHinge"), (_dense(2),), "signs", (), ("hinge",)),
    "categorical hinge": Last(spec("CategoricalHinge"), (_dense(3),), "rows", ("categorical_hinge",)),
    "focal": Last(spec("BinaryFocalCrossentropy", gamma=1.5), (_dense(1, "sigmoid"),), "labels", ("accuracy",)),
    "categorical focal": Last(
        spec("CategoricalFocalCrossentropy"), (_dense(3, "softmax"),), "rows", (), ("top_k_categorical_accuracy",)
    ),
}
