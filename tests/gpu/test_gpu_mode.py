"""python -m tests.gpu: it needs none of the test extras, and every test that needs a card is in one group."""

import os
import subprocess
import sys
from pathlib import Path

from tests.gpu import __main__ as mode
from tests.gpu.groups import GROUPS, expression

EXTRAS = (
    "beartype",
    "jaxtyping",
    "hypothesis",
    "keras",
    "torch",
    "scipy",
    "matplotlib",
    "rich",
    "sklearn",
    "distributed",
)


def collected(selection: str, folder: Path) -> list[str]:
    """Names of the tests, in a Python where importing an extra fails."""
    (folder / "sitecustomize.py").write_text(f"import sys\nfor name in {EXTRAS}: sys.modules[name] = None\n")
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")]), *sys.path[1:]])
    command = [sys.executable, *mode.PYTEST, "-m", "gpu", "-k", selection, "--collect-only", mode.TESTS]
    # A plugin of an extra loads itself where it is installed.
    environment = os.environ | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, cwd=mode.ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode in (0, 5), run.stdout + run.stderr
    return [line for line in run.stdout.splitlines() if "::" in line]


def test_every_test_is_in_one_group(tmp_path: Path) -> None:
    every = collected("test", tmp_path)
    grouped = [name for group in GROUPS for name in collected(expression(group), tmp_path)]
    assert sorted(grouped) == sorted(every) and len(every) > 300


def test_a_group_that_fails_or_hangs_leaves_the_others(monkeypatch, capfd) -> None:
    ends = {"lstm": "import sys; sys.exit(1)", "gru": "import time; time.sleep(60)"}
    pool = "import os; print('pool', os.environ.get('SCRATCHNN_TEST_POOL'))"
    monkeypatch.setattr(mode, "command", lambda group, checker: [*checker, sys.executable, "-c", ends.get(group, pool)])
    assert mode.main(["--seconds", "5", "--checker", "env", "lstm", "gru", "simple_rnn"]) == 1
    out = capfd.readouterr().out
    assert "no end after 5 seconds" in out and "pool off" in out and out.endswith("failed: lstm, gru\n")
    assert mode.main(["others"]) == 0
