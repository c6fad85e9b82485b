"""A text as words that a vocabulary may know: however it was typed, a word reaches its id.

Two steps. A part of the text between ASCII white space and punctuation that the vocabulary has just as it is written is
that word: so are the reviews encoded, whose index holds some words with typographic marks in them. Any other part is
normalised, and what comes out is looked up among the words, and among the normalised ones.
"""

import html
import re
import unicodedata
from collections.abc import Container, Iterator

# Everything that the word index of the reviews leaves out; apostrophes stay inside words.
_SEPARATORS = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\s]+", re.ASCII)
_ENTITY = re.compile(r"&(?:#[0-9]+|#x[0-9a-f]+|[a-z][a-z0-9]*);", re.IGNORECASE)
_TAG_NAMES = (
    "a b big blockquote br center code div em font h1 h2 h3 h4 h5 h6 hr i img li ol p pre q s small span strong sub sup"
    " table tbody td th tr u ul"
).replace(" ", "|")
_TAG = re.compile(rf"""</?({_TAG_NAMES})(?:\s+[\w-]+=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*\s*/?>""", re.IGNORECASE)
# Replaced before NFKC, which makes a space and an accent of the acute accent that stands for an apostrophe.
_APOSTROPHES = str.maketrans(dict.fromkeys("‘’‚‛′´ʹʻʼʽˈ＇՚ꞌ", "'"))
_MARKS_ON_LATIN = re.compile("(?<=[a-z])[\u0300-\u036f]+")
_VARIATIONS = "\ufe00", "\ufe0f"  # of an emoji


def parts(text: str, known: Container[str]) -> list[str]:
    """The parts between ASCII white space and punctuation, as they are written, without HTML's tags and entities.

    A line break <br /> gives the word br where it is known: in the reviews, which are full of them, it is one.
    """
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if "<" in text:
        text = _TAG.sub(lambda tag: " br " if tag[1].lower() == "br" and "br" in known else " ", text)
    return [part for part in _SEPARATORS.split(text) if part]


def normal_words(part: str) -> list[str]:
    """The words in a part of a text, normalised: in lower case and NFKC, with the apostrophe of ASCII, and without
    zero-width characters and soft hyphens. All other white space, punctuation and symbols of Unicode separate words.
    """
    if part.isascii() and part.isalnum():
        return [part.lower()]
    plain = unicodedata.normalize("NFKC", part.translate(_APOSTROPHES)).lower()
    words = "".join(map(_kept, unicodedata.normalize("NFC", plain))).split(" ")
    return [word for word in words if any(map(str.isalnum, word))]


def _kept(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Cf" or _VARIATIONS[0] <= letter <= _VARIATIONS[1]:
        return ""
    return letter if kind[0] in "LMN" or letter == "'" else " "


def spellings(word: str) -> Iterator[str]:
    """How else a vocabulary may spell a normalised word, the nearest first.

    Without the apostrophes around it, which are quotes then; with ss for ß; with bare Latin letters, cafe for café:
    their marks count only where they tell two words of the vocabulary apart.
    """
    yield word
    bare = word.strip("'")
    yield bare
    if not bare.isascii():
        yield bare.casefold()
        yield unmarked(bare)


def unmarked(word: str) -> str:
    """A normalised word without the marks on its Latin letters, and with ss for ß."""
    letters = unicodedata.normalize("NFD", word.casefold())
    return unicodedata.normalize("NFC", _MARKS_ON_LATIN.sub("", letters))
