"""The shape of the house: which file may import which, and who compares names of backends."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires

from scratchnn_kernels import BACKENDS

from tests.house import (
    COMMANDS,
    OURS,
    ROOMS_OF_COMMANDS,
    ROOT,
    Import,
    files,
    imports_in,
    imports_of_file,
    our_modules,
    reached,
    within,
)
from tests.test_public_names import PUBLIC

FRAMEWORKS = {"keras", "tensorflow", "torch", "torchvision", "jax", "jaxlib", "flax", "theano", "mxnet", "chainer"}
INSTALLED_AS = {"sklearn": "scikit_learn"}  # what we import, and what is installed for it
COMES_WITH = {"llvmlite": "numba", "requests": "pooch", "markupsafe": "jinja2"}  # what we import, and who declares it


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
    "threads": ("core",),
    "report": ("core",),
    "data": ("core", "report"),
    "callbacks": ("core", "report"),
    "activations": ("core",),
    "initializers": ("core",),
    "regularizers": ("core",),
    "optimizers": ("core",),
    "losses": ("core", "activations"),
    "metrics": ("core", "losses"),
    "layers": ("core", "activations", "initializers", "regularizers"),
    "gradients": ("core", "activations", "losses", "regularizers", "layers"),
    "training": ("core", "callbacks", "losses", "metrics", "optimizers", "report"),
    "models": ("core", "data", "report", "activations", "initializers", "regularizers", "layers", "training"),
    "utils": ("core", "data", "report"),
    "nn": ("core", "activations"),
    "keras": (
        "core",
        "callbacks",
        "activations",
        "initializers",
        "optimizers",
        "losses",
        "metrics",
        "layers",
        "models",
        "regularizers",
        "utils",
    ),
    "experiments": (
        "core",
        "activations",
        "callbacks",
        "data",
        "report",
        "initializers",
        "losses",
        "optimizers",
        "layers",
        "training",
        "models",
        "scratchnn",
    ),
    "texts": ("core", "data", "report", "models", "experiments"),
    "explain": ("core", "activations", "data", "layers", "models", "experiments"),
    # With what the texts of the labs import. Its solutions are in tests/labs/solutions/.
    "exchange": ("core", "report", "layers", "models", "experiments"),
    "labs": (
        "core",
        "activations",
        "callbacks",
        "data",
        "initializers",
        "optimizers",
        "layers",
        "gradients",
        "explain",
        "scratchnn",
    ),
    "study": (
        "core",
        "callbacks",
        "data",
        "report",
        "optimizers",
        "layers",
        "training",
        "models",
        "experiments",
        "scratchnn",
    ),
}
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
    commands = {name: found.pop(name) for name in ROOMS_OF_COMMANDS}
    assert all(arrows <= {*ARROWS, *ROOMS_OF_COMMANDS, FACE} for arrows in commands.values())
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
    names = {path.stem for path in (ROOT / "scratchnn").iterdir() if path.suffix == ".py"} - {"__init__", "__main__"}
    public = {name.removeprefix("scratchnn.") for name in PUBLIC}
    assert names <= {*COMMANDS, *public}
    assert not public & set(COMMANDS)
    for name in COMMANDS:
        assert 'if __name__ == "__main__":' in (ROOT / "scratchnn" / f"{name}.py").read_text(encoding="utf-8")
    folders = {path.name for path in (ROOT / "scratchnn").iterdir() if (path / "__init__.py").is_file()}
    assert folders - {"commands"} <= set(ARROWS)


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


def test_only_one_place_finds_the_line_that_a_warning_names() -> None:
    """A number of frames counted by hand is wrong as soon as a function is called from one place more."""
    users = [path for path in files("scratchnn") if "stacklevel" in path.read_text(encoding="utf-8")]
    assert users == [ROOT / "scratchnn" / "core" / "warning.py"]
    callers = [path for path in files("scratchnn") if "warnings.warn(" in path.read_text(encoding="utf-8")]
    assert callers == users


def test_other_frameworks_stay_with_the_comparisons() -> None:
    reads_files = (
        ROOT / "scratchnn" / "exchange" / "pytorch_file.py"
    )  # PyTorch's, by PyTorch: nothing is computed with it
    allowed = (ROOT / "benchmarks" / "peers", ROOT / "tests" / "parity", reads_files)
    users = {
        path
        for path in files("scratchnn", "kernels", "benchmarks", "tests")
        if any(each.module.split(".")[0] in FRAMEWORKS for each in imports_of_file(path))
    }
    assert users
    assert [path for path in users if not any(map(path.is_relative_to, allowed))] == []


def test_shapes_are_imported_from_one_file() -> None:
    """Which leaves jaxtyping out where nothing enforces them."""
    users = [path for path in files("scratchnn", "kernels") if any(
        within(each.module, "jaxtyping") for each in imports_of_file(path)
    )]  # fmt: skip
    assert users == [OURS["scratchnn_kernels"] / "shapes.py"]


def test_private_names_of_numba_are_in_one_file() -> None:
    """Of `numba.core`, types and cgutils are documented, for code that is emitted as LLVM's."""
    known = ("numba", "numba.core", "numba.extending", "numba.core.types", "numba.core.cgutils")
    users = {
        path
        for path in files("scratchnn", "kernels")
        for each in imports_of_file(path)
        if within(each.module, "numba") and each.module not in known
    }
    assert users == {OURS["scratchnn_kernels"] / "numba_private.py"}


def test_only_the_gpu_kernels_know_cupy() -> None:
    gpu = OURS["scratchnn_kernels"] / "gpu"
    for path in files("scratchnn", "kernels", "benchmarks", "tests"):
        # test_cupy_agrees.py holds the imitation of CuPy's arrays against CuPy.
        if not path.is_relative_to(gpu) and path.name != "test_cupy_agrees.py":
            assert not [each for each in imports_of_file(path) if within(each.module, "cupy", "cupyx")], path


def test_only_what_shows_names_of_others_imports_by_a_computed_name() -> None:
    users = [path for path in files("scratchnn", "kernels") if Import("?", True) in imports_of_file(path)]
    faces = ("__init__.py", "__main__.py", "data/__init__.py", "explain/__init__.py", "keras/__init__.py")
    assert users == [ROOT / "scratchnn" / face for face in faces]


def plain(requirement: str) -> str:
    return re.split(r"[^\w-]", requirement)[0].replace("-", "_").lower()


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = ("cluster", "exchange", "plots", "sklearn", "study")
    extras = [requirement for name in names for requirement in project["optional-dependencies"][name]]
    declared = {plain(requirement) for requirement in [*project["dependencies"], *extras]} - {"scratchnn"}
    imported = {
        each.module.split(".")[0] for path in files("scratchnn", "kernels") for each in imports_of_file(path)
        if each.at_run_time
    }  # fmt: skip
    # CuPy and PyTorch: whoever has the hardware, or files of PyTorch's, installs them
    imported -= {*sys.stdlib_module_names, *OURS, "?", "cupy", "cupyx", "torch"}
    imported = {INSTALLED_AS.get(module, module) for module in imported}
    for module in imported & set(COMES_WITH):
        assert module in map(plain, requires(COMES_WITH[module]) or [])
    assert imported - set(COMES_WITH) == declared


def test_import_scratchnn_is_light() -> None:
    heavy = ("numpy", "numba", "matplotlib", "scratchnn_kernels")
    script = f"import sys, scratchnn; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
