"""What benchmarks/gpu writes from its answers, here made-up ones, and that the page says what was measured."""

import json
from dataclasses import asdict
from typing import Any

from benchmarks import tables
from benchmarks.gpu import __main__ as benchmark
from benchmarks.gpu import plan, report
from benchmarks.gpu.plan import OURS, TORCH
from benchmarks.gpu.results import Results, verdicts


def _passes(ms: float) -> dict[str, Any]:
    parts = {"forward": ms / 4, "forward_cached": ms / 4, "backward": 3 * ms / 4, "total": ms}
    return {name: {"device": each, "wall": 2 * each} for name, each in parts.items()}


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    """PyTorch takes four times as long, packed forty times; on the wall both double."""
    what, variant = question["what"], question.get("variant", "")
    ms = 0.5 * (1 if question["who"] == OURS else 40 if variant == "packed" else 4)
    if what == "losses":
        return {"result": [0.7, 0.6, 0.5, 0.4]}
    if what == "step":
        return {"result": {"wall": 2 * ms, "device": ms}}
    if what == "epochs":
        accuracy = {"accuracy": 0.83} if question["who"] == OURS else {}
        return {"result": {"epoch": ms, "data": "made up", **accuracy}}
    if variant == "float16":
        return {"error": "RuntimeError: not for this card"}
    return {"result": _passes(ms)}


def _results(size: str = "default") -> dict[str, Any]:
    parts = plan.parts(size, with_cpu=True)
    rows = [{"part": part, "question": each, **_answer(each)} for part in parts for each in parts[part]]
    machine = {OURS: {"device": "a card", "cuda": 13000}, TORCH: {"torch": "2.13", "cudnn": 91000}}
    return {"machine": machine, "date": "2026-01-01", "command": "c", "finished": True, "rows": rows}


def _words(results: dict[str, Any]) -> list[str]:
    return [each.words for each in verdicts(Results(results))]


def test_the_targets() -> None:
    results = _results()
    assert _words(results) == [
        "**met** (2 of 2 sizes)",  # 4x where 3x was wanted
        "**met** (4 of 4 sizes)",  # 40x, 20x
        "**missed** (0 of 4 sizes)",  # 4x, 5x
        "**met** (4 of 4 sizes)",  # 40x, 5x
        "**met** (8 of 8 sizes)",  # 4x, 1.5x
        "**met** (8 of 8 sizes)",  # 4x, 0.8x
    ]
    row = next(line for line in report.verdict(Results(results)).splitlines() if "128 units" in line)
    assert "| 1.5x |" in row and "4x to 4x" in row and "0.5 and 2 ms" in row


def test_the_fastest_variant_counts() -> None:
    results = _results()
    for row in results["rows"]:
        if row["question"].get("variant") == "graph":
            row["result"]["wall"] = 0.1
    step = verdicts(Results(results))[2]
    assert {pair.ratio for pair in step.pairs} == {0.1}
    for row in results["rows"]:
        if row["question"].get("variant") == "TF32" and row["question"]["what"] == "layer":
            row["result"]["total"]["device"] = 0.25
    padded, *_, wide, widest = verdicts(Results(results))
    assert {pair.ratio for pair in (*padded.pairs, *wide.pairs)} == {0.5}
    assert {pair.ratio for pair in widest.pairs} == {4.0}  # TF32 is off in that one


def test_what_was_not_measured_is_said() -> None:
    assert set(_words(_results() | {"rows": []})) == {"not measured"}
    results = _results()
    results["rows"] = [row for row in results["rows"] if row["question"].get("B") != 128]
    assert _words(results)[0] == "**met as far as measured** (1 of 1 sizes, 1 not measured)"


def test_times_count_only_where_the_losses_agree() -> None:
    results = _results()
    for row in results["rows"]:
        question = row["question"]
        if question["what"] == "losses" and question["who"] == TORCH and question["H"] == 128:
            row["result"] = [0.7, 0.6, 0.5, 0.41]
    assert _words(results)[4] == "not counted: the losses differ"
    assert "The losses of `lstm`, H=128, T=500 differ" in report.page(results)
    assert report.differing(Results(results)) == [plan.Model("lstm", H=128, T=500)]
    results["rows"] = [row for row in results["rows"] if row["question"]["what"] != "losses"]
    assert _words(results)[0] == "**met** (2 of 2 sizes); losses not compared"


def test_the_page() -> None:
    results = _results()
    text = report.page(results)
    for table in (each for each in text.split("\n\n") if each.startswith("| ")):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "came to the same losses" in text
    assert "| 32 | 32 | 500 |  | 1 (0.5) | 4 (2) | 4 (2) |  | 4 (2) |  | 4 (2) | **4.0x** |" in text
    assert "| `lstm` | 0.5 | 2 | 0.5 | **4.0x** | 0.8300 | 0.8300 |" in text
    assert (
        "| `lstm` | 32 | 32 | 500 |  | 0.125 | 0.125 | 0.375 | 0.5 | 1 | 2 (4.0x) | 2 (4.0x) |  | 20 (40.0x) |" in text
    )
    assert "| 32 | 100 | 0.5 | 0.5 (1.0x) | 2 (4.0x) | 2 (4.0x) |" in text
    assert "- torch float16 layer lstm B=32 H=32 T=500 and 31 more: RuntimeError: not for this card" in text
    assert "interrupted" in report.page(results | {"finished": False})


def test_a_page_without_answers_can_be_written() -> None:
    results = _results() | {"rows": [], "machine": {OURS: {"device": "a card"}, TORCH: {"error": "none"}}}
    assert "no PyTorch" in report.page(results)


def test_every_answer_has_its_line() -> None:
    for row in _results("quick")["rows"]:
        question, answer = row["question"], {key: row[key] for key in ("result", "error") if key in row}
        assert report.line(question, answer).startswith(f"{question['who']} ")
    question = {"who": TORCH, "what": "layer", "cell": "lstm", "B": 1, "masked": True, "variant": "packed"}
    assert report.line(question, {"error": "no"}) == "torch packed layer lstm B=1 masked: FAILED, no"


def test_the_files_row_by_row(tmp_path: Any) -> None:
    results = _results("quick")
    benchmark.Run(results, tmp_path / "gpu.json", {}).write()
    text = (tmp_path / "gpu.json").read_text()
    assert json.loads(text) == results
    assert len(text.splitlines()) < len(results["rows"]) + 30
    assert [each.name for each in tmp_path.iterdir()] == ["gpu.json"]


def test_the_page_says_what_was_measured() -> None:
    written = tables.between(benchmark.PAGE.read_text(encoding="utf-8"), report.MARKS)
    if benchmark.OUT.exists():
        assert written == report.page(json.loads(benchmark.OUT.read_text(encoding="utf-8")))
    else:
        assert written == report.UNTIMED


def test_questions_are_found_by_their_sizes() -> None:
    case = plan.Case("lstm", 32, 32, 100, False)
    question = {"who": OURS, "what": "layer", **dict(reversed(asdict(case).items()))}
    found = Results({"rows": [{"question": question, "result": _passes(1.0)}]})
    assert found.layer(OURS, case) == 1.0 and found.layer(TORCH, case, "float32") is None
