"""For each of Keras' parameters that we take: two values of it, and a look at what comes out, which must differ.

A parameter that is new, or of a new class, needs a line in PAIRS (or in COMMON) and its class one in LAYERS.
"""

import contextlib
import gc
import io
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn import (
    Input,
    Sequential,
    initializers,
    layers,
    load_model,
    models,
    optimizers,
    regularizers,
    utils,
)
from scratchnn.callbacks import (
    HOOKS,
    BackupAndRestore,
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from scratchnn.models.checkpoint import load_checkpoint
from scratchnn.optimizers import schedules
from tests import measures_evidence as measures

RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 5, 3)).astype(np.float32)
MASK = np.array([[True] * 5, [False, True, False, True, False], [True, True, True, False, False]] * 2)
IDS = RNG.integers(0, 7, (6, 5))
PADDED = np.where(MASK[..., None], X, np.float32(0.5))

# By class of a layer: the arguments it needs.
LAYERS: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "tanh"},
    "Bidirectional": {"layer": layers.GRU(2)},
    "Conv1D": {"filters": 4, "kernel_size": 2},
    "Dense": {"units": 4},
    "Dropout": {"rate": 0.5},
    "Embedding": {"input_dim": 7, "output_dim": 3},
    "Flatten": {},
    "GRU": {"units": 4},
    "ConcatPooling1D": {},
    "GlobalAveragePooling1D": {},
    "GlobalMaxPooling1D": {},
    "LSTM": {"units": 4},
    "Layer": {},
    "MaxPooling1D": {"pool_size": 2},
    "SimpleRNN": {"units": 4},
    **{name: {"rate": 0.5} for name in ("AlphaDropout", "GaussianDropout", "SpatialDropout1D")},
    "GaussianNoise": {"stddev": 0.5},
    "Lambda": {"function": lambda x, by=1: by * x, "backward": lambda dy, x, by=1: by * dy},
    "AveragePooling1D": {"pool_size": 2},
    "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 2},
    "Reshape": {"target_shape": (-1,)},
    "TimeDistributed": {"layer": layers.Dense(2)},
    **{name: {} for name in ("Cropping1D", "ZeroPadding1D", "UpSampling1D", "Masking", "LayerNormalization")},
    **{name: {} for name in ("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")},
}
TWO = (False, True)
MATRICES = ([np.zeros((7, 3))], [np.ones((7, 3))])
# Two values for each parameter, the same for all layers that have it.
COMMON: dict[str, tuple[Any, Any]] = {
    "activation": ("tanh", "sigmoid"), "recurrent_activation": ("sigmoid", "tanh"), "units": (4, 5), "filters": (4, 5),
    "kernel_size": (2, 3), "strides": (1, 2), "padding": ("valid", "same"), "dilation_rate": (1, 2), "use_bias": TWO,
    "kernel_initializer": ("ones", "zeros"), "recurrent_initializer": ("ones", "orthogonal"),
    "bias_initializer": ("ones", "zeros"), "embeddings_initializer": ("ones", "zeros"), "dropout": (0.0, 0.5),
    "recurrent_dropout": (0.0, 0.5), "return_sequences": TWO, "return_state": TWO, "go_backwards": TWO,
    "zero_output_for_mask": TWO, "unit_forget_bias": TWO, "reset_after": TWO, "name": ("one", "other"),
    "rate": (0.2, 0.6), "input_dim": (7, 8), "output_dim": (3, 4), "mask_zero": TWO, "pool_size": (2, 3),
    "stateful": TWO, "merge_mode": ("concat", "sum"), "layer": (layers.GRU(2), layers.GRU(3)), "trainable": TWO,
    **{f"{part}_regularizer": ("l1", "l2") for part in ("kernel", "recurrent", "bias", "embeddings", "alpha")},
    **{f"{part}_regularizer": ("l1", "l2") for part in ("beta", "gamma")},
    "stddev": (0.2, 0.6), "dims": ((2, 1), (1, 2)),
    "n": (2, 3), "size": (2, 3), "cropping": (1, 0), "mask_value": (0.0, 0.5), "axis": (-1, 1), "epsilon": (1e-3, 0.5),
    "center": TWO, "scale": TWO, "beta_initializer": ("ones", "zeros"), "gamma_initializer": ("ones", "zeros"),
    "max_value": (0.1, 0.5), "negative_slope": (0.1, 0.5), "threshold": (0.0, 0.5), "alpha": (0.5, 1.0),
    "alpha_initializer": ("ones", "zeros"), "target_shape": ((-1,), (-1, 1)), "shared_axes": ([1], [2]),
}  # fmt: skip


