"""The answer in words: does the LSTM beat the others, by how much, how sure are we? Every number in it is computed."""

import math
from collections.abc import Mapping, Sequence

from scratchnn.study.inference import LEAST_SEEDS
from scratchnn.study.one_model import ModelStatistics
from scratchnn.study.results import Protocol
from scratchnn.study.standing import CONTROL_NAMES, SIGNIFICANT, WHEN, Standing, is_control, value
from scratchnn.study.statistics import Analysis, Statistics
from scratchnn.study.stopping import explain_stopping
from scratchnn.study.wording import against_of, by, listed, margin_in_words, p_of


def verdict(analysis: Analysis) -> str:
    """Return two paragraphs at most, an empty line between them. Where the study cannot answer, it says so."""
    counted = [model for model in analysis.first.models if model.accuracy]
    if not counted:
        paragraphs = [["No run counts, so there is nothing to compare."]]
    elif len(counted) == 1:
        results = [
            _result(model, each.noun)
            for each in analysis.by_protocol.values()
            for model in each.models
            if model.accuracy
        ]
        paragraphs = [[*results, "Nothing can be said of other models: a comparison needs at least two that finished."]]
    else:
        paragraphs = _comparison(analysis, counted)
    remarks = _repeats(analysis) + _converged(analysis.first) + _left_out(analysis.first)
    paragraphs = [*paragraphs[:-1], paragraphs[-1] + remarks]
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs if sentences)


def _comparison(analysis: Analysis, counted: Sequence[ModelStatistics]) -> list[list[str]]:
    subject = analysis.first.subject
    assert subject is not None
    standings: dict[Protocol, Standing] = {
        name: Standing.of(each, subject) for name, each in analysis.by_protocol.items()
    }
    first = next(iter(standings.values()))
    opening, closing = [], []
    if analysis.first.noun != "review":
        opening.append(f"The others are compared with the most accurate model, {subject}.")
    elif subject != "lstm":
        why = "is not in this study" if analysis.first.model("lstm") is None else "has no run that counts"
        opening.append(f"The model lstm {why}, so the question is asked of the most accurate one, {subject}.")
    if first.pairs:
        depends = any(
            each.p_holm < SIGNIFICANT <= each.p_equivalent_holm
            for each in analysis.stopping
            if subject in (each.first, each.second)
        )
        opening.insert(0, _answer(subject, standings, depends))
        closing += explain_stopping(analysis, standings)
        closing += _too_few(standings)
        closing += _tests(standings)
    if first.obstacles:
        why = listed([f"{pair.first} with {pair.second} ({pair.obstacle})" for pair in first.obstacles])
        closing.append(f"Not compared: {why}.")
    asked = analysis.first.noun == "example" or any(is_control(model.name) for model in counted)
    if any(each.won for each in standings.values()) and not asked:
        closing.append(
            f"None of the models that count words ({', '.join(CONTROL_NAMES)}) is in this study, so it does not say "
            "whether a network that reads the words in order is needed."
        )
    for each in standings.values():
        opening += _details(each, analysis.margin)
    return [opening, closing]


# ---- The short answer, before the numbers


