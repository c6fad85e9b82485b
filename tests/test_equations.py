"""All texts of a kernel belong together: the same face, and the numbers of the same equations in their comments."""

import ast
import importlib
import inspect
import io
import re
import tokenize
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from scratchnn_kernels import BACKENDS
from scratchnn_kernels.contract import REFERENCE_ONLY, Kernels

from tests.house import OURS

KERNELS = sorted(name for name, member in vars(Kernels).items() if isinstance(member, property))
PAIRS = [name for name in KERNELS if name != "optimizer"]  # which holds rules, not a pair


def backend_module(backend: str, kernel: str) -> object:
    return importlib.import_module(f"scratchnn_kernels.{backend}.{kernel}")


def parameters(function: object) -> list[str]:
    assert callable(function)
    return [name for name in inspect.signature(function).parameters if name != "self"]


def required(function: object) -> list[str]:
    """The parameters without a default."""
    assert callable(function)
    known = inspect.signature(function).parameters
    return [name for name in parameters(function) if known[name].default is inspect.Parameter.empty]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_has_the_kernels_of_the_contract(backend: str) -> None:
    more = REFERENCE_ONLY if backend == "reference" else ()
    assert sorted(importlib.import_module(f"scratchnn_kernels.{backend}").__all__) == sorted([*KERNELS, *more])
    assert len(KERNELS) == 11


def test_the_rules_of_the_optimizers_have_the_same_face() -> None:
    contract = get_type_hints(vars(Kernels)["optimizer"].fget)["return"]
    for rule in ("sgd", "rmsprop", "adam", "squared_norm", "join"):
        faces = [parameters(getattr(backend_module(backend, "optimizer"), rule)) for backend in BACKENDS]
        assert faces == [parameters(getattr(contract, rule))] * 3


@pytest.mark.parametrize("kernel", PAIRS)
def test_all_texts_of_a_kernel_have_the_same_face(kernel: str) -> None:
    modules: list[Any] = [backend_module(backend, kernel) for backend in BACKENDS]
    contract = get_type_hints(vars(Kernels)[kernel].fget)["return"]
    assert [parameters(module.forward) for module in modules] == [parameters(contract.forward)] * 3
    backward = ["dy", "dstate", "cache"] if kernel in RECURRENT else parameters(modules[1].backward)
    assert [required(module.backward) for module in modules] == [backward] * 3


RECURRENT = ("simple_rnn", "lstm", "gru")


def equations_of(kernel: str) -> set[int]:
    """The numbers of a layer's equations: those of its own text and, where it is a cell, those of the walk."""
    texts = [kernel, "recurrence"] if kernel in RECURRENT else [kernel]
    docstrings = [backend_module("reference", text).__doc__ or "" for text in texts]
    return {int(number) for doc in docstrings for number in re.findall(r"^ +\((\d+)\)  ", doc, re.MULTILINE)}


def numbers_in_comments(source: str) -> dict[int, set[int]]:
    """line -> the equation numbers in its comment"""
    comments = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    return {t.start[0]: {int(number) for number in re.findall(r"\((\d+)\)", t.string)} for t in comments}


def numbers_in(path: Path) -> dict[str, set[int]]:
    """The numbers in the comments of a file: all of them, those in its forward functions and those in its backward."""
    source = path.read_text(encoding="utf-8")
    numbers = numbers_in_comments(source)
    found: dict[str, set[int]] = {"all": set().union(*numbers.values()), "forward": set(), "backward": set()}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            for way in ("forward", "backward"):
                if way in node.name:
                    lines = range(node.lineno, (node.end_lineno or 0) + 1)
                    found[way] |= set().union(*(here for line, here in numbers.items() if line in lines))
    return found


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("kernel", PAIRS)
def test_the_numbers_in_the_code_are_those_of_the_equations(kernel: str, backend: str) -> None:
    """Each equation is named where it is computed and where it is undone, in both texts, and no other is.

    In the reference, the text of a recurrent layer is two files: its cell, and the walk through time.
    """
    equations = equations_of(kernel)
    assert equations == set(range(1, len(equations) + 1)) != set()
    files = [kernel, "recurrence"] if (kernel in RECURRENT and backend == "reference") else [kernel]
    found = [numbers_in(OURS["scratchnn_kernels"] / backend / f"{file}.py") for file in files]
    for part in ("all", "forward", "backward"):
        assert set().union(*(numbers[part] for numbers in found)) == equations, part


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_cell_and_the_walk_share_no_number(cell: str) -> None:
    folder = OURS["scratchnn_kernels"] / "reference"
    assert not numbers_in(folder / f"{cell}.py")["all"] & numbers_in(folder / "recurrence.py")["all"]


# The kernels of the gpu whose CUDA sources carry the equations, and those sources.
CUDA = {
    "simple_rnn": ("simple_rnn.cu", "simple_rnn_step.cu"),
    "lstm": ("lstm.cu", "lstm_step.cu"),
    "gru": ("gru.cu", "gru_reset_before.cu", "gru_step.cu"),
    "conv1d": ("conv1d.cu + pointwise.cu",),  # which hold them together
    "dense": ("pointwise.cu",),
    "max_pooling1d": ("pooling.cu",),
    "global_max_pooling1d": ("pooling.cu",),
    "embedding": ("embedding.cu",),
    "binary_crossentropy": ("binary_crossentropy.cu",),
}


@pytest.mark.parametrize(("kernel", "file"), [(kernel, file) for kernel, files in CUDA.items() for file in files])
def test_the_numbers_in_the_cuda_sources_are_those_of_the_equations(kernel: str, file: str) -> None:
    equations = equations_of(kernel)
    folder = OURS["scratchnn_kernels"] / "gpu"
    text = "".join((folder / part).read_text(encoding="utf-8") for part in file.split(" + "))
    named = {int(number) for comment in re.findall(r"//.*", text) for number in re.findall(r"\((\d+)\)", comment)}
    assert named == equations
    ways = ("forward", "backward") if "forward" in text else ()
    for way in ways:
        bodies = re.findall(rf"__global__ void[^{{]*?\w*_{way}\w*\([^{{]*\{{(.*?)^\}}", text, re.DOTALL | re.MULTILINE)
        assert bodies
        comments = [comment for body in bodies for comment in re.findall(r"//.*", body)]
        found = {int(number) for comment in comments for number in re.findall(r"\((\d+)\)", comment)}
        assert found == equations, way


def test_every_cuda_source_says_whose_equations_it_has() -> None:
    named = {part for files in CUDA.values() for file in files for part in file.split(" + ")}
    rest = {path.name for path in (OURS["scratchnn_kernels"] / "gpu").glob("*.cu")} - named
    assert rest == {"dropout.cu", "optimizer.cu"}
