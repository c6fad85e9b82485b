"""Synthetic film reviews, so that everything runs without the real ones: as many, about as long, in readable sentences.

Each sentence of a review speaks for the film, against it, or not about it. The label follows from all that is said, the
last sentences counting most; a few labels contradict their text. Single words do not tell what a sentence says:

    plain      "the plot is really clever"                       the words say it
    negated    "the plot is not really that clever"              one word nearby reverses it
    contrast   "it looks dull but the story is clever"           one of two words counts, and the other points elsewhere
    reported   "everyone told me that it was clever ... they were wrong"    decided many words later
    others     "the book it is based on is clever"               not said of this film
    closing    "do not miss it", "miss it"
    neutral    "the story follows a sailor who runs away"

So the order of words matters, beyond what neighbours can show. All draws and sums are of integers: every machine
makes the same corpus.
"""

import re
from collections.abc import Sequence

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int32, Int64, Integer

from scratchnn.core.randomness import generator
from scratchnn.data import synthetic_words as grammar
from scratchnn.data.corpus import Corpus, Reviews

# The content that seed 0 makes in the size of the real data.
DIGEST = "024f6794bfcc6ab98beb949f0143160a8eed7b243f573eac713feffaf1533c01"
_KINDS = ("neutral", "others", "plain", "negated", "contrast", "reported", "closing")
_PERCENT = (40, 4, 33, 11, 4, 8, 0)
_CLOSING_PERCENT = 50  # of the reviews end with such a sentence
_WRONG_LABEL_PERCENT = 3
_BANK = 4000  # sentences of each kind and polarity
# Words in the real reviews, (permille, quantile): the table from which lengths are drawn.
_LENGTHS = (
    (0, 6), (10, 42), (50, 63), (100, 91), (150, 111), (200, 120), (250, 128), (300, 135), (350, 143), (400, 153),
    (450, 163), (500, 175), (550, 190), (600, 206), (650, 226), (700, 252), (750, 284), (800, 324), (850, 377),
    (900, 456), (950, 597), (980, 786), (990, 913), (998, 1014), (1000, 2493),
)  # fmt: skip


def make_corpus(n_train: int = 25_000, n_test: int = 25_000, seed: int = 0) -> Corpus:
    """Return a corpus in the form of the real one: positive reviews first, half of each split, words ranked by count.

    Raises:
        ValueError: if a split is empty or of odd size.
    """
    for name, n in (("n_train", n_train), ("n_test", n_test)):
        if n < 2 or n % 2:
            raise ValueError(f"{name} must be even and at least 2, got {n}")
    draw = generator(seed, "data")
    sentences, words = _make_sentences(draw)
    splits = [_make_reviews(n, sentences, draw) for n in (n_train, n_test)]
    # Rank the words by their count in both splits; equal counts in the order of first mention.
    counts = sum(np.bincount(reviews.tokens, minlength=len(words)) for reviews in splits)
    by_count = np.argsort(-counts, kind="stable")
    ranks = np.empty(len(words), np.int32)
    ranks[by_count] = np.arange(1, len(words) + 1)
    train, test = (Reviews(part.labels, part.offsets, ranks[part.tokens]) for part in splits)
    return Corpus(train, test, tuple(words[n] for n in by_count))


def banner() -> str:
    """Return the warning that belongs above every result on these data."""
    return (
        "!" * 78 + "\n"
        "!!  SYNTHETIC REVIEWS. The IMDB data were not found, or synthetic data were asked for.\n"
        "!!  Accuracies on them are NOT comparable with the published figures for IMDB.\n"
        "!!  For the real data: connect to the network once and run again, or put imdb.npz and\n"
        "!!  imdb_word_index.json in a folder and name it with --data or SCRATCHNN_DATA.\n" + "!" * 78
    )


