"""Labelled texts come out of every kind of file as they went in, and what is wrong is told with its line."""

import csv
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from scratchnn.data import DataError
from scratchnn.data.own.reading import is_own, read
from tests.own_texts import rows, write_csv, write_folder

TEXTS = [('she said "no", twice', "bad"), ("two\nlines", "good"), ("naïve “café”", "good"), ("a\ttab; and more", "bad")]
LINES = [(text.replace("\n", " ").replace("\t", " "), label) for text, label in TEXTS]
HEAD = "text,label\n"
SOME = "a film,good\na plot,bad\n"


def found_in(path: Path, **columns: str) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in read(path, **columns).train.rows]


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ---- what is read


def test_a_table_with_commas(tmp_path: Path) -> None:
    assert found_in(write_csv(tmp_path / "a.csv", TEXTS)) == TEXTS


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ";"), ("a.csv", "\t"), ("a.csv", "|"), ("a.tsv", "\t")])
def test_other_signs_between_the_fields(tmp_path: Path, name: str, delimiter: str) -> None:
    with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([("label", "text"), *[(label, text) for text, label in TEXTS]])
    assert found_in(tmp_path / name) == TEXTS


def test_tabs_without_quoting(tmp_path: Path) -> None:
    lines = ['text\tlabel\n"Up" is fine\tgood\n', '"quoted ""whole"""\tbad\n', 'an inch is 1"\tbad\n']
    path = written(tmp_path, "a.tsv", "".join(lines))
    assert found_in(path) == [('"Up" is fine', "good"), ('quoted "whole"', "bad"), ('an inch is 1"', "bad")]


def test_a_table_of_orange_has_three_lines_before_its_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "a.tab", "Category\tText\nd\tstring\nclass\tmeta\n\nd\tgood film\nx\tstring\n")
    assert found_in(path) == [("good film", "d"), ("string", "x")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path, end: str, mark: bytes) -> None:
    path = written(tmp_path, "a.csv", mark + f"text,label\n{SOME}\n\nthe end,good".replace("\n", end).encode())
    assert found_in(path) == [("a film", "good"), ("a plot", "bad"), ("the end", "good")]


def test_semicolons_where_a_name_has_a_comma_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text;sent, by whom;label\n" + "a film, say;x;good\n")
    assert found_in(path) == [("a film, say", "good")]


def test_labels_that_look_the_same_are_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", HEAD + "x,café\ny,cafe\u0301\nz, café \n")
    assert {label for _, label in found_in(path)} == {"café"}
    numbers = written(
        tmp_path, "a.jsonl", "".join(f'{{"text": "x", "label": {each}}}\n' for each in ("1", "1.0", '"1"', "1e0"))
    )
    assert {label for _, label in found_in(numbers)} == {"1"}


def test_an_object_per_line(tmp_path: Path) -> None:
    lines = [json.dumps({"id": 3, "text": text, "label": label}) for text, label in TEXTS]
    assert found_in(written(tmp_path, "a.jsonl", "\r\n".join(lines) + "\n\n")) == TEXTS
    numbers = '{"sentence": "a", "y": 1}\n{"y": false, "sentence": "b"}\n'
    assert found_in(written(tmp_path, "b.ndjson", numbers)) == [("a", "1"), ("b", "false")]


def test_lines_with_their_label(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "".join(f"__label__{label} {text}\n" for text, label in LINES))
    assert found_in(path) == LINES


def test_a_folder_of_folders_and_its_archive(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "texts", TEXTS)
    (folder / ".DS_Store").write_bytes(b"\0")
    assert sorted(found_in(folder)) == sorted(TEXTS)
    assert read(folder).notes == ()


def test_what_is_no_file_is_left_out_and_told(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "texts", TEXTS)
    (folder / "bad" / "to_nowhere.txt").symlink_to("nowhere")
    os.mkfifo(folder / "bad" / "pipe.txt")  # would be waited for
    assert sorted(found_in(folder)) == sorted(TEXTS)
    assert read(folder).notes[0].endswith("2 files, such as bad/pipe.txt (.txt)")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for n, name in enumerate(("bad/1.txt", "good/1.txt", "../../bad/2.txt", "/bad/3.txt", "", "good/link.txt")):
            member = tarfile.TarInfo(name)
            member.size = 3 if n < 5 else 0
            member.type, member.linkname = (tarfile.REGTYPE, "") if n < 5 else (tarfile.SYMTYPE, "/etc/hostname")
            archive.addfile(member, io.BytesIO(b"abc"))
    assert found_in(tmp_path / "a.tar") == [("abc", "bad"), ("abc", "good")]
    assert "3 files, such as ../../bad/2.txt" in read(tmp_path / "a.tar").notes[0]


