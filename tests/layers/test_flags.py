"""Arguments of layers that are True or False; tests/bad_flags.py has what they refuse."""

import inspect
import subprocess
import sys
from pathlib import Path

from scratchnn import initializers, layers, regularizers
from tests.bad_flags import FLAGS


def test_the_walk_meets_all_flags() -> None:
    found = {name for _, name in FLAGS}
    assert found >= {"use_bias", "mask_zero", "return_sequences", "return_state", "go_backwards", "stateful"}
    assert found >= {"reset_after", "unit_forget_bias", "zero_output_for_mask", "center", "scale", "trainable"}
    assert {kind for kind, _ in FLAGS} == set(layers.LAYERS.values())


def test_numpys_booleans_are_taken() -> None:
    """In a process of its own: the type checker of the test run would refuse them."""
    command, folder = [sys.executable, "-m", "tests.bad_flags"], Path(__file__).parents[2]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stdout) == (0, f"{len(FLAGS)}\n"), run.stderr


def test_initializers_and_regularizers_have_none() -> None:
    """One that comes needs the check, too."""
    things = (*initializers.INITIALIZERS.values(), *regularizers.REGULARIZERS.values())
    parameters = [each for thing in things for each in inspect.signature(thing).parameters.values()]
    assert len(parameters) > 10
    assert not [each for each in parameters if isinstance(each.default, bool)]
