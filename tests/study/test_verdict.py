"""The paragraph says what the numbers say: for clear studies, for unclear ones, and for those that cannot answer."""

import re
from collections.abc import Mapping, Sequence

from scratchnn.study.statistics import Statistics, analyse
from scratchnn.study.verdict import p_text, verdict
from tests.study import fakes

ABOUT = fakes.reviews(3000)


def study(skills: Mapping[str, Sequence[float]], seeds: int, extra: Sequence = ()) -> Statistics:
    results = [*fakes.study(ABOUT, range(seeds), skills), *extra]
    return analyse(results, {ABOUT.digest: ABOUT}, resamples=300)


CLEAR = {"ff": (0.78, 0.004), "rnn": (0.75, 0.004), "lstm": (0.83, 0.004), "cnn": (0.77, 0.004)}


def test_a_clear_win() -> None:
    found = study(CLEAR, 10)
    text = verdict(found)
    assert text.startswith("Yes, lstm beats each of the 3 others. Over 10 seeds, lstm is right on ")
    for other in ("ff", "rnn", "cnn"):
        pair = found.pair("lstm", other)
        assert pair is not None and pair.difference is not None
        d = pair.difference
        assert f"{other} by {100 * d.value:.1f} points ({100 * d.low:.1f} to {100 * d.high:.1f})" in text
    assert "each is more than luck with the seeds explains" in text
    assert f"p at most {6 * 2 / 2**10:.2g}" in text
    lstm = found.model("lstm")
    assert lstm is not None and lstm.accuracy is not None
    assert f"{100 * lstm.accuracy.value:.1f}% of the test reviews (95% interval {100 * lstm.accuracy.low:.1f}%" in text


def test_a_clear_loss() -> None:
    text = verdict(study({"lstm": (0.7, 0.004), "ff": (0.8, 0.004)}, 8))
    assert text.startswith("No, lstm loses to the other model.")
    assert re.search(r"It loses to ff by \d+\.\d points \(\d+\.\d to \d+\.\d\): that is more than luck", text)


def test_some_of_each() -> None:
    text = verdict(study({"lstm": (0.8, 0.004), "ff": (0.7, 0.004), "cnn": (0.9, 0.004)}, 10))
    assert text.startswith("In part: lstm beats 1 of 2 others and loses to 1.")
    text = verdict(study({"lstm": (0.8, 0.03), "ff": (0.8, 0.03), "cnn": (0.6, 0.004)}, 10))
    assert text.startswith("In part: lstm beats 1 of 2 others.")
    assert "against ff: luck with the seeds is not ruled out (p = " in text


def test_no_difference() -> None:
    found = study({"lstm": (0.8, 0.02), "ff": (0.8, 0.02)}, 12)
    pair = found.pair("lstm", "ff")
    assert pair is not None and pair.p_holm > 0.05
    text = verdict(found)
    assert text.startswith("Not decided: lstm ")
    assert "luck with the seeds could explain the differences" in text
    assert f"is not ruled out (p {p_text(pair.p_holm)})" in text
    assert "beats" not in text and "loses" not in text


def test_too_few_seeds_are_told_plainly() -> None:
    text = verdict(study(CLEAR, 3))
    assert text.startswith("Not decided: lstm has a higher mean than each of the 3 others, but there are too few seeds")
    assert "With 3 common seeds the sign-flip test cannot give a p below 0.25" in text
    assert "fewer than 6 seeds cannot reach 0.05, and with Holm's correction for 6 pairs fewer than 8 cannot" in text
    assert "8 seeds or more could decide it" in text
    assert re.search(r"Every seed has the same sign against .*: a hint, not a decision\.", text)
    assert "beats" not in text


def test_few_seeds_have_a_range_and_no_interval() -> None:
    found = study(CLEAR, 5)
    text = verdict(found)
    assert "interval" not in text
    runs = {model.arch: [run.test_accuracy for run in model.runs] for model in found.models}
    ends = f"{100 * min(runs['lstm']):.1f}% to {100 * max(runs['lstm']):.1f}%"
    assert f"of the test reviews (range of 5 seeds {ends})" in text
    differences = [100 * (a - b) for a, b in zip(runs["lstm"], runs["ff"], strict=True)]
    mean = sum(differences) / 5
    assert f"{mean:.1f} points (5 seeds: {min(differences):.1f} to {max(differences):.1f}) against ff" in text