@pytest.mark.parametrize(
    ("name", "size", "members"), [("1.txt", 5 * 10**6, 1), ("1.feat", 4 * 10**7, 1), ("_", 0, 15_000)]
)
def test_an_archive_that_would_fill_the_memory(name: str, size: int, members: int, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", compresslevel=1) as archive:
        for folder in ("bad", "good"):
            for _ in range(members):
                member = tarfile.TarInfo(f"{folder}/{name}")
                member.size = size
                archive.addfile(member, io.BytesIO(b"a" * size))
    with pytest.raises(DataError, match="unpacks to far more than its size"):
        read(tmp_path / "a.tar.gz")


def acl_imdb(folder: Path) -> Path:
    for n, part in enumerate(("train", "test")):
        write_folder(folder / part, rows(5, "bad", "good", seed=n))
    (folder / "train" / "unsup").mkdir()
    for name in ("README", "train/urls_pos.txt", "train/unsup/0_0.txt", "test/labeledBow.feat"):
        (folder / name).write_text("no review")
    return folder


def test_train_and_test_inside_as_in_acl_imdb(tmp_path: Path) -> None:
    folder = acl_imdb(tmp_path / "aclImdb")
    found = read(folder)
    assert found.test is not None
    assert found.validation is None
    for n, part in enumerate((found.train, found.test)):
        assert sorted((row.text, row.label) for row in part.rows) == sorted(rows(5, "bad", "good", seed=n))
    unlabelled, others = found.notes
    assert unlabelled == "the texts in unsup/ have no label and are left out"
    assert others.startswith("left out, since no .txt in the folder of a label: 3 files, such as README")


@pytest.mark.parametrize(("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar", "w")])
def test_an_archive_is_read_like_what_is_in_it(tmp_path: Path, name: str, mode: str) -> None:
    folder = acl_imdb(tmp_path / "aclImdb")
    with tarfile.open(tmp_path / name, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, "aclImdb")
    unpacked, packed = read(folder), read(tmp_path / name)
    assert packed.digest == unpacked.digest
    assert packed.notes == unpacked.notes


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    digest = read(write_csv(tmp_path / "a.csv", LINES)).digest
    assert read(write_csv(tmp_path / "b.csv", LINES, ("review", "class"))).digest == digest
    other = [*LINES[:-1], (LINES[-1][0], "good")]
    assert read(write_csv(tmp_path / "c.csv", other)).digest != digest