def _answer(subject: str, standings: Mapping[Protocol, Standing], depends: bool) -> str:
    """`depends`: when training stopped is shown to change some difference, which other standings alone do not show."""
    every = list(standings.values())
    number = every[0].compared
    others = "the other model" if number == 1 else f"each of the {number} others"
    when = f", {' and '.join(WHEN[name] for name in standings)}" if len(every) > 1 else ""
    if all(len(each.won) == number for each in every):
        return f"Yes, {subject} beats {others}{when}."
    if all(len(each.lost) == number for each in every):
        return f"No, {subject} loses to {others}{when}."
    if all(len(each.equal) == number for each in every):
        return f"No, {subject} is equivalent to {others}{when}."
    if not any(each.won or each.lost or each.equal for each in every):
        above = [value(pair.difference) > 0 for each in every for pair in each.open + each.few]
        best = all(above)
        standing = f"{subject} has a higher mean than {others if best else 'some of the others'}"
        standing = standing if any(above) else f"{subject} does not stand above {others}"
        undecided = [pair for each in every for pair in each.open + each.few]
        by_luck = any(pair.p_holm >= SIGNIFICANT for pair in undecided)
        drawn = "seeds" if by_luck else f"test {every[0].statistics.noun}s"
        why = f"luck with the {drawn} could explain the differences"
        why = "there are too few seeds to tell" if any(each.few for each in every) else why
        return f"Not decided: {standing}{when if best or not any(above) else ''}, {'but' if best else 'and'} {why}."
    if all(each.groups == every[0].groups for each in every):
        return f"In part: {subject} {_phrase(every[0])}{when}."
    last, best = standings["last"], standings["best"]
    head = "The answer depends on when training stops" if depends else "In part"
    return f"{head}: {WHEN['last']} {subject} {_phrase(last)}; {WHEN['best']} it {_phrase(best)}."


def _phrase(standing: Standing) -> str:
    kinds = (("beats", standing.won), ("is equivalent to", standing.equal), ("loses to", standing.lost))
    said = [f"{verb} {listed([pair.second for pair in pairs])}" for verb, pairs in kinds if pairs]
    if undecided := standing.open + standing.few:
        names = listed([pair.second for pair in undecided])
        said.append(f"is not decided against {names}" if not said else f"nothing is decided against {names}")
    return ", ".join([" and ".join(said)] if len(said) < 3 else [*said[:-1], f"and {said[-1]}"])


# ---- The numbers of one protocol


def _details(standing: Standing, margin: float) -> list[str]:
    noun = standing.statistics.noun
    sentences = [_result(standing.subject, noun)]
    for pairs, verb in ((standing.won, "beats"), (standing.lost, "loses to")):
        if pairs:
            sentences.append(f"It {verb} {listed([by(pair) for pair in pairs])} ({p_of([x.p_holm for x in pairs])}).")
    if equal := standing.equal:
        p = p_of([pair.p_equivalent_holm for pair in equal])
        differences = listed([against_of(pair) for pair in equal])
        sentences.append(f"Equivalent, within {margin_in_words(margin)}: {differences} ({p}).")
        if real := [pair for pair in equal if pair.p_holm < SIGNIFICANT]:
            names, p = listed([pair.second for pair in real]), p_of([pair.p_holm for pair in real])
            sentences.append(f"That small difference to {names} is more than luck with the seeds explains ({p}).")
    if standing.open:
        against = listed([against_of(pair) for pair in standing.open])
        p = p_of([pair.p_holm for pair in standing.open], least=True)
        sentences.append(f"Not decided, neither different nor equivalent: {against} ({p}).")
        if unsure := [pair.second for pair in standing.open if pair.p_holm < SIGNIFICANT]:
            sentences.append(
                f"Other seeds would show the difference to {listed(unsure)} again, but other test {noun}s could turn "
                "it round: the interval includes 0."
            )
    if standing.few:
        sentences.append(f"It differs by {listed([against_of(pair) for pair in standing.few])}.")
    return sentences


def _result(model: ModelStatistics, noun: str) -> str:
    assert model.accuracy is not None
    accuracy, seeds = model.accuracy, len(model.seeds)
    when = WHEN[model.protocol]
    text = f"{when[0].upper()}{when[1:]}, {model.name} is right on {100 * accuracy.value:.1f}% of the test {noun}s"
    if seeds == 1:
        return f"{text} with the one seed {model.seeds[0]}."
    ends = f"{100 * accuracy.low:.1f}% to {100 * accuracy.high:.1f}%"
    return f"{text} ({f'range of {seeds} seeds' if accuracy.is_range else f'{seeds} seeds, 95% interval'} {ends})."


# ---- How sure


