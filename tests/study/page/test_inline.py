"""A figure inside a page: no colour left that only suits paper, no id twice, nothing that reaches outside."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scratchnn.report.diagram import LayerRow, draw_model
from scratchnn.study.page.inline import inline_svg

KINDS = ("Embedding", "LSTM", "Conv1D", "MaxPooling1D", "Dense", "Dropout", "Bidirectional")
CSS = (Path(__file__).resolve().parents[3] / "scratchnn" / "study" / "page" / "report.css").read_text(encoding="utf-8")


@pytest.fixture
def diagram(tmp_path: Path) -> Path:
    rows = [LayerRow(f"l{n}", kind, "detail", (None, 3), n) for n, kind in enumerate(KINDS)]
    (path,) = draw_model(rows, tmp_path / "model.svg", title="a <b> & c", input_shape=(None, 3))
    return path


def test_colours_follow_the_page(diagram: Path) -> None:
    svg = inline_svg(diagram, "t", "p")
    assert not re.search(r"#[0-9a-fA-F]{3,6}\b(?![^<]*</)", re.sub(r'(href="#|url\(#)[^")]*', "", svg))
    used = set(re.findall(r"var\((--[\w-]+)\)", svg))
    assert {"--ink", "--blue", "--blue-tint", "--green-tint", "--other-tint", "--paper", "--sans"} <= used
    light, dark = CSS.split("@media (prefers-color-scheme: dark)")
    for name in used - {"--sans"}:
        assert f"{name}:" in light and f"{name}:" in dark[: dark.index("* {")], name


def test_it_stands_alone_and_says_what_it_is(diagram: Path) -> None:
    svg = inline_svg(diagram, "layers of <x>", "p")
    root = ET.fromstring(svg)
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert root[0].text == "layers of <x>"
    assert root.get("aria-labelledby") == root[0].get("id") == "p-title"
    assert "a <b> & c" in ["".join(text.itertext()) for text in root.iter("text")]
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    assert all(each and each.startswith("p-") for each in ids)
    links = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
    assert links and set(links) <= set(ids)
    assert "http" not in svg and "<style" not in svg and "metadata" not in svg


def test_margins_can_be_left_out(diagram: Path) -> None:
    whole, cut = (ET.fromstring(inline_svg(diagram, "t", "p", crop)) for crop in ((0.0, 0.0), (40.0, 10.0)))
    _, _, width, height = (float(x) for x in (whole.get("viewBox") or "").split())
    assert [float(x) for x in (cut.get("viewBox") or "").split()] == [40, 0, width - 50, height]
