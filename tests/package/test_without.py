"""What works without the extras, and without all but NumPy; and who says what is missing."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scratchnn.core.extras import extra, require_extra
from tests.house import ROOT, files, our_modules
from tests.own_texts import rows, write_csv
from tests.package.only import CORE, run_with_only
from tests.test_house import COMES_WITH, INSTALLED_AS, plain
from tests.texts.saved import model_of, saved

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
USERS = ("instructive", "runs")  # of the page
TEXTS = ["the plot was dull", "a great actor and a great ending"]


# ---- one error


def test_the_error_names_package_and_extra() -> None:
    expected = r'^drawing needs the package no_such, which is not installed: pip install "scratchnn\[plots\]"$'
    with pytest.raises(ImportError, match=expected) as raised, extra("plots", "drawing"):
        import no_such  # type: ignore[import-not-found]  # noqa: F401
    assert raised.value.name == "no_such"
    with pytest.raises(ImportError, match=expected):
        require_extra("plots", "drawing", "numpy", "no_such", "nor_this")
    require_extra("plots", "drawing", "numpy", "matplotlib")


def test_what_is_missing_of_our_own_is_no_matter_of_an_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'scratchnn\.no_such'"), extra("plots", "drawing"):
        import scratchnn.no_such  # type: ignore[import-not-found]  # noqa: F401


def packages_of(name: str) -> set[str]:
    """The packages that an extra brings, those of the extras in it among them."""
    found = set()
    for requirement in EXTRAS[name]:
        inner = re.fullmatch(r"scratchnn\[([\w,]+)\]", requirement)
        found |= set().union(*map(packages_of, inner[1].split(","))) if inner else {plain(requirement)}
    return found


def uses_of_extras() -> Iterator[tuple[Path, str, set[str]]]:
    """File, extra and packages of each `with extra(...)` and `require_extra(...)`."""
    for path in files("scratchnn"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.With(items=[ast.withitem(ast.Call(ast.Name("extra"), [ast.Constant(name), *_]))]):
                    found = {getattr(each, "module", None) or each.names[0].name for each in node.body}  # type: ignore[attr-defined]
                case ast.Call(ast.Name("require_extra"), [ast.Constant(name), _, *packages]):
                    found = {str(each.value) for each in packages if isinstance(each, ast.Constant)}
                case _:
                    continue
            yield path, str(name), {module.split(".")[0] for module in found} - {"scratchnn"}


def test_each_extra_brings_what_is_said_to_be_in_it() -> None:
    uses = list(uses_of_extras())
    assert {name for _, name, _ in uses} == {"plots", "study", "exchange", "cluster"}
    for path, name, packages in uses:
        installed = {INSTALLED_AS.get(COMES_WITH.get(each, each), COMES_WITH.get(each, each)) for each in packages}
        assert installed <= packages_of(name), path


def test_every_name_of_an_extra_is_one() -> None:
    """Wherever code or a page says `scratchnn[...]`."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    named = set()
    for path in [*files("scratchnn", "kernels", "tests"), *pages]:
        for names in re.findall(r"scratchnn\[([a-z0-9,]+)\]", path.read_text(encoding="utf-8")):
            named |= set(names.split(","))
    assert {"study", "exchange", "sklearn", "cuda12"} <= named <= set(EXTRAS)


# ---- the core alone


def test_every_module_is_imported_or_names_its_extra(tmp_path: Path) -> None:
    script = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, "|", error)
