"""The page in headless Chromium: all there, quiet, offline, legible in light and dark, and no wider than a phone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scratchnn.study.page import write
from tests.study import fakes

PHONE, DESKTOP = (360, 780), (1280, 900)
LEGIBLE = """() => {
  // contrast (WCAG 2) of every text with what lies behind it: the nearest element with a background
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const behind = el => {
    for (; el; el = el.parentElement) {
      const c = numbers(getComputedStyle(el).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const texts = "svg text, h1, h2, h3, p, th, td, dt, dd, a, summary, figcaption, .label, strong";
  for (const el of document.querySelectorAll(texts)) {
    if (!el.checkVisibility() || !el.textContent.trim()) continue;
    const style = getComputedStyle(el);
    const [a, b] = [light(numbers(el.closest("svg") ? style.fill : style.color)), light(behind(el))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) bad.push(`${el.textContent.trim().slice(0, 30)} ${contrast.toFixed(2)}`);
  }
  return bad;
}"""
LETTERS = """() => [...document.querySelectorAll("svg text")].filter(el => el.checkVisibility()).map(el => {
  const svg = el.ownerSVGElement;
  return parseFloat(getComputedStyle(el).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width;
})"""
CLIPPED = """() => [...document.querySelectorAll("svg")].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter(el => {
    const box = el.getBoundingClientRect();
    const wide = box.left < frame.left - 1 || box.right > frame.right + 1;
    return wide || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map(el => el.textContent);
})"""

Opener = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Opener]:
    """Open a page; what it asked for and complained about is in its `heard`."""
    contexts = []

    def open_page(path: Path, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.heard = []
        page.on("console", lambda message: page.heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: page.heard.append(f"error: {error}"))
        page.on("request", lambda request: page.heard.append(f"request: {request.url}"))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_everything_is_there(opened: Opener, folder: Path) -> None:
    page = opened(folder / "report.html")
    assert page.title() == "Compared on film reviews: ff, rnn, lstm, cnn"
    assert page.locator("#verdict").inner_text().startswith("Yes, lstm beats each of the 3 others, after")
    assert page.locator("#verdict p").count() == 2
    assert "code c0de00000000" in page.locator("#facts").inner_text()
    rows = page.locator("#accuracy table").first.locator("tbody tr")
    assert [row.split("\t")[0] for row in rows.all_inner_texts()] == ["ff", "rnn", "lstm", "cnn"]
    assert "79.3%" in rows.nth(0).inner_text()  # published
    assert page.locator("tr.subject th").inner_text() == "lstm"
    assert page.locator("#compared tbody tr").count() == 6
    assert page.locator("#p-values tbody tr").count() == 6 * 3  # each protocol, and what is due to stopping
    assert page.locator("#left-out tbody").inner_text().split("\t") == ["cnn", "7", "the loss is <b>NaN</b>"]
    for section, figures in {"accuracy": 2, "curves": 4, "parts": 4, "calibration": 8, "models": 4}.items():
        assert page.locator(f"#{section} figure svg[role=img]").count() == figures
    assert page.locator("table.confusion").count() == 8
    for section in ("parts", "calibration", "mistakes"):
        assert page.locator(f"#{section} details.protocol > summary").all_inner_texts() == [
            "After the last epoch",
            "At the best epoch",
        ]
        assert page.locator(f"#{section} details.protocol[open]").count() == 1
    assert page.locator("#mistakes details details").count() == 8
    assert page.locator("#mistakes blockquote:visible").count() == 5
    assert page.locator("#mistakes details[open] details[open] blockquote").count() == 5
    for name in ("23,361 parameters in all", "SimpleRNN", "GlobalMaxPooling1D", "(B, 94, 32)", "32 filters of 7, relu"):
        assert page.locator("#models svg text", has_text=name).count() >= 1
    assert "Learning Word Vectors for Sentiment Analysis" in page.locator("#citation").inner_text()
    assert "numba" in page.locator("#environment").inner_text()
    assert page.locator("#method table tbody th").inner_text() == "test-set-a"
    assert page.locator("#seeds tbody tr").count() == 79
    assert page.locator("#times tbody tr").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_quiet_offline_and_legible(opened: Opener, folder: Path, scheme: str) -> None:
    page = opened(folder / "report.html", scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    assert page.heard == [f"request: {(folder / 'report.html').as_uri()}"]
    assert page.evaluate(LEGIBLE) == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(map(int, re.findall(r"\d+", background))) / 3
    assert (lightness > 200) == (scheme == "light") and (lightness < 60) == (scheme == "dark")


@pytest.mark.parametrize("size", [PHONE, (768, 1024), DESKTOP])
def test_it_is_no_wider_than_the_screen(opened: Opener, folder: Path, size: tuple[int, int]) -> None:
    page = opened(folder / "report.html", size)
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert min(page.evaluate(LETTERS)) >= 8
    assert page.evaluate(CLIPPED) == []
    wide = page.evaluate("[...document.querySelectorAll('.table')].filter(e => e.scrollWidth > e.clientWidth).length")
    assert (wide == 0) == (size == DESKTOP)  # such tables scroll in a box of their own


@pytest.mark.parametrize("seeds", [1, 3, 6])
def test_a_phone_shows_every_accuracy_and_difference_with_its_interval(
    opened: Opener, tmp_path: Path, seeds: int
) -> None:
    """Without a finger moved sideways, however long the names are; they are there whole."""
    about = fakes.reviews(100)
    names = ("ff", "lstm", "lstm,units=64,length=200,vocabulary=10000", "linear-bigrams")
    runs = [fakes.run(name, seed, about) for name in names for seed in range(seeds)]
    page = opened(write(tmp_path, runs, {about.digest: about}, {"ff": 0.7931}), (390, 844))
    for table, rows, numbers in (("#accuracies", 4, 2), ("#compared", 6, 3)):
        assert page.locator(f"{table} tbody tr").count() == rows
        seen = page.locator(f"{table} tbody td:visible strong").count()
        small = page.locator(f"{table} tbody td:visible small")
        assert seen == rows * numbers
        if seeds > 1:
            assert sum(" to " in text for text in small.all_inner_texts()) == seen
        boxes = [each.bounding_box() for each in page.locator(f"{table} :is(th, td, strong, small):visible").all()]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        assert page.evaluate(f"(e => e.scrollWidth <= e.clientWidth)(document.querySelector('{table}').parentElement)")
    assert names[2] in page.locator("#accuracies tbody th").all_inner_texts()


def test_names_tell_what_is_not_seen(opened: Opener, folder: Path) -> None:
    page = opened(folder / "report.html")
    title = "document.getElementById(e.getAttribute('aria-labelledby'))?.textContent"
    assert page.evaluate(f"[...document.querySelectorAll('svg')].filter(e => !{title}).length") == 0
    assert page.evaluate("document.documentElement.lang") == "en"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) > 20
    links = page.evaluate("[...document.querySelectorAll('nav a, use')].map(e => e.getAttribute('href'))")
    assert len(links) > 20
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert page.evaluate("[...document.querySelectorAll('thead th')].every(e => e.scope === 'col')")
    assert page.evaluate("[...document.querySelectorAll('tbody th')].every(e => e.scope === 'row')")
    assert page.get_by_role("img", name="The layers of lstm").count() == 1


def test_words_are_words(opened: Opener, tmp_path: Path) -> None:
    """Reviews, reasons and settings come from outside: none of it may become part of the page."""
    evil = "<script>document.title = 'gone'</script><img src=x onerror=\"document.title='gone'\">"
    about = fakes.reviews(40)
    about = type(about)(**{**vars(about), "text": lambda n: f"{evil} review {n}"})
    runs = [
        fakes.run("lstm", 0, about, 0.6, settings=fakes.SETTINGS | {evil: evil}, order_digest=evil),
        fakes.failed("ff", 0, about, evil),
    ]
    runs[0] = fakes.with_tested(runs[0], weights=evil)
    page = opened(write(tmp_path, runs, {about.digest: about}, code={"code": evil}))
    page.wait_for_timeout(100)
    assert page.title() == "Compared on film reviews: ff, lstm"
    assert page.locator("script").count() == page.locator("img").count() == 0
    assert "review " in page.locator("blockquote").first.inner_text()
    assert page.locator("blockquote").first.inner_text().startswith(evil)
    assert page.heard == [f"request: {(tmp_path / 'report.html').as_uri()}"]


def test_many_models_with_long_names_fit(opened: Opener, tmp_path: Path) -> None:
    about, other = fakes.reviews(300), fakes.reviews(200, "test-set-b")
    names = ("ff", "lstm", "rnn-vdropout", "a-model-with-a-name-as-long-as-this", "another-one-as-long-as-that", "gru")
    runs = [fakes.run(name, seed, about) for name in names for seed in range(2)]
    runs += [fakes.run("cnn", seed, other, settings={"synthetic": True}) for seed in range(2)]
    page = opened(write(tmp_path, runs, {about.digest: about, other.digest: other}), PHONE)
    assert page.locator("h1").inner_text() == "7 models"
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    assert page.evaluate(CLIPPED) == []
    assert page.locator("#parts h3").count() == 2 * 2
    assert page.locator("#parts svg").count() == 2 * 4
    assert page.locator(".warning").count() == 1
    assert page.locator("#compared td", has_text="cannot be compared").count() == 6


def test_a_study_without_a_run_has_a_page(opened: Opener, tmp_path: Path) -> None:
    about = fakes.reviews(40)
    for n, runs in enumerate(([], [fakes.failed("lstm", 0, about)])):
        page = opened(write(tmp_path / str(n), runs, {about.digest: about}))
        assert page.locator("#verdict").inner_text().startswith("No run counts, so there is nothing to compare.")
        assert page.heard == [f"request: {(tmp_path / str(n) / 'report.html').as_uri()}"]
