"""`fit(checkpoint=path)` in processes that are killed at random steps: the next one goes on, to the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import ROOT
from benchmarks.reliability import fit

SCRIPT = """
import dataclasses, sys
from pathlib import Path
from benchmarks.reliability import fit
folder, kills = sys.argv[1:]
print(*dataclasses.astuple(fit.interrupt(Path(folder), int(kills))))
"""


@pytest.mark.parametrize("kills", [9, pytest.param(60, marks=pytest.mark.long)])
def test_killed_at_random_steps_it_ends_as_undisturbed(kills: int, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(kills)],
        capture_output=True,
        text=True,
        timeout=60 + 20 * kills,
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = fit.Interruptions(*map(int, run.stdout.split()))
    assert found.kills == kills
    assert found.within >= kills / 3  # or the kills come at the wrong time
    assert found.wrong == 0
