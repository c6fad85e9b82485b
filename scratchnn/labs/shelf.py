"""The labs that there are, and their texts."""

from importlib import resources
from pathlib import Path

from scratchnn.core.files.atomic import write_atomically
from scratchnn.labs.checks import lab0, lab1, lab2, lab3, lab4, lab5, lab6, lab7, lab8, lab9, lab10, zoo
from scratchnn.labs.lab import Lab

NUMBERED = (lab0, lab1, lab2, lab3, lab4, lab5, lab6, lab7, lab8, lab9, lab10)
LABS: dict[str, Lab] = {each.LAB.key: each.LAB for each in NUMBERED}
LABS |= {bug.key: bug for bug in zoo.ZOO}
ENDINGS = (".py", ".ipynb")


def find(key: str) -> Lab:
    """
    Raises:
        ValueError: if there is no such lab; the message lists them.
    """
    wanted = key.lower().removeprefix("lab")
    if wanted not in LABS:
        zoo = wanted.startswith("zoo")
        known = [name.removeprefix("zoo") for name in LABS if name.startswith("zoo") == zoo]
        what = "bug in the zoo" if zoo else "lab"
        raise ValueError(f"there is no {what} {wanted.removeprefix('zoo')!r}; there are {', '.join(known)}")
    return LABS[wanted]


def usual_folder() -> Path:
    """`labs`, or the current folder for whoever is in it already."""
    here = Path()
    inside = any((here / f"{lab.name}{ending}").is_file() for lab in LABS.values() for ending in ENDINGS)
    return here if inside and not (here / "labs").is_dir() else here / "labs"


def text_of(lab: Lab) -> str:
    return (resources.files("scratchnn.labs") / "texts" / f"{lab.name}.py").read_text(encoding="utf-8")


def start(lab: Lab, folder: Path) -> Path:
    """Copy a lab's text into the folder.

    Raises:
        FileExistsError: if the student has it already: his work is never overwritten.
    """
    for ending in ENDINGS:
        if (folder / f"{lab.name}{ending}").exists():
            raise FileExistsError(
                f"{folder / lab.name}{ending} exists already, and is not overwritten: go on in it, or move it away to "
                "begin anew"
            )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{lab.name}.py"
    write_atomically(path, [text_of(lab).encode()])
    return path


def file_of(lab: Lab, folder: Path) -> Path:
    """The student's file of a lab.

    Raises:
        FileNotFoundError: if he has not begun it.
    """
    for ending in ENDINGS:
        if (folder / f"{lab.name}{ending}").is_file():
            return folder / f"{lab.name}{ending}"
    words = f"zoo start {lab.key.removeprefix('zoo')}" if lab.key.startswith("zoo") else f"start {lab.key}"
    raise FileNotFoundError(f"there is no {lab.name}.py in {folder}: `python -m scratchnn.labs {words}` puts it there")
