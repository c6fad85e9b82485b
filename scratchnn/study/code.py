"""Which version of the code computes: runs of two versions are never counted as one study."""

import ast
import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import scratchnn_kernels

import scratchnn

# The files of scratchnn/ that decide the numbers of a run; what prints, draws and stores is not among them.
DECIDING = (
    "activations.py", "core/arrays.py", "core/backend.py", "core/randomness.py", "core/threads.py", "data/corpus.py",
    "data/encoder.py", "data/imdb.py", "data/own/loading.py", "data/own/splitting.py", "data/text.py",
    "data/vectors.py", "data/words.py", "experiments/grams.py", "experiments/lbfgs.py", "experiments/linear.py",
    "experiments/linear_model.py", "experiments/own.py", "experiments/preparation.py", "experiments/presets.py",
    "experiments/pretraining.py", "experiments/settings.py", "experiments/stack.py", "initializers.py", "layers/*.py",
    "losses/*.py", "metrics/*.py", "models/chain.py", "models/initial_states.py", "models/model.py",
    "models/naming.py", "models/parameters.py", "models/penalties.py", "models/sequential.py", "optimizers/*.py",
    "regularizers.py", "study/breakdown.py", "study/built.py", "study/own_texts.py", "study/run.py",
    "study/sources.py", "study/training.py", "training/ahead.py", "training/batches.py", "training/epoch.py",
    "training/evaluator.py", "training/examples.py", "training/on_disk.py", "training/planned.py",
    "training/progress.py", "training/sample_weights.py", "training/session.py", "training/sources.py",
    "training/streams.py", "training/trainer.py",
)  # fmt: skip


@cache
def code_version(backend: str) -> dict[str, str]:
    """What must be equal for two runs to be counted together, by name.

    On processors of different kinds the last bits differ even so.
    """
    ours = Path(scratchnn.__file__).parent
    kernels = Path(scratchnn_kernels.__file__).parent
    files = [path for pattern in DECIDING for path in sorted(ours.glob(pattern))] + [kernels / "activations.py"]
    for folder in ("reference", backend):  # the reference has the rules that every backend falls back to
        files += sorted(path for path in (kernels / folder).rglob("*") if path.suffix in (".py", ".cu", ".cuh"))
    digest = hashlib.sha256()
    for path in files:
        content = path.read_text(encoding="utf-8")
        digest.update(f"{path.name}\n{_meaning(content) if path.suffix == '.py' else content}\n".encode())
    versions = {package: version(package) for package in ("numpy", "numba")}
    return {"code": digest.hexdigest()[:12], **versions, "machine": platform.machine()}


def _meaning(source: str) -> str:
    """The program without comments, docstrings and layout: a better comment does not make a study of hours void."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
