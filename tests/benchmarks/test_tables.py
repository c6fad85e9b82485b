"""The benchmarks' own arithmetic: workloads, floors, ratios, tables. Nothing here is timed."""

import json
import math
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import (
    bench,
    bptt,
    floor,
    harness,
    layers,
    loaded,
    machine,
    pages,
    profile,
    runner,
    speed_page,
    story_kernels,
    story_page,
    tables,
)
from benchmarks.run_scratchnn import Ours, build
from benchmarks.workloads import WORKLOADS, Workload, initial_weights, parameters, stages

COUNTS = {
    "lstm": 23_361,
    "rnn": 19_681,
    "gru": 20_833,
    "cnn": 26_849,
    "ff": 17_601,
    "lstm-dropout": 166_305,
    "rnn-500": 322_113,
    "lstm-128": 1_411_713,
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads_build_with_the_right_counts(name: str) -> None:
    workload = WORKLOADS[name]
    model = build(workload)
    assert model.count_params() == parameters(workload) == COUNTS[name]
    weights = [array for arrays in initial_weights(workload) for array in arrays]
    assert [array.shape for array in model.get_weights()] == [array.shape for array in weights]
    model.set_weights(weights)


def test_stages_follow_the_shapes() -> None:
    shapes = [stage.y for stage in stages(WORKLOADS["cnn"])]
    assert shapes == [(100, 16), (94, 32), (18, 32), (12, 32), (32,), (1,)]
    assert [stage.y for stage in stages(WORKLOADS["rnn"])][1:3] == [(100, 32), (32,)]
    assert [stage.y for stage in stages(WORKLOADS["ff"])][1] == (1600,)


def test_without_dropout_changes_nothing_else() -> None:
    workload = WORKLOADS["lstm-dropout"]
    rates = [settings["rate"] for kind, settings in workload.without_dropout().layers if kind == "Dropout"]
    assert rates == [0.0, 0.0]
    assert parameters(workload.without_dropout()) == parameters(workload)
    assert len(workload.without_dropout().layers) == len(workload.layers)


def test_timed_reviews_are_full_batches() -> None:
    for workload in WORKLOADS.values():
        assert workload.timed_reviews % workload.batch == 0
        assert workload.timed_reviews >= 0.99 * 20_000 * workload.share
        assert workload.timed_test_reviews == 25_000 * workload.share


def test_our_runner_trains() -> None:
    """What is timed learns, and the checked steps do not disturb what is timed."""
    workload = WORKLOADS["ff"]
    generator = np.random.default_rng(0)
    x = generator.integers(0, workload.vocabulary, (64, workload.length), dtype=np.int32)
    y = generator.integers(0, 2, 64).astype(np.float32)
    subject = Ours(workload, initial_weights(workload), "")
    before = subject.evaluate(x, y)
    subject.prepare(x, y, x, y)
    for _ in range(20):
        subject.train(x, y)
    assert subject.evaluate(x, y) < before
    assert subject.step(x[:32], y[:32]) < 1
    assert "threads" in subject.describe()["settings"]


def test_repeat_times_short_work_several_times() -> None:
    subject: Any = SimpleNamespace(seconds_after=0.0)
    seconds, result = runner.repeat(subject, lambda: 3.0)
    assert len(seconds) == runner.MOST_EPOCHS and result == 3.0
    assert min(seconds) >= 0


def test_what_follows_the_work_is_not_counted() -> None:
    subject: Any = SimpleNamespace(seconds_after=100.0)
    seconds, _ = runner.repeat(subject, lambda: 3.0)
    assert all(-100 <= each < -90 for each in seconds)


def test_arithmetic_of_the_floor() -> None:
    """20,000 reviews of 100 steps, 48 by 128 weights, three products of two operations; five activations."""
    only = Workload("lstm", "")
    operations, activations = floor.work(only)
    dense = 3 * 2 * (32 * 32 + 32) * 20_000
    assert operations == 20_000 * 100 * 48 * 128 * 2 * 3 + dense
    assert activations == 20_000 * 100 * 32 * 5
    rates = {"gflops": 100.0, "gactivations": 1.0, "threads": 2}
    assert math.isclose(floor.seconds(only, rates), (operations / 100e9 + activations / 1e9) / 2)


def test_spread_and_ratios() -> None:
    assert harness.spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0, "runs": [3.0, 1.0, 2.0]}
    found = harness.ratios({"scratchnn": 0.5, "keras": 8.0, "keras-xla": 3.0, "torch": 2.0, "jax": 1.5})
    assert found == {"best_peer": "jax", "against_best_peer": 3.0, "against_keras": 16.0}
    assert harness.ratios({"scratchnn": 0.5}) == harness.ratios({"jax": 0.5}) == {}
    assert "against_keras" not in harness.ratios({"scratchnn": 0.5, "jax": 1.0})


