import numpy as np

percent_behind = 1
percent_in_front = 100
left_of_dWx = "less than 10"


def pad(sequences, length, side):
    x = np.zeros((len(sequences), length, sequences[0].shape[1]))
    mask = np.zeros((len(sequences), length), bool)
    for row, sequence in enumerate(sequences):
        t = len(sequence)
        place = slice(0, t) if side == "post" else slice(length - t, length)
        x[row, place] = sequence
        mask[row, place] = True
    return x, mask


def forward(x, mask, Wx, Wh, b):
    h = c = np.zeros((len(x), len(Wh)))
    saved = []
    for t in range(x.shape[1]):
        real = mask[:, t : t + 1]
        h_after, c_after, kept = step(x[:, t], h, c, Wx, Wh, b)  # noqa: F821
        h, c = np.where(real, h_after, h), np.where(real, c_after, c)
        saved.append(kept)
    return h, saved


def backward(dh_last, mask, saved, Wh):
    dh, dc, das = dh_last, np.zeros_like(dh_last), []
    for t in reversed(range(len(saved))):
        real = mask[:, t : t + 1]
        da, dh_before, dc_before = step_back(dh, dc, saved[t], Wh)  # noqa: F821
        das.append(np.where(real, da, 0))
        dh, dc = np.where(real, dh_before, dh), np.where(real, dc_before, dc)
    return np.stack(das[::-1])


WRONG = (
    ('if side == "post"', 'if side == "pre"', "This is the other side"),
    ("mask[row, place] = True", "mask[row] = True", "True at the steps that are real"),
    ("np.where(real, h_after, h), np.where(real, c_after, c)", "h_after, c_after", "The mask is not used"),
    ("np.where(real, c_after, c)", "c_after", "h is kept, but c is not"),
    ("das.append(np.where(real, da, 0))", "das.append(da)", "da is not zero where the mask is False"),
    ("np.where(real, dc_before, dc)", "dc_before", "dh and dc pass on as they are"),
    ("np.where(real, dh_before, dh)", "dh_before", "dh and dc pass on as they are"),
)