def _tests(standings: Mapping[Protocol, Standing]) -> list[str]:
    number = max(each.statistics.compared for each in standings.values())
    first = next(iter(standings.values())).statistics
    decided = [pair for each in standings.values() for pair in each.won + each.lost + each.equal + each.open]
    if not decided:
        return []
    holm = f", with Holm's correction for {number} pairs" if number > 1 else ""
    what = "that a model beats or loses to another are of sign-flip tests over the seeds"
    what += ", those of equivalence of two one-sided tests" if any(each.equal for each in standings.values()) else ""
    sentences = [f"The p values {what}{holm}."]
    if alike := list(dict.fromkeys(pair.second for pair in decided if not pair.seeds_matter)):
        subject = decided[0].first
        sentences.append(
            f"Every seed gives the same {subject} and the same {listed(alike)}: between them the p is McNemar's, over "
            f"the {first.noun}s."
        )
    return sentences


def _too_few(standings: Mapping[Protocol, Standing]) -> list[str]:
    pairs = [pair for each in standings.values() for pair in each.few]
    if not pairs:
        return []
    number = max(each.statistics.compared for each in standings.values())
    seeds = max(len(pair.seeds) for pair in pairs)
    need = next(n for n in range(LEAST_SEEDS, 64) if 2.0 ** (1 - n) * number < SIGNIFICANT)
    limit = f"With {seeds} common seed{'s' * (seeds > 1)} the sign-flip test cannot give a p below "
    limit += f"{2.0 ** (1 - seeds):.2g}: fewer than {LEAST_SEEDS} seeds cannot reach {SIGNIFICANT}"
    limit += f", and with Holm's correction for {number} pairs fewer than {need} cannot" if need > LEAST_SEEDS else ""
    sentences = [f"{limit}. So this is not decided; {need} seeds or more could decide it."]
    if seeds == 1:
        sentences.append("One seed does not show how much the result would change in another training.")
    for name, each in standings.items():
        clear = [pair for pair in each.few if pair.difference and pair.difference.low * pair.difference.high > 0]
        if clear and seeds > 1:
            ranges = any(pair.difference.is_range for pair in clear if pair.difference)
            what = "every seed has the same sign" if ranges else "the interval excludes 0"
            against = listed([pair.second for pair in clear])
            sentences.append(f"{WHEN[name].capitalize()} {what} against {against}: a hint, not a decision.")
    return sentences


def _repeats(analysis: Analysis) -> list[str]:
    changes = [
        abs(model.answers.without_repeats - model.answers.accuracy)
        for statistics in analysis.by_protocol.values()
        for model in statistics.models
        if model.answers and model.answers.repeats and math.isfinite(model.answers.without_repeats)
    ]
    if not changes:
        return []
    return [
        f"Leaving out the test {analysis.first.noun}s that also occur in the training set moves no mean by more than "
        f"{max(1, math.ceil(1e4 * max(changes) - 1e-9)) / 100:.2f} points."
    ]


def _converged(statistics: Statistics) -> list[str]:
    """The linear models end where their loss falls no more, which may be before the last epoch that was asked for."""
    sentences = []
    for model in statistics.models:
        asked, done = model.settings.get("epochs"), [len(run.history.get("loss", [])) for run in model.runs]
        if asked and done and 0 < max(done) < asked and model.settings.get("arch") != "majority":
            span = f"{min(done)}" if min(done) == max(done) else f"{min(done)} to {max(done)}"
            sentences.append(f"{model.name} stopped after {span} of {asked} epochs, where its loss fell no more.")
    return sentences


def _left_out(statistics: Statistics) -> list[str]:
    runs = statistics.left_out
    if not runs:
        return []
    total = len(runs) + sum(len(model.runs) for model in statistics.models)
    names = listed([f"{run.model} seed {run.seed}" for run in runs])
    are = "is" if len(runs) == 1 else "are"
    return [f"Of {total} run{'s' * (total > 1)} {len(runs)} failed and {are} left out: {names}."]
