"""Forecasts the temperature of the next hour from the 48 before, with a GRU and in simpler ways: who does it better?"""

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from scipy import signal, stats

from scratchnn import Sequential
from scratchnn.layers import GRU, Dense
from scratchnn.optimizers import Adam
from scratchnn.optimizers.schedules import CosineDecay
from scratchnn.utils import timeseries_dataset_from_array as windows

HOURS, SHA256 = 48, "c220666521ff4bec4ffb6f0d9acfdc5c1056564b1aad6f78d3b06aa0a0c8b085"


def found():
    """Where the series is from, and its degrees Fahrenheit, hour by hour."""
    package = find_spec("vega_datasets")
    path = Path(package.origin if package and package.origin else ".").parent / "_data" / "seattle-temps.csv"
    if not path.is_file() or sha256(path.read_bytes()).hexdigest() != SHA256:
        return "a generated series (for Seattle's: pip install --no-deps vega_datasets==0.9.0)", generated()
    return "Seattle, from vega_datasets 0.9.0", np.genfromtxt(path, delimiter=",", skip_header=1, usecols=[1])


def generated(seed=1):
    """A year: cold winters, warm days, most so in summer, and weather that keeps 97% from one hour to the next."""
    t, noise = np.arange(8760), np.random.default_rng(seed).normal(size=8760)
    summer, noon = -np.cos(2 * np.pi * t / 8760), -np.cos(2 * np.pi * (t - 3) / 24)
    return 52 + 12 * summer + (5 + 3 * summer) * noon + signal.lfilter([1.2], [1, -0.97], noise)


def forecasts(series, seeds=5, epochs=30):
    """The hours held out, and by name what was told of them: one row, of the network one for each seed."""
    cut, y = 3 * len(series) // 4, np.diff(series)[HOURS - 1 :]  # y: the hour after each window, less its last one
    x = ((series - series[:cut].mean()) / series[:cut].std())[:, None]
    scale = y[: cut - HOURS].std()
    old, y_old = next(iter(windows(x[:cut], y[: cut - HOURS], HOURS, batch_size=cut)))
    new = next(iter(windows(x[cut - HOURS : -1], None, HOURS, batch_size=cut)))
    flat, flat_new = (np.c_[part[..., 0], np.ones(len(part))] for part in (old, new))
    network = []
    for seed in range(seeds):
        batches = windows(x[:cut], y[: cut - HOURS] / scale, HOURS, batch_size=64, shuffle=True, seed=seed)
        model = Sequential([GRU(16), Dense(1)], seed=seed)
        model.compile(Adam(CosineDecay(0.01, epochs * len(batches))), "mse")
        model.fit(batches, epochs=epochs, verbose=0)
        network.append(scale * model.predict(new, verbose=0)[:, 0])
    last, linear = series[cut - 1 : -1], flat_new @ np.linalg.lstsq(flat, y_old)[0]
    told = {"as an hour before": last, "as a day before": series[cut - 24 : -24], "linear model": last + linear}
    return series[cut:], {name: row[None] for name, row in told.items()} | {"GRU": last + np.array(network)}


def report(source, series, **settings):
    """Print who is how far off, and whether the GRU is better than the best of the others; draw temperature.png."""
    truth, told = forecasts(series, **settings)
    print(f"{source}\nmean absolute error over the last {len(truth):,} hours, in degrees Fahrenheit, for each seed:")
    errors = {name: np.abs(rows - truth) for name, rows in told.items()}
    means = {name: each.mean(axis=1) for name, each in errors.items()}
    print(*(f"  {name:<18}" + " ".join(f"{mean:.3f}" for mean in each) for name, each in means.items()), sep="\n")
    rival = min(list(means)[:3], key=lambda name: means[name][0])
    gaps = errors["GRU"] - errors[rival]
    days = gaps.mean(axis=0)[: len(truth) // 24 * 24].reshape(-1, 24).mean(axis=1)
    half = np.hypot(*(stats.t.ppf(0.975, len(each) - 1) * stats.sem(each) for each in (gaps.mean(axis=1), days)))
    verdict = "no clear winner" if abs(gaps.mean()) <= half else f"the {rival if gaps.mean() > 0 else 'GRU'} wins"
    print(f"GRU less {rival}: {gaps.mean():+.3f} ± {half:.3f} (95%, over seeds and {len(days)} days): {verdict}")
    figure, (lines, bars) = pyplot.subplots(1, 2, figsize=(9, 3.6), width_ratios=(2, 1), layout="constrained")
    for name, row in {"series": truth, rival: told[rival][0], "GRU": told["GRU"][0]}.items():
        lines.plot(row[:96], label=name, linewidth=5 if row is truth else 1.5, alpha=0.4 if row is truth else 1)
    lines.set(title="The first four days held out, forecast hour by hour", xlabel="hour", ylabel="°F")
    lines.legend()
    bars.barh(list(means), [each.mean() for each in means.values()])
    bars.set(title="Mean absolute error", xlabel="°F")
    figure.savefig("temperature.png", dpi=120)


if __name__ == "__main__":
    report(*found())
