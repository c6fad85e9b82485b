"""The answer in words: does the LSTM beat the others, by how much, how sure are we? Every number in it is computed."""

import math
from collections.abc import Sequence

from scratchnn.study.inference import LEAST_SEEDS, Estimate
from scratchnn.study.pairs import Pair
from scratchnn.study.statistics import ModelStatistics, Statistics

SIGNIFICANT = 0.05
MOST = 4  # models named in one sentence


def verdict(statistics: Statistics) -> str:
    """Return one paragraph. Where the study cannot answer, it says so and what would."""
    counted = [model for model in statistics.models if model.accuracy]
    if not counted:
        sentences = ["No run counts, so there is nothing to compare."]
    elif len(counted) == 1:
        sentences = [_alone(counted[0])]
    else:
        sentences = _comparison(statistics, counted)
    sentences += _repeats(counted) + _left_out(statistics)
    return " ".join(sentences)


def _alone(model: ModelStatistics) -> str:
    return f"{_result(model)}. Nothing can be said of other models: a comparison needs at least two that finished."


def _comparison(statistics: Statistics, counted: Sequence[ModelStatistics]) -> list[str]:
    lstm = statistics.model("lstm")
    subject = next(model for model in counted if model.name == statistics.subject)
    pairs = [statistics.pair(subject.name, model.name) for model in counted if model is not subject]
    found = sorted((pair for pair in pairs if pair is not None), key=_clearest_first)
    compared = [pair for pair in found if pair.obstacle is None]
    won = [pair for pair in compared if pair.p_holm < SIGNIFICANT and _value(pair.difference) > 0]
    lost = [pair for pair in compared if pair.p_holm < SIGNIFICANT and _value(pair.difference) < 0]
    few = [pair for pair in compared if pair not in (*won, *lost) and not _can_decide(pair, statistics)]
    chance = [pair for pair in compared if pair not in (*won, *lost, *few)]

    sentences = []
    if subject is not lstm:
        why = "is not in this study" if lstm is None else "has no run that counts"
        sentences.append(f"The model lstm {why}, so the question is asked of the most accurate one, {subject.name}.")
    if compared:
        sentences.append(_answer(subject.name, compared, won, lost, few))
    sentences.append(_result(subject) + ".")
    for side, words in ((won, "beats"), (lost, "loses to")):
        if side:
            sentences.append(f"It {words} {_few([_by(pair) for pair in side])}: {_sureness(side)}.")
    if chance:
        smallest = min(pair.p_holm for pair in chance)
        sentences.append(
            f"The differences left are {_few([_against(pair) for pair in chance])}: luck with the seeds is not ruled "
            f"out (p {p_text(smallest)}{' or more' if len(chance) > 1 else ''})."
        )
    if few:
        sentences += _too_few(few, statistics)
    if obstacles := [pair for pair in found if pair.obstacle]:
        why = _few([f"{pair.first} with {pair.second} ({pair.obstacle})" for pair in obstacles])
        sentences.append(f"Not compared: {why}.")
    return sentences


def _answer(
    subject: str, compared: Sequence[Pair], won: Sequence[Pair], lost: Sequence[Pair], few: Sequence[Pair]
) -> str:
    """The short answer, before the numbers."""
    others = "the other model" if len(compared) == 1 else f"each of the {len(compared)} others"
    if len(won) == len(compared):
        return f"Yes, {subject} beats {others}."
    if len(lost) == len(compared):
        return f"No, {subject} loses to {others}."
    if not won and not lost:
        best = all(_value(pair.difference) > 0 for pair in compared)
        standing = f"{subject} has a higher mean than {others}" if best else f"{subject} does not stand above {others}"
        why = "there are too few seeds to tell" if few else "luck with the seeds could explain the differences"
        return f"Not decided: {standing}, {'but' if best else 'and'} {why}."
    beats = (
        f"beats {len(won)} of {len(compared)} others" if won else f"beats none of {len(compared)} others for certain"
    )
    return f"In part: {subject} {beats}" + (f" and loses to {len(lost)}." if lost else ".")


def _result(model: ModelStatistics) -> str:
    assert model.accuracy is not None
    accuracy, seeds = model.accuracy, len(model.seeds)
    ends = f"{100 * accuracy.low:.1f}% to {100 * accuracy.high:.1f}%"
    over = (
        f"over {seeds} seeds, {model.name} is" if seeds > 1 else f"with the one seed {model.seeds[0]}, {model.name} is"
    )
    text = f"{over[0].upper()}{over[1:]} right on {100 * accuracy.value:.1f}% of the test reviews"
    if seeds == 1:
        return text
    return f"{text} ({f'range of {seeds} seeds' if accuracy.is_range else '95% interval'} {ends})"


