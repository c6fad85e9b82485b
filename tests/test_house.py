"""The shape of the house: which file may import which, and that the two texts of each kernel belong together."""

import ast
import importlib
import inspect
import io
import re
import subprocess
import sys
import tokenize
import tomllib
import traceback
from collections.abc import Iterator
from functools import cache
from importlib.metadata import requires
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import pytest
from scratchnn_kernels import BACKENDS, reference
from scratchnn_kernels.contract import REFERENCE_ONLY, Kernels

from scratchnn import Sequential
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.training import epoch

ROOT = Path(__file__).resolve().parents[1]
OURS = {"scratchnn": ROOT / "scratchnn", "scratchnn_kernels": ROOT / "kernels" / "scratchnn_kernels"}
FRAMEWORKS = {"keras", "tensorflow", "torch", "torchvision", "jax", "jaxlib", "flax", "theano", "mxnet", "chainer"}
COMES_WITH = {
    "llvmlite": "numba",
    "requests": "pooch",
    "markupsafe": "jinja2",
}  # imported by us, declared by those who bring them
KERNELS = sorted(name for name, member in vars(Kernels).items() if isinstance(member, property))
PAIRS = [name for name in KERNELS if name != "optimizer"]  # which holds rules, not a pair


class Import(NamedTuple):
    module: str
    at_run_time: bool  # False inside `if TYPE_CHECKING:`


def is_ours(module: str) -> bool:
    package, *rest = module.split(".")
    path = OURS[package].joinpath(*rest) if package in OURS else None
    return path is not None and (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file())


def imports_in(source: str) -> set[Import]:
    """Every import, inside functions too; `from package import module` is an import of package.module."""
    found = set()

    def visit(node: ast.AST, at_run_time: bool) -> None:
        match node:
            case ast.Import():
                found.update(Import(alias.name, at_run_time) for alias in node.names)
            case ast.ImportFrom():
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                found.update(Import(name if is_ours(name) else str(node.module), at_run_time) for name in full)
            case ast.Call(func=ast.Name("__import__") | ast.Attribute(attr="import_module"), args=[first, *_]):
                found.add(Import(str(first.value) if isinstance(first, ast.Constant) else "?", at_run_time))
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                for child in node.body:
                    visit(child, False)
                for child in node.orelse:
                    visit(child, at_run_time)
                return
        for child in ast.iter_child_nodes(node):
            visit(child, at_run_time)

    visit(ast.parse(source), True)
    return found