def test_check_of_the_losses() -> None:
    ours = [0.7, 0.6]
    assert harness.check({"scratchnn": ours, "jax": [0.7, 0.60003]})["agree"] is True
    assert harness.check({"scratchnn": ours, "jax": [0.7, 0.6001]})["agree"] is False
    assert harness.check({"scratchnn": ours, "jax": [0.7, math.nan]})["agree"] is False
    assert harness.check({"jax": ours})["agree"] is None


RATES = {"gflops": 100.0, "gactivations": 3.0, "threads": 2, "vector_bytes": 64, "ghz": 3.5}


def _run(epoch: float, **changes: Any) -> dict[str, Any]:
    run = {"framework": "F 1.0", "settings": {}, "timed": {}, "losses": [0.7], "test_loss": 0.5, "peak_mb": 100}
    return run | {"epoch": epoch, "evaluation": epoch / 4, "first_batch": 1.0, "others": 0.0, "data": "d"} | changes


def _results() -> dict[str, Any]:
    runs = {
        "scratchnn": [_run(0.5), _run(0.4), _run(0.6, others=0.3)],
        "keras": [_run(8.0)],
        "torch": [_run(2.0, losses=[0.8])],
        "torch-compiled": [_run(1.0)],
    }
    return {
        "machine": {"cores": 2, "cpu": "a processor", "family": 25, "peak": RATES},
        "rounds": 3,
        "workloads": {"lstm": harness.summary(runs) | {"failed": {"jax": "not installed"}}},
        "warnings": ["busy"],
    }