def _make_reviews(n: int, sentences: "_Sentences", draw: np.random.Generator) -> Reviews:
    """Return n reviews, the positive half first, with tokens numbered as in `sentences`."""
    verdicts = np.where(np.arange(n) < n // 2, 1, -1)
    # A sentence has nine and a half words on average.
    n_sentences = np.maximum(2, (2 * _draw_lengths(n, draw) + 9) // 19)
    ends = np.cumsum(n_sentences)
    review = np.repeat(np.arange(n), n_sentences)
    from_end = ends[review] - 1 - np.arange(len(review))

    kinds = np.repeat(np.arange(len(_KINDS)), _PERCENT)[draw.integers(0, 100, len(review))]
    closes = draw.integers(0, 100, n) < _CLOSING_PERCENT
    kinds[ends[closes] - 1] = _KINDS.index("closing")
    # Some reviewers are of one mind, others are torn. The sentences lean to one side, whichever the verdict is ...
    lean = draw.integers(75, 99, n)
    polarity = np.where(draw.integers(0, 100, len(review)) < lean[review], 1, -1)
    # ... then the whole review is turned so that it sums up to its verdict: the sum decides, and the classes balance.
    weight = np.maximum(1, 8 - from_end) * (kinds >= _KINDS.index("plain"))
    total = np.add.reduceat(weight * polarity, ends - n_sentences)
    turn = np.where(total < 0, -verdicts, verdicts)
    turn[draw.integers(0, 100, n) < _WRONG_LABEL_PERCENT] *= -1
    polarity *= turn[review]

    chosen = (kinds * 2 + (polarity > 0)) * _BANK + draw.integers(0, _BANK, len(review))
    tokens, lengths = sentences.join(chosen)
    offsets = np.concatenate([[0], np.cumsum(np.add.reduceat(lengths, ends - n_sentences))])
    return Reviews((verdicts > 0).astype(np.uint8), offsets.astype(np.int64), tokens)


def _draw_lengths(n: int, draw: np.random.Generator) -> Int64[Array, " N"]:
    """Return a number of words for each review (N,), distributed as in the real ones."""
    permille, quantiles = np.array(_LENGTHS).T
    at = np.searchsorted(permille, draw.integers(0, 1000, n), side="right") - 1
    return draw.integers(quantiles[at], quantiles[at + 1])


class _Sentences:
    """A bank of ready sentences as token arrays: `_BANK` for each kind, against the film and then for it."""

    def __init__(self, texts: Sequence[str]) -> None:
        rows = [text.split() for text in texts]
        self.words = list(dict.fromkeys(word for row in rows for word in row))
        number = {word: n for n, word in enumerate(self.words)}
        self.tokens = np.array([number[word] for row in rows for word in row], np.int32)
        self.lengths = np.array([len(row) for row in rows])
        self.starts = np.cumsum(self.lengths) - self.lengths

    def join(self, chosen: Integer[Array, " S"]) -> tuple[Int32[Array, " total"], Int64[Array, " S"]]:
        """Return the tokens of the chosen sentences one after another, and the length of each."""
        lengths = self.lengths[chosen]
        positions = np.repeat(self.starts[chosen] - (np.cumsum(lengths) - lengths), lengths)
        positions += np.arange(len(positions))
        return self.tokens[positions], lengths


def _make_sentences(draw: np.random.Generator) -> tuple[_Sentences, list[str]]:
    texts: list[str] = []
    for kind in _KINDS:
        for positive in (False, True):
            texts += _render(_patterns(kind, positive), _words(positive), draw)
    sentences = _Sentences(texts)
    return sentences, sentences.words


def _patterns(kind: str, positive: bool) -> list[str]:
    """Return the patterns of a kind of sentence; positive is what it says of the film."""
    if kind == "closing":
        return _split(grammar.CLOSING_FOR if positive else grammar.CLOSING_AGAINST)
    if kind == "reported":
        patterns = grammar.REPORTED.strip().split("\n")
        return [
            pattern.replace("SURFACE", surface).replace("{VERDICT}", verdict)
            for surface, verdicts in (("agree", grammar.CONFIRMED), ("oppose", grammar.REFUTED))
            for pattern in patterns
            for verdict in _split(verdicts)
        ]
    return getattr(grammar, kind.upper()).strip().split("\n")


def _words(positive: bool) -> dict[str, list[str]]:
    """Return slot -> words, the words of opinion among them."""
    words = {slot: _split(text) for slot, text in grammar.WORDS.items()}
    same, other = (grammar.POSITIVE, grammar.NEGATIVE) if positive else (grammar.NEGATIVE, grammar.POSITIVE)
    for slot, side in (("agree", same), ("oppose", other)):
        words[slot] = side["adjective"].split()
        words[f"{slot}_noun"] = side["noun"].split()
        words[f"{slot}_verb"] = side["verb"].split()
    words["either"] = [word for pair in zip(words["agree"], words["oppose"], strict=False) for word in pair]
    return words


def _split(text: str) -> list[str]:
    """Split at bars where there are any, because the parts are phrases; else at white space."""
    return [" ".join(part.split()) for part in text.split("|")] if "|" in text else text.split()


def _render(patterns: list[str], words: dict[str, list[str]], draw: np.random.Generator) -> list[str]:
    """Return `_BANK` sentences, the patterns in turn."""
    texts = [""] * _BANK
    for first, pattern in enumerate(patterns):
        n = len(range(first, _BANK, len(patterns)))
        columns = [_draw_words(words[slot], n, draw) for slot in re.findall(r"{(\w+)}", pattern)]
        blank = re.sub(r"{\w+}", "{}", pattern)
        texts[first :: len(patterns)] = (
            [blank.format(*row) for row in zip(*columns, strict=True)] if columns else [blank] * n
        )
    return [re.sub(r"\ba (?=[aeiou])", "an ", text) for text in texts]


def _draw_words(words: list[str], n: int, draw: np.random.Generator) -> list[str]:
    # Commoner words come first and hold more tickets, as 1 / (place + 5); long lists end flat.
    tickets = np.repeat(np.arange(len(words)), [max(4, 200 // (place + 5)) for place in range(len(words))])
    return [words[ticket] for ticket in tickets[draw.integers(0, len(tickets), n)]]
