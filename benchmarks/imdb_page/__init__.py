"""docs/imdb.md, made whole from benchmarks/results/imdb.json, Keras' runs and the published logs.

Nothing in the page is typed by hand: every number is looked up or computed, and so is every judgement (words.py).
"""

import re
import textwrap

from benchmarks.imdb_page import accuracies, logs, order, questions, recurrent, words
from benchmarks.imdb_page.words import Json
from benchmarks.studies import STUDIES

WIDTH = 140
HEAD = "<!-- written by benchmarks/study.py: change benchmarks/imdb_page/, not this page -->\n\n"


def page(content: Json, keras: Json, published: Json) -> str:
    """The text of docs/imdb.md."""
    parts = [accuracies.question(content, published)]
    if unfinished := still(content):
        parts.append(unfinished)
    parts += [accuracies.verdict(content, keras), figures(content, "article", "accuracies", "differences")]
    parts += [accuracies.pairs(content), logs.section(content, published), order.section(content)]
    parts += [questions.section(content), recurrent.section(content), gallery(content), reproduce(content)]
    return HEAD + wrapped("\n\n".join(part for part in parts if part)) + "\n"


def wrapped(text: str) -> str:
    """The same with paragraphs in lines of WIDTH; what is no paragraph, tables and code, as it was."""
    blocks, code = [], False
    for block in text.split("\n\n"):
        begins_or_ends = block.count("```") % 2 == 1
        if code or "```" in block or block.startswith(("#", "|", "!")):
            blocks.append(block)
        else:
            blocks.append("\n".join(_paragraph(line) for line in re.sub(r"\n(?!- |>)", " ", block).split("\n")))
        code ^= begins_or_ends
    return "\n\n".join(blocks)


def _paragraph(line: str) -> str:
    """One paragraph, or item of a list, or line that is quoted."""
    indent = {"- ": "  ", "> ": "> "}.get(line[:2], "")
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def still(content: Json) -> str:
    """Which studies have fewer seeds than planned."""
    found = []
    for study in STUDIES:
        there = content["studies"].get(study.name)
        done, planned = words.progress(there) if there else (0, study.seeds)
        if done < planned:
            found.append(f"{study.name} ({done} of {planned} seeds)")
    return (
        f"**Still being conducted: {words.listing(found)}. What follows is from the seeds that are there.**"
        if found
        else ""
    )


def figures(content: Json, study: str, *kinds: str) -> str:
    """The figures of these kinds, of each protocol where there are two."""
    there = content["figures"].get(study, [])
    names = [name for kind in kinds for name in reversed(there) if name.removeprefix("best-").startswith(kind)]
    return "\n".join(f"![{described(name)}](imdb/{name})" for name in names)


def described(name: str) -> str:
    kinds = {
        "accuracies": "Test accuracy of each model: mean, interval and every seed",
        "differences": "Differences in accuracy between the models, with intervals",
        "by-length": "Accuracy by the length of the review",
        "by-unknown": "Accuracy by the share of unknown words",
        "curves": "Learning curves",
    }
    bare = name.removesuffix(".svg").removeprefix("best-")
    kind = next(each for each in kinds if bare.startswith(each))
    rest = bare.removeprefix(kind).strip("-")
    when = (
        f", {words.PROTOCOL[words.BEST if name.startswith('best-') else words.LAST]}" if kind.startswith("by-") else ""
    )
    return f"{kinds[kind]} ({rest})" if rest else f"{kinds[kind]}{when}"


def gallery(content: Json) -> str:
    parts = []
    if curves := [each for name in content["figures"] if (each := figures(content, name, "curves"))]:
        parts.append("## Learning curves\n\n" + "\n".join(curves))
    if shown := figures(content, "article", "by-length", "by-unknown"):
        parts.append(f"## By length and by unknown words\n\n{shown}")
    return "\n\n".join(parts)


def reproduce(content: Json) -> str:
    study = content["studies"]["article"]
    code, here = study["code"], study["environment"]
    models, seeds = " ".join(words.models_of(study)), study["planned"]["seeds"]
    return f"""## Reproduce it

```sh
python -m benchmarks.study studies              # trains everything: hours; --budget 60m goes on in pieces
python -m benchmarks.accuracy                   # Keras' own figures; needs the extra `test`
python -m benchmarks.study studies --write      # writes this page again
```

The first question alone is
`python -m scratchnn.compare --arch {models} --seeds {seeds} --out article`;
[comparing.md](comparing.md) explains the command. Each study's `report.html` has more: calibration, confusion, and the
most confident mistakes with their words. It quotes reviews, so it is not published here.

Made with version `{code["code"]}` of the code that trains, NumPy {code["numpy"]}, Numba {code["numba"]},
Python {here["Python"]}, on {here["cores"]} cores of {here["processor"]} ({here["system"]}); on processors of another
kind the last bits differ. The data: Maas, Daly, Pham, Huang, Ng, Potts, "Learning Word Vectors for Sentiment Analysis",
ACL 2011."""
