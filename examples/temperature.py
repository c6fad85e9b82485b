"""A temperature forecast: does a GRU foretell the next hour better than what costs nothing?

    pip install vega_datasets==0.9.0; python examples/temperature.py

The series is a year of hours in Seattle (averages of many years, so smoother than weather); without that package, one
that is made here. The last quarter is held out before anything is looked at. A forecast sees the 24 hours before: the
last of them; the first; a linear model of all; a GRU of five seeds. The error is the mean of |forecast - temperature|.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from scratchnn import Sequential
from scratchnn.layers import GRU, Dense, Input
from scratchnn.optimizers import Adam
from scratchnn.optimizers.schedules import PolynomialDecay
from scratchnn.utils import timeseries_dataset_from_array

SHA256 = "c220666521ff4bec4ffb6f0d9acfdc5c1056564b1aad6f78d3b06aa0a0c8b085"  # of seattle-temps.csv
T, B, T_95 = 24, 64, 2.776  # hours seen, windows in a batch, Student's t of five seeds


def measured():
    """Degrees Celsius, hour by hour; None where the package is not installed, or its file is another one."""
    if (package := find_spec("vega_datasets")) is None:
        return None
    file = Path(package.origin).parent / "_data" / "seattle-temps.csv"
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        return None
    return (np.array([line.split(",")[1] for line in file.read_text().splitlines()[1:]], float) - 32) / 1.8


def made(hours=8759, seed=0):
    """A year and its days as two cosines, and weather of which half is left after 12 hours."""
    hour, weather = np.arange(hours), np.zeros(hours)
    for t, push in enumerate(np.random.default_rng(seed).normal(0, 0.3, hours - 1), 1):
        weather[t] = 0.5 ** (1 / 12) * weather[t - 1] + push
    return 11 - 7 * np.cos(2 * np.pi * hour / 8766) - 3 * np.cos(2 * np.pi * (hour - 3) / 24) + weather


def forecasts(series, epochs=60, seeds=range(5)):
    """The temperatures held out, and by name what was foretold for them: {name: [one array for each seed]}."""
    first = len(series) * 3 // 4  # held out from here on
    mean, std, step = series[:first].mean(), series[:first].std(), np.diff(series[:first]).std()
    x = ((series - mean) / std).astype(np.float32)[:, None]
    change = (np.diff(series, prepend=series[0]) / step).astype(np.float32)  # what the GRU foretells
    train = timeseries_dataset_from_array(x[:first], change[T:first], T, batch_size=B, shuffle=True)
    test = timeseries_dataset_from_array(x[first - T : -1], None, T, batch_size=B)
    before, truth = series[first - 1 : -1], series[first:]
    found = {"the hour before": [before], "the day before": [series[first - 24 : -24]]}
    past = np.c_[np.lib.stride_tricks.sliding_window_view(series, T)[:-1], np.ones(len(series) - T)]
    weights = np.linalg.lstsq(past[: first - T], series[T:first], rcond=None)[0]
    found |= {"linear model": [past[first - T :] @ weights], "GRU": []}
    for seed in seeds:
        model = Sequential([Input((T, 1)), GRU(32), Dense(1)], seed=seed)
        model.compile(Adam(PolynomialDecay(0.005, epochs * len(train), 0.0)), "mse")
        model.fit(train, epochs=epochs, verbose=0)
        found["GRU"].append(before + step * model.predict(test, verbose=0)[:, 0])
    return truth, found


if __name__ == "__main__":
    series = measured()
    print("a year of Seattle" if series is not None else "vega_datasets 0.9.0 is not installed: a year made here")
    truth, found = forecasts(made() if series is None else series)
    means, _ = {}, plt.figure(figsize=(9, 4))
    plt.plot(truth[:72], label="temperature", lw=5, alpha=0.4)
    for name, several in found.items():
        error = np.array([np.abs(each - truth).mean() for each in several])
        means[name] = error.mean()
        half = T_95 * error.std(ddof=1) / np.sqrt(len(error)) if len(error) > 1 else 0
        print(f"{name:16} {error.mean():.3f} °C" + (f" ± {half:.3f} (95%, {len(error)} seeds)" if half else ""))
        plt.plot(several[0][:72], label=name, lw=1.2)
    print(f"the least error on average: {min(means, key=means.get)}")
    plt.legend()
    plt.savefig("temperature.png", dpi=130)