def test_undecided_seeds_enough_for_an_interval_are_a_hint() -> None:
    text = verdict(study(CLEAR, 6))
    assert "(95% interval " in text and "6 seeds:" not in text
    assert re.search(r"The interval excludes 0 against .*: a hint, not a decision\.", text)


def test_six_seeds_decide_one_pair_and_not_six() -> None:
    text = verdict(study({"lstm": CLEAR["lstm"], "ff": CLEAR["ff"]}, 6))
    assert text.startswith("Yes, lstm beats the other model.")
    text = verdict(study(CLEAR, 6))
    assert text.startswith("Not decided:")
    assert "fewer than 8 cannot" in text


def test_one_seed() -> None:
    text = verdict(study(CLEAR, 1))
    assert "With the one seed 0, lstm is right on" in text
    assert "With 1 common seed the sign-flip test cannot give a p below 1" in text
    assert "One seed does not show how much the result would change in another training." in text
    assert not re.search(r"interval|range|\(", text.split("Leaving out")[0].replace("(p", ""))
    assert "hint" not in text


def test_no_lstm_in_the_study() -> None:
    text = verdict(study({name: skill for name, skill in CLEAR.items() if name != "lstm"}, 8))
    assert text.startswith(
        "The model lstm is not in this study, so the question is asked of the most accurate one, ff."
    )
    assert "Yes, ff beats each of the 2 others." in text


def test_an_lstm_that_failed() -> None:
    others = {name: skill for name, skill in CLEAR.items() if name != "lstm"}
    text = verdict(study(others, 8, [fakes.failed("lstm", seed, ABOUT) for seed in range(8)]))
    assert text.startswith("The model lstm has no run that counts, so the question is asked of")
    assert "Of 32 runs 8 failed and are left out: lstm seed 0, lstm seed 1" in text
    assert "and 4 more." in text


def test_nothing_to_compare() -> None:
    assert verdict(study({}, 0)) == "No run counts, so there is nothing to compare."
    text = verdict(study({"lstm": (0.8, 0.01)}, 4))
    assert text.startswith("Over 4 seeds, lstm is right on ")
    assert "a comparison needs at least two" in text
    text = verdict(study({}, 0, [fakes.failed("ff", 2, ABOUT)]))
    assert text == ("No run counts, so there is nothing to compare. Of 1 run 1 failed and is left out: ff seed 2.")


def test_what_cannot_be_compared_is_said() -> None:
    stranger = [fakes.run("gru", seed, ABOUT) for seed in (50, 51)]
    text = verdict(study({"lstm": (0.8, 0.01), "ff": (0.7, 0.01)}, 8, stranger))
    assert "Not compared: lstm with gru (they have no seed in common)." in text
    assert text.startswith("Yes, lstm beats the other model.")


def test_many_models_do_not_make_a_long_paragraph() -> None:
    skills = {"lstm": (0.8, 0.004)} | {f"model-{n}": (0.65 + n / 100, 0.004) for n in range(12)}
    for seeds in (3, 12):
        text = verdict(study(skills, seeds))
        assert "12 others" in text
        assert " against model-0, " in text or "beats model-0 by" in text  # the largest difference comes first
        assert "and 8 more" in text
        assert len(text) < 1200


def test_repeats_in_training_are_judged() -> None:
    found = study(CLEAR, 2)
    moved = [abs(m.answers.without_repeats - m.answers.accuracy) for m in found.models if m.answers]
    assert f"moves no mean by more than {100 * max(moved):.2f} points" in verdict(found)


def test_p_in_words() -> None:
    assert [p_text(p) for p in (1e-9, 0.03125, 0.5, 0.9999, 1.0)] == ["< 0.0001", "= 0.031", "= 0.5", "= 1", "= 1"]