OF_ONE_LAYER: dict[tuple[str, str], tuple[Any, Any]] = {
    ("ZeroPadding1D", "padding"): (1, 2),
    ("TimeDistributed", "layer"): (layers.Dense(2), layers.Dense(3)),
    ("Bidirectional", "backward_layer"): (None, layers.GRU(2, "relu", go_backwards=True)),
    ("Lambda", "function"): (np.tanh, np.sin),
    ("Lambda", "output_shape"): ((5, 3), (None, 3)),
    ("Lambda", "arguments"): ({"by": 2}, {"by": 3}),
    ("Lambda", "mask"): (None, lambda x, mask: mask),
}


def of_layer(name: str, /, **given: Any) -> list[Any]:
    """What a layer makes of an input with a mask, at rest and in training, and what it is made of."""
    needed = {**LAYERS[name], **given}  # a layer inside is another one each time: it would keep its parameters
    needed = {word: value.clone() if isinstance(value, layers.Layer) else value for word, value in needed.items()}
    layer = getattr(layers, name)(**needed)
    if name == "Layer":
        return [layer.name, layer.trainable]
    x = {"Embedding": IDS, "RepeatVector": X[:, 0], "Masking": PADDED}.get(name, X)
    layer.build((None, *x.shape[1:]), backend="reference", seed=2)
    mask = MASK if layer.supports_masking and name not in ("Embedding", "Softmax") else None
    seen: list[Any] = [layer.name, layer.trainable, layer.trainable_names(), layer.output_shape]
    seen.append(layer.compute_mask(x, mask))
    for training in TWO:
        y, _ = layer.forward(x, mask=mask, training=training, rng=np.random.default_rng(1))
        seen += list(y) if isinstance(y, tuple) else [y]
    for param in layer.params.values():
        param += 0.3
    return [*seen, *layer.get_weights(), *layer.losses]


def of_optimizer(name: str, /, **given: Any) -> list[Any]:
    """Where three steps lead."""
    base = {"momentum": 0.5} if name in ("SGD", "RMSprop") else {}
    base = {"beta_2": 0.5} if "amsgrad" in given else base  # otherwise the largest v is the last one
    w, rule = np.linspace(-1, 1, 6), getattr(optimizers, name)(**{**base, **given})
    rule.init(6, np.float64)
    for step in range(3):
        rule.step(w, 0.3**step * np.linspace(-2, 3, 6) ** (step + 1), [slice(0, 2), slice(2, 6)])
    return [w]


def of_regularizer(name: str, /, **given: Any) -> list[Any]:
    rule = getattr(regularizers, name)(**given)
    return [rule(X), rule.gradient(X)]


def of_initializer(name: str, /, **given: Any) -> list[Any]:
    return [getattr(initializers, name)(**given)((4, 6), np.random.default_rng(0))]


# ---- callbacks and the methods of a model


class Listener(Callback):
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def set_params(self, params: Any) -> None:
        self.heard.append(dict(params))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.heard.append((batch, dict(logs)))

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self.heard.append(batch)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.heard.append((batch, dict(logs)))


def made() -> Sequential:
    model = Sequential([layers.Flatten(), layers.Dense(1, "sigmoid")], backend="reference", seed=1)
    model.compile("sgd", "binary_crossentropy", ["accuracy"])
    model.build((None, 5, 3))
    return model


