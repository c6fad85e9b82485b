# %% [markdown]
# # Lab 7: is the forecast worth anything?
#
# A network foretells the temperature of the next hour and is off by 0.26 degrees. Is that good? Nobody knows, before
# somebody has asked what costs nothing: the hour before, the same hour of the day before, a straight line through the
# last day. You will write these three, and the split without which none of the numbers means anything. 30 minutes.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab7.py`. `python -m scratchnn.labs check 7` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 7` helps.

# %%
import numpy as np

from scratchnn import Sequential
from scratchnn.layers import GRU, Dense, Input
from scratchnn.optimizers import Adam

SEED = 1  # drawn for you
T = 24  # hours that a forecast may look at
HOURS = 8760


def year(seed):
    """A made-up year: a slow wave, a wave a day, and weather of which half is left after 12 hours."""
    hour, weather = np.arange(HOURS), np.zeros(HOURS)
    for t, push in enumerate(np.random.default_rng(seed).normal(0, 0.3, HOURS - 1), 1):
        weather[t] = 0.5 ** (1 / 12) * weather[t - 1] + push
    return 11 - 7 * np.cos(2 * np.pi * hour / HOURS) - 3 * np.cos(2 * np.pi * (hour - 3) / 24) + weather


SERIES = year(SEED)
FIRST = HOURS * 3 // 4  # from this hour on everything is held out

# %% [markdown]
# ## What costs nothing
#
# The last quarter, from hour FIRST on, is held out: nothing is fitted to it. A forecast for hour t may use hours before
# t only. The simplest ones repeat what was `back` hours ago:
#
#     (1)  forecast[t] = series[t - back]        t = first, ..., N - 1
#
# Predict, in degrees: by how much is each off on average over the hours held out, the hour before and the day before?
# From one hour to the next the wave of the day moves by up to 0.8, and every hour pushes the weather by about 0.24.

# %%
error_of_hour_before = None  # degrees
error_of_day_before = None  # degrees


# %%
def naive(series, first, back):
    """(1): series (N,) -> the forecasts (N - first,) of the hours from `first` on."""
    raise NotImplementedError("write naive")


def error(forecast):
    """The mean of |forecast - truth| over the hours held out."""
    return np.abs(forecast - SERIES[FIRST:]).mean()


# %%
print(f"the hour before  {error(naive(SERIES, FIRST, 1)):.3f}")
print(f"the day before   {error(naive(SERIES, FIRST, 24)):.3f}")


# %% [markdown]
# ## A straight line
#
# A linear model looks at the T hours before t, oldest first, and a 1 for the intercept:
#
#     (2)  forecast[t] = w[0] series[t - T] + ... + w[T - 1] series[t - 1] + w[T]
#
# w is what makes the sum of squared errors least, by `np.linalg.lstsq`, over the targets *before* hour `first`. No
# target that is held out may be among them, or the model has seen what it is asked.


# %%
def windows(series, T):
    """The T numbers before each hour from T on: series (N,) -> x (N - T, T), oldest first, and y (N - T,)."""
    raise NotImplementedError("write windows")


def linear(series, first, T):
    """(2): the forecasts (N - first,) of the hours from `first` on, fitted to the hours before."""
    raise NotImplementedError("write linear")


# %%
print(f"linear           {error(linear(SERIES, FIRST, T)):.3f}")

# %% [markdown]
# ## The network
#
# A GRU learns best from numbers around 0 that are about 1 in size. So subtract a mean and divide by a standard
# deviation, and put nothing of the held-out quarter into either: in real life it has not happened yet.
#
#     (3)  scaled = (series - mean) / std        mean and std of series[:first]


# %%
def scaled(series, first):
    """(3): series (N,) -> (N,)."""
    raise NotImplementedError("write scaled")


# %% [markdown]
# Predict: who has the smaller error, by more than 0.01: "linear", "GRU" or "neither"? And how small can *any* error be?
# The weather of every hour is pushed by a draw with a standard deviation of 0.3 that nothing before it foretells. (The
# mean of |x| of a normal distribution is √(2/π) = 0.80 of its standard deviation.)

# %%
winner = None  # "linear", "GRU" or "neither"
least_possible = None  # degrees


# %%
def forecast_by_gru(seed, epochs=40):
    """It learns the change from the hour before: what it cannot foretell then costs it as little as repeating does."""
    x, change = windows(scaled(SERIES, FIRST), T)[0][..., None], np.diff(SERIES)[T - 1 :]
    std = np.diff(SERIES[:FIRST]).std()
    model = Sequential([Input((T, 1)), GRU(32), Dense(1)], seed=seed)
    model.compile(Adam(0.002), "mse")
    model.fit(x[: FIRST - T], change[: FIRST - T] / std, batch_size=64, epochs=epochs, verbose=0)
    return SERIES[FIRST - 1 : -1] + std * model.predict(x[FIRST - T :], verbose=0)[:, 0]


# %% measure
print(f"linear           {error(linear(SERIES, FIRST, T)):.3f}")
for n in range(3):  # each takes some seconds
    print(f"GRU, seed {SEED + n:<6} {error(forecast_by_gru(SEED + n)):.3f}", flush=True)

# %% [markdown]
# Without the first three numbers 0.26 says nothing. Here the day before is worth less than the hour before, since the
# weather is another one; in a year that is an average of many it is the other way round (examples/temperature.py has
# one). Neither the linear model nor the GRU is better by 0.01, and both are within a few hundredths of what is possible
# at all: in a world made of waves and of weather that fades, the best forecast *is* nearly linear. A network is worth
# its trouble where that is not so; whether it is, only the comparison says.