def test_10_megabytes_on_one_line(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    long = "good film " * 1_000_000
    path = written(tmp_path, "a.csv", f"{HEAD}{SOME}{long},good\n")
    assert found_in(path)[-1] == (long, "good")
    assert csv.field_size_limit() == before


def test_rows_without_a_text_are_left_out_and_noted(tmp_path: Path) -> None:
    found = read(written(tmp_path, "a.csv", f"{HEAD}{SOME} ,good\n,bad\n"))
    assert (len(found.train), found.empty) == (2, ("line 4", "line 5"))


# ---- columns


@pytest.mark.parametrize(
    ("head", "columns", "chosen"),
    [
        ("id,Review,Sentiment", {}, "columns Review and Sentiment"),
        ("title,text,label", {}, "columns text and label"),
        ("a,b,c", {"text_column": "b", "label_column": "a"}, "columns b and a"),
        ("text,A,label", {"text_column": "a"}, "columns A and label"),
    ],
)
def test_the_usual_names_or_those_that_are_asked_for(tmp_path: Path, head: str, columns: dict, chosen: str) -> None:
    path = written(tmp_path, "a.csv", f"{head}\nx,y,z\n")
    assert read(path, **columns).source == f"a.csv, {chosen}"


@pytest.mark.parametrize(
    ("head", "columns", "said"),
    [
        ("text,label", {"text_column": "txet"}, "there is no column 'txet'; did you mean 'text'. The columns are"),
        ("text,label", {"label_column": "q"}, "there is no column 'q'. The columns are 'text', 'label'"),
        ("text,label", {"label_column": "text"}, "'text' cannot be both text and label"),
        ("words,label", {}, "no column has a usual name of a text .* name it with --text-column"),
        ("text,mood", {}, "no column has a usual name of a label .* name it with --label-column"),
        ("text,text", {}, "the column 'text' is there twice"),
    ],
)
def test_wrong_columns(tmp_path: Path, head: str, columns: dict, said: str) -> None:
    with pytest.raises(DataError, match=said.replace("mean 'text'.", r"mean 'text'\?")):
        read(written(tmp_path, "a.csv", f"{head}\nx,y\n"), **columns)


# ---- what is refused


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", HEAD + SOME + "a good, long film,good\n", r"line 4: 3 fields, expected 2 .* stand in quotes"),
        ("a.csv", HEAD + SOME + "a film\n", r"line 4: 1 field, expected 2 \(text, label\); is the row cut off"),
        ("a.csv", HEAD + '"two\nlines",good\n' + "a film\n", r"line 4: 1 field"),
        ("a.csv", HEAD + SOME + '"never ends,good\n' + SOME, "line 4: the row that begins here has a quote"),
        ("a.csv", HEAD + SOME + '"ends" early,good\n', "line 4: .* a quote out of place"),
        ("a.tsv", "text\tlabel\na\tb\tc\n", "line 2: 3 fields, .* a text with a tab in it"),
        ("a.csv", HEAD + SOME + "a film,\nit, \n", r"2 rows \(line 4, line 5\) have no label"),
        ("a.csv", HEAD + SOME + "a film,\n", "line 4 has no label: give it one, or delete the row$"),
        ("a.csv", HEAD + " ,a\n,b\n", "no row has a text"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "\n \n", "the file is empty"),
        ("a.csv", HEAD, "expected labelled texts, and there are none"),
        ("a.csv", (HEAD + SOME + "caf\xe9,good\n").encode("latin-1"), "line 4: byte 0xe9 .* 'café,good'.* iconv"),
        (
            "a.csv",
            (HEAD + "café,good\n").encode() + "caf\xe9,bad\nfaç,bad\n".encode("latin-1"),
            r"line 3: byte 0xe9 .* mixes encodings: 2 lines are not UTF-8, 1 with",
        ),
        ("a.csv", (HEAD + SOME).encode("utf-16"), "expected text in UTF-8, and this is UTF-16"),
        ("a.csv", HEAD + SOME + "a\0b,good\n", "line 4: a NUL byte"),
        ("a.csv", b"\x89PNG\r\n\x1a\n", "this is a PNG image"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": "b"}\n', "line 2: no 'label' in it"),
        ("a.jsonl", '{"text": "a", "label": 1}\n["b"]\n', "line 2: expected an object"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text":\n', "line 2: no JSON"),
        ("a.jsonl", "[" * 100_000, "line 1: no JSON"),
        ("a.jsonl", '{"text": 3, "label": 1}\n', "line 1: 'text' must be text, got '3'"),
        ("a.jsonl", '{"text": "a", "label": ["x", "y"]}\n', "line 1: 'label' must be one label"),
        ("a.jsonl", '{"text": "a\\u0000", "label": 1}\n', r"line 1: '\\x00' in 'text', which no text has"),
        ("a.jsonl", '{"text": "a", "label": null}\n', "line 1 has no label"),
        ("a.jsonl", '{"text": "a \\ud83d", "label": 1}\n', r"line 1: '\\ud83d' in 'text', which no text has"),
        ("a.jsonl", '{"text": "a", "label": NaN}\n', "line 1 has no label"),
        ("a.csv", HEAD + SOME + "x,\x1b[31mred\n", r"line 4: the label '\\x1b\[31mred' holds a line end or another"),
        ("a.csv", HEAD + SOME + 'x,"a\nb"\n', r"line 4: the label 'a\\nb' holds a line end"),
        ("a.csv", HEAD + SOME + f"x,{'l' * 201}\n", "line 4: a label of 201 .* Is another column the label"),
        ("a.txt", f"__label__{'l' * 201} x\n", "line 1: a label of 201 characters, .* expected a short name$"),
        ("a.txt", "__label__a x\n__label__a __label__b y\n", r"line 2: 2 labels \(a, b\)"),
        ("a.txt", "__label__a x\ny\n", "line 2 has no label"),
        ("a.txt", "x\ny\n", "no line begins with __label__"),
        ("a.json", "[]", "a .json file is not read: save an object per line, as .jsonl"),
        ("a.xlsx", b"PK\3\4", "save it as CSV"),
        ("a.doc", "x", "a file of another kind; expected a table"),
        ("a.tar.gz", b"\x1f\x8b\x08", "cannot be unpacked"),
        ("a.tar", b"no archive at all", r"cannot be unpacked \(it is no tar archive\)"),
    ],
)  # fmt: skip
def test_bad_files(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(DataError, match=said) as told:
        read(path)
    assert str(told.value).startswith(str(path))


def test_a_folder_without_classes(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    with pytest.raises(DataError, match=r"a folder without classes: expected .* It has nothing in it"):
        read(tmp_path / "texts")
    written(tmp_path / "texts", "a.txt", "x")
    with pytest.raises(DataError, match=r"a folder without classes: .* It has a\.txt"):
        read(tmp_path / "texts")
    with pytest.raises(DataError, match="is no table, so that it has no column 'x'"):
        read(tmp_path / "texts", text_column="x")


def test_a_text_in_a_folder_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, TEXTS)
    (folder / "good" / "x.txt").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(DataError, match=r"good.x\.txt, line 2: byte 0xef is not UTF-8"):
        read(folder)


def test_which_paths_are_texts_of_ones_own(tmp_path: Path) -> None:
    for name in ("imdb.npz", "a.npz", "imdb_word_index.json", "a.doc"):
        written(tmp_path, name, "")
    assert not is_own(tmp_path), "Keras' folder"
    assert not is_own(tmp_path / "a.npz")
    assert not is_own(tmp_path / "missing")
    assert is_own(tmp_path / "missing.csv")
    assert is_own(tmp_path / "a.doc"), "to be refused with what is read"
    assert is_own(write_folder(tmp_path / "texts", TEXTS))
