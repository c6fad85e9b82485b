"""The examples that use the package for something: a text that is continued, a forecast, words that are alike."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from examples import characters, neighbours, temperature
from scratchnn.data import imdb

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", ["characters", "neighbours", "temperature"])
def test_each_is_one_page(name: str) -> None:
    assert len((ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 80


# ---- the character model


TEXT = characters.reviews(26_000)


def test_its_text_is_the_generated_reviews() -> None:
    assert len(TEXT) == 26_000 and set(TEXT) <= set(characters.LETTERS)
    lines = TEXT.split(".\n")
    assert 20 < len(lines) < 60 and min(map(len, lines[:-1])) > 10


def test_its_windows_go_on_where_the_last_one_ended() -> None:
    x, y = characters.windows(TEXT)
    B, T = characters.STREAMS, characters.WINDOW
    ids = np.array([characters.LETTERS.index(letter) for letter in TEXT])
    assert x.shape == y.shape and x.shape[1] == T and len(x) % B == 0 and len(x) > 4 * B
    for row in range(B):
        stream = x[row::B].ravel()  # the same row of every batch
        first = row * len(stream)
        np.testing.assert_array_equal(stream, ids[first : first + len(stream)])
        np.testing.assert_array_equal(y[row::B].ravel(), ids[first + 1 : first + 1 + len(stream)])


@pytest.fixture(scope="module")
def talking() -> tuple[Any, dict[str, Any]]:
    return characters.trained(TEXT, units=48, epochs=10)


def test_the_character_model_learns_carries_its_states_and_writes(talking: tuple[Any, dict[str, Any]]) -> None:
    model, history = talking
    losses = history["loss"]
    assert losses[-1] < 0.8 * losses[0] and losses[-1] < 2.3  # the letters' own frequencies reach 2.8
    text, probabilities = characters.written(model, letters=60)
    assert len(text) == 67 and text.startswith("what a ")
    assert characters.written(model, letters=60)[0] == text != characters.written(model, letters=60, seed=2)[0]
    # One letter at a time with the states carried along is one long pass over the whole text.
    model.reset_states()
    whole = model.predict(np.array([[characters.LETTERS.index(letter) for letter in text]]))[0]
    np.testing.assert_allclose(probabilities, whole[6:-1], rtol=1e-4, atol=1e-6)
    # Without its states it knows one letter, and would have drawn from other probabilities.
    for number in (10, 40):
        model.reset_states()
        alone = model.predict(np.array([[characters.LETTERS.index(text[number])]]))[0, -1]
        assert np.abs(alone - whole[number]).max() > 0.02


def test_a_higher_temperature_draws_less_likely_letters(talking: tuple[Any, dict[str, Any]]) -> None:
    model, _ = talking
    likely = []
    for heat in (0.3, 0.7, 1.2):
        text, probabilities = characters.written(model, letters=200, temperature=heat)
        drawn = [characters.LETTERS.index(letter) for letter in text[7:]]
        likely.append(np.log(probabilities[np.arange(200), drawn]).mean())
    assert likely[0] > likely[1] + 0.2 > likely[2] + 0.5


@pytest.mark.parametrize("start", ["The king", "", "wie schön"])
def test_a_start_that_the_text_cannot_have_is_refused(
    start: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["characters.py", "--start", start])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "examples" / "characters.py"), run_name="__main__")
    assert stopped.value.code == 2 and "--start needs small letters" in capsys.readouterr().err


# ---- the forecast


SERIES = temperature.generated()[:2000]


@pytest.fixture(scope="module")
def forecast() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return temperature.forecasts(SERIES, seeds=2, epochs=1)


def test_the_generated_year_is_one() -> None:
    year = temperature.generated()
    days = year.reshape(365, 24)
    summer, winter = days[160:220].mean(axis=0), days[:60].mean(axis=0)
    assert summer.mean() - winter.mean() == pytest.approx(24, abs=3)
    assert summer.argmax() in (14, 15, 16) and np.ptp(summer) > np.ptp(winter) + 5
    noise = year - (temperature.generated(2) + temperature.generated(3)) / 2
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0.97, abs=0.01)


def test_everyone_tells_the_same_hours_from_the_same_48(forecast: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    truth, told = forecast
    np.testing.assert_array_equal(truth, SERIES[1500:])
    np.testing.assert_array_equal(told["as an hour before"], SERIES[None, 1499:-1])
    np.testing.assert_array_equal(told["as a day before"], SERIES[None, 1476:-24])
    x = np.lib.stride_tricks.sliding_window_view(SERIES, 48)[:-1]
    design, y = np.c_[x, np.ones(len(x))], SERIES[48:]
    expected = design[1452:] @ np.linalg.lstsq(design[:1452], y[:1452])[0]
    np.testing.assert_allclose(told["linear model"][0], expected, rtol=1e-9)
    assert told["GRU"].shape == (2, 500) and np.abs(np.subtract(*told["GRU"])).max() > 0.01
    assert np.abs(told["GRU"] - truth).mean() < np.abs(told["as a day before"] - truth).mean()


def test_what_is_held_out_reaches_no_forecast_before_it(forecast: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    changed = SERIES.copy()
    changed[1600:] = -40
    truth, told = temperature.forecasts(changed, seeds=2, epochs=1)
    assert (truth[100:] == -40).all()
    for name, rows in forecast[1].items():
        np.testing.assert_allclose(told[name][:, :101], rows[:, :101], rtol=1e-6, err_msg=name)
        assert np.abs(told[name][:, 101:150] - rows[:, 101:150]).max() > 1, name


def test_the_linear_model_wins_where_the_law_is_linear() -> None:
    """And nobody can be nearer than the noise lets him: 1.2 times the mean of |n|."""
    truth, told = temperature.forecasts(temperature.generated(), seeds=1, epochs=1)
    errors = {name: np.abs(rows[0] - truth).mean() for name, rows in told.items()}
    assert {name: round(error, 3) for name, error in errors.items() if name != "GRU"} == {
        "as an hour before": 1.063, "as a day before": 3.454, "linear model": 0.976
    }  # fmt: skip
    assert 1.2 * np.sqrt(2 / np.pi) < errors["linear model"] < errors["GRU"] < errors["as an hour before"]


def test_its_report(
    forecast: tuple[np.ndarray, dict[str, np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(temperature, "forecasts", lambda series: forecast)
    temperature.report("a series", SERIES)
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "mean absolute error over the last 500 hours, in degrees Fahrenheit, for each seed:"
    assert len(printed[5].split()) == 3, "GRU, and an error for each of two seeds"
    assert printed[6].startswith("GRU less linear model: +") and "over seeds and 20 days" in printed[6]
    assert (tmp_path / "temperature.png").stat().st_size > 10_000
    truth, told = forecast
    monkeypatch.setattr(temperature, "forecasts", lambda series: (truth, told | {"GRU": truth + 0.01 * told["GRU"]}))
    temperature.report("a series", SERIES)
    assert capsys.readouterr().out.strip().endswith("the GRU wins")


@pytest.mark.parametrize("content", [None, b"date,temp\n2010/01/01 00:00,39.4\n"])
def test_without_the_very_file_it_generates_a_series_and_says_so(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    if content is not None:
        (tmp_path / "_data").mkdir()
        (tmp_path / "_data" / "seattle-temps.csv").write_bytes(content)
    for found in (package, None):
        monkeypatch.setattr(temperature, "find_spec", lambda name, found=found: found)
        source, series = temperature.found()
        assert source.startswith("a generated series") and len(series) == 8760


def test_seattle_where_it_is_installed() -> None:
    source, series = temperature.found()
    if "generated" in source:
        pytest.skip("vega_datasets 0.9.0 is not installed")
    assert source.startswith("Seattle") and len(series) == 8759
    assert (series[0], series.min(), series.max()) == (39.4, 37.5, 75.9)


# ---- neighbours


def test_words_that_praise_become_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = imdb.load(num_words=2000, maxlen=60, synthetic=True)
    data = replace(data, x_test=data.x_test[:2000], y_test=data.y_test[:2000])
    neighbours.report(data, epochs=2)
    printed = capsys.readouterr().out
    assert printed.startswith("generated reviews, before training:")
    before, after = printed.split("after it, test accuracy ")
    assert float(after[:5]) > 0.7
    shares = [int(part.split("directions holds ")[1].split("%")[0]) for part in (before, after)]
    assert shares[0] <= 5 and shares[1] > 25
    (great,) = [line for line in after.splitlines() if line.startswith("  great")]
    assert (
        sum(word in great for word in ("excellent", "brilliant", "wonderful", "fantastic", "beautiful", "superb")) >= 2
    )
    assert "  she" not in printed, "not among the generated words"
    assert (tmp_path / "neighbours.png").stat().st_size > 20_000


def test_the_plane_is_that_of_the_main_directions() -> None:
    model = neighbours.untrained(imdb.load(num_words=300, synthetic=True))
    E = model.get_weights()[0]
    E[4:, :2] *= [[20, 9]]
    model.set_weights([E, *model.get_weights()[1:]])
    places, shares = neighbours.plane(model)
    expected = E[4:, :2] - E[4:, :2].mean(axis=0)
    found = np.array(list(places.values()))
    assert list(places) == model.metadata["vocabulary"][4:]
    assert [abs(np.corrcoef(found[:, n], expected[:, n])[0, 1]) for n in (0, 1)] == pytest.approx([1, 1], abs=0.02)
    assert shares[:2] == pytest.approx(expected.var(axis=0) / E[4:].var(axis=0).sum(), rel=0.05)