def _by(pair: Pair) -> str:
    return f"{pair.second} by {_points(pair.turned() if _value(pair.difference) < 0 else pair)}"


def _against(pair: Pair) -> str:
    return f"{_points(pair)} against {pair.second}"


def _points(pair: Pair) -> str:
    """The difference in points, in brackets its interval, or the range of few seeds, named as such."""
    difference, seeds = pair.difference, len(pair.seeds)
    assert difference is not None
    value, low, high = (_signed(100 * number) for number in (difference.value, difference.low, difference.high))
    if seeds == 1:
        return f"{value} points"
    return f"{value} points ({f'{seeds} seeds: ' if difference.is_range else ''}{low} to {high})"


def _signed(number: float) -> str:
    """One digit, with a real minus sign, and none before zero."""
    text = f"{number:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "\N{MINUS SIGN}")


def _sureness(pairs: Sequence[Pair]) -> str:
    largest = max(pair.p_holm for pair in pairs)
    seeds = min(len(pair.seeds) for pair in pairs)
    what = "that is" if len(pairs) == 1 else "each is"
    p = f"p at most {largest:.2g}" if len(pairs) > 1 and largest >= 1e-4 else f"p {p_text(largest)}"
    over = f"over {seeds} seeds{' or more' if any(len(pair.seeds) > seeds for pair in pairs) else ''}"
    return f"{what} more than luck with the seeds explains (sign-flip test {over}, with Holm's correction: {p})"


def _can_decide(pair: Pair, statistics: Statistics) -> bool:
    """Whether so many seeds could ever reach a small p, the correction for the number of pairs included."""
    return pair.smallest_p * _number_compared(statistics) < SIGNIFICANT


def _number_compared(statistics: Statistics) -> int:
    return sum(pair.obstacle is None for pair in statistics.pairs)


def _too_few(pairs: Sequence[Pair], statistics: Statistics) -> list[str]:
    number = _number_compared(statistics)
    seeds = max(len(pair.seeds) for pair in pairs)
    need = next(n for n in range(LEAST_SEEDS, 64) if 2.0 ** (1 - n) * number < SIGNIFICANT)
    p = f"{2.0 ** (1 - seeds):.2g}"
    sentences = [f"It differs by {_few([_against(pair) for pair in pairs])}."]
    limit = f"With {seeds} common seed{'s' * (seeds > 1)} the sign-flip test cannot give a p below {p}: "
    limit += f"fewer than {LEAST_SEEDS} seeds cannot reach {SIGNIFICANT}"
    limit += f", and with Holm's correction for {number} pairs fewer than {need} cannot" if need > LEAST_SEEDS else ""
    sentences.append(f"{limit}. So this is not decided; {need} seeds or more could decide it.")
    if seeds == 1:
        sentences.append("One seed does not show how much the result would change in another training.")
    elif clear := [pair.second for pair in pairs if pair.difference and pair.difference.low * pair.difference.high > 0]:
        ranges = any(pair.difference.is_range for pair in pairs if pair.difference)
        what = "Every seed has the same sign" if ranges else "The interval excludes 0"
        sentences.append(f"{what} against {_few(clear)}: a hint, not a decision.")
    return sentences


def _repeats(models: Sequence[ModelStatistics]) -> list[str]:
    changes = [
        abs(model.answers.without_repeats - model.answers.accuracy)
        for model in models
        if model.answers and model.answers.repeats and math.isfinite(model.answers.without_repeats)
    ]
    if not changes:
        return []
    return [
        "Leaving out the test reviews that also occur in the training set moves no mean by more than "
        f"{max(0.01, 100 * max(changes)):.2f} points."
    ]


def _left_out(statistics: Statistics) -> list[str]:
    runs = statistics.left_out
    if not runs:
        return []
    total = len(runs) + sum(len(model.runs) for model in statistics.models)
    names = _few([f"{run.model} seed {run.seed}" for run in runs])
    return [
        f"Of {total} run{'s' * (total > 1)} {len(runs)} failed and {'is' if len(runs) == 1 else 'are'} left out: "
        f"{names}."
    ]


def p_text(p: float) -> str:
    """Return "= 0.031", or "< 0.0001" where more digits would say nothing more."""
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}" if p < 0.995 else "= 1"


def _clearest_first(pair: Pair) -> float:
    return -abs(pair.difference.value) if pair.difference else math.inf


def _value(estimate: Estimate | None) -> float:
    return math.nan if estimate is None else estimate.value


def _few(words: Sequence[str]) -> str:
    """The words as a list, those after the fourth as a number when there are more than one."""
    if len(words) > MOST + 1:
        words = [*words[:MOST], f"{len(words) - MOST} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
