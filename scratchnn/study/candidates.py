"""Which models a study compares: presets of ours, presets in a file of the user's own, and saved models."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scratchnn.core.names import look_up
from scratchnn.experiments.presets import CONTROLS, PRESETS, Preset

ARTICLE = ("ff", "rnn", "lstm", "cnn")
ON_OWN_TEXTS = (*ARTICLE, "linear-bigrams", "majority")  # with what a network must beat there


def candidates(names: Sequence[str] | None, presets: str | None, has_own: bool) -> list[Preset]:
    """Those that are named, in this order; a name that ends in .npz is a saved model.

    `names` None: those in the file `presets`, or else the article's, with simpler ones where the texts are the user's.

    Raises:
        ValueError: for a name that is unknown, and a file that cannot be read or makes no model.
    """
    known: Mapping[str, Preset] = PRESETS | CONTROLS
    of_file: Mapping[str, Preset] = {}
    if presets is not None:
        from scratchnn.experiments import preset_file

        of_file = preset_file.read(presets)
    chosen = names or list(of_file) or (ON_OWN_TEXTS if has_own else ARTICLE)
    return [_candidate(name, {**known, **of_file}) for name in chosen]


def _candidate(name: str, known: Mapping[str, Preset]) -> Preset:
    from scratchnn.experiments import model_file

    if not name.endswith(model_file.SUFFIX):
        if name not in known and (path := Path(name)).exists():
            what = f"a folder: name a model in it, such as {path / 'model.npz'}" if path.is_dir() else "no saved model"
            raise ValueError(f"--arch takes presets, and saved models, whose names end in .npz; {name!r} is {what}")
        return look_up("preset", name, known)
    found = model_file.read(name)
    if found.name in known:
        raise ValueError(f"{name!r} would be called {found.name!r}, as a preset in --presets is: give it another name")
    return found
