"""What became of each of Keras' names: it acts, it is refused with a sentence, or it is not here, with a sentence.

Keras' side is recorded in recorded/names.json (record_names.py), ours is asked from the package itself and its two
tables. `python tests/parity/names.py` writes docs/keras-names.md; tests/test_keras_names.py holds both to each other.
"""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any, NamedTuple

from scratchnn.core.attributes import parameters_of, refused_by
from scratchnn.core.keras_missing import what_instead
from scratchnn.core.keras_names import ARGUMENTS, Refused

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).parent / "recorded" / "names.json"
PAGE = ROOT / "docs" / "keras-names.md"

# Our functions that share a name with one of Keras' and are something else.
OTHERS = {
    "activations": "an `Activation`, a function of one array and its derivative",
}


class Name(NamedTuple):
    """One of Keras' public names that we have, and what became of its parameters."""

    module: str
    name: str
    thing: Any
    keras: list[str]  # Keras' parameters in their order
    ours: tuple[str, ...]  # ours
    refused: dict[str, Refused]

    @property
    def acts(self) -> list[str]:
        return [name for name in self.keras if name in self.ours and name not in self.refused]


def recorded() -> dict[str, Any]:
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def find(module: str, name: str) -> Any:
    """Our thing of this name, or None."""
    where = {"keras": "scratchnn", "Model": "scratchnn.models"}.get(module, f"scratchnn.{module}")
    try:
        found = importlib.import_module(where)
    except ModuleNotFoundError:
        return None
    return getattr(found.Model if module == "Model" else found, name, None)


def present() -> list[Name]:
    """Keras' names that we have."""
    found = []
    for module, names in recorded()["modules"].items():
        for name, parameters in names.items():
            thing = find(module, name)
            if thing is None or (module in OTHERS and not isinstance(thing, type) and name != "get"):
                continue
            if isinstance(thing, type):
                found.append(Name(module, name, thing, parameters, parameters_of(thing), refused_by(thing)))
            else:
                owner = f"Model.{name}" if module == "Model" else name
                ours = tuple(inspect.signature(thing).parameters)
                found.append(Name(module, name, thing, parameters, ours, ARGUMENTS.get(owner, {})))
    return found


def absent() -> list[tuple[str, str, str | None]]:
    """Keras' names that we do not have: module, name, and what to use instead."""
    modules = recorded()["modules"]
    return [
        (module, name, _what_instead(module, name))
        for module, names in modules.items() for name in names if find(module, name) is None
    ]  # fmt: skip


def _what_instead(module: str, name: str) -> str | None:
    if module != "Model":
        return what_instead(module, name)
    refused = ARGUMENTS["Model"].get(name)
    return refused and refused.instead


# ---- the page


def page() -> str:
    """docs/keras-names.md."""
    lines = [
        "# Keras' names",
        "",
        "What looks like Keras does what Keras 3.15.1 does, or is refused by name. This page is made from the tables "
        "that refuse",
        "(`python tests/parity/names.py` writes it), and a test walks Keras' signatures to hold the tables to them. An "
        "argument that is",
        "refused is taken at the values shown, where it asks for nothing. Setting a public attribute that an object "
        "does not have is an",
        "error too: `optimizer.lr = 0` raises, `optimizer.learning_rate = 0.1` acts.",
        "",
        "Deliberately different: the third positional argument of `compile` is `metrics` (Keras: `loss_weights`); a "
        "learning rate must",
        "be positive; an argument out of its range is an error, where Keras often takes it.",
        "",
        "## What is here",
        "",
        "| name | acts | taken at these values only |",
        "|---|---|---|",
    ]
    for each in present():
        label = {"keras": "", "Model": "Model."}.get(each.module, f"{each.module}.") + each.name
        refused = [f"{name}={_shown(each.refused[name])}" for name in each.keras if name in each.refused]
        lines.append(f"| `{label}` | {_code(each.acts)} | {_code(refused)} |")
    lines += ["", "## What refused arguments ask for", "", "| argument | of | what to do instead |", "|---|---|---|"]
    reasons: dict[tuple[str, str], list[str]] = {}
    for owner, table in ARGUMENTS.items():
        for name, refused in table.items():
            reasons.setdefault((name, refused.instead), []).append(owner)
    lines += [f"| `{name}` | {', '.join(owners)} | {_cell(text)} |" for (name, text), owners in reasons.items()]
    lines += ["", "## What is not here", "", "| from | names | what to use instead |", "|---|---|---|"]
    groups: dict[tuple[str, str], list[str]] = {}
    for module, name, instead in absent():
        groups.setdefault((module, str(instead)), []).append(name)
    lines += [f"| `{module}` | {_code(names)} | {_cell(text)} |" for (module, text), names in groups.items()]
    return "\n".join(lines) + "\n"


def _shown(refused: Refused) -> str:
    return " or ".join(map(repr, refused.neutral)) or "nothing"


def _code(words: list[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