def test_tables_of_made_up_numbers() -> None:
    text = speed_page.speed_tables(_results())
    row = next(line for line in text.splitlines() if line.startswith("| `lstm`: "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    numbers = ["0.50 (0.40-0.60)", "8.00 (8.00-8.00)", "", "1.00 (1.00-1.00) c", "", "**2.0x**", "**16.0x**"]
    share = floor.seconds(WORKLOADS["lstm"], RATES) / 0.5
    assert cells[1:] == [*numbers, f"{share:.0%}"]
    assert "a processor: family 25, 3.5 GHz, vectors of 512 bits, measured on a core: 100 GFLOP/s" in text
    assert "**busy**" in text
    for table in text.split("\n\n"):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_table_of_one_core_taken() -> None:
    """The peer's faster number of threads counts, and ours is compared with its own one thread."""
    runs = {
        "scratchnn": [_run(1.1)],
        "scratchnn, one thread": [_run(1.0)],
        "torch": [_run(4.0)],
        "torch, one thread": [_run(2.2)],
    }
    loaded = {"lstm": harness.summary(runs) | {"failed": {}}}
    assert loaded["lstm"]["epoch"]["best_peer"] == "torch, one thread"
    text = speed_page.speed_tables(_results() | {"loaded": loaded})
    row = next(line for line in text.splitlines() if line.startswith("| `lstm` | 1.10"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    spreads = ["1.10 (1.10-1.10)", "1.00 (1.00-1.00)", "", "", "2.20 (2.20-2.20)", ""]
    assert cells[1:] == [*spreads, "**2.0x**", "1.10"]
    assert "All reached" not in text and "training with one core taken `lstm` (2.00x)" not in text


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be kept on a core here")
def test_the_load_is_on_one_core_and_ends() -> None:
    with loaded.one_core_taken() as load:
        pid, used = load.process.pid, load.seconds()
        assert os.sched_getaffinity(pid) == {min(os.sched_getaffinity(0))}
        until = time.monotonic() + 30
        while load.seconds() <= used and time.monotonic() < until:
            time.sleep(0.02)
        assert load.seconds() > used
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be kept on a core here")
def test_the_load_ends_with_the_program_that_started_it() -> None:
    program = (
        "import os\nfrom benchmarks.loaded import one_core_taken\n"
        "with one_core_taken() as load:\n    print(load.process.pid, flush=True)\n    os._exit(0)"
    )
    pid = int(harness.run_process([sys.executable, "-c", program]).output)
    until = time.monotonic() + 30
    while time.monotonic() < until and _runs(pid):
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_parts_of_a_run_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"cpu": "a processor", "family": 25, "packages": {"numpy": "2"}}
    first = {"machine": facts, "rounds": 3, "workloads": {"rnn": 1, "lstm": 2}, "startup": "s", "busy": ["before"]}
    second = {"machine": facts, "rounds": 3, "workloads": {"lstm": 3}, "loaded": {"ff": 4}, "busy": []}
    assert bench.apart(first, second) == ""
    whole = bench.merged(first, second)
    assert whole["workloads"] == {"lstm": 3, "rnn": 1} and next(iter(whole["workloads"])) == "lstm"
    assert whole["loaded"] == {"ff": 4} and whole["startup"] == "s" and whole["busy"] == ["before"]
    assert "rounds" in bench.apart(first, second | {"rounds": 5})
    assert "family was 25 and is 26" in bench.apart(first, second | {"machine": facts | {"family": 26}})


def test_layers_are_those_of_the_workloads_and_right() -> None:
    assert set(layers.CASES) == set(WORKLOADS) - {"cnn", "ff"}
    assert layers.CASES["rnn"].sequences and not layers.CASES["lstm"].sequences
    for name in ("lstm", "gru", "rnn"):
        case = replace(layers.CASES[name], B=5, T=4, D=3, H=6)
        arrays = case.arrays()
        ours = layers.Ours(case, arrays)
        ours.forward()
        ours.train()
        right = layers.expected(case, arrays)
        assert layers.difference(ours.results(), right) < 1e-5
        wrong = {what: -array for what, array in ours.results().items()}
        assert layers.difference(wrong, right) > layers.RTOL
        assert layers.difference(ours.results() | {"y": np.full_like(right["y"], np.nan)}, right) == math.inf


def test_a_layer_that_is_missing_is_told() -> None:
    spread = harness.spread([0.002]) | {"threads": 2}
    measured = {
        "cases": {"lstm": {"train": {"scratchnn": spread}, "forward": {"scratchnn": spread, "oneDNN": spread}}},
        "frameworks": {"scratchnn": "scratchnn 1"},
        "missing": {"oneDNN": "no compiler"},
    }
    text = speed_page.layers(measured, 3)
    row = next(line for line in text.splitlines() if line.startswith("| `lstm`: LSTM 16 to 32, 100 steps of 32 rows"))
    assert [cell.strip() for cell in row.strip("|").split("|")][1:4] == ["2.00 (2)", "not here", ""]
    assert "**1.0x**" in row and "oneDNN is not here: no compiler" in text


def test_doubts_are_told() -> None:
    found = bench.doubts(_results())
    assert any("losses do not agree, torch" in doubt for doubt in found)
    assert any("other programs" in doubt and "scratchnn" in doubt for doubt in found)
    assert any("jax failed" in doubt for doubt in found)


def test_a_table_goes_between_its_marks() -> None:
    begin, end = tables.SPEED
    text = tables.with_table(f"before\n{begin}\nold\n{end}\nafter", tables.SPEED, "new")
    assert text == f"before\n{begin}\nnew\n{end}\nafter"
    assert tables.between(text, tables.SPEED) == "new"
    assert tables.with_table("no marks", tables.SPEED, "new") == "no marks"


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


def test_the_clock_is_one_that_a_cpu_has() -> None:
    ghz = floor.clock()
    assert ghz is None or 0.1 < ghz < 10


def test_facts_of_the_machine() -> None:
    facts = machine.facts()
    assert ("family" in facts) == ("cpu family" in _cpuinfo())
    assert facts["cpu"] in machine.described(facts)
    assert facts["cores"] >= 1 and "numpy" in facts["packages"]
    json.dumps(facts)


def test_targets_that_are_missed_are_named() -> None:
    def measured(**ratios: float) -> dict[str, Any]:
        parts = {name: {"against_best_peer": ratio} for name, ratio in ratios.items()}
        return {"epoch": parts["epoch"], "evaluation": parts.get("evaluation", {})}

    found = {"lstm": measured(epoch=2.9, evaluation=1.2), "rnn": measured(epoch=4.0), "cnn": measured(epoch=2.4)}
    text = speed_page.targets({"workloads": found})
    missed = "training `lstm` (2.90x), training `cnn` (2.40x), the forward pass of `lstm` (1.20x)."
    assert text.endswith(f"Short of that: {missed}")
    assert speed_page.targets({"workloads": {"ff": measured(epoch=2.0)}}).endswith("All reached.")
    beside = speed_page.targets({"workloads": {}, "loaded": {"ff": measured(epoch=1.1)}})
    assert beside.endswith("Short of that: training with one core taken `ff` (1.10x).")


@pytest.mark.parametrize("table", pages.TABLES, ids=lambda table: table.page.name)
def test_a_page_says_what_was_measured(table: pages.Table) -> None:
    """README, docs/imdb.md and the tables of docs/ are, to the letter, what the code makes of the recorded results."""
    if table.marks is not None:
        assert table.page.read_text(encoding="utf-8").count(table.marks[0]) == 1
    if table.now() is None:
        pytest.skip(f"{', '.join(path.name for path in table.results)}: not measured yet")
    written = table.there()
    assert written is not None and written == table.now()


def test_pages_are_written_between_their_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text("[1, 2]")
    begin, end = tables.SPEED
    for name in ("page", "other"):
        (tmp_path / f"{name}.md").write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    there = pages.Table(tmp_path / "page.md", tables.SPEED, (tmp_path / "a.json",), lambda found: f"sum {sum(found)}")
    missing = pages.Table(tmp_path / "other.md", tables.SPEED, (tmp_path / "b.json",), lambda found: "never")
    monkeypatch.setattr(pages, "TABLES", (there, missing))
    pages.write()
    assert (tmp_path / "page.md").read_text() == f"before\n{begin}\nsum 3\n{end}\nafter\n"
    assert "old" in (tmp_path / "other.md").read_text()


def test_the_ways_that_are_timed_give_the_same_gradients() -> None:
    found = {name: way() for name, way in bptt.ways(T=10, H=3).items()}
    assert list(found) == ["bptt", "checkpoints", "rtrl"]
    for gradients in found.values():
        for name, gradient in found["bptt"].items():
            np.testing.assert_allclose(gradients[name], gradient, rtol=1e-12, atol=1e-12)


def test_the_table_of_the_ways_counts_what_they_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bptt, "LEAST_SECONDS", 0)
    measured = [{"T": 10, "H": 3, "ways": bptt.measure(10, 3, rounds=1)}]
    text = tables.gradients({"machine": {"cpu": "some"}, "B": bptt.B, "D": bptt.D, "rounds": 1, "sizes": measured})
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()[2:5]]
    assert [row[:4] for row in rows] == [
        ["10", "3", "BPTT", "240"],  # T B H
        ["10", "3", "BPTT with checkpoints", "168"],  # 4 states, and pieces of 3
        ["10", "3", "RTRL", "1,440"],  # B H (D + H + 1) H
    ]
    assert all(float(row[4]) >= 0 for row in rows)


def test_peak_memory_is_that_of_the_call() -> None:
    assert bptt.peak_mb(lambda: np.zeros(10**6)) == pytest.approx(8, rel=0.01)


def test_the_headline_has_a_row_for_each_model_and_six_columns() -> None:
    table = pages.TABLES[0].now()
    assert table is not None
    assert [row.count("|") - 1 for row in table.splitlines()] == [6] * 8  # head, rule, four networks, two controls


@pytest.mark.parametrize("plain", ["plain_loops", "with_tiles", "with_vector_activations"])
def test_the_story_begins_with_the_same_numbers(plain: str) -> None:
    case = replace(layers.CASES["lstm"], B=5, T=4, D=3, H=6)
    arrays = case.arrays()
    x, dy = layers.time_first(arrays["x"]), arrays["dy"]
    found = getattr(story_kernels, plain)()(x, arrays["Wx"], arrays["Wh"], arrays["b"], dy)
    results = dict(zip(("y", "dx", "dWx", "dWh", "db"), found, strict=True))
    results["dx"] = results["dx"].swapaxes(0, 1)
    assert layers.difference(results, layers.expected(case, arrays)) < 1e-5


def test_the_table_of_the_story_says_what_each_trick_bought() -> None:
    stages = {name: harness.spread([100.0 / 2**n]) for n, name in enumerate(story_page.TRICKS)}
    facts = {"usable_cores": 2, "cpu": "a processor"}
    rows = story_page.table({"stages": stages, "rounds": 1, "machine": facts}).splitlines()
    assert rows[2].endswith("|  | 1.0x |") and rows[3].endswith("| 2.00x | 2.0x |") and rows[9].endswith("| 128.0x |")


def test_a_profile_adds_up_to_its_total() -> None:
    rows, step = profile.shares({"lstm forward": [1.0, 2.0], "optimizer": [0.5, 0.5]}, whole=6.0, steps=2)
    assert rows == {"lstm forward": 1.5, "optimizer": 0.5, "loop, batches, checks": 1.0}
    assert step == 3.0 == sum(rows.values())
