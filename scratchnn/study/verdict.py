"""The answer in words: does the LSTM beat the others, by how much, how sure are we? Every number in it is computed.

Where a study tests each model after its last epoch and after its best one, it answers for both, and says how much of
the differences the choice between them explains.
"""

import math
from collections.abc import Sequence

from scratchnn.study.inference import LEAST_SEEDS, Estimate
from scratchnn.study.pairs import SIGNIFICANT, Pair, Stopping
from scratchnn.study.results import Protocol
from scratchnn.study.statistics import Analysis, ModelStatistics, Statistics

MOST = 4  # models named in one sentence
WHEN: dict[Protocol, str] = {"last": "After the last epoch", "best": "At the best epoch"}


def verdict(analysis: Analysis) -> list[str]:
    """Return paragraphs: one for each protocol, one of what they share. What a study cannot answer, and why, they say."""
    if not analysis.counted:
        return [" ".join(["No run counts, so there is nothing to compare.", *_left_out(analysis)])]
    paragraphs = [" ".join(_of_protocol(found, analysis)) for found in analysis.by_protocol.values()]
    shared = _stopping(analysis)
    if len(analysis.by_protocol) == 1:
        (protocol,) = analysis.by_protocol
        taken = (
            "after its last epoch" if protocol == "last" else "at its best epoch, that of the lowest validation loss"
        )
        shared.append(f"Every model is taken {taken}.")
    shared += _repeats([model for found in analysis.by_protocol.values() for model in found.models])
    return [*paragraphs, " ".join([*shared, *_left_out(analysis)])]


def _of_protocol(statistics: Statistics, analysis: Analysis) -> list[str]:
    when = WHEN[statistics.protocol] if len(analysis.by_protocol) > 1 else ""
    counted = [model for model in statistics.models if model.accuracy]
    if len(counted) == 1:
        alone = "Nothing can be said of other models: a comparison needs at least two that finished."
        return [_result(counted[0], when) + ".", alone]
    return _comparison(statistics, counted, when, analysis.margin)


def _comparison(statistics: Statistics, counted: Sequence[ModelStatistics], when: str, margin: float) -> list[str]:
    lstm = statistics.model("lstm")
    subject = next(model for model in counted if model.name == statistics.subject)
    pairs = [statistics.pair(subject.name, model.name) for model in counted if model is not subject]
    found = sorted((pair for pair in pairs if pair is not None), key=_clearest_first)
    compared = [pair for pair in found if pair.obstacle is None]
    same = [pair for pair in compared if pair.finding == "alike"]
    apart = [pair for pair in compared if pair.finding == "apart"]
    won = [pair for pair in apart if _value(pair.difference) > 0]
    lost = [pair for pair in apart if _value(pair.difference) < 0]
    few = [pair for pair in compared if pair not in (*won, *lost, *same) and not _can_decide(pair, statistics)]
    left = [pair for pair in compared if pair not in (*won, *lost, *same, *few)]
    chance = [pair for pair in left if pair.p_holm >= SIGNIFICANT]
    reviews = [pair for pair in left if pair not in chance]

    sentences = []
    if subject is not lstm:
        why = "is not in this study" if lstm is None else "has no run that counts"
        sentences.append(f"The model lstm {why}, so the question is asked of the most accurate one, {subject.name}.")
    if compared:
        sentences.append(_answer(subject.name, compared, (won, lost, same, few), when))
    sentences.append(_result(subject, "" if compared else when) + ".")
    for side, words in ((won, "beats"), (lost, "loses to")):
        if side:
            sentences.append(f"It {words} {_few([_by(pair) for pair in side])}: {_sureness(side)}.")
    if same:
        each = "that is" if len(same) == 1 else "each is"
        largest = max(pair.p_equivalent_holm for pair in same)
        sentences.append(
            f"It is equivalent to {_few([f'{pair.second}, {_points(pair)}' for pair in same])}: {each} within "
            f"{_margin(margin)} (two one-sided tests, with Holm's correction: p {p_text(largest, len(same) > 1)})."
        )
    if chance:
        smallest = min(pair.p_holm for pair in chance)
        sentences.append(
            f"The differences left are {_few([_against(pair) for pair in chance])}: neither luck with the seeds nor "
            f"equivalence is ruled out (sign-flip p {p_text(smallest)}{' or more' if len(chance) > 1 else ''})."
        )
    if reviews:
        sentences.append(
            f"It differs by {_few([_against(pair) for pair in reviews])}: other seeds would show that again, but with "
            "other test reviews it could turn round."
        )
    if few:
        sentences += _too_few(few, statistics)
    if obstacles := [pair for pair in found if pair.obstacle]:
        why = _few([f"{pair.first} with {pair.second} ({pair.obstacle})" for pair in obstacles])
        sentences.append(f"Not compared: {why}.")
    return sentences


