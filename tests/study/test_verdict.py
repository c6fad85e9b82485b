"""The paragraphs say what the numbers say: for clear studies, for unclear ones, and for those that cannot answer."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from scratchnn.study.page.summary import summary
from scratchnn.study.results import PROTOCOLS
from scratchnn.study.statistics import Analysis, analyse
from scratchnn.study.verdict import verdict
from scratchnn.study.wording import margin_in_words, p_text
from tests.study import fakes

ABOUT = fakes.reviews(3000)
CLEAR = {"ff": (0.78, 0.004), "rnn": (0.75, 0.004), "lstm": (0.83, 0.004), "cnn": (0.77, 0.004)}
# What over-training looks like: ff and cnn gain by stopping, linear-bigrams was ahead all along.
OVERTRAINED = CLEAR | {"linear-bigrams": (0.86, 0.001)}
GAINS = {"ff": 0.047, "rnn": 0.03, "cnn": 0.075}


def study(
    skills: Mapping[str, Sequence[float]], seeds: int, extra: Sequence = (), margin: float = 0.005, **more: Any
) -> Analysis:
    results = [*fakes.study(ABOUT, range(seeds), skills, **more), *extra]
    return analyse(results, {ABOUT.digest: ABOUT}, resamples=300, margin=margin)


def difference(found: Analysis, protocol: Any, other: str) -> tuple[str, str]:
    """The difference of lstm to another model in words, and without a sign."""
    pair = found.by_protocol[protocol].pair("lstm", other)
    assert pair is not None and pair.difference is not None
    d = pair.difference
    signed = [f"{100 * x:.1f}".replace("-", "\N{MINUS SIGN}") for x in (d.value, d.low, d.high)]
    turned = [f"{-100 * x:.1f}".replace("-", "\N{MINUS SIGN}") for x in (d.value, d.high, d.low)]
    return "{} points ({} to {})".format(*signed), "{} points ({} to {})".format(*turned)


def test_a_clear_win() -> None:
    found = study(CLEAR, 10)
    text = verdict(found)
    assert text.startswith(
        "Yes, lstm beats each of the 3 others, after the last epoch and at the best epoch. After the "
    )
    for protocol, part in zip(PROTOCOLS, text.partition("At the best epoch")[::2], strict=True):
        for other in ("ff", "rnn", "cnn"):
            assert f"{other} by {difference(found, protocol, other)[0]}" in part
        lstm = found.by_protocol[protocol].model("lstm")
        assert lstm is not None and lstm.accuracy is not None
        a = lstm.accuracy
        ends = f"{100 * a.low:.1f}% to {100 * a.high:.1f}%"
        assert f"{100 * a.value:.1f}% of the test reviews (10 seeds, 95% interval {ends})" in part
    assert f"(p {6 * 2 / 2**10:.2g} or less)" in text
    assert "sign-flip tests over the seeds, with Holm's correction for 6 pairs" in text
    assert len(text.split("\n\n")) == 2


def test_a_clear_loss() -> None:
    text = verdict(study({"lstm": (0.7, 0.004), "ff": (0.8, 0.004)}, 8))
    assert text.startswith("No, lstm loses to the other model, after the last epoch and at the best epoch.")
    assert re.search(r"It loses to ff by \d+\.\d points \(\d+\.\d to \d+\.\d\) \(p = 0\.0078\)\.", text)
    assert "Holm" not in text  # one pair needs no correction


def test_some_of_each() -> None:
    text = verdict(study({"lstm": (0.8, 0.004), "ff": (0.7, 0.004), "cnn": (0.9, 0.004)}, 10))
    assert text.startswith("In part: lstm beats ff and loses to cnn, after the last epoch and at the best epoch.")
    text = verdict(study({"lstm": (0.8, 0.03), "ff": (0.8, 0.03), "cnn": (0.6, 0.004)}, 10))
    assert text.startswith("In part: lstm beats cnn and nothing is decided against ff, after")
    assert re.search(r"Not decided, neither different nor equivalent: .* against ff \(p = 0", text)


def test_when_training_stops_decides() -> None:
    found = study(OVERTRAINED, 10, gains=GAINS)
    text = verdict(found)
    assert text.startswith(
        "The answer depends on when training stops: after the last epoch lstm beats rnn, cnn and ff and loses to "
        "linear-bigrams; at the best epoch it beats rnn, loses to linear-bigrams and cnn, and nothing is decided "
        "against ff. "
    )
    stopping = found.stopping_of("lstm", "ff")
    assert stopping is not None
    s = stopping.difference
    before, after = (difference(found, protocol, "ff")[0].split(" points")[0] for protocol in PROTOCOLS)
    assert (
        f"Of the {before} points over ff after the last epoch, {100 * s.value:.1f} ({100 * s.low:.1f} to "
        f"{100 * s.high:.1f}) are due to when training stopped; at the best epoch {after} remain, for which luck"
        in text
    )
    before, after = (difference(found, protocol, "cnn")[0].split(" points")[0] for protocol in PROTOCOLS)
    assert after.startswith("\N{MINUS SIGN}")
    assert f"Against cnn, the difference of {before} points after the last epoch becomes {after} at the best" in text
    assert f"It loses to linear-bigrams by {difference(found, 'last', 'linear-bigrams')[1]}" in text
    assert "None of the models that count words" not in text
    assert "None of the models that count words (bow, linear, linear-bigrams) is in" in verdict(study(CLEAR, 10))


def test_what_remains_may_be_equivalent_to_none() -> None:
    skills = {"lstm": (0.83, 0.001), "ff": (0.80, 0.001)}
    found = study(skills, 10, gains={"ff": 0.03}, margin=0.02)
    text = verdict(found)
    assert re.search(
        r"Of the 3\.\d points over ff .*; at the best epoch 0\.\d remain, equivalent to none \(p (= 0\.0|< 0\.0001\))",
        text,
    )
    assert text.startswith(
        "The answer depends on when training stops: after the last epoch lstm beats ff; at the best epoch it is "
        "equivalent to ff."
    )
    behind = verdict(study({"lstm": (0.80, 0.001), "ff": (0.83, 0.001)}, 10, gains={"lstm": 0.027}, margin=0.02))
    assert re.search(r"Of the \d\.\d points behind ff after the last epoch, \d\.\d \(.*\) are due to when", behind)


def test_equivalent_models() -> None:
    skills = {"lstm": (0.8, 0.002), "ff": (0.8, 0.002)}
    found = study(skills, 12, margin=0.02)
    text = verdict(found)
    assert text.startswith("No, lstm is equivalent to the other model, after the last epoch and at the best epoch.")
    for protocol in PROTOCOLS:
        pair = found.by_protocol[protocol].pair("lstm", "ff")
        assert pair is not None and pair.p_holm > 0.05 > pair.p_equivalent_holm
        words = difference(found, protocol, "ff")[0].replace("\N{MINUS SIGN}0.0 points", "0.0 points")
        assert f"Equivalent, within 2 points: {words} against ff (p {p_text(pair.p_equivalent_holm)})." in text
    assert "When training stopped does not make 2 points of difference against ff (p < 0.0001)" in text
    assert "those of equivalence of two one-sided tests" in text
    # The same models, held to a margin that these seeds cannot resolve: not different, and not equivalent either.
    narrow = verdict(study(skills, 12, margin=0.001))
    assert narrow.startswith("Not decided: ") and "Equivalent" not in narrow
    assert "neither different nor equivalent" in narrow


def test_a_small_difference_can_be_real() -> None:
    text = verdict(study({"lstm": (0.81, 0.001), "ff": (0.8, 0.001)}, 12, margin=0.03))
    assert text.startswith("No, lstm is equivalent to the other model")
    assert "That small difference to ff is more than luck with the seeds explains (p = 0.0" in text


def test_no_difference() -> None:
    found = study({"lstm": (0.8, 0.02), "ff": (0.8, 0.02)}, 12)
    pair = found.by_protocol["last"].pair("lstm", "ff")
    assert pair is not None and pair.p_holm > 0.05
    text = verdict(found)
    assert text.startswith("Not decided: lstm ")
    assert "luck with the seeds could explain the differences" in text
    assert f"against ff (p {p_text(pair.p_holm)})" in text
    assert "It beats" not in text and "It loses" not in text


def test_too_few_seeds_are_told_plainly() -> None:
    text = verdict(study(CLEAR, 3))
    assert text.startswith("Not decided: lstm has a higher mean than each of the 3 others, after")
    assert "but there are too few seeds to tell" in text
    assert "With 3 common seeds the sign-flip test cannot give a p below 0.25" in text
    assert "fewer than 6 seeds cannot reach 0.05, and with Holm's correction for 6 pairs fewer than 8 cannot" in text
    assert "8 seeds or more could decide it" in text
    assert re.search(r"After the last epoch every seed has the same sign against .*: a hint, not a decision\.", text)
    assert "beats" not in text and "p =" not in text
    text = verdict(study(CLEAR, 3, gains=GAINS))
    assert re.search(r"points over ff after the last epoch, 4\.\d \(3 seeds: 4\.\d to 4\.\d\) are due to", text)


def test_few_seeds_have_a_range_and_no_interval() -> None:
    found = study(CLEAR, 5)
    text = verdict(found)
    assert "interval" not in text
    for statistics in found.by_protocol.values():
        runs = {model.name: model.accuracies for model in statistics.models}
        ends = f"{100 * min(runs['lstm']):.1f}% to {100 * max(runs['lstm']):.1f}%"
        assert f"of the test reviews (range of 5 seeds {ends})" in text
        differences = [100 * (a - b) for a, b in zip(runs["lstm"], runs["ff"], strict=True)]
        mean = sum(differences) / 5
        assert f"{mean:.1f} points (5 seeds: {min(differences):.1f} to {max(differences):.1f}) against ff" in text


def test_undecided_seeds_enough_for_an_interval_are_a_hint() -> None:
    text = verdict(study(CLEAR, 6))
    assert "(6 seeds, 95% interval " in text and "6 seeds:" not in text
    assert re.search(r"At the best epoch the interval excludes 0 against .*: a hint, not a decision\.", text)


def test_six_seeds_decide_one_pair_and_not_six() -> None:
    text = verdict(study({"lstm": CLEAR["lstm"], "ff": CLEAR["ff"]}, 6))
    assert text.startswith("Yes, lstm beats the other model, ")
    text = verdict(study(CLEAR, 6))
    assert text.startswith("Not decided:")
    assert "fewer than 8 cannot" in text


def test_one_seed() -> None:
    text = verdict(study(CLEAR, 1, gains=GAINS))
    assert "of the test reviews with the one seed 0." in text
    assert "With 1 common seed the sign-flip test cannot give a p below 1" in text
    assert "One seed does not show how much the result would change in another training." in text
    assert re.search(r"points over ff after the last epoch, 4\.\d are due to when training stopped", text)
    assert not re.search(r"interval|range|\(", text)
    assert "hint" not in text


@pytest.mark.parametrize(("protocol", "other"), [("last", "at the best epoch"), ("best", "after the last epoch")])
def test_one_protocol(protocol: Any, other: str) -> None:
    text = verdict(study(CLEAR, 10, protocols=(protocol,)))
    assert text.startswith("Yes, lstm beats each of the 3 others. A")
    assert f"No model was tested {other}, so the study does not say what is due to when training stopped." in text
    assert text.lower().count(other) == 1 and "both" not in text


def test_no_lstm_in_the_study() -> None:
    text = verdict(study({name: skill for name, skill in CLEAR.items() if name != "lstm"}, 8))
    assert text.startswith("Yes, ff beats each of the 2 others, ")
    assert "The model lstm is not in this study, so the question is asked of the most accurate one, ff." in text


def test_an_lstm_that_failed() -> None:
    others = {name: skill for name, skill in CLEAR.items() if name != "lstm"}
    text = verdict(study(others, 8, [fakes.failed("lstm", seed, ABOUT) for seed in range(8)]))
    assert "The model lstm has no run that counts, so the question is asked of" in text
    assert "Of 32 runs 8 failed and are left out: lstm seed 0, lstm seed 1" in text
    assert "and 4 more." in text


def test_nothing_to_compare() -> None:
    assert verdict(study({}, 0)) == "No run counts, so there is nothing to compare."
    text = verdict(study({"lstm": (0.8, 0.01)}, 4))
    assert text.startswith("After the last epoch, lstm is right on ")
    assert "At the best epoch, lstm is right on " in text
    assert "a comparison needs at least two" in text
    text = verdict(study({}, 0, [fakes.failed("ff", 2, ABOUT)]))
    assert text == ("No run counts, so there is nothing to compare. Of 1 run 1 failed and is left out: ff seed 2.")


def test_what_cannot_be_compared_is_said() -> None:
    stranger = [fakes.run("gru", seed, ABOUT) for seed in (50, 51)]
    text = verdict(study({"lstm": (0.8, 0.01), "ff": (0.7, 0.01)}, 8, stranger))
    assert text.count("Not compared: lstm with gru (they have no seed in common).") == 1
    assert text.startswith("Yes, lstm beats the other model, ")
    alone = verdict(study({"lstm": (0.8, 0.01)}, 8, stranger))
    assert "Not compared: lstm with gru" in alone and "Yes" not in alone and "decided" not in alone


def test_many_models_do_not_make_a_long_paragraph() -> None:
    skills = {"lstm": (0.8, 0.004), "linear": (0.799, 0.001)}
    skills |= {f"model-{n}": (0.65 + n / 100, 0.004) for n in range(12)}
    gains = {f"model-{n}": 0.03 for n in range(8)}
    for seeds in (3, 12):
        text = verdict(study(skills, seeds, gains=gains))
        assert "13 others" in text or "model-0" in text.partition(". ")[0]
        assert " against model-0, " in text or "beats model-0 by" in text  # the largest difference comes first
        assert "linear" in text.partition("At the best epoch, ")[0]  # a control is not among those cut off
        assert re.search(r"and \d more", text) and "For 4 more, see the table of pairs." in text
        assert len(text) < 4000


def test_repeats_in_training_are_judged() -> None:
    found = study(CLEAR, 2)
    answers = [m.answers for each in found.by_protocol.values() for m in each.models if m.answers]
    moved = max(abs(each.without_repeats - each.accuracy) for each in answers)
    assert f"moves no mean by more than {100 * moved:.2f} points" in verdict(found)


def test_p_and_margin_in_words() -> None:
    assert [p_text(p) for p in (1e-9, 0.03125, 0.5, 0.9999, 1.0)] == ["< 0.0001", "= 0.031", "= 0.5", "= 1", "= 1"]
    assert [p_text(p) for p in (0.0498, 0.04996, 0.05, 0.0502)] == ["= 0.0498", "= 0.04996", "= 0.05", "= 0.05"]
    assert [margin_in_words(m) for m in (0.005, 0.01, 0.0025)] == ["half a point", "1 point", "0.25 points"]


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float | int) and not isinstance(value, bool):
        yield value


@pytest.mark.parametrize("seeds", [1, 4, 6, 10])
@pytest.mark.parametrize("protocols", [PROTOCOLS, PROTOCOLS[:1], PROTOCOLS[1:]])
@pytest.mark.parametrize("margin", [0.005, 0.02])
def test_every_number_is_in_the_summary(seeds: int, protocols: Any, margin: float) -> None:
    """Nothing is said that summary.json does not hold: recomputed from it, without a look at the analysis."""
    found = study(OVERTRAINED, seeds, [fakes.failed("gru", 0, ABOUT)], margin, gains=GAINS, protocols=protocols)
    text = verdict(found)
    data = json.loads(json.dumps(summary(found, {ABOUT.digest: ABOUT}, text, {}, {}, {})))
    del data["times"], data["verdict"]
    estimates = [each for part in data["protocols"].values() for each in (part["models"], part["pairs"])]
    values = list(numbers([estimates, data["stopping"]]))
    allowed = {f"{abs(100 * x):.1f}" for x in values} | {f"{x:.2g}" for x in values}
    changes = [
        abs(model["answers"]["without_repeats"] - model["answers"]["accuracy"])
        for part in data["protocols"].values()
        for model in part["models"].values()
        if model["answers"]
    ]
    pairs = sum(pair["obstacle"] is None for pair in next(iter(data["protocols"].values()))["pairs"])
    need = next(n for n in range(6, 99) if 2 * pairs / 2**n < 0.05)
    runs = sum(len(model["seeds"]) for model in data["models"].values()) + len(data["left_out"])
    least = next(n for n in range(1, 10_000) if n / 1e4 >= max(changes) - 1e-12)  # no mean moves by more
    allowed |= {f"{least / 100:.2f}", f"{2 / 2**seeds:.2g}", f"{100 * data['margin']:g}"}
    allowed |= {str(n) for n in (seeds, pairs, need, runs, len(data["left_out"]), len(data["models"]) - 2)}
    allowed |= {"0", "6", "0.05", "95"}  # the seed and the sign, what the method asks for, and the level
    said = re.findall(r"\d+(?:\.\d+)?", text.replace("< 0.0001", ""))
    assert len(said) > 10 * len(protocols)
    assert [number for number in said if number not in allowed] == []


def test_copies_of_one_answer_are_no_evidence_of_many() -> None:
    """Models that no seed changes: the p is that of one pair of answers, whatever the number of seeds."""
    about, p = fakes.reviews(400), {}
    rng = np.random.default_rng(0)
    answers = {name: fakes.probabilities(about, rng, skill) for name, skill in (("lstm", 0.7), ("ff", 0.8))}
    for seeds in (6, 12):
        runs = [fakes.run(name, n, about, probabilities=answers[name]) for name in answers for n in range(seeds)]
        found = analyse(runs, {about.digest: about}, resamples=300)
        pair = found.by_protocol["last"].pair("lstm", "ff")
        assert pair is not None and not pair.seeds_matter and pair.p == pair.mcnemar
        p[seeds] = pair.p
        assert "Every seed gives the same lstm and the same ff: between them the p is McNemar's" in verdict(found)
    assert p[6] == p[12] > 0
    runs = [fakes.run("lstm", n, about, probabilities=answers["lstm"]) for n in range(6)]
    runs += fakes.study(about, range(6), {"ff": (0.8, 0.004)})
    mixed = analyse(runs, {about.digest: about}, resamples=300).by_protocol["last"].pair("lstm", "ff")
    assert mixed is not None and mixed.seeds_matter


def test_a_model_that_converged_early_is_told() -> None:
    about = fakes.reviews(200)
    short = {name: values[:7] for name, values in fakes.run("linear", 0, about).history.items()}
    runs = [fakes.run("linear", n, about, history=short) for n in range(6)] + fakes.study(
        about, range(6), {"ff": (0.8, 0.004)}
    )
    text = verdict(analyse(runs, {about.digest: about}, resamples=200))
    assert "linear stopped after 7 of 10 epochs, where its loss fell no more." in text and "ff stopped" not in text


def test_a_win_over_the_seeds_that_other_reviews_may_not_show() -> None:
    """The test asks about the seeds, the interval about the reviews too: where they part, the reader is told."""
    about = fakes.reviews(60)
    runs = fakes.study(
        about, range(10), {"lstm": (0.84, 0.0), "ff": (0.80, 0.0), "cnn": (0.6, 0.0)}, protocols=("last",)
    )
    found = analyse(runs, {about.digest: about}, resamples=300)
    pair = found.by_protocol["last"].pair("lstm", "ff")
    assert pair is not None and pair.difference is not None
    assert pair.p_holm < 0.05 and pair.difference.low < 0 < pair.difference.value
    text = verdict(found)
    assert "beats ff" not in text and "beats cnn and ff" not in text
    told = "Other seeds would show the difference to ff again, but other test reviews could turn it round"
    assert f"{told}: the interval includes 0." in text
