"""README's first picture: the top of the page that `scratchnn.explain` writes, as Chromium shows it.

    SCRATCHNN_DATA=<folder> python -m benchmarks.explain_picture

trains the published LSTM with seed 0 in a temporary folder, explains a text of our own, and writes docs/explain.png.
No review is shown.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import ROOT

OUT = ROOT / "docs" / "explain.png"
TEXT = (
    "It begins as a boring film and I nearly left but then the story becomes wonderful and in the end it was one of "
    "the best movies I have seen"
)
WIDTH, MAPS = 1040, 2  # of the page in pixels, and how many maps are shown


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        _python("-m", "scratchnn.train", "--arch", "lstm", "--seed", "0", "--out", folder, "--quiet")
        (run,) = Path(folder).iterdir()
        page = Path(folder) / "page.html"
        _python("-m", "scratchnn.explain", str(run), "--text", TEXT, "--out", str(page))
        names = ("chromium", "chromium-browser", "google-chrome")
        path = next((found for name in names if (found := shutil.which(name))), None)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            shown = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=1.5)
            shown.goto(page.as_uri())
            shown.add_style_tag(content="#bar, nav, details, #editor { display: none !important }")
            end = shown.locator(".maptitle").nth(MAPS).bounding_box()
            assert end is not None
            shown.screenshot(path=OUT, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end["y"]})
            browser.close()
    print(f"wrote {OUT.relative_to(ROOT)}")


def _python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
