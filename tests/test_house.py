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

import scratchnn
from scratchnn import Sequential
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.training import epoch

ROOT = Path(__file__).resolve().parents[1]
OURS = {
    "scratchnn": ROOT / "scratchnn",
    "scratchnn_kernels": ROOT / "kernels" / "scratchnn_kernels",
    "benchmarks": ROOT / "benchmarks",
}
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


def our_modules(*packages: str) -> dict[str, Path]:
    """The files of our packages, or of some of them, by the names they are imported by."""
    modules = {}
    for package in packages or ("scratchnn", "scratchnn_kernels"):
        for path in sorted(OURS[package].rglob("*.py")):
            parts = [package, *path.relative_to(OURS[package]).with_suffix("").parts]
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
from scratchnn import __version__
from scratchnn.models import model
if TYPE_CHECKING:
    import cupy
else:
    import tqdm
def later():
    from jax import numpy
    importlib.import_module("keras")
"""
    found = imports_in(source)
    at_run_time = {"os", "torch.nn", "typing", "scratchnn.models.model", "scratchnn", "tqdm", "jax", "keras"}
    assert {each.module for each in found if each.at_run_time} == at_run_time
    assert {each.module for each in found if not each.at_run_time} == {"cupy"}
    some = {"scratchnn.training.trainer", "scratchnn.layers.lstm", "scratchnn_kernels.contract"}
    assert some <= reached("scratchnn.models.model")


def test_kernels_import_nothing_of_scratchnn() -> None:
    for path in files("kernels"):
        assert not [each for each in imports_of_file(path) if within(each.module, "scratchnn")], path


# What a file of scratchnn may import of the rest of scratchnn, types included. A room, which is a file or a folder in
# scratchnn/, imports those that stand above it here, and of them only these.
ARROWS: dict[str, tuple[str, ...]] = {
    "core": (),
    "callbacks": (),
    "threads": ("core",),
    "data": ("core",),
    "report": ("core",),
    "activations": ("core",),
    "initializers": ("core",),
    "optimizers": ("core",),
    "losses": ("core", "activations"),
    "metrics": ("core", "losses"),
    "layers": ("core", "activations", "initializers"),
    "gradients": ("core", "activations", "losses", "layers"),
    "training": ("core", "callbacks", "losses", "metrics", "optimizers", "report"),
    "models": ("core", "report", "activations", "layers", "training"),
    "utils": ("core", "data", "report"),
    "experiments": ("core", "callbacks", "data", "report", "optimizers", "layers", "training", "models", "scratchnn"),
    "study": ("core", "callbacks", "data", "report", "metrics", "training", "models", "experiments", "scratchnn"),
}
COMMANDS = ("compare", "gradcheck", "train", "warmup")  # which import what they like, and nobody imports them
FACE = "scratchnn"  # scratchnn/__init__.py, which imports a name of another room when it is asked for


def room(module: str) -> str:
    """The file or folder in scratchnn/ that holds a module of scratchnn."""
    package, *rest = module.split(".")
    return rest[0] if rest else package


def test_no_arrow_runs_back_up() -> None:
    above = [FACE]
    for name, may_import in ARROWS.items():
        assert set(may_import) <= set(above), name
        above.append(name)


def test_arrows_go_one_way() -> None:
    found: dict[str, set[str]] = {}
    for name, path in our_modules("scratchnn").items():
        arrows = {room(each.module) for each in imports_of_file(path) if within(each.module, "scratchnn")}
        found.setdefault(room(name), set()).update(arrows - {room(name)})
    commands = {name: found.pop(name) for name in COMMANDS}
    assert all(arrows <= {*ARROWS, *COMMANDS, FACE} for arrows in commands.values())
    assert found.pop(FACE) <= set(ARROWS)
    assert found == {name: set(may_import) for name, may_import in ARROWS.items()}


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules that import each other, straight or through others of the group."""
    reach = {name: set(to) for name, to in imports.items()}
    for through in imports:
        for to in reach.values():
            if through in to:
                to |= reach[through]
    return [{other for other in to if name in reach[other]} for name, to in reach.items() if name in to]


def test_circles_are_found() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}
    assert circles(imports) == [{"b", "c"}, {"b", "c"}]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_no_file_imports_itself_through_others() -> None:
    """Not even for a type: files that need each other to be read are one file, or cut in the wrong place."""
    modules = our_modules(*OURS)
    imports = {
        name: {each.module for each in imports_of_file(path) if each.module in modules}
        for name, path in modules.items()
    }
    assert sum(map(len, imports.values())) > 500
    assert circles(imports) == []


