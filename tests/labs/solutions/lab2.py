import numpy as np

dh1_on_paper = 0.154
da0_on_paper = 0.09856
terms_in_dWh = 29
percent_wrong = 10


def walk_back(dy, h, Wh):
    da = np.zeros_like(dy)
    sent = np.zeros_like(h[0])
    for t in reversed(range(len(dy))):
        dh = dy[t] + sent
        da[t] = dh * (1 - h[t + 1] ** 2)
        sent = da[t] @ Wh.T
    return da, sent


def weight_gradients(x, h, da, Wx):
    dWx, dWh, db = 0, 0, 0
    for t in range(len(x)):
        dWx = dWx + x[t].T @ da[t]
        dWh = dWh + h[t].T @ da[t]
        db = db + da[t].sum(axis=0)
    return da @ Wx.T, dWx, dWh, db


WRONG = (
    ("dh = dy[t] + sent", "dh = dy[t]", "da agrees at the last step, and is off from step"),
    ("dh = dy[t] + sent", "dh = dy[t]", "Is what a step sends back passed on?"),
    ("sent = da[t] @ Wh.T", "sent = da[t] @ Wh", "Wh must be transposed in (5)"),
    ("sent = da[t] @ Wh.T", "sent = dh @ Wh.T", "(5) sends da back, not dh"),
    ("dh * (1 - h[t + 1] ** 2)", "dh", "da is off already at the last step"),
    ("dh * (1 - h[t + 1] ** 2)", "dh * (1 - h[t] ** 2)", "h[t+1], not h[t]"),
    ("dWh + h[t].T @ da[t]", "dWh + h[t + 1].T @ da[t]", "the state that entered the step"),
    ("dWh + h[t].T @ da[t]", "dWh + h[t + 1].T @ da[t]", "finds off: dWh (relative error"),
    ("db + da[t].sum(axis=0)", "da[t].sum(axis=0)", "b is added at every step"),
    ("return da, sent", "return da", "expected to get back 2 things, (da, dh0)"),
)
