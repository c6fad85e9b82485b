"""What benchmarks/reliability tries, in small: damaged files, a short soak, and how records are kept."""

import dataclasses
from pathlib import Path

import pytest

from benchmarks.reliability import flips, page, record, soak
from benchmarks.reliability.record import Record


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, flips.Kind]:
    return {kind.name: kind for kind in flips.kinds(tmp_path_factory.mktemp("files"))}


@pytest.mark.parametrize("name", ["model", "checkpoint", "study record"])
@pytest.mark.parametrize("number", [60, pytest.param(2000, marks=pytest.mark.long)])
def test_a_damaged_file_is_refused(number: int, name: str, kinds: dict[str, flips.Kind]) -> None:
    for found in flips.damage(kinds[name], number, number // 4, seed=2):
        assert (found.lost, found.same) == (0, 0)
        assert found.refused > 0


def test_a_reader_that_looks_at_nothing_is_found_out(tmp_path: Path) -> None:
    """Without this the test above could pass because nothing is compared."""
    (path := tmp_path / "plain").write_bytes(bytes(100))
    found, _ = flips.damage(flips.Kind("plain", path, path.read_bytes), 20, 0, seed=0)
    assert found.lost == 20


def test_a_damaged_checkpoint_goes_on_from_the_one_before(kinds: dict[str, flips.Kind]) -> None:
    found = flips.fall_back(kinds["checkpoint"], 20, seed=3)
    assert (found.lost, found.same) == (0, 20)


def test_a_soak_tells_what_grows(tmp_path: Path) -> None:
    moments = [soak.Moment(n, 100.0, 10, 2, 0.01) for n in range(20)]
    assert not soak.failures(soak.drift(moments))
    grown = {"mb": 106.0, "descriptors": 11, "threads": 3, "step": 0.02}
    for name, more in zip(grown, ("MB more", "open files more", "threads more", "step slower by"), strict=True):
        later = [dataclasses.replace(each, **{name: grown[name]}) for each in moments[-6:]]
        assert soak.failures(soak.drift(moments[:-6] + later)) == [more]


def test_pieces_are_counted_together(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    one = Record("kills", 10, 9, 1, {"gone": 2, "seconds": 0.5}, 3.0, "a CPU")
    record.keep(one, add=True, path=path)
    record.keep(dataclasses.replace(one, goal="flips"), add=False, path=path)
    record.keep(Record("kills", 5, 5, 0, {"gone": 1, "seconds": 0.75}, 2.0, "a CPU"), add=True, path=path)
    kills, other = record.read(path)
    assert kills == Record("kills", 15, 14, 1, {"gone": 2, "seconds": 0.75}, 5.0, "a CPU")
    assert other.goal == "flips"
    record.keep(one, add=False, path=path)
    assert record.read(path)[0] == one
    assert len(path.read_text().splitlines()) == 4  # a line for each, between brackets


def test_what_is_recorded_is_what_the_page_is_for() -> None:
    """Every script has its line, nothing was lost, and as much was tried as the page is about."""
    records = record.read()
    for begin in page.SCRIPTS:
        assert any(each.goal.startswith(begin) for each in records), begin
    for each in records:
        assert each.survived + each.lost == each.tried
        assert each.lost == 0, each.goal
