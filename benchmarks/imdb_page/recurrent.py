"""What was published about recurrent networks on longer reviews, judged again."""

import numpy as np

from benchmarks.imdb_page import words
from benchmarks.imdb_page.questions import STILL, both, table
from benchmarks.imdb_page.words import BEST, Json
from scratchnn.study.inference import LEAST_SEEDS, sign_flip_p

ABOUT = 0.005  # "about 80%" is 79.5% or more
HEAD = "## When recurrent networks overfit, and what helps"


def section(content: Json) -> str:
    study = words.study_of(content, "recurrent")
    if study is None:
        return f"{HEAD}\n\n{STILL}"
    names = words.models_of(study)
    said = [overfits(content, study), dropout(content, study), both_ways(study), layers(study)]
    settings = study["models"][names[0]]["settings"]
    about = (
        f"SimpleRNN and one LSTM on the last {settings['length']} words of {settings['vocabulary']:,} "
        f"({words.seeds_of(study)}). Overfitting begins after the epoch of the lowest validation loss, which is also "
        "the best epoch."
    )
    body = table(study, names, "network", [f"`{name}`" for name in names])
    return "\n\n".join([HEAD, about, body, "\n".join(f"- {each}" for each in said if each)])


def overfits(content: Json, study: Json) -> str:
    claim, name = content["claims"]["rnn32"], "rnn32"
    if words.tested(study, BEST, name) is None:
        return ""
    low, high = claim["overfits"]
    epochs, highest = words.epochs(study, BEST, name), of_validation(study, name, "highest_accuracy")
    reaches = words.mean(highest) > claim["validation_accuracy"] - ABOUT
    return (
        f"*`{name}` reaches about {100 * claim['validation_accuracy']:.0f}% in validation and overfits after {low} to "
        f"{high} epochs.* As to the accuracy {'confirmed' if reaches else 'not confirmed'}: at its highest "
        f"{words.percent(words.mean(highest))}% (mean over the seeds; "
        f"{words.span([100 * each for each in highest], '.1f')}%). {timing(epochs, low, high)}"
    )


def timing(epochs: list[int], low: int, high: int) -> str:
    """Whether the lowest validation losses come when they were said to."""
    middle = words.median(epochs)
    when = (
        "when it was said to" if low <= middle <= high else "earlier than that" if middle < low else "later than that"
    )
    return (
        f"It overfits {when}: validation loss is lowest after {middle:g} epochs (median; {words.span(epochs)}), in "
        f"{sum(low <= each <= high for each in epochs)} of {len(epochs)} seeds after {low} to {high}."
    )


def dropout(content: Json, study: Json) -> str:
    name, without = "rnn-vdropout", "rnn32"
    if words.tested(study, BEST, name) is None or words.tested(study, BEST, without) is None:
        return ""
    low, high = content["claims"][name]["overfits"]
    later, p = postponed(study, name, without)
    sure = p is not None and p < words.SIGNIFICANT
    answer = "not decided" if not sure else "yes, it does postpone it" if later > 0 else "no, it comes earlier"
    return (
        f"*Variational dropout (`{name}`) postpones overfitting to {low} to {high} epochs.* "
        f"{answer[0].upper()}{answer[1:]} (by {later:.1f} epochs, the mean over the seeds, {words.p_text(p)}). "
        f"{timing(words.epochs(study, BEST, name), low, high)} "
        f"{both(study, name, without)}"
    )


def postponed(study: Json, first: str, second: str) -> tuple[float, float | None]:
    """By how many epochs the lowest validation loss of the first comes later, and the sign-flip test's p."""
    found = [study["protocols"][BEST]["models"][name]["seeds"] for name in (first, second)]
    later = [found[0][seed]["epoch"] - found[1][seed]["epoch"] for seed in found[0] if seed in found[1]]
    p = sign_flip_p(np.array(later)) if len(later) >= LEAST_SEEDS else None
    return words.mean(later), p


def both_ways(study: Json) -> str:
    return compared(study, "birnn", "Reading in both directions (`birnn`) helps.")


def layers(study: Json) -> str:
    return compared(study, "rnn-stacked", "Four layers (`rnn-stacked`) help.")


def compared(study: Json, name: str, claim: str) -> str:
    """Beside rnn32 at the best epochs, since it is trained for longer; under both protocols beside rnn28."""
    pair = words.pair_of(study, BEST, name, "rnn32")
    if pair is None:
        return ""
    highest = [of_validation(study, each, "highest_accuracy") for each in (name, "rnn32")]
    seen = [words.span([100 * each for each in values], ".1f") for values in highest]
    epochs = [study["models"][each]["settings"]["epochs"] for each in (name, "rnn32")]
    alike = (
        ""
        if epochs[0] == epochs[1]
        else f" (trained for {epochs[0]} and {epochs[1]} epochs, so their last ones are not compared)"
    )
    return (
        f"*{claim}* Is `{name}` better than `rnn32` at the best epochs of both{alike}? "
        f"{words.sentence(words.answer(pair))} In validation it reaches {seen[0]}% at best, `rnn32` "
        f"{seen[1]}%. {both(study, name, 'rnn28')}"
    )


def of_validation(study: Json, name: str, key: str) -> list[float]:
    return [run[key] for run in study["models"][name]["validation"].values()]