def _answer(
    subject: str,
    compared: Sequence[Pair],
    sides: tuple[Sequence[Pair], Sequence[Pair], Sequence[Pair], Sequence[Pair]],
    when: str,
) -> str:
    """The short answer, before the numbers."""
    won, lost, same, few = map(len, sides)
    total = len(compared)
    others = "the other model" if total == 1 else f"each of the {total} others"
    if won == total:
        word, rest = "yes", f"{subject} beats {others}"
    elif lost == total:
        word, rest = "no", f"{subject} loses to {others}"
    elif same == total:
        word, rest = "no", f"{subject} is equivalent to {others}"
    elif not won and not lost and not same:
        best = all(_value(pair.difference) > 0 for pair in compared)
        standing = f"{subject} has a higher mean than {others}" if best else f"{subject} does not stand above {others}"
        why = "there are too few seeds to tell" if few else "luck with the seeds could explain the differences"
        word, rest = "not decided", f"{standing}, {'but' if best else 'and'} {why}"
    else:
        parts = [(won, "beats {}"), (lost, "loses to {}"), (same, "is equivalent to {}")]
        told = [words.format(number) for number, words in parts if number]
        left = total - won - lost - same
        word = "in part" if won else "not for certain" if left else "no"
        rest = f"of {total} others {subject} {_few(told)}" + (f", and {left} are not decided" if left > 1 else "")
        rest += ", and one is not decided" if left == 1 else ""
    if when:
        return f"{when}, {word}: {rest}."
    return f"{word.capitalize()}{',' if word in ('yes', 'no') else ':'} {rest}."


def _stopping(analysis: Analysis) -> list[str]:
    """How much of the subject's differences is due to the epoch at which models were taken."""
    best = analysis.by_protocol.get("best")
    if best is None or not analysis.stopping or best.subject is None:
        return []
    subject = best.subject
    found = [
        (pair, stopping)
        for model in best.models
        if (pair := best.pair(subject, model.name)) is not None
        and (stopping := analysis.stopping_of(subject, model.name)) is not None
    ]
    found.sort(key=lambda each: -abs(each[1].difference.value))
    explained = [each for each in found if each[1].p < SIGNIFICANT]
    sentences = []
    if explained:
        told = [_explained(pair, stopping) for pair, stopping in explained[:MOST]]
        more = f"; {len(explained) - MOST} more are changed too" if len(explained) > MOST else ""
        sentences.append(f"When training stops explains part of the differences: {'; '.join(told)}{more}.")
    unmoved = [each for each in found if each not in explained and each[1].p_equivalent < SIGNIFICANT]
    if unmoved:
        names = _few([pair.second for pair, _ in unmoved])
        sentences.append(
            f"When training stops changes the difference to {names} by less than {_margin(analysis.margin)}."
        )
    return sentences


def _explained(pair: Pair, stopping: Stopping) -> str:
    d, at_best = stopping.difference, _value(pair.difference)
    last = _signed(100 * (at_best + d.value))
    ends = "" if len(stopping.seeds) == 1 else f" ({_signed(100 * d.low)} to {_signed(100 * d.high)})"
    due = f"{_signed(100 * d.value)}{ends} are due to it"
    return f"of {last} points over {pair.second} after the last epoch, {due}, and {_signed(100 * at_best)} remain"


def _margin(margin: float) -> str:
    return "half a point" if margin == 0.005 else f"{100 * margin:g} point{'s' * (margin != 0.01)}"


def _result(model: ModelStatistics, when: str = "") -> str:
    assert model.accuracy is not None
    accuracy, seeds = model.accuracy, len(model.seeds)
    ends = f"{100 * accuracy.low:.1f}% to {100 * accuracy.high:.1f}%"
    over = (
        f"over {seeds} seeds, {model.name} is" if seeds > 1 else f"with the one seed {model.seeds[0]}, {model.name} is"
    )
    over = f"{when}, {over}" if when else f"{over[0].upper()}{over[1:]}"
    text = f"{over} right on {100 * accuracy.value:.1f}% of the test reviews"
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
    p = f"p {p_text(largest, len(pairs) > 1)}"
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


def _left_out(analysis: Analysis) -> list[str]:
    runs = analysis.left_out
    if not runs:
        return []
    total = len(runs) + analysis.counted
    names = _few([f"{run.model} seed {run.seed}" for run in runs])
    return [
        f"Of {total} run{'s' * (total > 1)} {len(runs)} failed and {'is' if len(runs) == 1 else 'are'} left out: "
        f"{names}."
    ]


def p_text(p: float, at_most: bool = False) -> str:
    """Return "= 0.031", or "< 0.0001" where more digits would say nothing more. `at_most`: of several, the largest."""
    if at_most and 1e-4 <= p < 0.995:
        return f"at most {p:.2g}"
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
