"""What part of a difference is due to when training stopped, in words."""

from collections.abc import Mapping

from scratchnn.study.pairs import Pair, Stopping
from scratchnn.study.results import Protocol
from scratchnn.study.standing import SIGNIFICANT, WHEN, Standing, kind, value
from scratchnn.study.statistics import Analysis, Statistics
from scratchnn.study.wording import MOST, listed, margin_in_words, p_of, points_of, signed


def explain_stopping(analysis: Analysis, standings: Mapping[Protocol, Standing]) -> list[str]:
    if len(standings) == 1:
        (missing,) = WHEN.keys() - standings.keys()
        return [f"No model was tested {WHEN[missing]}, so the study does not say what is due to when training stopped."]
    subject, best = standings["last"].subject.name, analysis.by_protocol["best"]
    moved, none, unknown = [], [], []
    for pair in standings["last"].pairs:
        found, other = analysis.stopping_of(subject, pair.second), best.pair(subject, pair.second)
        assert found is not None and other is not None
        d = found.difference
        if found.p_equivalent_holm < SIGNIFICANT or (
            d.is_range and -analysis.margin < d.low <= d.high < analysis.margin
        ):
            none.append(found)
        elif found.p_holm < SIGNIFICANT or d.is_range:
            moved.append(_moved(pair, other, found, best))
        else:
            unknown.append(found)
    sentences = moved[:MOST]
    if len(moved) > MOST:
        sentences.append(f"For {len(moved) - MOST} more, see the table of pairs.")
    if none:
        names, small = listed([each.second for each in none]), margin_in_words(analysis.margin)
        few = any(each.difference.is_range for each in none)
        sure = "" if few else f" ({p_of([each.p_equivalent_holm for each in none])})"
        among = "In these few seeds, when" if few else "When"
        sentences.append(f"{among} training stopped does not make {small} of difference against {names}{sure}.")
    if unknown:
        parts = [f"{points_of(each.difference, each.seeds, ' points')} against {each.second}" for each in unknown]
        sentences.append(f"How much is due to when training stopped is not decided: {listed(parts)}.")
    return sentences


def _moved(last: Pair, best: Pair, stopping: Stopping, statistics: Statistics) -> str:
    ahead = value(last.difference) >= 0
    if not ahead:
        last, best, stopping = last.turned(), best.turned(), stopping.turned()
    other = last.second if ahead else last.first
    L, B, S = value(last.difference), value(best.difference), stopping.difference.value
    due = points_of(stopping.difference, stopping.seeds)
    by_luck = best.p_holm >= SIGNIFICANT
    doubt = (
        "luck with the seeds is not ruled out" if by_luck else f"other test {statistics.noun}s could turn them round"
    )
    rest = {
        "equal": f", equivalent to none ({p_of([best.p_equivalent_holm])})",
        "open": f", for which {doubt} ({p_of([best.p_holm])})" if by_luck else f", and {doubt}",
        "few": "",
    }.get(kind(best, statistics), f", more than luck with the seeds explains ({p_of([best.p_holm])})")
    if L > 0 and S > 0 and B >= 0:
        side = "over" if ahead else "behind"
        return (
            f"Of the {signed(100 * L)} points {side} {other} after the last epoch, {due} are due to when training "
            f"stopped; at the best epoch {signed(100 * B)} remain{rest}."
        )
    if not ahead:
        L, B, due = -L, -B, points_of(stopping.difference.turned(), stopping.seeds)
    return (
        f"Against {other}, the difference of {signed(100 * L)} points after the last epoch becomes {signed(100 * B)} "
        f"at the best epoch{rest}: {due} are due to when training stopped."
    )
