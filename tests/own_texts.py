"""Small labelled texts whose words tell the label, now and then against it; and files of them."""

import csv
import random
from pathlib import Path

WORDS = {
    "good": "great lovely moving warm clever funny superb charming tender bold fresh witty".split(),
    "bad": "dull boring weak tired clumsy silly awful shallow empty stale noisy bland".split(),
    "odd": "strange dreamlike puzzling eerie weird cryptic surreal dark twisted vague quirky hazy".split(),
}
FILLER = "the a film plot story with and of some".split()


def rows(n: int, *labels: str, seed: int = 0) -> list[tuple[str, str]]:
    """As many texts of each label, in turn."""
    draw = random.Random(seed)
    found = []
    for number in range(n):
        for label in labels or ("bad", "good"):
            said = WORDS[label if draw.random() < 0.9 else draw.choice(list(WORDS))]
            words = [draw.choice(said if draw.random() < 0.4 else FILLER) for _ in range(draw.randint(4, 12))]
            found.append((f"{' '.join(words)} number{number}", label))
    return found


def write_csv(path: Path, labelled: list[tuple[str, str]], names: tuple[str, str] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *labelled])
    return path


def write_folder(path: Path, labelled: list[tuple[str, str]]) -> Path:
    for n, (text, label) in enumerate(labelled):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{n:05}.txt").write_text(text, encoding="utf-8")
    return path