Y = (X[:, 0, 0] > 0).astype(np.float32)
HELD = np.argsort(Y)[[0, -1]]  # one of each class


def of_method(name: str, /, **given: Any) -> list[Any]:
    """What is returned and printed, what a listener heard, and the weights afterwards."""
    model, listener = made(), given.get("callbacks") or Listener()
    needed: dict[str, Any] = {"x": X, "verbose": 0, "batch_size": 2, "callbacks": listener}
    if name in ("predict_on_batch", "__call__"):
        return [getattr(model, name)(**given)]
    if name == "test_on_batch":
        return [model.test_on_batch(**{"x": X, "y": Y, **given})]
    if name == "from_config":
        config = {"config": Sequential([Input((3,)), Own(2)]).get_config()} | given
        return [Sequential.from_config(**config).name]
    needed |= {"fit": {"y": Y, "epochs": 2, "validation_data": (X, Y)}, "evaluate": {"y": Y}}.get(name, {})
    if name in ("compile", "train_on_batch"):
        needed = {"compile": {"optimizer": "sgd", "loss": "mse"}, "train_on_batch": {"x": X, "y": Y}}[name]
    if "validation_split" in given:
        needed.pop("validation_data")
    if given.get("x") is not None and len(given["x"]) != len(Y):
        needed["y"] = Y[: len(given["x"])]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result = getattr(model, name)(**{**needed, **given})
        if name == "compile":
            result = model.fit(X, Y, verbose=0).history
    result = (result.history, result.epoch) if isinstance(result, History) else result
    return [result, len(printed.getvalue()) > 0, listener.heard, *model.get_weights()]


