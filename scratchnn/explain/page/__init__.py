"""One page that shows a network think: everything inside one file, read and changed offline."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn.core.extras import extra
from scratchnn.core.files.atomic import write_atomically
from scratchnn.explain.page.content import Explained, content_of, explained
from scratchnn.explain.reading import vocabulary_of
from scratchnn.models.model import Model

with extra("study", "the page"):
    import jinja2
    from markupsafe import Markup

HERE = Path(__file__).parent
STYLE = HERE.parents[1] / "study" / "page"  # the style of the comparison's page


def write(
    path: str | os.PathLike[str],
    model: Model,
    text: Any,
    *,
    label: Any = None,
    compare: Model | None = None,
    of_class: Any = None,
    kicker: str = "",
    facts: Sequence[tuple[str, str]] = (),
) -> list[Explained]:
    """Write the page about a text, or a row of ids, as one model or two read it; return what was computed.

    Args:
        compare: the model to stand beside the first; it must have the same words.
        of_class: as of `read`; the second model is asked for the class of the first.
        kicker, facts: a line above the title, and pairs of a name and a text at the end of the page.

    Raises:
        ValueError: as `read`, and if the two models have two vocabularies.
        OSError: if the file cannot be written.
    """
    models = [model] if compare is None else [model, compare]
    if compare is not None:
        require_one_vocabulary(model, compare)
    found = [explained(model, text, label, of_class)]
    if compare is not None:
        chosen = found[0].chain.of_class
        found.append(explained(compare, text, label, None if chosen is None else found[0].chain.classes[chosen]))
    contents = [content_of(each) | {"name": name} for each, name in zip(found, names_of(models), strict=True)]
    write_atomically(path, [_page(found, contents, kicker, facts).encode("utf-8")])
    return found


def require_one_vocabulary(model: Model, other: Model) -> None:
    """Raise ValueError unless both models read a text as the same ids, and as many of them."""
    first, second = vocabulary_of(model), vocabulary_of(other)
    if first != second:
        sizes = ["none" if each is None else f"{len(each):,} words" for each in (first, second)]
        raise ValueError(
            f"two models can be compared on one text only if they have one vocabulary; {model.name} has {sizes[0]}, "
            f"{other.name} has {sizes[1]}"
            + (" of which some are others" if sizes[0] == sizes[1] else "")
            + ". Train both with the same --vocabulary and --skip-top on the same data"
        )
    if model.input_shape != other.input_shape:
        raise ValueError(
            f"two models can be compared on one text only if they read as many words: {model.name} reads "
            f"{model.input_shape[1]}, {other.name} {other.input_shape[1]}. Train both with the same --length"
        )


def names_of(models: Sequence[Model]) -> list[str]:
    """What the page calls one model or two: two runs of one architecture have one name, and need two."""
    names = [each.name for each in models]
    if len(set(names)) == len(names):
        return names
    return [f"{name} ({letter})" for name, letter in zip(names, "AB", strict=True)]


def _page(found: list[Explained], contents: list[dict[str, Any]], kicker: str, facts: Any) -> str:
    vocabulary = vocabulary_of(found[0].model)
    nets = [each["net"] for each in contents]
    live = vocabulary is not None and None not in nets
    rows = nets[0]["rows"] if live else None
    words = None
    if live and vocabulary is not None:
        known = [word if word in vocabulary.ids else "" for word in vocabulary.words]
        words = known if rows is None else [known[n] if n < len(known) else "" for n in rows]
    data = json.dumps({"models": contents, "vocabulary": words, "rows": rows}, separators=(",", ":"), allow_nan=False)
    maps = [each for model in contents for layer in model["layers"] for each in layer["maps"]]
    return rendered(
        "page.html.jinja",
        models=contents,
        live=live,
        rows=None if rows is None else len(rows),
        why=next((each["why"] for each in contents if each["why"]), "the model was saved without a vocabulary"),
        nothing=[_nothing(each) for each in found],
        turns=[_turn(each) for each in contents],
        disagreements=[_disagreement(each) for each in contents],
        bits=maps[0]["bits"] if maps else 0,
        kicker=kicker,
        facts=facts,
        data=Markup(data.replace("<", "\\u003c")),
        forward=Markup((HERE / "forward.js").read_text(encoding="utf-8")),
        page=Markup((HERE / "page.js").read_text(encoding="utf-8")),
    )


def rendered(template: str, **shown: Any) -> str:
    """A page from its template, in which all that is shown is escaped."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE, STYLE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(**shown)


def _nothing(about: Explained) -> str:
    """Why there are no maps of gates and states, and no gradient flow."""
    if about.chain.last_recurrent is None:
        return (
            "The model has no recurrent layer: it has no gates and no state to show, and no gradient flows through "
            "time. What can be shown is above and below: p after each word, and which words counted."
        )
    return (
        "A layer below the recurrent one may join several words into one step, so that its states belong to no single "
        "word and are not shown here. layer.trace and explain.flow have them, step by step."
    )


def _turn(model: dict[str, Any]) -> str:
    """The word at which p moved most."""
    p = np.array(model["p"])
    if len(p) < 2:
        return ""
    n = int(np.argmax(np.abs(np.diff(p)))) + 1
    return f"The biggest turn is at “{model['words'][n]}”: from {p[n - 1]:.2f} to {p[n]:.2f}."


def _disagreement(model: dict[str, Any]) -> str:
    r = {(a, b): value for a, b, value in model["agreement"]}["leave_one_out", "gradient_x_input"]
    places = model["disagreement"]
    if r is None or not places:
        return "The text is too short to say how far the three agree."
    words = [f"“{model['words'][n]}”" for n in places]
    return (
        f"Leave one out and gradient × input have a correlation of {r:.2f}; they differ most on "
        f"{', '.join(words[:-1])} and {words[-1]}."
    )
