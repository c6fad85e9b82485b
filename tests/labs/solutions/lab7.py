import numpy as np

error_of_hour_before = 0.5
error_of_day_before = 0.3
winner = "GRU"
least_possible = 0.24


def naive(series, first, back):
    return series[first - back : len(series) - back]


def windows(series, T):
    return np.lib.stride_tricks.sliding_window_view(series, T)[:-1], series[T:]


def linear(series, first, T):
    x, y = windows(series, T)
    x = np.column_stack([x, np.ones(len(x))])
    n = first - T
    w = np.linalg.lstsq(x[:n], y[:n], rcond=None)[0]
    return x[n:] @ w


def scaled(series, first):
    past = series[:first]
    return (series - past.mean()) / past.std()


WRONG = (
    ("return series[first - back : len(series) - back]", "return series[first:]", "the truth itself"),
    (
        "return series[first - back : len(series) - back]",
        "return series[first - back + 1 : len(series) - back + 1]",
        "not series[t - back + 1]",
    ),
    ("[:-1], series[T:]", "[:-1], series[T - 1 : -1]", "not its last one"),
    ("w = np.linalg.lstsq(x[:n], y[:n], rcond=None)[0]", "w = np.linalg.lstsq(x, y, rcond=None)[0]", "held out were"),
    ("np.column_stack([x, np.ones(len(x))])", "x", "intercept is missing"),
    ("past = series[:first]", "past = series", "tell of hours held out"),
)
