"""Many texts at once become the ids that the rules give, written out here one part and one word at a time."""

import random
import re

import numpy as np
import pytest

from scratchnn.data import words
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.own.loading import ranked_words, words_of
from scratchnn.data.text import OOV, Vocabulary
from scratchnn.data.words import LookedUp, normal_words, spellings

SEPARATORS = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\s]+", re.ASCII)
RANKED = "the br don't film café a b it’s o'clock notable a\xa0b ﬁne x's 10 straße r'n'r \x85 good c'c Ángela".split(
    " "
)
PIECES = (
    "a b the film good don't don’t DON`T x`s o`clock c'c ' '' 'quoted' r'n'r é e\u0301 É ß ﬁ ﬁne <br /> <br/> "
    '<BR> <b> </b> <a\thref=\'x\'> <a\tx="<br\t/>"> <a\tx=" "> <!-- --> <!--c<br\t/>--> &amp; &amp;lt;br&amp;gt; '
    '&notable &#39; &eacute;t &nbsp; - -- . _ br Br 10 < > / = " & ` \x1c \x85 \u00a0 \u2003 \u200b \ud800 \udc00 '
    "😀 ⓕⓘⓛⓜ ½ ² 10\ufe0f\u20e3 donâ€™t cafÃ© \x00 \x7f ПРИВЕТ 漢字 ｇｏｏｄ İ Ångström a\xa0b it’s <br\u00a0/>"
).split(" ")


def texts(count: int) -> list[str]:
    """Of one to sixty pieces, some of them without a space between them; the first ones are the pieces alone."""
    rng = random.Random(1)
    ends = ["", " ", " ", "  ", "\t", "\n"]
    mixed = ["".join(rng.choice(PIECES) + rng.choice(ends) for _ in range(rng.randrange(60))) for _ in range(count)]
    return ["", " ", *(piece.replace("\t", " ") for piece in PIECES), *(text.replace("\t", " ") for text in mixed)]


def ids_word_by_word(text: str, vocabulary: Vocabulary) -> list[int]:
    ids, others = vocabulary.ids, vocabulary._other_spellings
    if "&" in text:
        for _ in range(2):
            text = words._ENTITY.sub(lambda entity: words._unescaped(entity, ids), text)
    text = words._BACKTICK.sub(lambda word: words._joined(word, ids), text)
    text = words._COMMENT.sub(" ", text)
    text = words._TAG.sub(lambda tag: " br " if tag[1].lower() == "br" and "br" in ids else " ", text)
    found = []
    for part in filter(None, SEPARATORS.split(text)):
        if known := ids.get(part) or ids.get(part.lower()):
            found.append(known)
            continue
        # With a zero-width space, which is left out, ASCII takes the way that all other letters take.
        for word in normal_words(part + "\u200b" if part.isascii() else part):
            found.append(next((n for each in spellings(word) if (n := ids.get(each) or others.get(each))), OOV))
    return found


@pytest.mark.parametrize(
    ("ranked", "skip_top", "count"),
    [(RANKED, 0, 2000), (RANKED, 6, 200), (["the", "film", "don't", "cafe", "été", "привет"], 0, 200)],
    ids=["br", "skipped", "no br"],
)
def test_ids_are_those_of_the_rules(ranked: list[str], skip_top: int, count: int) -> None:
    vocabulary = Vocabulary.from_ranked(ranked, skip_top=skip_top)
    given = texts(count)
    expected = [[2 if skip_top else 1, *ids_word_by_word(text, vocabulary)] for text in given]
    assert [vocabulary.encode(text).tolist() for text in given] == expected
    for T in (1, 2, 7, 50):
        rows = [([0] * T + ids)[-T:] for ids in expected]
        assert TextEncoder(vocabulary, T).encode(given).tolist() == rows
    unknown = [n == OOV for ids in expected for n in ids[1:]]
    assert vocabulary.oov_share(given) == pytest.approx(np.mean(unknown))


def test_rows_can_be_written_to_and_may_be_none() -> None:
    encoder = TextEncoder(Vocabulary.from_ranked(RANKED), 3)
    rows = encoder.encode(["the film"])
    rows[0, 0] = 5
    assert rows.dtype == np.int32 and rows.tolist() == [[5, 4, 7]]
    ids = encoder.vocabulary.encode("the film")
    ids[0] = 5
    assert ids.dtype == np.int32 and ids.tolist() == [5, 4, 7]
    assert encoder.encode([]).shape == (0, 3)


def test_parts_without_a_word_do_not_shorten_a_row() -> None:
    """The last three parts hold one word, those before them the others."""
    encoder = TextEncoder(Vocabulary.from_ranked(["a", "b", "c"]), 3)
    assert encoder.encode(["a b ½ ½ c", "a a a b ½ ½ ½"]).tolist() == [[4, 5, 6], [4, 4, 5]]


def test_what_is_looked_up_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LookedUp, "_MOST", 3)
    asked: list[str] = []
    looked_up = LookedUp(lambda part: asked.append(part) or (len(part), 7))
    expected = b"".join(np.array([len(part), 7], np.int32).tobytes() for part in ("a", "é", "a", "x" * 41))
    assert looked_up.all("a é a ".encode() + b"x" * 41) == expected
    assert asked == ["a", "é", "x" * 41] and set(looked_up) == {b"a", "é".encode()}
    looked_up.all(b"b c d")
    assert set(looked_up) == {b"c", b"d"} or set(looked_up) == {b"d"}


def test_counted_words_are_those_of_the_texts() -> None:
    given = texts(500)
    counts: dict[str, int] = {}
    for text in given:
        for word in words_of(text):
            counts[word] = counts.get(word, 0) + 1
    counts.pop("br")
    expected = sorted((word for word in counts if counts[word] >= 2), key=lambda word: (-counts[word], word))
    assert ranked_words(given, 2) == expected
