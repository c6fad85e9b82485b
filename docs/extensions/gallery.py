"""The gallery's pages, made when the site is built: small models are trained on the generated reviews and explained.

Generated reviews are the package's own, so that their words may be shown, and are the same on every machine.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

EPOCHS = {"lstm": 4, "gru": 4, "rnn": 4, "bilstm": 4}
PAGES = {  # page -> what is explained, beside which other model
    "lstm.html": ("lstm", 3, None),
    "rnn-beside-lstm.html": ("rnn", 3, "lstm"),
    "gru.html": ("gru", 11, None),
    "bidirectional.html": ("bilstm", 11, None),
}


def build(app: Any) -> None:
    """Train what has not been trained by an earlier build, and write the pages beside the site's other files."""
    if app.builder.name != "html":
        return
    work = Path(app.doctreedir) / "gallery"
    target = Path(app.outdir) / "gallery"
    target.mkdir(parents=True, exist_ok=True)
    runs = {arch: _run(work / arch, arch, epochs) for arch, epochs in EPOCHS.items()}
    for page, (arch, number, other) in PAGES.items():
        beside = [] if other is None else ["--compare", str(runs[other])]
        out = ["--review", str(number), "--out", str(target / page)]
        _python("-m", "scratchnn.explain", str(runs[arch]), *out, *beside)


def _run(folder: Path, arch: str, epochs: int) -> Path:
    """The folder of the one run in `folder`, which is made where there is none."""
    if not (found := sorted(folder.glob("*/model.npz"))):
        _python("-m", "scratchnn.train", "--arch", arch, "--epochs", str(epochs), "--synthetic", "--out", str(folder))
        found = sorted(folder.glob("*/model.npz"))
    return found[-1].parent


def _python(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", build)
    return {"version": "1", "parallel_read_safe": True}
