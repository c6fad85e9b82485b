"""What is wrong with labelled texts before anything is trained on them: an audit in plain values."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnn.core.names import plural
from scratchnn.data.own.labelled import Labelled, Parts, Row
from scratchnn.data.own.loading import class_names, is_number, length_for, ranked_words, words_of

_SHOWN = 5  # examples of each kind
_PERCENTILES = (5, 25, 50, 75, 95, 100)
# A word foretells a label where nearly all texts with it have that label, and half of the texts of the label have it.
_SURE, _COMMON, _OFTEN = 0.98, 0.5, 10
_MISSING = {"nan", "null", "none", "n/a", "na", "nil", "undefined", "?", "-"}  # what programs write for no label
_NAMED = 0.05  # share of the texts of a label that have its name in them, and twice as many as others


@dataclass(frozen=True)
class Audit:
    """Numbers by name, as JSON takes them, and what deserves a look, in words."""

    numbers: dict[str, Any]
    findings: tuple[str, ...]


def audit(read: Parts, split: Parts, *, num_words: int, length: int | None, min_count: int) -> Audit:
    """Look at texts as they were `read`, and as they are `split` to train, validate and test on."""
    of_text = {row.text: words_of(row.text) for _, row in _all_rows(read)}
    words = {name: [of_text[text] for text in part.texts] for name, part in split.named().items()}
    normal = {text: " ".join(each) for text, each in of_text.items()}
    lengths = np.array([len(each) for each in words["train"]])
    length = length_for(lengths) if length is None else length
    numbers: dict[str, Any] = {
        "source": read.source,
        "digest": read.digest,
        "parts": {name: _sizes(split, part) for name, part in split.named().items()},
        "empty": len(read.empty),
        "left_out": list(read.notes),
        "duplicates": _duplicates(read, normal),
        "two_labels": _with_two_labels(read, normal),
        "overlap": {name: _overlap(split, normal, name) for name in split.named() if name != "train"},
        "words": {str(p): int(np.percentile(lengths, p)) for p in _PERCENTILES},
        "length": length,
        "cut": float(np.mean(lengths + 1 > length)),
        **_vocabulary(split, words, num_words, min_count),
        "labels_alike": _alike(class_names(split)),
        "leaks": _leaks(split.train, words["train"]),
        "names_in_texts": _names_in_texts(split.train, words["train"]),
    }
    return Audit(numbers, tuple(_findings(numbers)))


def _sizes(split: Parts, part: Labelled) -> dict[str, Any]:
    return {"texts": len(part), "classes": {name: part.counts[name] for name in class_names(split)}}


def _all_rows(read: Parts) -> list[tuple[str, Row]]:
    """Each row with the place it was read at, its part named where there are several."""
    named = read.named()
    return [
        (row.place if len(named) == 1 else f"{name}, {row.place}", row)
        for name, part in named.items()
        for row in part.rows
    ]


def _duplicates(read: Parts, normal: dict[str, str]) -> dict[str, Any]:
    """Texts that were there before: to the letter, and after normalising, which leaves only their words."""
    exact = Counter(row.text for _, row in _all_rows(read))
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for place, row in _all_rows(read):
        groups[normal[row.text]].append(place)
    several = [places for places in groups.values() if len(places) > 1]
    return {
        "exact": exact.total() - len(exact),
        "normalised": sum(map(len, groups.values())) - len(groups),
        "examples": [places[:3] for places in several[:_SHOWN]],
    }


def _with_two_labels(read: Parts, normal: dict[str, str]) -> dict[str, Any]:
    """Texts of the same words with different labels: nothing can learn both."""
    groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for place, row in _all_rows(read):
        groups[normal[row.text]].append((place, row.label))
    torn = [group for group in groups.values() if len({label for _, label in group}) > 1]
    return {
        "texts": sum(map(len, torn)),
        "examples": [[f"{place} ({label})" for place, label in group[:3]] for group in torn[:_SHOWN]],
    }


def _overlap(split: Parts, normal: dict[str, str], name: str) -> dict[str, int]:
    """How many texts of a part are among the training texts too."""
    exact = set(split.train.texts)
    same_words = {normal[text] for text in exact}
    part: Labelled = getattr(split, name)
    return {
        "exact": sum(text in exact for text in part.texts),
        "normalised": sum(normal[text] in same_words for text in part.texts),
    }


def _vocabulary(split: Parts, words: dict[str, list[list[str]]], num_words: int, min_count: int) -> dict[str, Any]:
    """How many words there are, how many are known, and which share of each part is not."""
    different = {word for each in words["train"] for word in each}
    ranked = ranked_words(split.train.texts, min_count)
    known = set(ranked[: num_words - 4])  # four ids stand for no word
    unknown = {name: _share_outside(known, texts) for name, texts in words.items()}
    words_cut = len(ranked) - len(known)
    return {"different_words": len(different), "known_words": len(known), "cut_words": words_cut, "unknown": unknown}


def _share_outside(known: set[str], texts: Iterable[Sequence[str]]) -> float:
    words = [word not in known for each in texts for word in each]
    return sum(words) / max(len(words), 1)


def _alike(names: Sequence[str]) -> list[list[str]]:
    """Labels that differ in capitals, white space, "_" and "-" alone, or are one number."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_plain(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def _plain(name: str) -> str:
    if is_number(name):
        return f"{float(name):g}"
    letters = unicodedata.normalize("NFKC", name).casefold().replace("_", "").replace("-", "")
    return "".join(each for each in letters if not each.isspace() and unicodedata.category(each) != "Cf")