def in_folder(call: Callable[[Path], Any], folder: Path) -> list[Any]:
    """What a call returns and prints, and which files it leaves."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result = call(folder)
    left = [(path.name, path.read_bytes() if path.suffix == ".csv" else 0) for path in sorted(folder.iterdir())]
    return [result, printed.getvalue(), left]


def of_callback(callback: Callback, *values: float, attributes: tuple[str, ...] = ()) -> list[Any]:
    """What a callback does while these are the losses of the epochs."""
    model = made()
    callback.set_model(model)  # type: ignore[arg-type]
    model.stop_training = False
    callback.on_train_begin({})
    for epoch, value in enumerate(values):
        model.set_weights([weight * 0 + epoch for weight in model.get_weights()])
        callback.on_epoch_end(epoch, {"val_loss": value, "loss": -value})
        if model.stop_training:
            break
    callback.on_train_end({})
    return [model.stop_training, model.get_weights(), *(getattr(callback, name) for name in attributes)]


def of_early_stopping(folder: Path, **given: Any) -> Any:
    shown = ("best", "best_epoch", "stopped_epoch", "wait")
    return of_callback(EarlyStopping(**given), 5, 4, 4.2, 3.9, 4.1, 4.2, 4.3, 4.4, attributes=shown)


def of_checkpoint(folder: Path, **given: Any) -> Any:
    path = given.pop("filepath", "{epoch}.npz")
    return of_callback(ModelCheckpoint(folder / path, **given), 5, 4, 6)


def of_backup(folder: Path, **given: Any) -> Any:
    """What is in the folder when training has ended, and after each of its steps, when the newest is of which step."""
    there: list[Any] = []

    def look(*_: Any, **logs: Any) -> None:
        found = sorted(folder.rglob("*"))
        progress = [load_checkpoint(path)[1] for path in found if path.name == "latest.npz"]
        there.append([[str(path.relative_to(folder)) for path in found], [(p.epoch, p.step) for p in progress]])

    path = given.pop("backup_dir", "kept")
    model = made()
    keeps = [LambdaCallback(on_train_batch_end=look), BackupAndRestore(folder / path, **given)]
    model.fit(X, Y, 2, 3, 0, keeps)
    look()
    return there


def of_csv(folder: Path, **given: Any) -> Any:
    path = given.pop("filename", "log.csv")
    for _ in range(2 if given.get("append") else 1):
        of_callback(CSVLogger(folder / path, **given), 5, 4)


def of_rates(callback: Callback) -> list[float]:
    """The learning rates that a callback sets while the loss of validation is this, and the history."""
    model, rates = made(), []
    optimizer: Any = model.optimizer
    optimizer.learning_rate = 1.0
    callback.set_model(model)  # type: ignore[arg-type]
    callback.on_train_begin({})
    for epoch, value in enumerate((5, 4, 4.2, 3.9, 4.1, 4.2, 4.3, 4.4, 3.7, 3.8, 3.9, 4.0)):
        logs = {"val_loss": value, "loss": -value}
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, logs)
        rates += [optimizer.learning_rate, logs["learning_rate"]]
    return rates


def of_hooks(callback: Callback) -> list[str]:
    """All hooks, which print."""
    for hook in HOOKS:
        getattr(callback, hook)(*([7] if "epoch" in hook or "batch" in hook else []), {})
    return []


def of_callback_list(**given: Any) -> Any:
    listener = Listener()
    if given.get("callbacks") == "a listener":
        given["callbacks"] = listener
    else:
        given.setdefault("callbacks", [listener])
    if given.get("model"):
        given["model"] = made()
    CallbackList(**given).on_train_batch_end(3, {"loss": 1.0})
    return [listener.heard, hasattr(listener, "model")]


def of_terminate(**given: Any) -> str:
    callback = TerminateOnNaN(**given)
    callback.set_model(made())  # type: ignore[arg-type]
    try:
        callback.end(3, ArithmeticError("the loss is nan"))
    except RuntimeError as error:
        return str(error)
    return ""


def of_schedule(name: str, /, **given: Any) -> list[Any]:
    schedule = getattr(schedules, name)(**{**SCHEDULES[name], **given})
    return [*(schedule(step) for step in range(50)), schedule.get_config()["name"]]


RATES: dict[str, Any] = {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}
SCHEDULES: dict[str, dict[str, Any]] = {
    "ExponentialDecay": RATES,
    "InverseTimeDecay": RATES,
    "PiecewiseConstantDecay": {"boundaries": [5, 10], "values": [0.1, 0.2, 0.3]},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "warmup_target": 0.3, "warmup_steps": 5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
}
CALLBACKS: dict[str, Callable[..., Any]] = {
    "LambdaCallback": lambda **given: of_hooks(LambdaCallback(**given)),
    "LearningRateScheduler": lambda **given: of_rates(
        LearningRateScheduler(**{"schedule": lambda epoch: 0.5 / (epoch + 1), **given})
    ),
    "ReduceLROnPlateau": lambda **given: of_rates(ReduceLROnPlateau(**{"patience": 2, **given})),
    "CallbackList": of_callback_list,
    "TerminateOnNaN": of_terminate,
}


def of_model(name: str, /, **given: Any) -> list[Any]:
    model = made()
    if name == "get_layer":
        return [model.get_layer(**given).name]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        model.summary(**given)
    return [printed.getvalue()]


def of_files(folder: Path, what: str, given: Any) -> Any:
    """save, save_weights, load_model, load_weights: whether and what comes out."""
    model = made()
    model.save(folder / "one.npz")
    other = made()
    other.set_weights([weight + 1 for weight in other.get_weights()])
    other.save(folder / "two.npz")
    try:
        if what == "overwrite":
            model.save(folder / "one.npz", overwrite=given)
        elif what == "save":
            model.save(folder / given)
        elif what == "overwrite weights":
            model.save_weights(folder / "one.npz", overwrite=given)
        elif what == "save_weights":
            model.save_weights(folder / given)
        elif what == "custom_objects":
            return load_model(folder / "one.npz", custom_objects=given).name
        elif what == "load_weights":
            model.load_weights(folder / given)
            return model.get_weights()
        else:
            return load_model(folder / given).get_weights()
    except (FileExistsError, TypeError) as error:
        return type(error).__name__


FILES: dict[tuple[str, str], tuple[str, Any, Any]] = {
    ("save", "filepath"): ("save", "a.npz", "b.npz"),
    ("save", "overwrite"): ("overwrite", False, True),
    ("save_weights", "filepath"): ("save_weights", "a.npz", "b.npz"),
    ("save_weights", "overwrite"): ("overwrite weights", False, True),
    ("load_weights", "filepath"): ("load_weights", "one.npz", "two.npz"),
    ("load_model", "filepath"): ("load_model", "one.npz", "two.npz"),
    ("load_model", "custom_objects"): ("custom_objects", {}, {"Mine": 3}),
}
WEIGHTS = np.arange(6) / 3
PAIRS: dict[tuple[str, str], tuple[Any, Any]] = {
    **{(name, "sample_weight"): (None, WEIGHTS) for name in ("fit", "evaluate", "train_on_batch")},
    **{(name, "class_weight"): (None, {0: 3.0}) for name in ("fit", "train_on_batch")},
    ("compile", "weighted_metrics"): (None, ["mae"]),
    **{("optimizer", name): (0.1, 0.2) for name in ("learning_rate", "weight_decay", "clipnorm", "clipvalue")},
    **{("optimizer", name): (0.1, 0.6) for name in ("global_clipnorm", "momentum", "rho", "epsilon")},
    **{("optimizer", name): (0.1, 0.6) for name in ("beta_1", "beta_2")},
    **{("optimizer", name): TWO for name in ("nesterov", "centered", "amsgrad")},
    **{("initializer", name): (0.3, 0.4) for name in ("value", "mean", "stddev", "scale", "gain", "maxval")},
    ("initializer", "minval"): (-0.5, -0.4),
    ("initializer", "mode"): ("fan_in", "fan_out"),
    ("initializer", "distribution"): ("uniform", "truncated_normal"),
    ("fit", "x"): (X, X[:4]), ("fit", "y"): (Y, 1 - Y), ("fit", "batch_size"): (2, 3), ("fit", "epochs"): (2, 3),
    ("fit", "verbose"): (0, 2), ("fit", "callbacks"): ([], "a listener"), ("fit", "validation_split"): (0.0, 0.5),
    ("fit", "validation_data"): (None, (X[HELD], Y[HELD])), ("fit", "shuffle"): TWO, ("fit", "initial_epoch"): (0, 1),
    ("fit", "steps_per_epoch"): (3, 2), ("fit", "validation_steps"): (1, 2),
    ("fit", "validation_batch_size"): (2, 3), ("fit", "validation_freq"): (1, 2),
    **{(name, "x"): (X, X[::-1]) for name in ("evaluate", "predict", "train_on_batch")},
    **{(name, "y"): (Y, 1 - Y) for name in ("evaluate", "train_on_batch")},
    **{(name, "batch_size"): (2, 3) for name in ("evaluate", "predict")},
    **{(name, "callbacks"): ([], "a listener") for name in ("evaluate", "predict")},
    **{(name, "steps"): (1, 2) for name in ("evaluate", "predict")},
    ("evaluate", "verbose"): (0, 1), ("evaluate", "return_dict"): TWO, ("predict", "verbose"): (0, 1),
    ("compile", "optimizer"): ("sgd", "adam"), ("compile", "loss"): ("mse", "binary_crossentropy"),
    ("compile", "metrics"): (None, ["mae"]),
    ("summary", "print_fn"): (None, str), ("get_layer", "name"): ("dense", "flatten"),
    ("get_layer", "index"): (0, 1),
    ("EarlyStopping", "monitor"): ("val_loss", "loss"), ("EarlyStopping", "min_delta"): (0.0, 0.5),
    ("EarlyStopping", "patience"): (1, 3), ("EarlyStopping", "verbose"): (0, 1),
    ("EarlyStopping", "mode"): ("min", "max"), ("EarlyStopping", "baseline"): (None, 0.5),
    ("EarlyStopping", "restore_best_weights"): TWO, ("EarlyStopping", "start_from_epoch"): (0, 4),
    ("ModelCheckpoint", "filepath"): ("{epoch}.npz", "all{epoch}.npz"),
    ("ModelCheckpoint", "monitor"): ("val_loss", "loss"), ("ModelCheckpoint", "verbose"): (0, 1),
    ("ModelCheckpoint", "save_best_only"): TWO, ("ModelCheckpoint", "mode"): ("min", "max"),
    ("ModelCheckpoint", "initial_value_threshold"): (None, 4.5),
    ("BackupAndRestore", "backup_dir"): ("one", "other"), ("BackupAndRestore", "save_freq"): ("epoch", 2),
    ("BackupAndRestore", "double_checkpoint"): TWO, ("BackupAndRestore", "delete_checkpoint"): TWO,
    ("CSVLogger", "filename"): ("a.csv", "b.csv"), ("CSVLogger", "separator"): (",", ";"), ("CSVLogger", "append"): TWO,
    **{("optimizer", name): (0.1, 0.6) for name in ("initial_accumulator_value", "beta", "l1_regularization_strength")},
    **{("optimizer", f"l2_{name}regularization_strength"): (0.1, 0.6) for name in ("", "shrinkage_")},
    ("optimizer", "learning_rate_power"): (-0.5, -0.3),
    **{("schedule", name): (0.1, 0.2) for name in ("initial_learning_rate", "decay_rate", "alpha", "warmup_target")},
    **{("schedule", name): (10, 20) for name in ("decay_steps", "first_decay_steps", "warmup_steps")},
    **{("schedule", name): (1.5, 2.0) for name in ("t_mul", "m_mul", "power")},
    **{("schedule", name): TWO for name in ("staircase", "cycle")},
    ("schedule", "name"): ("one", "other"), ("schedule", "end_learning_rate"): (0.01, 0.02),
    ("schedule", "boundaries"): ([5, 10], [5, 11]), ("schedule", "values"): ([0.1, 0.2, 0.3], [0.1, 0.2, 0.4]),
    **{("LambdaCallback", hook): (None, print) for hook in HOOKS},
    ("LearningRateScheduler", "schedule"): (lambda epoch: 0.5, lambda epoch, rate: rate * 0.5),
    ("LearningRateScheduler", "verbose"): (0, 1), ("TerminateOnNaN", "raise_error"): TWO,
    ("CallbackList", "callbacks"): (None, "a listener"), ("CallbackList", "model"): (None, True),
    ("ReduceLROnPlateau", "monitor"): ("val_loss", "loss"), ("ReduceLROnPlateau", "factor"): (0.1, 0.5),
    ("ReduceLROnPlateau", "patience"): (1, 3), ("ReduceLROnPlateau", "verbose"): (0, 1),
    ("ReduceLROnPlateau", "mode"): ("min", "max"), ("ReduceLROnPlateau", "min_delta"): (0.0, 0.5),
    ("ReduceLROnPlateau", "cooldown"): (0, 2), ("ReduceLROnPlateau", "min_lr"): (0.0, 0.2),
    ("Sequential", "layers"): ([layers.Dense(2)], [layers.Dense(3)]), ("Sequential", "name"): ("one", "other"),
    ("Sequential", "trainable"): TWO,
    ("pad_sequences", "sequences"): ([[1, 2]], [[1, 3]]), ("pad_sequences", "maxlen"): (None, 2),
    ("pad_sequences", "dtype"): ("int32", "int64"), ("pad_sequences", "padding"): ("pre", "post"),
    ("pad_sequences", "truncating"): ("pre", "post"), ("pad_sequences", "value"): (0, 7),
    ("set_random_seed", "seed"): (1, 2), ("clear_session", "free_memory"): TWO,
    ("clone_model", "model"): (2, 3), ("clone_model", "clone_function"): (None, lambda layer: layers.Dense(3)),
    ("model_from_json", "json_string"): tuple(
        Sequential([Input((3,)), layers.Dense(units)]).to_json() for units in (2, 3)
    ),
    ("model_from_json", "custom_objects"): (None, {"Own": layers.Dense}),
    ("test_on_batch", "x"): (X, X[::-1]), ("test_on_batch", "y"): (Y, 1 - Y), ("test_on_batch", "return_dict"): TWO,
    ("test_on_batch", "sample_weight"): (None, WEIGHTS), ("predict_on_batch", "x"): (X, X[::-1]),
    ("from_config", "config"): tuple(
        Sequential([Input((3,)), layers.Flatten()], name=name).get_config() for name in ("one", "other")
    ),
    ("from_config", "custom_objects"): (None, {"Own": layers.Dense}),
    ("timeseries_dataset_from_array", "data"): (np.arange(9), np.arange(9) + 1),
    ("timeseries_dataset_from_array", "targets"): (None, np.arange(9)),
    ("timeseries_dataset_from_array", "shuffle"): TWO,
    ("timeseries_dataset_from_array", "seed"): (1, 2),
    ("timeseries_dataset_from_array", "batch_size"): (2, None),
    **{
        ("timeseries_dataset_from_array", name): (1, 2)
        for name in ("sequence_length", "sequence_stride", "sampling_rate", "start_index")
    },
    ("timeseries_dataset_from_array", "end_index"): (5, 7),
    ("to_categorical", "x"): ([0, 2], [1, 2]), ("to_categorical", "num_classes"): (3, 4),
}  # fmt: skip
PLOTS: dict[str, tuple[Any, Any]] = {
    "model": (1, 2), "to_file": ("a.svg", "b.svg"), "show_shapes": TWO, "show_layer_names": TWO, "dpi": (50, 100)
}  # fmt: skip
INPUTS: dict[str, tuple[Any, Any]] = {"shape": ((3,), (4,)), "name": ("one", "other"), "batch_size": (2, 3)}
INPUTS["batch_shape"] = ((2, 3), (2, 4))
# Identified by what they look up; which is the whole of what they do.
GETS = {"losses": ("mse", "binary_crossentropy"), "optimizers": ("sgd", "adam"), "initializers": ("ones", "zeros")}
GETS["regularizers"] = ("l1", "l2")


def seen(module: str, name: str, parameter: str, value: Any, folder: Path) -> Any:
    """What comes out with this value of the parameter. KeyError where nobody has said how to look."""
    given: dict[str, Any] = {parameter: Listener() if isinstance(value, str) and value == "a listener" else value}
    if module == "layers" and name != "Input":
        return of_layer(getattr(layers, name).__name__, **given)
    if name == "Input":
        return repr(Input(**({} if parameter in ("shape", "batch_shape") else {"shape": (3,)}) | given))
    if module == "optimizers.schedules":
        return of_schedule(name, **given)
    if module == "callbacks" and name in CALLBACKS:
        return in_folder(lambda where: CALLBACKS[name](**{parameter: value}), folder)
    if module == "optimizers" and name != "get":
        return of_optimizer(name, **({"momentum": 0.5} if parameter == "nesterov" else {}) | given)
    if module in ("losses", "metrics") and name != "get":
        return measures.of(module, name, **given)
    if module == "regularizers" and name != "get":
        return of_regularizer(name, **given)
    if module == "initializers" and name != "get":
        return of_initializer(name, **given)
    if (name, parameter) in FILES:
        return in_folder(lambda where: of_files(where, FILES[name, parameter][0], value), folder)
    if module == "callbacks":
        base = {"EarlyStopping": {"patience": 2}, "ModelCheckpoint": {"save_best_only": True}}.get(name, {})
        if (name, parameter) == ("EarlyStopping", "restore_best_weights"):
            base = {"patience": 2}
        call = {
            "EarlyStopping": of_early_stopping, "ModelCheckpoint": of_checkpoint, "CSVLogger": of_csv,
            "BackupAndRestore": of_backup,
        }[name]  # fmt: skip
        return in_folder(lambda where: call(where, **{**base, **given}), folder)
    if name in ("summary", "get_layer"):
        return of_model(name, **given)
    if module == "Model":
        try:
            return of_method(name, **given)
        except ValueError as error:
            return [str(error)]
    if name == "Sequential":
        model = Sequential(**{"layers": [layers.Dense(2)], **given})
        return [model.name, [getattr(each, "units", 0) for each in model.layers], model.trainable]
    if name == "pad_sequences":
        padded = utils.pad_sequences(**{"sequences": [[1, 2, 3], [4]], "maxlen": 2, **given})
        return [padded, padded.dtype]
    if name == "plot_model":
        model = Sequential([Input((3,)), *(layers.Dense(2) for _ in range(value if parameter == "model" else 1))])
        given = {"model": model, "to_file": "a.png"} | ({} if parameter == "model" else given)
        paths = utils.plot_model(**{**given, "to_file": folder / given["to_file"]})
        return [[path.name for path in paths], [path.stat().st_size for path in paths]]
    if name == "set_random_seed":
        utils.set_random_seed(value)
        return made_without_seed()
    if name == "clone_model":
        model = Sequential([Input((3,)), layers.Dense(value if parameter == "model" else 2)], seed=1)
        return models.clone_model(model, **({} if parameter == "model" else given)).get_weights()
    if name == "model_from_json":
        return of_json(**given)
    if name == "timeseries_dataset_from_array":
        shuffled = {"shuffle": True} if parameter == "seed" else {}
        given = {"data": np.arange(9), "targets": None, "sequence_length": 2} | shuffled | given
        return list(utils.timeseries_dataset_from_array(**given))
    if name == "to_categorical":
        return utils.to_categorical(**{"x": [0, 2], **given})
    if name == "clear_session":
        return is_left_by(lambda: utils.clear_session(**given))
    raise KeyError((module, name, parameter))


class Own(layers.Dense):
    """A layer that a description names."""


def of_json(json_string: str | None = None, custom_objects: Any = None) -> Any:
    text = json_string or Sequential([Input((3,)), Own(2)]).to_json()
    try:
        return models.model_from_json(text, custom_objects=custom_objects).count_params()
    except ValueError as error:
        return [str(error)]


def is_left_by(clear: Callable[[], None]) -> bool:
    """Whether what names itself only is still there afterwards."""
    circle = Listener()
    circle.heard.append(circle)
    left = weakref.ref(circle)
    gc.disable()
    try:
        del circle
        clear()
        return left() is not None
    finally:
        gc.enable()


def made_without_seed() -> Any:
    weights = Sequential([Input((3,)), layers.Dense(2)]).get_weights()
    utils.set_random_seed(0)
    return weights


def pair(module: str, name: str, parameter: str) -> tuple[Any, Any]:
    """Two values of the parameter. KeyError where there are none."""
    if (name, parameter) in OF_ONE_LAYER:
        return OF_ONE_LAYER[name, parameter]
    if module == "regularizers":
        return 0.1, 0.2
    if module == "layers" and name != "Input":
        return MATRICES if parameter == "weights" else COMMON[parameter]
    if name == "Input":
        return INPUTS[parameter]
    if name == "plot_model":
        return PLOTS[parameter]
    if (name, parameter) in FILES:
        return FILES[name, parameter][1:]
    if module in ("losses", "metrics"):
        return measures.PAIRS[parameter]
    kinds = {"optimizers": "optimizer", "initializers": "initializer"}
    kinds["optimizers.schedules"] = "schedule"
    return PAIRS[kinds.get(module, name), parameter]


def equal(a: Any, b: Any) -> bool:
    """Whether two things that were seen are the same to the last bit."""
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and np.array_equal(a, b, equal_nan=True)
    return bool(type(a) is type(b) and a == b)
