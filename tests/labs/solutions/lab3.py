import numpy as np

fades_more = "large inputs"
fades_most_untrained = "SimpleRNN"
forget_gate = "rises"


def powers_faded(h, Wh, dh_last):
    dh = dh_last
    for t in reversed(range(len(h) - 1)):
        dh = (dh * (1 - h[t + 1] ** 2)) @ Wh.T
    return np.log10(np.linalg.norm(dh_last) / np.linalg.norm(dh))


WRONG = (
    ("dh * (1 - h[t + 1] ** 2)", "dh * (1 - h[t] ** 2)", "the state that leaves the step"),
    ("dh * (1 - h[t + 1] ** 2)", "dh", "1 - h[t+1]², is missing"),
    ("@ Wh.T\n", "@ Wh\n", "Wh must be transposed"),
    ("(dh * (1 - h[t + 1] ** 2)) @ Wh.T", "(dh @ Wh.T) * (1 - h[t + 1] ** 2)", "before the product with Wh"),
    ("np.linalg.norm(dh_last) / np.linalg.norm(dh)", "np.linalg.norm(dh) / np.linalg.norm(dh_last)", "other way round"),
    ("np.linalg.norm(dh_last) / np.linalg.norm(dh)", "1 / np.linalg.norm(dh)", "the ratio to |dh[T]|"),
    ("return np.log10(", "return np.log(", "np.log10, not np.log"),
    ("range(len(h) - 1)", "range(1, len(h) - 1)", "from h[1] to h[0] is missing"),
    ("range(len(h) - 1)", "range(len(h) - 2)", "The first step back"),
)


def surprises(names):
    """Powers of ten faded, untrained and trained, that are not as with three seeds, with a margin."""
    expected = {
        "SimpleRNN": ((0, 0.8), (-0.5, 3)),
        "LSTM": ((3.5, 8), (0, 3)),
        "GRU": ((9, 15), (0, 6)),
    }
    return [
        f"{name}: {value:.1f}, not {least} to {most}"
        for name, limits in expected.items()
        for value, (least, most) in zip((names["untrained"][name], names["trained"][name]), limits, strict=True)
        if not least < value < most
    ]