def _leaks(train: Labelled, words: list[list[str]]) -> list[dict[str, Any]]:
    """Words that foretell a label, those of the most texts first."""
    by_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, each in zip(train.labels, words, strict=True):
        for word in set(each):
            by_word[word][label] += 1
    found = []
    for word, counts in by_word.items():
        ((label, right),) = counts.most_common(1)
        share, of_label = right / counts.total(), right / train.counts[label]
        if share >= _SURE and of_label >= _COMMON and right >= _OFTEN:
            found.append({"word": word, "label": label, "right": share, "of_label": of_label})
    return sorted(found, key=lambda leak: (-leak["of_label"], leak["word"]))


def _names_in_texts(train: Labelled, words: list[list[str]]) -> list[dict[str, Any]]:
    """Labels whose name stands in their texts far more often than in others."""
    found = []
    for label, count in train.counts.items():
        name = words_of(label)
        if not name or not any(letter.isalpha() for letter in label):
            continue
        has = np.array([_holds(each, name) for each in words])
        own = np.array([each == label for each in train.labels])
        inside, outside = has[own].mean(), has[~own].mean()
        if inside >= _NAMED and inside >= 2 * outside and count >= _OFTEN:
            found.append({"label": label, "of_label": float(inside), "of_others": float(outside)})
    return sorted(found, key=lambda each: (-each["of_label"], each["label"]))


def _holds(words: list[str], name: list[str]) -> bool:
    n = len(name)
    return any(words[i : i + n] == name for i in range(len(words) - n + 1)) if n > 1 else name[0] in words


def _findings(numbers: dict[str, Any]) -> Iterable[str]:
    counts = numbers["parts"]["train"]["classes"]
    rarest, commonest = min(counts, key=counts.get), max(counts, key=counts.get)
    if counts[commonest] > 3 * counts[rarest]:
        yield (
            f"the classes are unbalanced: {counts[commonest] / counts[rarest]:.0f} texts of {commonest!r} for each of "
            f"{rarest!r}; accuracy hides the rare ones, and --class-weights balanced lets all count alike"
        )
    for group in numbers["labels_alike"]:
        yield f"the labels {', '.join(map(repr, group))} may be one: make them equal"
    for name in counts:
        if name.lower() in _MISSING:
            yield f"the label {name!r} may stand for one that is missing: {plural(counts[name], 'training text')}"
    if numbers["empty"]:
        yield f"{plural(numbers['empty'], 'row')} without a text, left out"
    if (torn := numbers["two_labels"])["texts"]:
        yield f"{torn['texts']:,} texts are there with another label too, such as {' and '.join(torn['examples'][0])}"
    if (same := numbers["duplicates"])["normalised"]:
        yield (
            f"{plural(same['normalised'], 'text')} seen earlier, {same['exact']:,} of them to the letter, such as "
            f"{' and '.join(same['examples'][0])}"
        )
    for name, overlap in numbers["overlap"].items():
        if overlap["normalised"]:
            yield (
                f"{plural(overlap['normalised'], f'{name} text')} also in training, {overlap['exact']:,} of them to "
                "the letter: a model knows the labels already"
            )
    for name, share in numbers["unknown"].items():
        if share > 0.2:
            more = "a larger --vocabulary knows more" if numbers["cut_words"] else "training has them too seldom"
            yield f"{share:.0%} of the words of the {name} texts are unknown: {more}"
            break
    if numbers["cut"] > 0.25:
        yield f"{numbers['cut']:.0%} of the texts are cut to their last {numbers['length']} words: --length reads more"
    for leak in numbers["leaks"][:_SHOWN]:
        yield (
            f"the word {leak['word']!r} may give the label away: {leak['right']:.1%} of the texts with it are "
            f"{leak['label']!r}, and {leak['of_label']:.0%} of those have it"
        )
    for named in numbers["names_in_texts"][:_SHOWN]:
        yield (
            f"the name of the label {named['label']!r} stands in {named['of_label']:.0%} of its texts, and in "
            f"{named['of_others']:.0%} of the others"
        )