@cache
def imports_of_file(path: Path) -> set[Import]:
    return imports_in(path.read_text(encoding="utf-8"))


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def our_modules() -> dict[str, Path]:
    modules = {}
    for package, folder in OURS.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            modules[".".join(part for part in parts if part != "__init__")] = path
    return modules


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def reached(start: str, *, type_checking: bool = False) -> set[str]:
    """What of ours a module imports, itself or through others; its packages are imported with it."""
    modules, seen, waiting = our_modules(), set(), [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in modules:
            continue
        seen.add(name)
        found = imports_of_file(modules[name])
        names = [each.module for each in found if each.at_run_time or (type_checking and name == start)]
        waiting += [".".join(each.split(".")[: i + 1]) for each in names for i in range(each.count(".") + 1)]
    return seen - {start}


def test_the_finder_finds() -> None:
    source = """
import os, torch.nn as nn
from typing import TYPE_CHECKING
from scratchnn import model, __version__
if TYPE_CHECKING:
    import cupy
else:
    import tqdm
def later():
    from jax import numpy
    importlib.import_module("keras")
"""
    found = imports_in(source)
    at_run_time = {"os", "torch.nn", "typing", "scratchnn.model", "scratchnn", "tqdm", "jax", "keras"}
    assert {each.module for each in found if each.at_run_time} == at_run_time
    assert {each.module for each in found if not each.at_run_time} == {"cupy"}
    some = {"scratchnn.training.trainer", "scratchnn.layers.lstm", "scratchnn_kernels.contract"}
    assert some <= reached("scratchnn.model")


def test_kernels_import_nothing_of_scratchnn() -> None:
    for path in files("kernels"):
        assert not [each for each in imports_of_file(path) if within(each.module, "scratchnn")], path


COMMANDS = ("scratchnn.train", "scratchnn.compare", "scratchnn.gradcheck", "scratchnn.experiment", "scratchnn.study")
MODEL = ("scratchnn.model", "scratchnn.sequential")
ARROWS = {  # from, and where no chain of imports may lead
    "scratchnn.layers": (*MODEL, "scratchnn.training", "scratchnn.report", *COMMANDS),
    "scratchnn.training": (*MODEL, "scratchnn.layers", *COMMANDS),
    "scratchnn.model": COMMANDS,
    "scratchnn.report": (*MODEL, "scratchnn.layers", "scratchnn.training", *COMMANDS),
    "scratchnn.data": (*MODEL, "scratchnn.layers", "scratchnn.training", "scratchnn.report", *COMMANDS),
}


@pytest.mark.parametrize("start", ARROWS)
def test_arrows_go_one_way(start: str) -> None:
    starts = [name for name in our_modules() if within(name, start)]
    assert starts
    for name in starts:
        # Reports take a model as an argument, so its type may be named in them; elsewhere not even that.
        found = reached(name, type_checking=start != "scratchnn.report")
        assert not [each for each in found if within(each, *ARROWS[start])], name


def lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without its signature and docstring."""
    start = function.body[ast.get_docstring(function, clean=False) is not None :]
    return (function.end_lineno or 0) - start[0].lineno + 1 if start else 0


def test_functions_are_short() -> None:
    functions = {
        (path.name, node.name): lines_of_body(node)
        for path in files("scratchnn", "kernels/scratchnn_kernels/reference")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(functions) > 500
    assert {name: lines for name, lines in functions.items() if lines > 60} == {}


def test_the_loop_is_plain() -> None:
    assert len(inspect.getsource(epoch.train_epoch).splitlines()) <= 25


def test_few_frames_lie_between_fit_and_the_first_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever steps into `fit` with a debugger is soon at the product of equation (1)."""
    frames: list[list[str]] = []
    product = reference.projection.forward

    def noted(*arguments: Any) -> Any:
        frames.append([frame.name for frame in traceback.extract_stack() if is_ours_file(frame.filename)])
        return product(*arguments)

    monkeypatch.setattr(reference.projection, "forward", noted)
    model = Sequential([Embedding(5, 2), LSTM(3), Dense(1)], backend="reference")
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 4), int), np.ones(2), verbose=0)
    assert frames[0][0] == "fit" and frames[0][-1] == "forward"
    assert len(frames[0]) <= 15


def is_ours_file(name: str) -> bool:
    return any(Path(name).is_relative_to(folder) for folder in OURS.values())


def test_other_frameworks_stay_with_the_comparisons() -> None:
    allowed = (ROOT / "benchmarks" / "peers", ROOT / "tests" / "parity")
    users = {
        path
        for path in files("scratchnn", "kernels", "benchmarks", "tests")
        if any(each.module.split(".")[0] in FRAMEWORKS for each in imports_of_file(path))
    }
    assert users
    assert [path for path in users if not any(map(path.is_relative_to, allowed))] == []


def test_only_the_gpu_kernels_know_cupy() -> None:
    gpu = OURS["scratchnn_kernels"] / "gpu"
    for path in files("scratchnn", "kernels", "benchmarks", "tests"):
        # test_cupy_agrees.py holds the imitation of CuPy's arrays against CuPy.
        if not path.is_relative_to(gpu) and path.name != "test_cupy_agrees.py":
            assert not [each for each in imports_of_file(path) if within(each.module, "cupy", "cupyx")], path


def test_only_the_package_itself_imports_by_a_computed_name() -> None:
    users = [path for path in files("scratchnn", "kernels") if Import("?", True) in imports_of_file(path)]
    assert users == [ROOT / "scratchnn" / "__init__.py"]


def plain(requirement: str) -> str:
    return re.split(r"[^\w-]", requirement)[0].replace("-", "_").lower()


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [requirement for name in ("cluster",) for requirement in project["optional-dependencies"][name]]
    declared = {plain(requirement) for requirement in [*project["dependencies"], *extras]}
    imported = {
        each.module.split(".")[0] for path in files("scratchnn", "kernels") for each in imports_of_file(path)
        if each.at_run_time
    }  # fmt: skip
    imported -= {*sys.stdlib_module_names, *OURS, "?", "cupy", "cupyx"}  # CuPy: whoever has the hardware installs it
    for module in imported & set(COMES_WITH):
        assert module in map(plain, requires(COMES_WITH[module]) or [])
    assert imported - set(COMES_WITH) == declared


def test_import_scratchnn_is_light() -> None:
    heavy = ("numpy", "numba", "matplotlib", "scratchnn_kernels")
    script = f"import sys, scratchnn; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


# ---- the two texts of each kernel


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
