import numpy as np

percent_left = 0.2


def undo_6(dh_after, dc_after, o, c_after):
    tanh_c = np.tanh(c_after)
    return dh_after * tanh_c, dc_after + dh_after * o * (1 - tanh_c**2)


def undo_5(dc_after, i, f, g, c):
    return dc_after * g, dc_after * c, dc_after * i, dc_after * f


def undo_4_and_3(di, df, dg, do, i, f, g, o):
    return np.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)], axis=-1)


def walk_back(dy, h, c, gates, Wh):
    da, dh, dc = np.zeros((*dy.shape[:2], Wh.shape[1])), np.zeros_like(h[0]), np.zeros_like(c[0])
    for t in reversed(range(len(dy))):
        i, f, g, o = gates[t]
        do, dc = undo_6(dh + dy[t], dc, o, c[t + 1])
        di, df, dg, dc = undo_5(dc, i, f, g, c[t])
        da[t] = undo_4_and_3(di, df, dg, do, i, f, g, o)
        dh = da[t] @ Wh.T
    return da, dh, dc


WRONG = (
    (
        "dc_after + dh_after * o * (1 - tanh_c**2)",
        "dh_after * o * (1 - tanh_c**2)",
        "Only the part through (6) is there",
    ),
    ("dc_after + dh_after * o * (1 - tanh_c**2)", "dc_after + dh_after * o", "The derivative of tanh is missing"),
    ("dc_after * g, dc_after * c,", "dc_after * c, dc_after * g,", "This is df: are the four in the order"),
    ("[di * i * (1 - i), df * f * (1 - f),", "[df * f * (1 - f), di * i * (1 - i),", "the order i f g o"),
    ("dg * (1 - g**2)", "dg * g * (1 - g)", "g is a tanh"),
    ("di, df, dg, dc = undo_5(", "di, df, dg, _ = undo_5(", "da agrees at the last step, and is off from step"),
    ("= undo_6(dh + dy[t], dc,", "= undo_6(dh + dy[t], 0 * dc,", "Is dc passed on?"),
    ("= undo_6(dh + dy[t], dc,", "= undo_6(dy[t], dc,", "Is dh passed on?"),
    ("g, c[t])", "g, c[t + 1])", "Off are the blocks f"),
)
