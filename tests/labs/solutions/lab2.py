import numpy as np

dh1_on_paper = 0.154
percent_wrong = 10


def walk_back(dy, h, Wh):
    da = np.zeros_like(dy)
    sent = np.zeros_like(h[0])
    for t in reversed(range(len(dy))):
        dh = dy[t] + sent
        da[t] = dh * (1 - h[t + 1] ** 2)
        sent = da[t] @ Wh.T
    return da, sent


def gradient_of_Wh(h, da):
    return sum(h[t].T @ da[t] for t in range(len(da)))


WRONG = (
    ("dh = dy[t] + sent", "dh = dy[t]", "da agrees at the last step, and is off from step"),
    ("dh = dy[t] + sent", "dh = dy[t]", "Is what a step sends back passed on?"),
    ("sent = da[t] @ Wh.T", "sent = da[t] @ Wh", "Wh must be transposed in (5)"),
    ("sent = da[t] @ Wh.T", "sent = dh @ Wh.T", "(5) sends da back, not dh"),
    ("dh * (1 - h[t + 1] ** 2)", "dh", "da is off already at the last step"),
    ("dh * (1 - h[t + 1] ** 2)", "dh * (1 - h[t] ** 2)", "h[t+1], not h[t]"),
    ("return sum(h[t].T @ da[t] for", "return sum(h[t + 1].T @ da[t] for", "the state that entered the step"),
    ("return sum(h[t].T @ da[t] for", "return sum(h[t + 1].T @ da[t] for", "finds off: dWh (relative error"),
    ("return sum(h[t].T @ da[t] for", "return sum(da[t].T @ h[t] for", "That is its transpose"),
    ("for t in range(len(da)))", "for t in range(len(da) - 1))", "The last step is missing"),
    ("return sum(h[t].T @ da[t] for t in range(len(da)))", "return h[:-1] * da", "without steps or rows"),
    ("return da, sent", "return da", "expected to get back 2 things, (da, dh0)"),
)
