"""fastText's Python package for text_sets.py, one line of JSON."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import fasttext  # type: ignore[import-not-found]

from benchmarks import text_runner
from benchmarks.text_runner import Given, Learned, Texts

SETTINGS = {"wordNgrams": 2, "epoch": 25, "lr": 0.5}  # pairs of words, as its tutorial of classification ends with
_MARK = "__label__"


def line(text: str) -> str:
    """A text as fastText's documentation prepares it: lower case, and signs apart from words."""
    plain = "".join(f" {letter} " if not (letter.isalnum() or letter in "'_") else letter for letter in text.lower())
    return " ".join(plain.split())


def written(texts: Texts, path: Path, numbers: dict[str, int]) -> str:
    pairs = zip(*texts, strict=True)
    path.write_text("".join(f"{_MARK}{numbers[label]} {line(text)}\n" for text, label in pairs), encoding="utf-8")
    return str(path)


def learned(given: Given) -> Learned:
    classes = sorted(set(given.train[1]))
    numbers = {label: n for n, label in enumerate(classes)}
    with tempfile.TemporaryDirectory() as folder:
        train = written(given.train, Path(folder) / "train.txt", numbers)
        model = fasttext.train_supervised(train, **SETTINGS, thread=given.threads, seed=given.seed, verbose=0)

    def label(texts: Iterable[str]) -> list[str]:
        found, _ = model.predict([line(text) for text in texts])
        return [classes[int(each[0].removeprefix(_MARK))] for each in found]

    return Learned(label, "")


if __name__ == "__main__":
    text_runner.main({"fasttext": learned})
