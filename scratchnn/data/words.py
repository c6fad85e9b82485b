"""A text as words that a vocabulary may know: however it was typed, a word reaches its id.

Two steps. A part of the text between ASCII white space and punctuation that the vocabulary has just as it is written is
that word: so are the reviews encoded, whose index holds some words with typographic marks in them. Any other part is
normalised, and what comes out is looked up among the words, and among the normalised ones.

Texts are cut in UTF-8, where a table of 256 bytes finds the separators, and the ids of a part are kept as the bytes of
an array, so that those of a text are joined and not counted out one by one: many texts are read as fast as a small
network labels them.
"""

import html
import html.entities
import re
import unicodedata
from array import array
from collections.abc import Callable, Container, Iterator, Sequence

# Everything that the word index of the reviews leaves out; apostrophes stay inside words.
_SEPARATORS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'
_SPACED = bytes.maketrans(_SEPARATORS, b" " * len(_SEPARATORS))
_ENTITY = re.compile(r"&(?:#[0-9]+;?|#x[0-9a-f]+;?|([a-z][a-z0-9]*);?)", re.IGNORECASE)
_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_TAG_NAMES = (
    "a b big blockquote br center code div em font h1 h2 h3 h4 h5 h6 hr i img li ol p pre q s small span strong sub sup"
    " table tbody td th tr u ul"
).replace(" ", "|")
_TAG = re.compile(rf"""</?({_TAG_NAMES})(?:\s+[\w-]+=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*\s*/?>""", re.IGNORECASE)
# Replaced before NFKC, which makes a space and an accent of the acute accent that stands for an apostrophe. The first
# two are those of Windows' code page 1252, read as Latin-1.
_APOSTROPHES = str.maketrans(dict.fromkeys("\x91\x92‘’‚‛′‵´ʹʻʼʽʾʿˈˊˋ˴΄᾽᾿`´῾＇｀՚ꞌꞋ׳❛❜", "'"))
# A grave accent of ASCII between letters is one where it makes a word that is known, or an ending of English.
_BACKTICK = re.compile(r"(?<![^\W\d_])([^\W\d_]+)`([^\W\d_]+)(?!\w)")
_ENDINGS = ("t", "s", "m", "d", "ll", "re", "ve")
_COMMA_ABOVE = re.compile("(?<=[A-Za-z])[\u0313\u0315]")
# Letters in circles and squares, some of which NFKC knows: in a word of their own they are letters,
# beside others signs.
_ENCLOSED = str.maketrans(
    {first + n: chr(ord("a") + n) for first in (0x24B6, 0x24D0, 0x1F130, 0x1F150, 0x1F170) for n in range(26)}
)
_ANY = "\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189"
_ENCLOSED_WORD = re.compile(rf"(?<!\w)[{_ANY}]+(?!\w)|[{_ANY}]{{2,}}")
_KEYCAP = re.compile("([0-9])\ufe0f?\u20e3")
_MARKS_ON_LATIN = re.compile("(?<=[a-z])[\u0300-\u036f]+")
_VARIATIONS = "\ufe00", "\ufe0f"  # of an emoji


def parts(text: str, known: Container[str]) -> list[str]:
    """The parts between ASCII white space and punctuation, as they are written, without HTML's tags and entities.

    A line break <br /> gives the word br where it is known: in the reviews, which are full of them, it is one.
    """
    return list(map(decoded, spaced(text, known).split()))


def spaced(text: str, known: Container[str]) -> bytes:
    """The same parts in UTF-8 with ASCII white space between them, which is what `split` of bytes splits at."""
    if "&" in text:
        for _ in range(2):  # some texts were escaped twice
            text = _ENTITY.sub(lambda entity: _unescaped(entity, known), text)
    if "`" in text:
        text = _BACKTICK.sub(lambda word: _joined(word, known), text)
    if "<" in text:
        text = _without_tags(text, " br " if "br" in known else " ")
    return text.encode("utf-8", "surrogatepass").translate(_SPACED)


def decoded(part: bytes) -> str:
    """A part of what `spaced` returns as text; lone surrogates, which UTF-8 does not have, come back too."""
    return part.decode("utf-8", "surrogatepass")


