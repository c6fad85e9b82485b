"""What the tests of the house look with: its folders and files, and what each file imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
OURS = {
    "scratchnn": ROOT / "scratchnn",
    "scratchnn_kernels": ROOT / "kernels" / "scratchnn_kernels",
    "benchmarks": ROOT / "benchmarks",
}
COMMANDS = ("compare", "gradcheck", "train", "warmup")  # files of their own in scratchnn/
# Rooms that import what they like, and nobody imports them.
ROOMS_OF_COMMANDS = (*COMMANDS, "__main__", "commands")


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
