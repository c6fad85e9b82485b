"""What is published of a study is what the study found, and only a whole study of the planned reviews is."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import imdb_results, pages, study
from benchmarks.studies import PROTOCOLS, STUDIES, by_name
from scratchnn.data.sources import Found
from scratchnn.data.synthetic import make_corpus
from scratchnn.experiments.settings import Settings
from scratchnn.study import page
from scratchnn.study.pairs import MARGIN
from scratchnn.study.reviews import FilmReviews
from scratchnn.study.statistics import analyse
from scratchnn.study.tasks import Task, plan
from tests.study import fakes


def generated() -> FilmReviews:
    return FilmReviews.of(Found(make_corpus(60, 40), "made up", False, False))


def summary(tmp_path: Path, seeds: int = 6, **skills: float) -> dict[str, Any]:
    """summary.json of a study that never ran, of 400 reviews."""
    about = fakes.reviews()
    runs = [
        fakes.run(name, seed, about, skill, skill + 0.01) for name, skill in skills.items() for seed in range(seeds)
    ]
    code = {"code": "0123456789ab"}
    page.write(tmp_path, runs, {about.digest: about}, {"lstm": 0.8321}, code=code, margin=MARGIN)
    return json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return summary(tmp_path_factory.mktemp("study"), ff=0.80, lstm=0.83)


@pytest.fixture
def found(written: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(imdb_results, "REVIEWS", 400)
    return written


# ---- the plan


def test_studies_can_be_planned_and_have_names_of_their_own() -> None:
    source = generated()
    assert len({each.name for each in STUDIES}) == len(STUDIES)
    for each in STUDIES:
        if "test_reviews" not in each.settings:  # of more reviews than are generated
            tasks = plan(each.variants(), range(2), source)
            assert [task.model for task in tasks] == 2 * each.models
            assert all(task.protocols == PROTOCOLS and task.settings.synthetic == each.synthetic for task in tasks)


def test_what_varies_is_part_of_the_name() -> None:
    assert by_name("units").models == ["rnn,units=8", "rnn,units=16", "rnn,units=32"]
    assert [variant.preset.settings(**variant.chosen).units for variant in by_name("units").variants()] == [8, 16, 32]


def test_a_shuffled_study_differs_from_the_ordered_one_in_that_alone() -> None:
    shuffled = [each for each in STUDIES if each.ordered]
    assert len(shuffled) == 3
    for each in shuffled:
        ordered = by_name(each.ordered or "")
        assert each.archs == ordered.archs and each.seeds <= ordered.seeds
        assert dict(each.settings) == {**ordered.settings, "shuffle_words": True}


def test_published_figures_stand_beside_the_published_settings_alone() -> None:
    assert study.published_of(by_name("article")) == {"ff": 0.7931, "rnn": 0.7911, "lstm": 0.8321}
    assert study.published_of(by_name("others")) == {"cnn-linear": 0.7915}
    for name in ("shuffled", "longer", "units", "resplits", "generated", "long"):
        assert study.published_of(by_name(name)) == {}, name


# ---- what is published


def test_what_is_published_is_what_was_found(found: dict[str, Any]) -> None:
    reduced = imdb_results.reduce(by_name("article"), found)
    alike = imdb_results.reduce(by_name("article"), found | {"verdict": ["One.", "Two."]})
    assert reduced["verdict"] == found["verdict"] and alike["verdict"] == "One.\n\nTwo."
    assert reduced["code"] == found["code"]
    for protocol in PROTOCOLS:
        for name, model in found["protocols"][protocol]["models"].items():
            there = reduced["protocols"][protocol]["models"][name]
            assert there["accuracy"]["value"] == pytest.approx(model["accuracy"]["value"], rel=1e-4)
            for seed, run in model["seeds"].items():
                assert there["seeds"][seed] == {
                    "epoch": run["epoch"],
                    "accuracy": pytest.approx(run["accuracy"], rel=1e-4),
                }
        (pair,) = reduced["protocols"][protocol]["pairs"]
        assert (pair["first"], pair["second"], pair["seeds"]) == ("ff", "lstm", 6)
        assert pair["smallest_p_holm"] == pytest.approx(2 / 2**6, rel=1e-4)
    history = found["models"]["ff"]["seeds"]["0"]["history"]
    validation = reduced["models"]["ff"]["validation"]["0"]
    assert validation["lowest_loss_after"] == history["val_loss"].index(min(history["val_loss"])) + 1
    assert validation["highest_accuracy"] == pytest.approx(max(history["val_accuracy"]), rel=1e-4)
    assert "losses" not in reduced["models"]["ff"]
    longer = imdb_results.reduce(by_name("longer"), found)["models"]["ff"]["losses"]["0"]
    assert longer == pytest.approx(history["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"left_out": [{"model": "ff", "seed": 3, "reason": "NaN"}]}, "left out"),
        ({"test_sets": {"d": {"reviews": 399}}}, "about 400 real ones"),
        ({"margin": 0.01}, "its margin is 0.01"),
    ],
)
def test_what_is_not_published(changed: dict[str, Any], why: str, found: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match=why):
        imdb_results.reduce(by_name("article"), found | changed)


def test_order_is_the_difference_seed_by_seed() -> None:
    about = fakes.reviews()
    ordered = [fakes.run(name, seed, about, 0.85, 0.86) for name in ("lstm", "linear-bigrams") for seed in range(8)]
    mixed = [fakes.run(name, seed, about, 0.80, 0.83) for name in ("lstm", "linear-bigrams") for seed in range(6)]
    both = imdb_results.order({"article": ordered, "shuffled": mixed}, {about.digest: about})["shuffled"]
    for protocol in PROTOCOLS:
        assert list(both[protocol]) == ["lstm", "linear-bigrams"]
        for name, pair in both[protocol].items():
            seen = [
                {run.seed: run.tested[protocol].accuracy for run in runs if run.model == name}
                for runs in (ordered, mixed)
            ]
            expected = sum(seen[0][seed] - seen[1][seed] for seed in range(6)) / 6
            assert pair["difference"]["value"] == pytest.approx(expected, rel=1e-4)
            assert pair["p_holm"] == pair["p"] == pytest.approx(2 / 2**6, rel=1e-4)  # one network, one control
    alone = analyse(
        [*ordered[:6], *[replace(run, model="lstm,shuffled") for run in mixed[:6]]],
        {about.digest: about},
        margin=MARGIN,
    ).by_protocol["last"]
    pair = alone.pair("lstm", "lstm,shuffled")
    assert pair is not None and pair.difference is not None
    assert both["last"]["lstm"]["difference"]["low"] == pytest.approx(pair.difference.low, abs=1e-4)


def test_the_networks_are_corrected_for_their_number() -> None:
    about = fakes.reviews()
    networks = ("ff", "lstm", "cnn")
    ordered = [fakes.run(name, seed, about, 0.85) for name in (*networks, "bow") for seed in range(6)]
    mixed = [fakes.run(name, seed, about, 0.80) for name in (*networks, "bow") for seed in range(6)]
    pairs = imdb_results.order({"article": ordered, "shuffled": mixed}, {about.digest: about})["shuffled"]["last"]
    assert [pairs[name]["p_holm"] for name in networks] == [pytest.approx(3 / 32, rel=1e-4)] * 3
    assert pairs["bow"]["p_holm"] == pytest.approx(1 / 32, rel=1e-4)


def test_the_json_has_a_line_for_each_row_and_comes_back() -> None:
    content = {
        "a": {"b": {"c": {"d": {"e": {"f": {"g": [1.5, None]}}}}}},
        "l": [{"x": 1}, {"x": 2}],
        "n": [1, 2],
        "e": {},
    }
    text = imdb_results.text(content)
    assert json.loads(text) == content
    assert '      "f": {"g": [1.5, null]}' in text.splitlines() and '  {"x": 1},' in text.splitlines()


def test_the_recorded_results_are_small() -> None:
    assert pages.IMDB.stat().st_size < 1_500_000


def test_figures_are_those_that_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "FIGURES", tmp_path / "docs")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "old.svg").write_text("old")
    (tmp_path / "article").mkdir()
    for name in (
        "accuracies.svg",
        "best-by-length.svg",
        "curves-ff.svg",
        "curves-linear.svg",
        "model-ff.svg",
        "x.png",
    ):
        (tmp_path / "article" / name).write_text(name)
    shown = {"article": ["accuracies.svg", "best-by-length.svg", "curves-ff.svg"]}
    assert {name: sorted(each) for name, each in study.copy_figures(tmp_path, ["article", "units"]).items()} == shown
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == shown["article"]


def test_a_folder_is_opened_again_with_what_it_was_made_with(tmp_path: Path) -> None:
    source = generated()
    folder = study.open_folder(by_name("generated-shuffled"), tmp_path, source.digest)
    assert study.open_folder(by_name("generated-shuffled"), tmp_path, source.digest).common == folder.common
    assert folder.common["--shuffle-words"] is True and "--synthetic" not in folder.common
    assert Settings().backend == "cpu"


# ---- conducting


class FakePool:
    """A pool that trains nothing: its runs are made up, each takes a second of its own clock."""

    places, threads, description, now = 2, 1, "made up", 0.0

    def __init__(self, size: int) -> None: ...
    def __enter__(self) -> "FakePool":
        return self

    def __exit__(self, *exception: object) -> None: ...

    def run(self, tasks: Sequence[Task]) -> Iterator[Any]:
        for task in tasks:
            FakePool.now += 1
            about = fakes.reviews(40)
            made = fakes.run(task.model, task.settings.seed, about, config_hash=task.config_hash, seconds=1.0)
            yield task, made


def test_the_studies_are_conducted_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = generated()
    monkeypatch.setattr(study, "Pool", FakePool)
    monkeypatch.setattr(study, "source_of", lambda each: source)
    monkeypatch.setattr(study.time, "perf_counter", lambda: FakePool.now)
    names = ["generated", "generated-shuffled"]  # 10 seeds of 7 models each, a second for each run
    # A model that was not timed yet may begin a run until the very end: that is the last one, of the second study.
    assert study.conduct_all(tmp_path, names, budget=15) == 140 - 15 - 1
    assert study.conduct_all(tmp_path, names, budget=6) == 140 - 16 - 6 - 1
    assert study.conduct_all(tmp_path, names, budget=None) == 0
    FakePool.now = 0.0
    assert study.conduct_all(tmp_path, names, budget=None) == 0 and FakePool.now == 0.0  # nothing is done twice
    assert len(list((tmp_path / "generated-shuffled" / "runs").iterdir())) == 70
    assert by_name("generated").question in capsys.readouterr().out
