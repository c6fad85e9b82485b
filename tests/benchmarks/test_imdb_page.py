"""docs/imdb.md says what the results say: its numbers, judgements and sentences are computed here a second time."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import imdb_page, pages, study
from benchmarks.imdb_page import accuracies, logs, order, questions, recurrent, words
from benchmarks.studies import CLAIMS, CONTROLS, MARGIN, PROTOCOLS, by_name

RECORDED = json.loads(pages.IMDB.read_text(encoding="utf-8"))
KERAS = json.loads(pages.KERAS.read_text(encoding="utf-8"))
LOGS = json.loads(pages.LOGS.read_text(encoding="utf-8"))
STUDIES, ARTICLE = RECORDED["studies"], RECORDED["studies"]["article"]
PAGE = imdb_page.page(RECORDED, KERAS, LOGS)
NUMBER = r"[+-]?\d+\.\d+"


def seen(found: dict[str, Any], protocol: str, name: str) -> dict[str, float]:
    return {seed: run["accuracy"] for seed, run in found["protocols"][protocol]["models"][name]["seeds"].items()}


def differences(found: dict[str, Any], protocol: str, first: str, second: str) -> np.ndarray:
    a, b = seen(found, protocol, first), seen(found, protocol, second)
    return np.array([a[seed] - b[seed] for seed in a if seed in b])


def rows(text: str, first_cell: str) -> list[list[str]]:
    """The rows of the first table whose head begins so."""
    lines = text[text.index(f"| {first_cell}") :].splitlines()
    table = lines[: next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def close(text: str, value: Any, digits: int = 2) -> bool:
    """Whether a printed number is the value, which the JSON holds with five digits."""
    return abs(float(text) - value) <= 0.5 * 10**-digits + 0.002


# ---- the recorded results: every number of the page's tables again


def test_the_table_of_accuracies() -> None:
    found = rows(PAGE, "test accuracy, %")
    assert [row[0].strip("`") for row in found] == ARTICLE["planned"]["models"]
    for name, _, published, last, best, after, *_ in found:
        model = name.strip("`")
        for protocol, cell in (("last", last), ("best", best)):
            value, *ends = re.findall(NUMBER, cell)
            assert close(value, 100 * np.mean(list(seen(ARTICLE, protocol, model).values())))
            estimate = ARTICLE["protocols"][protocol]["models"][model]["accuracy"]
            assert close(ends[0], 100 * estimate["low"]) and close(ends[1], 100 * estimate["high"])
            assert float(ends[0]) <= float(value) <= float(ends[1])
        assert published == ("" if LOGS.get(model) is None else f"{100 * LOGS[model]['test_accuracy']:.1f}")
        epochs = [run["epoch"] for run in ARTICLE["protocols"]["best"]["models"][model]["seeds"].values()]
        assert float(after) == np.median(epochs)


def test_keras_stands_beside_us() -> None:
    for row in rows(PAGE, "test accuracy, %"):
        for protocol, cell in zip(PROTOCOLS, row[-2:], strict=True):
            runs = [run for run in KERAS["runs"] if f"`{run['arch']}`" == row[0] and not run["variant"]]
            theirs = [run["tested"][protocol]["accuracy"] for run in runs]
            assert bool(theirs) == bool(cell)
            assert not theirs or close(re.findall(NUMBER, cell)[0], 100 * np.mean(theirs))
    assert all(run["data"] == "228facd0" and len(run["history"]["val_loss"]) == 10 for run in KERAS["runs"])
    for run in KERAS["runs"]:
        losses = run["history"]["val_loss"]
        assert run["tested"]["best"]["epoch"] == losses.index(min(losses)) + 1 and run["tested"]["last"]["epoch"] == 10


def test_the_table_of_pairs() -> None:
    found = rows(PAGE, "is the first better?")
    models = ARTICLE["planned"]["models"]
    assert len(found) == len(models) * (len(models) - 1) // 2
    for pair, last, best, explained in found:
        first, second = re.findall(r"`([\w-]+)`", pair)
        means = [100 * differences(ARTICLE, protocol, first, second).mean() for protocol in PROTOCOLS]
        assert means[0] >= -0.005  # the better one after the last epoch first
        texts = [re.findall(NUMBER, re.sub(r".*?: ", "", cell, count=1)) for cell in (last, best)]
        assert all(close(text[0], mean) for text, mean in zip(texts, means, strict=True))
        assert close(re.findall(NUMBER, explained)[0], means[0] - means[1])


def test_the_verdict_names_what_the_pairs_are() -> None:
    """Each difference of the subject is in it, as are the accuracies; and it stands in the page, word by word."""
    verdict = ARTICLE["verdict"]
    assert " ".join(verdict.split()) in " ".join(PAGE.replace("\n>", "\n").split())
    for protocol in PROTOCOLS:
        accuracy = 100 * np.mean(list(seen(ARTICLE, protocol, "lstm").values()))
        assert any(close(text, accuracy, 1) for text in re.findall(r"lstm is right on ([\d.]+)%", verdict))
        for other in (name for name in ARTICLE["planned"]["models"] if name != "lstm"):
            difference = abs(100 * differences(ARTICLE, protocol, "lstm", other).mean())
            told = re.findall(rf"{other} by ([\d.]+) points|([\d.]+) points \([^)]*\) against {other}\b", verdict)
            assert any(close(number, difference, 1) for pair in told for number in pair if number), (other, protocol)


def test_what_the_verdict_says_of_stopping() -> None:
    told = re.findall(r"Of the ([\d.]+) points over ([\w-]+) after the last epoch, ([\d.]+) ", ARTICLE["verdict"])
    assert told
    for total, other, part in told:
        last, best = (100 * differences(ARTICLE, protocol, "lstm", other).mean() for protocol in PROTOCOLS)
        assert close(total, last, 1) and close(part, last - best, 1)


@pytest.mark.parametrize("name", [name for name in ("units", "smaller", "recurrent") if name in STUDIES])
def test_the_small_tables(name: str) -> None:
    found = STUDIES[name]
    heads = {"units": "rnn with so many units", "smaller": "network | parameters", "recurrent": "network | parameters"}
    text = PAGE[PAGE.index(recurrent.HEAD) :] if name == "recurrent" else PAGE
    table = rows(text, heads[name])
    assert [row[0].strip("`") for row in table] == [
        each for each in found["planned"]["models"] if each in found["models"]
    ]
    for row in table:
        for protocol, cell in (("last", row[2]), ("best", row[3])):
            assert close(
                re.findall(NUMBER, cell)[0], 100 * np.mean(list(seen(found, protocol, row[0].strip("`")).values()))
            )


def test_the_share_that_died() -> None:
    values = list(seen(STUDIES["others"], "last", "cnn-linear").values())
    dead = sum(abs(value - 0.5) < 0.005 for value in values)
    n, z, share = len(values), 1.96, dead / len(values)
    middle, half = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (100 * (middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    text = questions.dying(RECORDED)
    assert f"{dead} of {n} seeds are right on half of the reviews" in text
    assert f"{100 * share:.0f}% (95% interval {low:.0f} to {high:.0f}%, Wilson)" in text


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", [name for name in order.NAMES if RECORDED["order"].get(name, {}).get("best")])
def test_what_order_is_worth(name: str, protocol: str) -> None:
    column = 1 + 2 * [each for each in order.NAMES if RECORDED["order"].get(each, {}).get("best")].index(name)
    for row in rows(PAGE[PAGE.index("## What memory is for") :], f"{protocol} epoch | "):
        ordered, mixed = (seen(STUDIES[each], protocol, row[0].strip("`")) for each in (order.NAMES[name], name))
        common = [seed for seed in ordered if seed in mixed]
        means = [100 * np.mean([each[seed] for seed in common]) for each in (ordered, mixed)]
        assert all(close(text, mean) for text, mean in zip(row[column].split(", "), means, strict=True))
        assert close(re.findall(NUMBER, row[column + 1])[0], means[0] - means[1])


@pytest.mark.parametrize("name", [name for name in order.NAMES if RECORDED["order"].get(name, {}).get("best")])
def test_shares_of_the_order(name: str) -> None:
    worth = {}
    for model in RECORDED["order"][name]["best"]:
        ordered, mixed = (seen(STUDIES[each], "best", model) for each in (order.NAMES[name], name))
        worth[model] = np.mean([ordered[seed] - mixed[seed] for seed in ordered if seed in mixed])
    for model, share in re.findall(r"`([\w-]+)` (-?\d+)%", order.paragraph(RECORDED, name)):
        assert abs(float(share) - 100 * worth[model] / worth["linear-bigrams"]) < 0.6
    bow = RECORDED["order"][name]["best"]["bow"]
    assert ("`bow` is unchanged" in order.paragraph(RECORDED, name)) == (words.judge(bow) == "no, equivalent")


# ---- the published logs


def again(name: str) -> np.ndarray:
    """Our epochs with the published losses, by NumPy, on the curve as it has come down so far."""
    found = STUDIES["longer"]
    alive = [seed for seed, value in seen(found, "last", name).items() if abs(value - 0.5) >= 0.005]
    curve = np.mean([found["models"][name]["losses"][seed] for seed in alive], axis=0)
    steps = np.concatenate([[2 * curve[0] - curve[1]], curve])  # epoch 0, on the line through the first two
    down = np.minimum.accumulate(steps)
    return np.interp(-np.array(LOGS[name]["loss"]), -down, np.arange(len(down)), left=np.nan, right=np.nan)


@pytest.mark.parametrize("name", ["ff", "lstm"])
def test_logs_are_aligned(name: str) -> None:
    found = logs.align(STUDIES["longer"], name, LOGS[name]["loss"])
    np.testing.assert_allclose([np.nan if e is None else e for e in found.epochs], again(name), atol=0.02)
    assert logs.lines(found) == (list(range(1, 11)), list(found.epochs))


def test_what_is_said_of_the_logs() -> None:
    text = {
        name: logs.sentence(STUDIES["longer"], name, each)
        for name, each in logs.all_aligned(STUDIES["longer"], LOGS).items()
    }
    offsets = again("ff") - np.arange(1, 11)
    assert np.ptp(offsets) < 1 and f"about {again('ff')[-1]:.0f} epochs" in text["ff"]
    assert f"{np.median(offsets):+.1f} (median; {offsets.min():+.1f} to {offsets.max():+.1f})" in text["ff"]
    offsets = again("lstm") - np.arange(1, 11)
    assert np.abs(offsets).max() < 1 and "fits 10 epochs from scratch" in text["lstm"]
    assert all(f"- {each}" in " ".join(PAGE.split()) for each in text.values())


def curves(*seeds: list[float]) -> dict[str, Any]:
    tested = {str(n): {"epoch": 30, "accuracy": 0.8} for n in range(len(seeds))}
    return {
        "models": {"ff": {"losses": {str(n): losses for n, losses in enumerate(seeds)}, "settings": {"epochs": 30}}},
        "protocols": {"last": {"models": {"ff": {"seeds": tested}}}},
    }


LOSS = [1 / n for n in range(1, 31)]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (LOSS[:10], "fits 10 epochs from scratch"),
        (LOSS[5:15], "its log fits the last 10 of about 15 epochs of ours"),
        (LOSS[:15:3] + LOSS[15:20], "its losses fall too unsteadily to say"),
        ([1 / (1 + 1.4 * n) for n in range(10)], "fits no number of epochs of ours"),  # faster all along
        ([*LOSS[:5], *LOSS[20:25]], "its losses fall too unsteadily to say"),  # near at first, and then far off
        ([5.0, *LOSS[:9]], "9 of 10 published losses lie on our curve"),
        ([0.01] * 10, "0 of 10 published losses lie on our curve"),
    ],
)
def test_readings_of_a_log(log: list[float], said: str) -> None:
    found = curves(LOSS, [1.01 * each for each in LOSS], [0.99 * each for each in LOSS])
    assert said in logs.sentence(found, "ff", logs.align(found, "ff", log))


def test_a_dead_seed_does_not_count() -> None:
    found = curves(LOSS, LOSS, [8.0] * 30)
    found["protocols"]["last"]["models"]["ff"]["seeds"]["2"]["accuracy"] = 0.5
    assert logs.align(found, "ff", LOSS[:10]).epochs == pytest.approx(range(1, 11))
    assert "(without 1 of our seeds that ended at 50%)" in logs.sentence(
        found, "ff", logs.align(found, "ff", LOSS[:10])
    )


def test_the_curve_goes_on_to_the_left_as_far_as_the_start() -> None:
    assert logs.reached([1.0, 0.8, 0.6], 1.1) == pytest.approx(0.5)
    assert logs.reached([1.0, 0.8, 0.6], 1.3) is None
    assert logs.reached([1.0, 0.8, 0.6], 0.5) is None
    assert logs.reached([1.0, 0.8, 0.9, 0.6], 0.75) == pytest.approx(3.5)  # past a rise


def test_the_figure_is_drawn_from_the_results(tmp_path: Path) -> None:
    logs.draw(STUDIES["longer"], LOGS, tmp_path / "published-logs.svg")
    assert (tmp_path / "published-logs.svg").read_bytes() == (study.FIGURES / "published-logs.svg").read_bytes()


# ---- judgements


def pair(value: float, p: float | None, equivalent: float | None, smallest: float = 0.001) -> dict[str, Any]:
    difference = {"value": value, "low": value - 0.01, "high": value + 0.01, "is_range": False}
    found = {"first": "a", "second": "b", "difference": difference, "p_holm": p, "p": p, "seeds": 10}
    return found | {"p_equivalent_holm": equivalent, "smallest_p_holm": smallest}


@pytest.mark.parametrize(
    ("found", "judged", "rests_on"),
    [
        (pair(0.02, 0.01, 1.0), "yes", "p = 0.010"),
        (pair(-0.02, 0.0001, None), "no, worse", "p < 0.001"),
        (pair(0.009, 0.01, 1.0), "not decided", "p = 0.010 for the seeds alone"),  # its interval includes 0
        (pair(0.001, 0.03, 0.01), "no, equivalent", "p = 0.010 for equivalence"),
        (pair(0.011, 0.03, 0.049), "no, equivalent", "p = 0.049 for equivalence"),
        (pair(0.02, 0.05, 0.05), "not decided", "p = 0.050"),
        (pair(0.02, 0.2, None, smallest=0.2), "too few seeds to decide", "p = 0.200"),
    ],
)
def test_judgements(found: dict[str, Any], judged: str, rests_on: str) -> None:
    assert words.judge(found) == judged and words.p_of(found) == rests_on


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pair(0.02, 0.01, 1.0), "`a` 50% (20 to 100%; +2.00 [1.00, 3.00] points, p = 0.010)"),
        (pair(0.02, 0.1, None, smallest=0.1), "`a` 50% (20 to 100%; +2.00 [1.00, 3.00] points)"),
        (pair(0.005, 0.1, None, smallest=0.1), "`a` nothing that is certain (+0.50 [-0.50, 1.50] points)"),
        (pair(0.005, 0.1, 0.2), "`a` nothing that is certain (+0.50 [-0.50, 1.50] points, p = 0.100)"),
        (pair(-0.02, 0.01, 1.0), "`a` less than nothing (-2.00 [-3.00, -1.00] points, p = 0.010)"),
        (pair(-0.02, 0.1, None, smallest=0.1), "`a` nothing that is certain (-2.00 [-3.00, -1.00] points)"),
        (
            pair(-0.009, 0.01, 1.0),
            "`a` nothing that is certain (-0.90 [-1.90, 0.10] points, p = 0.010 for the seeds alone)",
        ),
        (
            pair(0.009, 0.01, 1.0),
            "`a` nothing that is certain (+0.90 [-0.10, 1.90] points, p = 0.010 for the seeds alone)",
        ),
        (pair(0.0, 1.0, 0.01), "`a` nothing (0.00 [-1.00, 1.00] points, p = 0.010 for equivalence)"),
    ],
)
def test_shares_in_words(found: dict[str, Any], said: str) -> None:
    assert order.share(found, order.shares_of(found, pair(0.04, 0.001, 1.0))) == said


def test_shares_span_what_the_ends_allow() -> None:
    found, held = pair(0.01, 0.01, 1.0), pair(0.04, 0.001, 1.0)  # 0.00 to 0.02, of 0.03 to 0.05
    assert order.shares_of(found, held) == pytest.approx((1 / 4, 0.0, 2 / 3))
    assert order.shares_of(pair(-0.02, 0.01, 1.0), held) == pytest.approx((-1 / 2, -1.0, -1 / 5))


def test_a_pair_is_turned() -> None:
    turned = words.turned_to([pair(0.02, 0.01, 1.0)], "b", "a")
    assert turned is not None and words.points(turned) == "-2.00 [-3.00, -1.00]"


# ---- studies of recurrent networks, made up


def of_epochs(**epochs: list[int]) -> dict[str, Any]:
    """A study whose models have these best epochs, seed by seed."""
    models = {
        name: {
            "settings": {"epochs": 100, "length": 500, "vocabulary": 10_000},
            "validation": {str(n): {"highest_accuracy": 0.84 + 0.01 * (n % 3)} for n in range(len(each))},
            "parameters": 1,
        }
        for name, each in epochs.items()
    }
    estimate = {"value": 0.8, "low": 0.7, "high": 0.9, "is_range": False}
    tested = {
        name: {"accuracy": estimate, "seeds": {str(n): {"epoch": e, "accuracy": 0.8} for n, e in enumerate(each)}}
        for name, each in epochs.items()
    }
    names = list(epochs)
    pairs = [
        pair(0.02, 0.01, 1.0) | {"first": a, "second": b}
        for a in names
        for b in names
        if names.index(a) < names.index(b)
    ]
    protocols = {protocol: {"models": tested, "pairs": pairs} for protocol in PROTOCOLS}
    return {"planned": {"models": names, "seeds": 10}, "models": models, "protocols": protocols, "stopping": []}


def recurrent_text(**epochs: list[int]) -> str:
    return recurrent.section({"studies": {"recurrent": of_epochs(**epochs)}, "claims": CLAIMS, "margin": MARGIN})


def test_when_it_overfits() -> None:
    text = recurrent_text(rnn32=[2, 3, 4, 4, 5, 9, 3, 3, 3, 3])
    assert "overfits after 8 to 10 epochs.* As to the accuracy confirmed: at its highest 84.9% (mean over" in text
    assert "84.9% (mean over the seeds; 84.0 to 86.0%)." in text
    assert (
        "It overfits earlier than that: validation loss is lowest after 3 epochs (median; 2 to 9), in 1 of 10 seeds"
        in text
    )
    assert "It overfits when it was said to" in recurrent_text(rnn32=[8, 9, 10, 9, 9, 9])
    assert "It overfits later than that" in recurrent_text(rnn32=[8, 19, 20, 19, 19, 19])


def test_whether_directions_and_layers_help() -> None:
    text = recurrent_text(**{"rnn28": [3] * 6, "rnn32": [3] * 6, "rnn-stacked": [3] * 6, "birnn": [3] * 6})
    assert "Is `birnn` better than `rnn32` at the best epochs of both? No, worse (-2.00 [-3.00, -1.00] points" in text
    assert "Is `rnn-stacked` better than `rnn28`? After the last epoch no, worse (-2.00" in text
    assert "In validation it reaches 84.0 to 86.0% at best, `rnn32` 84.0 to 86.0%." in text


def test_whether_dropout_postpones_it() -> None:
    early, late = [3] * 8, [20, 25, 30, 22, 23, 24, 25, 26]
    text = recurrent_text(**{"rnn32": early, "rnn-vdropout": late})
    assert "Yes, it does postpone it (by 21.4 epochs, the mean over the seeds, p = 0.008)" in text
    assert "Not decided" in recurrent_text(**{"rnn32": early, "rnn-vdropout": [2, 4, 2, 4, 2, 4, 2, 4]})
    assert "No, it comes earlier" in recurrent_text(**{"rnn32": late, "rnn-vdropout": early})
    assert "none: too few seeds" in recurrent_text(**{"rnn32": early[:3], "rnn-vdropout": late[:3]})
    assert "better than `rnn32`? After the last epoch no, worse (-2.00 [-3.00, -1.00] points, p = 0.010)" in text


# ---- a page with holes, and the page as a page


def test_a_page_of_the_first_study_alone_says_what_is_missing() -> None:
    few = RECORDED | {"studies": {"article": ARTICLE}, "order": {}, "figures": {}}
    text = imdb_page.page(few, {"runs": []}, LOGS)
    assert "shuffled (0 of 10 seeds)" in " ".join(text.split()) and "Keras' own runs are still to be made." in text
    assert text.count("Still to be conducted.") == 8


def test_fewer_seeds_than_planned_are_said() -> None:
    fewer = json.loads(json.dumps(RECORDED))
    del fewer["studies"]["article"]["protocols"]["last"]["models"]["lstm"]["seeds"]["0"]
    there = len(ARTICLE["protocols"]["last"]["models"]["lstm"]["seeds"]) - 1
    assert f"article ({there} of {by_name('article').seeds} seeds)" in imdb_page.still(fewer)
    assert f"Means of {there} of {by_name('article').seeds} seeds." in accuracies.verdict(fewer, KERAS)


def test_lines_are_short_and_nothing_is_lost_by_it() -> None:
    text = (
        "a " * 200
        + "\n\n- b "
        + "c " * 100
        + "\n- d\n\n| e |\n|---|\n\n```sh\nf "
        + "g " * 200
        + "\n\nh\n```\n\n> i "
        + "j " * 99
    )
    wrapped = imdb_page.wrapped(text)
    assert wrapped.replace("\n>", "\n").split() == text.replace("\n>", "\n").split()
    assert max(len(line) for line in wrapped.splitlines() if not line.startswith(("f", "|"))) <= imdb_page.WIDTH
    assert "\n- d\n" in wrapped and "\n  c" in wrapped and "\n> j" in wrapped


def test_every_figure_is_shown_and_there() -> None:
    shown = set(re.findall(r"\(imdb/([^)]+)\)", PAGE))
    assert shown == {path.name for path in study.FIGURES.iterdir()}


def test_no_control_is_called_a_network() -> None:
    assert set(CONTROLS) == {"bow", "linear", "linear-bigrams"} and not set(CONTROLS) & set(accuracies.NETWORKS)