def _without_tags(text: str, br: str) -> str:
    """The text with a space for each comment and each tag, and `br` for a line break."""
    if text.count("<") == text.count("<br />"):  # as in most reviews; there is nothing else to look for then
        return text.replace("<br />", br)
    end = text.rfind("-->") + 3  # nothing behind it can be a comment, and need not be searched
    text = _COMMENT.sub(" ", text[:end]) + text[end:] if end > 2 else text
    return _TAG.sub(lambda tag: br if tag[1].lower() == "br" else " ", text)


def _joined(word: re.Match, known: Container[str]) -> str:
    whole = f"{word[1]}'{word[2]}"
    return whole if word[2].lower() in _ENDINGS or whole.lower() in known else word[0]


def _unescaped(entity: re.Match, known: Container[str]) -> str:
    """What `html.unescape` makes of it; one without semicolon may be a word after an "&", as in good&notable."""
    name = entity[1]
    is_word = name is not None and entity[0][-1] != ";" and name not in html.entities.html5 and name.lower() in known
    return entity[0] if is_word else html.unescape(entity[0])


def normal_words(part: str) -> list[str]:
    """The words in a part of a text, normalised: in lower case and NFKC, with the apostrophe of ASCII, and without
    zero-width characters and soft hyphens. All other white space, punctuation and symbols of Unicode separate words,
    those that stand for letters or digits, such as ™, ² and ½, among them.
    """
    if part.isascii() and part.replace("'", "").isalnum():
        return [part.lower()]
    plain = _COMMA_ABOVE.sub("'", _without_mojibake(part).translate(_APOSTROPHES))
    plain = _ENCLOSED_WORD.sub(lambda word: word[0].translate(_ENCLOSED), _KEYCAP.sub(r"\1 ", plain))
    plain = unicodedata.normalize("NFKC", "".join(map(_without_sign, plain))).lower()
    words = "".join(map(_kept, unicodedata.normalize("NFC", plain))).split(" ")
    return [word for word in words if any(map(str.isalnum, word))]


def _without_mojibake(part: str) -> str:
    """The part, or what it was before somebody read its UTF-8 as Windows' code page 1252 or as Latin-1: don’t became
    donâ€™t. Other words in that code page are no UTF-8."""
    try:
        return b"".join(map(_in_1252, part)).decode()
    except UnicodeError:
        return part


def _in_1252(letter: str) -> bytes:
    return letter.encode("latin-1" if "\x80" <= letter <= "\x9f" else "cp1252")


def _without_sign(letter: str) -> str:
    """A space for a sign that NFKC would make letters, digits or accents of; nothing for a frame around a letter."""
    if letter.isascii():
        return letter
    kind = unicodedata.category(letter)
    if kind == "Me":
        return ""
    is_sign = kind in ("So", "Sk", "No") and not unicodedata.is_normalized("NFKC", letter)
    return " " if is_sign else letter


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


ID_BYTES = 4


class LookedUp(dict[bytes, bytes]):
    """The ids of parts of texts, each looked up once: most parts of a text were in others before.

    Parts are in UTF-8, and ids are the bytes of an array of int32: those of several parts are joined as they are.
    """

    _MOST, _LONGEST = 1 << 16, 40  # parts that are kept, and bytes of one

    def __init__(self, look_up: Callable[[str], Sequence[int]]) -> None:
        self._look_up = look_up

    def __missing__(self, part: bytes) -> bytes:
        ids = array("i", self._look_up(decoded(part))).tobytes()
        if len(part) <= self._LONGEST:
            if len(self) >= self._MOST:
                self.clear()
            self[part] = ids
        return ids

    def all(self, spaced: bytes) -> bytes:
        """The ids of all parts."""
        return b"".join(map(self.__getitem__, spaced.split()))

    def last(self, spaced: bytes, count: int) -> bytes:
        """The last `count` ids, or all where there are fewer."""
        parts = spaced.rsplit(None, count)  # what stands before the last `count` parts is the first of these
        ids = b"".join(map(self.__getitem__, parts[-count:]))
        if len(ids) < count * ID_BYTES and len(parts) > count:  # some parts are no words
            ids = self.all(spaced)
        return ids[-count * ID_BYTES :]
