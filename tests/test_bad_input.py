"""Every call of tests/bad_calls.py is refused, in words that help, before anything has changed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import bad_calls


@pytest.fixture(scope="module")
def happened() -> dict[str, dict[str, Any]]:
    """What each call did, in a process of its own and with warnings as errors."""
    command = [sys.executable, "-W", "error", "-m", "tests.bad_calls"]
    folder = Path(__file__).parent.parent
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", bad_calls.TABLE)
def test_a_bad_call_is_refused(name: str, happened: dict[str, dict[str, Any]]) -> None:
    _, exceptions, message = bad_calls.TABLE[name]
    expected = {kind.__name__ for kind in (exceptions if isinstance(exceptions, tuple) else (exceptions,))}
    what = happened[name]
    assert expected & set(what["classes"]), f"expected {expected}, got {what}"
    assert re.search(message, what["message"]), f"no {message!r} in {what['message']!r}"
    assert not what["changed"], "weights or the optimizer's state have changed"
    assert what["printed"] == ""