def test_a_file_in_scratchnn_itself_is_a_command_or_a_public_name() -> None:
    names = {path.stem for path in (ROOT / "scratchnn").iterdir() if path.suffix == ".py" and path.stem != "__init__"}
    public = {name.removeprefix("scratchnn.") for name in PUBLIC}
    assert names <= {*COMMANDS, *public}
    assert not public & set(COMMANDS)
    for name in COMMANDS:
        assert 'if __name__ == "__main__":' in (ROOT / "scratchnn" / f"{name}.py").read_text(encoding="utf-8")
    folders = {path.name for path in (ROOT / "scratchnn").iterdir() if (path / "__init__.py").is_file()}
    assert folders - {"commands"} <= set(ARROWS)


# What users may import, by README, docs/ and the docstrings: it stays where it is.
PUBLIC: dict[str, tuple[str, ...]] = {
    "scratchnn": ("Input", "Model", "Sequential", "load_model", "plot_model", "set_random_seed"),
    "scratchnn.activations": ("ACTIVATIONS", "Activation", "sigmoid", "tanh"),
    "scratchnn.callbacks": ("Callback", "CSVLogger", "EarlyStopping", "ModelCheckpoint"),
    "scratchnn.data": ("Imdb", "imdb"),
    "scratchnn.experiments.presets": ("PRESETS", "Preset"),
    "scratchnn.gradients": ("check", "check_loss"),
    "scratchnn.initializers": ("Initializer",),
    "scratchnn.layers": (
        "GRU", "LSTM", "RNN", "Activation", "Bidirectional", "Cell", "Conv1D", "Dense", "Dropout", "Embedding",
        "Flatten", "GlobalAveragePooling1D", "GlobalMaxPooling1D", "Input", "Layer", "MaxPooling1D", "SimpleRNN",
    ),
    "scratchnn.losses": ("Loss",),
    "scratchnn.metrics": ("Metric",),
    "scratchnn.models": ("Model", "Sequential", "load_model"),
    "scratchnn.optimizers": ("SGD", "Adam", "Optimizer", "RMSprop"),
    "scratchnn.threads": ("set_threads",),
    "scratchnn.utils": ("pad_sequences",),
}  # fmt: skip


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_where_they_were(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []


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
    assert set(re.findall(r"-m scratchnn\.(\w+)", text)) == set(COMMANDS)


def compared_with(node: ast.AST) -> Iterator[object]:
    """The constants that a comparison or a `case` compares with."""
    match node:
        case ast.Compare():
            operands = [node.left, *node.comparators]
        case ast.MatchValue():
            operands = [node.value]
        case _:
            operands = []
    for operand in operands:
        each = operand.elts if isinstance(operand, ast.Tuple | ast.List | ast.Set) else [operand]
        yield from (constant.value for constant in each if isinstance(constant, ast.Constant))


def compares_backends(source: str) -> bool:
    return any(value in BACKENDS for node in ast.walk(ast.parse(source)) for value in compared_with(node))


def test_only_the_backend_module_compares_names_of_backends() -> None:
    """Everything else asks a `Backend` what it can do."""
    for source in ('x == "cpu"', '"gpu" != x', 'x in ("reference", y)', 'match x:\n    case "cpu":\n        pass'):
        assert compares_backends(source)
    assert not compares_backends('f("cpu", backend="gpu"); x == y')
    users = [path for path in files("scratchnn", "kernels") if compares_backends(path.read_text(encoding="utf-8"))]
    assert users == [ROOT / "scratchnn" / "core" / "backend.py"]


# The course path, in the order in which CONTRIBUTING.md names it: what somebody reads who wants to see one LSTM learn.
COURSE = (
    "scratchnn/models/model.py",
    "scratchnn/training/epoch.py",
    "kernels/scratchnn_kernels/reference/recurrence.py",
    "kernels/scratchnn_kernels/reference/simple_rnn.py",
    "kernels/scratchnn_kernels/reference/lstm.py",
    "kernels/scratchnn_kernels/reference/gru.py",
    "kernels/scratchnn_kernels/reference/binary_crossentropy.py",
    "kernels/scratchnn_kernels/reference/optimizer.py",
    "scratchnn/gradients/differences.py",
)


def test_the_course_path_is_short_and_named() -> None:
    lines = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in COURSE}
    assert sum(lines.values()) <= 1000, lines
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    places = [contributing.find(f"]({name})") for name in COURSE]
    assert -1 not in places and places == sorted(places)


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
