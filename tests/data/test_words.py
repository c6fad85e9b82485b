"""However a text was typed, its words reach their ids."""

import math

import pytest

from scratchnn.data.text import Vocabulary
from scratchnn.data.words import normal_words, parts

RANKED = ["the", "don't", "film", "café", "good", "naive", "straße", "Ángela", "it’s", "ﬁne", "10"]
VOCABULARY = Vocabulary.from_ranked(RANKED)


def words_of(text: str, vocabulary: Vocabulary = VOCABULARY) -> list[str]:
    ids = vocabulary.encode(text).tolist()
    assert ids[0] == 1
    return [vocabulary.words[n] for n in ids[1:]]


TEXTS = {
    "typographic apostrophe": ("don’t", "don't"),
    "acute accent": ("don´t", "don't"),
    "modifier letter": ("don\u02bct", "don't"),
    "prime": ("don′t", "don't"),
    "fullwidth": ("ｇｏｏｄ ＤＯＮ＇Ｔ！", "good don't"),
    "double quotes": ("“good” „film‟ «the»", "good film the"),
    "single quotes": ("‘good’ ‹film›", "good film"),
    "ASCII quotes": ("'good' 'don't'", "good don't"),
    "dashes": ("good—film good–film ― good−film good‐film", "good film good film good film good film"),
    "ellipsis": ("film… …good", "film good"),
    "inverted marks": ("¡good! ¿film?", "good film"),
    "bullets": ("• good · film ★", "good film"),
    "trade marks": ("film™ good® ©10 good℠", "film good 10 good"),
    "superscripts and fractions": ("good² ½good film① the¨ ¨good ½", "good good film the good"),
    "keycaps and frames": ("good\u20e3 10\ufe0f\u20e3good g\u20e3o\u20e3o\u20e3d", "good 10 good good"),
    "letters in squares and circles": ("🅶🅾🅾🅳 ⓕⓘⓛⓜ 🄵🄸🄻🄼 🅖🅞🅞🅓 goodⓇ film🅰️", "good film film good good film"),
    "other apostrophes": (
        "don`t DON`T don\x92t don\u275bt don\u275ct don\u2035t don\u02bft don\u1fbdt don\u1fbft don\u05f3t don\uff40t"
        " don\u0313t", " ".join(["don't"] * 12)),
    "backticks as quotes": ("`good` the`film", "good the film"),
    "UTF-8 read as another code": (
        "donâ€™t donâ\x80\x99t â€œgoodâ€\x9d cafÃ© goodÂ\xa0film", "don't don't good café good film"),
    "other scripts": ("good。film、the！ good،film", "good film the good film"),
    "composed": ("caf\u00e9 CAF\u00c9", "café café"),
    "decomposed": ("cafe\u0301 CAFE\u0301", "café café"),
    "marks that no word has": ("fílm nai\u0308ve góód", "film naive good"),
    "no marks": ("cafe angela", "café Ángela"),
    "cases": ("STRASSE Straße ángela ÁNGELA Fine", "straße straße Ángela Ángela ﬁne"),
    "dotted capital": ("F\u0130LM", "film"),
    "ligatures": ("ﬁlm fine", "film ﬁne"),
    "as written": ("it’s ﬁne", "it’s ﬁne"),
    "apostrophe in the word": ("it's IT’S", "it’s it’s"),
    "zero width": ("go\u200bod fi\u200clm t\u200dhe \ufefffilm \u2060good", "good film the film good"),
    "soft hyphen": ("wonder\u00ad go\u00adod", "wonder good"),
    "direction": ("\u202bgood\u202c \u200ffilm", "good film"),
    "spaces": (
        "good\u00a0film\u2003the\u3000good\u2028film\u2009the\u1680good\x85film",
        "good film the good film the good film"),
    "control characters": ("good\x00film\x07", "good film"),
    "emoji": ("good 😀 film ❤️", "good film"),
    "tags": ("film<br />good<br><p>film</P> <i>good</i> <a href='x' id=y>film</a>", "film good film good film"),
    "no tags": ("good<film film>good <3", "good film film good 3"),
    "entities": ("&quot;good&quot; don&#39;t don&rsquo;t don&#x2019;t", "good don't don't don't"),
    "entities escaped twice": ("don&amp;rsquo;t good&amp;amp;film", "don't good film"),
    "entities without semicolon": ("don&#39t caf&eacute &nbspfilm don&#x2019t", "don't café film don't"),
    "comments": ("<!-- x -->good <!-- <b>x</b>\n -->film <!-- the", "good film the"),
    "entities between words": ("good&nbsp;film &amp; the&#8230;", "good film the"),
    "a tag in entities": ("good&lt;br /&gt;film", "good film"),
    "no entity": ("good & film &x; the;", "good film x the"),
    "nothing": (" — ‘’ … '' \u200b", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_word_reaches_its_id(name: str) -> None:
    text, expected = TEXTS[name]
    unknown = {"filmtm": "<oov>", "3": "<oov>", "wonder": "<oov>", "x": "<oov>"}
    assert words_of(text) == [unknown.get(word, word) for word in expected.split()]


def test_a_word_with_a_sign_that_the_vocabulary_knows_is_that_word() -> None:
    vocabulary = Vocabulary.from_ranked(["good", "o'clock", "good²", "½", "film™", "notable"])
    assert words_of("O`clock") == ["<oov>", "<oov>"] and words_of("O`clock", vocabulary) == ["o'clock"]
    assert words_of("Good² good ½ film™ good&notable", vocabulary) == ["good²", "good", "½", "film™", "good", "notable"]


def test_long_texts_of_openings_take_no_long_time() -> None:
    assert VOCABULARY.encode("<!--" * 200_000 + "-->good").tolist()[1:] == [8]
    assert VOCABULARY.encode("-->" + "<!--" * 200_000 + "good").tolist()[1:] == [8]


def test_marks_count_where_they_tell_two_words_apart() -> None:
    both = Vocabulary.from_ranked(["resume", "résumé", "à", "a"])
    assert words_of("resume résumé re\u0301sume\u0301 À A", both) == ["resume", "résumé", "résumé", "à", "a"]


def test_letters_of_other_scripts_keep_their_marks() -> None:
    vocabulary = Vocabulary.from_ranked(["и", "हिन्दी"])
    assert words_of("И й हिन्दी", vocabulary) == ["и", "<oov>", "हिन्दी"]


def test_a_line_break_is_the_word_of_the_reviews_where_there_is_one() -> None:
    with_br = Vocabulary.from_ranked(["the", "br", "film"])
    assert words_of("film<br /><br />the", with_br) == ["film", "br", "br", "the"]
    assert words_of("film<hr />the", with_br) == ["film", "the"]


def test_a_skipped_word_reaches_no_rarer_one() -> None:
    skipped = Vocabulary.from_ranked(["the", "a", "“the", "à", "Film", "good"], skip_top=6)
    assert skipped.encode("the a “the à Film good film").tolist() == [2, 2, 2, 6, 7, 8, 9, 2]


def test_normal_words_are_normal() -> None:
    for text in ("“Don’t”", "cafe\u0301", "ＦＩＬＭ…", "x\u00ady", "don't", "Straße", "½"):
        for word in (normal := normal_words(text)):
            assert normal_words(word) == [word]
        assert parts(" ".join(normal), ()) == normal


def test_the_share_of_unknown_words() -> None:
    assert VOCABULARY.oov_share("A good film") == 1 / 3
    assert VOCABULARY.oov_share(["A good film", "", "“The film” was good…"]) == 2 / 7
    assert VOCABULARY.oov_share(["don’t"]) == 0
    assert math.isnan(VOCABULARY.oov_share([])) and math.isnan(VOCABULARY.oov_share(["…"]))
    skipped = Vocabulary.from_ranked(RANKED, skip_top=5)
    assert skipped.oov_share("the film the") == 2 / 3, (
        "the start mark is no word, even where it looks like an unknown one"
    )