"""
    names = [name for name in our_modules() if not re.search(r"__main__|\.labs\.texts|kernels\.gpu|enforced", name)]
    told = run_with_only(CORE, tmp_path, "-c", script, *names)
    assert told.returncode == 0, told.stderr
    lines = [line.split(" | ") for line in told.stdout.splitlines()]
    assert all('pip install "scratchnn[study]"' in message for _, message in lines)
    pages = {re.sub(r"(\.page)\..*", r"\1", name) for name, _ in lines}
    assert {"scratchnn.explain.page", "scratchnn.study.page"} <= pages
    assert pages <= {"scratchnn.explain.page", "scratchnn.study.page", *(f"scratchnn.explain.{name}" for name in USERS)}


def test_own_texts_are_trained_on_and_used(tmp_path: Path) -> None:
    write_csv(tmp_path / "reviews.csv", rows(60))
    told = run_with_only(CORE, tmp_path, "-m", "scratchnn", "train", "--data", "reviews.csv", "--arch", "ff",
                         "--epochs", "2", "--backend", "reference")  # fmt: skip
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert [line for line in lines if "scratchnn[" in line] == [
        "no curves and no picture of the layers: drawing needs the package matplotlib, which is not installed: "
        'pip install "scratchnn[plots]"'
    ]
    assert any(line.startswith("test  linear-bigrams") for line in lines)
    assert lines[-1].startswith("ship  ") or lines[-2].startswith("ship  ")
    (run,) = (tmp_path / "runs").iterdir()
    assert f"saved {run.relative_to(tmp_path)}/: model.npz, best.npz, linear.npz, metrics.csv, config.toml" in lines
    assert {path.name for path in run.iterdir()} == {
        "model.npz", "best.npz", "linear.npz", "checkpoint.npz", "checkpoint.previous.npz", "metrics.csv", "config.toml",
    }  # fmt: skip
    for command in (["evaluate", str(run)], ["predict", str(run / "linear.npz"), "a film"], ["inspect", str(run)]):
        told = run_with_only(CORE, tmp_path, "-m", "scratchnn", *command)
        assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "package", "name"),
    [
        (["compare", "--synthetic"], "scipy", "study"),
        (["compare", "--synthetic", "--cluster", "local"], "scipy", "study"),
        (["explain", "RUN", "--text", "a film"], "jinja2", "study"),
        (["export", "onnx", "RUN"], "onnx", "exchange"),
        (["export", "keras", "RUN"], "h5py", "exchange"),
        (["export", "pytorch", "RUN"], "safetensors", "exchange"),
        (["export", "safetensors", "RUN"], "safetensors", "exchange"),
    ],
)
def test_a_command_names_its_extra(command: list[str], package: str, name: str, tmp_path: Path) -> None:
    run = saved(tmp_path)
    told = run_with_only(CORE, tmp_path, "-m", "scratchnn", *[str(run) if each == "RUN" else each for each in command])
    assert (told.returncode, told.stdout) == (2, "")
    expected = rf'error: .* needs the package {package}, which is not installed: pip install "scratchnn\[{name}\]"\n'
    assert re.fullmatch(expected, told.stderr)
    assert {path.name for path in tmp_path.iterdir()} == {"model.npz", "site"}, "nothing has begun"


def test_a_cluster_is_an_extra_of_its_own(tmp_path: Path) -> None:
    from scratchnn.study import cluster

    told = run_with_only(CORE, tmp_path, "-c", f"from {cluster.__name__} import connect; connect('local')")
    assert "ImportError: --cluster needs the package distributed, which is not installed: " in told.stderr
    assert 'pip install "scratchnn[cluster]"' in told.stderr


def test_a_notebook_shows_words_in_place_of_pictures(tmp_path: Path) -> None:
    script = f"""
import numpy as np
from scratchnn import load_model
from scratchnn.utils import plot_model
model = load_model({str(saved(tmp_path) / "model.npz")!r})
model.compile("adam", "binary_crossentropy")
history = model.fit(np.ones((4, 12), int), np.ones(4), verbose=0)
print(model._repr_svg_(), history._repr_svg_())
try:
    plot_model(model, "model.png")
except ImportError as error:
    print(error)
"""
    told = run_with_only(CORE, tmp_path, "-c", script)
    assert told.stdout.splitlines() == [
        "None None",
        'drawing needs the package matplotlib, which is not installed: pip install "scratchnn[plots]"',
    ], told.stderr


# ---- NumPy alone


def test_numpy_alone_labels_texts(tmp_path: Path) -> None:
    expected = model_of().predict_text(TEXTS)
    run = saved(tmp_path)
    told = run_with_only(["numpy"], tmp_path, "-m", "scratchnn", "predict", str(run), *TEXTS)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == "".join(f"{each.label}\t{each.probability:.4f}\n" for each in expected)
    script = f"""
from scratchnn import load_model
model = load_model({str(run / "model.npz")!r}, backend="reference")
for each in model.predict_text({TEXTS!r}):
    print(each)
print(len(model.predict_text({TEXTS * 20!r})))
"""
    told = run_with_only(["numpy"], tmp_path, "-c", script)
    assert told.stdout.splitlines() == [*map(str, expected), "40"], told.stderr
    told = run_with_only(["numpy"], tmp_path, "-m", "scratchnn", "predict", str(run), "-", text="a film\n" * 100)
    assert len(told.stdout.splitlines()) == 100
    (warning,) = told.stderr.splitlines()
    assert warning.startswith("warning: the compiled kernels cannot be used, so that NumPy reads all texts, slower: ")


def test_compiled_kernels_say_what_they_need(tmp_path: Path) -> None:
    told = run_with_only(["numpy"], tmp_path, "-c", "from scratchnn import Sequential; Sequential([])")
    expected = (
        'ImportError: backend="cpu" needs the package numba, which is not installed: pip install numba; '
        'backend="reference" needs NumPy alone'
    )
    assert told.stderr.splitlines()[-1] == expected
