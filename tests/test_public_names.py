"""What users may import and run stays where it is, and the pages show nothing else."""

import ast
import importlib
import re

import pytest

import scratchnn
from tests.house import COMMANDS, ROOT, within

# What users may import, by README, docs/ and the docstrings: it stays where it is.
PUBLIC: dict[str, tuple[str, ...]] = {
    "scratchnn": ("Input", "Model", "Sequential", "TextClassifier", "load_model", "plot_model", "set_random_seed"),
    "scratchnn.activations": ("ACTIVATIONS", "Activation", "sigmoid", "tanh"),
    "scratchnn.callbacks": (
        "BackupAndRestore", "Callback", "CallbackList", "CSVLogger", "EarlyStopping", "History", "LambdaCallback",
        "LearningRateScheduler", "ModelCheckpoint", "ReduceLROnPlateau", "TerminateOnNaN",
    ),
    "scratchnn.data": ("Imdb", "Vocabulary", "imdb", "word_vectors"),
    "scratchnn.data.own.loading": ("load",),
    "scratchnn.data.own.options": ("TextOptions",),
    "scratchnn.experiments.linear_model": ("LinearModel",),
    "scratchnn.experiments.presets": ("PRESETS", "Preset"),
    "scratchnn.exchange": (
        "ExchangeError", "from_pytorch", "load_keras", "load_pytorch", "load_safetensors", "read_keras", "save_keras",
        "save_onnx", "save_pytorch", "save_safetensors", "to_onnx", "to_pytorch",
    ),
    "scratchnn.explain": ("flow", "neighbours", "read", "saliency", "units", "write"),
    "scratchnn.gradients": ("check", "check_loss", "check_regularizer"),
    "scratchnn.initializers": ("Constant", "Initializer"),
    "scratchnn.keras": (
        "Input", "Model", "Sequential", "activations", "backend", "callbacks", "datasets", "initializers", "layers",
        "losses", "metrics", "models", "optimizers", "preprocessing", "saving", "utils",
    ),
    "scratchnn.keras.datasets": ("imdb",),
    "scratchnn.layers": (
        "Activation", "AlphaDropout", "AveragePooling1D", "Bidirectional", "Cell", "Conv1D", "Cropping1D",
        "Dense", "Dropout", "ELU", "Embedding", "Flatten", "GRU", "GaussianDropout", "GaussianNoise",
        "GlobalAveragePooling1D", "GlobalMaxPooling1D", "Input", "LSTM", "Lambda", "Layer",
        "LayerNormalization", "LeakyReLU", "Masking", "MaxPooling1D", "PReLU", "Permute", "RNN", "ReLU",
        "RepeatVector", "Reshape", "SimpleRNN", "Softmax", "SpatialDropout1D", "TimeDistributed",
        "UpSampling1D", "ZeroPadding1D",
    ),
    "scratchnn.losses": (
        "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
        "CategoricalHinge", "CosineSimilarity", "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss",
        "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError",
        "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge", "binary_crossentropy", "huber", "mae", "mse",
    ),
    "scratchnn.metrics": (
        "AUC", "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "F1Score", "FBetaScore", "FalseNegatives",
        "FalsePositives", "Mean", "MeanMetric", "MeanMetricWrapper", "Metric", "Precision", "PrecisionAtRecall",
        "R2Score", "Recall", "RootMeanSquaredError", "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy",
        "TopKCategoricalAccuracy", "TrueNegatives", "TruePositives",
    ),
    "scratchnn.models": ("Model", "Sequential", "clone_model", "load_model", "model_from_json"),
    "scratchnn.nn": ("relu", "sigmoid", "softmax", "tanh"),
    "scratchnn.optimizers": (
        "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Nadam", "Optimizer", "RMSprop",
    ),
    "scratchnn.optimizers.schedules": (
        "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule",
        "PiecewiseConstantDecay", "PolynomialDecay",
    ),
    "scratchnn.regularizers": ("L1", "L1L2", "L2", "Regularizer"),
    "scratchnn.study.builders": ("Comparison", "compare"),
    "scratchnn.threads": ("set_threads",),
    "scratchnn.utils": (
        "PyDataset", "Sequence", "clear_session", "pad_sequences", "plot_model", "set_random_seed",
        "timeseries_dataset_from_array", "to_categorical",
    ),
}  # fmt: skip


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_where_they_were(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []


@pytest.mark.parametrize("module", PUBLIC)
def test_public_modules_say_what_is_public(module: str) -> None:
    """So `import *`, completion and type checkers see our names, and not those of what we import."""
    found = importlib.import_module(module)
    names = {*getattr(found, "__all__", ()), *(dir(found) if "__dir__" in vars(found) else ())}
    assert set(PUBLIC[module]) <= names
    assert all(hasattr(found, name) for name in getattr(found, "__all__", ()))
    assert not {"np", "Any", "annotations", "TYPE_CHECKING"} & set(getattr(found, "__all__", ()))


def test_what_scratchnn_names_is_public() -> None:
    modules = {name.removeprefix("scratchnn.") for name in PUBLIC if name.count(".") == 1}
    assert set(scratchnn.__all__) == {*PUBLIC["scratchnn"], *modules} - {"gradients", "threads"}
    assert all(hasattr(scratchnn, name) for name in scratchnn.__all__)


def test_what_the_pages_import_is_public() -> None:
    shown = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for block in re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and within(str(node.module), "scratchnn"):
                    shown.update((str(node.module), alias.name) for alias in node.names)
    assert ("scratchnn.layers", "LSTM") in shown
    public = {(module, name) for module, names in PUBLIC.items() for name in names}
    commands = {(f"scratchnn.{name}", "main") for name in COMMANDS}
    modules = {("scratchnn", module.removeprefix("scratchnn.")) for module in PUBLIC}
    assert shown - public - commands - modules == set()


def test_the_pages_name_commands_that_exist() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "Makefile"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert set(re.findall(r"-m scratchnn\.(\w+)", text)) == {*COMMANDS, "data", "exchange", "explain", "labs"}
