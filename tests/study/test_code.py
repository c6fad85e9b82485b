"""The version of the code: it covers what computes, and is blind to comments."""

from pathlib import Path

import pytest

import scratchnn
from scratchnn.study import code
from tests.house import our_modules, reached

ROOT = Path(scratchnn.__file__).parent
# What training reaches that has no say in the numbers: words, files, printing. Kernels are covered as a folder. What
# texts of the user's own hold when they have been read, their digest says.
NOT_DECIDING = {
    "callbacks", "callbacks.backup", "callbacks.callback", "callbacks.callback_list", "callbacks.early_stopping",
    "callbacks.files",
    "callbacks.history", "callbacks.lambda_callback", "callbacks.learning_rate", "callbacks.monitor",
    "callbacks.terminate_on_nan", "core", "core.attributes", "core.checks", "core.files", "core.files.atomic",
    "core.files.bounded", "core.files.errors",
    "core.descriptions", "core.extras", "core.files.container", "core.files.foreign", "core.files.generations",
    "core.files.plain",
    "core.keras_missing", "core.keras_names", "core.names", "core.spelling", "core.warning", "data", "data.cache",
    "data.download", "data.own", "data.own.columns", "data.own.decoding", "data.own.folders", "data.own.labelled",
    "data.own.options", "data.own.reading", "data.own.tables", "data.pickled_lists",
    "data.predictions", "data.keras_npz", "data.labels",
    "data.py_dataset", "data.sources", "data.synthetic", "data.synthetic_words", "experiments", "keras", "layers",
    "models", "models.calls", "models.cloning", "models.custom_objects", "models.loading", "models.place",
    "models.saving",
    "models.stored", "nn", "report", "report.best", "report.console", "report.curves", "report.diagram",
    "report.figure", "report.summary", "report.table", "scratchnn", "study", "study.code", "study.memory",
    "study.results", "study.tasks", "training", "training.balance", "training.compiling", "training.diagnosis",
    "training.hooks", "training.interrupts", "training.alone", "training.health", "core.memory", "models.needs",
    "models.one_row",
    "training.keeping", "training.threads",
}  # fmt: skip


def test_every_file_that_training_reaches_was_thought_of() -> None:
    """A new module is either one that decides, in `DECIDING`, or named above."""
    deciding = {path for pattern in code.DECIDING for path in ROOT.glob(pattern)}
    modules = our_modules()
    for name in reached("scratchnn.study.run"):
        if name.split(".")[0] == "scratchnn" and name.removeprefix("scratchnn.") not in NOT_DECIDING:
            assert modules[name] in deciding, name


@pytest.mark.parametrize("pattern", code.DECIDING)
def test_every_pattern_names_a_file(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


def test_comments_docstrings_and_layout_do_not_count() -> None:
    before = 'def f(x):\n    """Twice."""\n    return 2 * x  # a sum would do\n'
    after = "def f(\n    x,\n):\n    return 2 * x\n"
    assert code._meaning(before) == code._meaning(after)
    assert code._meaning(before) != code._meaning(before.replace("2", "3"))


def test_backends_are_different_versions() -> None:
    reference, cpu = code.code_version("reference"), code.code_version("cpu")
    assert reference["code"] != cpu["code"]
    assert reference["numpy"] == cpu["numpy"]
    assert set(cpu) == {"code", "numpy", "numba", "machine"}
