"""The cases that the emulated device and a real one share."""

from tests.kernels.pairs import (
    STATES,
    BinaryCrossentropy,
    Case,
    Conv1D,
    Dense,
    Embedding,
    GlobalMaxPooling1D,
    MaxPooling1D,
    Recurrent,
)

# As they are dispatched in float32: up to 64 units persistent, above stepwise.
LARGE = [
    *(Recurrent(kernel, B=3, T=40, D=8, H=32, mask="left") for kernel in STATES),
    *(Recurrent(kernel, B=2, T=12, D=8, H=64, mask="rows", sequences=False) for kernel in STATES),
    *(Recurrent(kernel, B=2, T=3, D=8, H=65) for kernel in STATES),
    Recurrent("gru", B=3, T=20, D=8, H=32, mask="left", reset_after=False),
]

PADDED = Embedding(B=5, T=131, V=4, D=9, padding=120)  # whole runs of 32 ids are 0

OTHERS: list[Case] = [
    *(Conv1D(activation=name) for name in ("linear", "relu", "tanh")),
    *(Conv1D(B=3, T=13, k=k, stride=s, dilation=r) for k, s, r in ((1, 1, 1), (2, 3, 1), (3, 1, 5), (3, 2, 2))),
    *(MaxPooling1D(B=3, T=7, D=5, k=k, stride=s) for k, s in ((1, 1), (2, 2), (5, 5), (3, 1), (2, 3))),
    *(GlobalMaxPooling1D(B=3, T=T, D=5) for T in (1, 7)),
    *(Dense(B=B, D=5, H=H) for B in (1, 33) for H in (1, 7)),
    *(Dense(activation=name) for name in ("linear", "relu", "softmax")),
    *(
        BinaryCrossentropy(B=B, D=1, from_logits=from_logits, labels=labels)
        for B in (1, 31, 32, 1000)
        for from_logits, labels in ((False, True), (True, False))
    ),
    *(Embedding(B=9, T=17, V=V, D=D) for V, D in ((3, 17), (50, 33), (1, 1), (7, 40), (1, 70))),
    *(Embedding(B=1, T=T, V=2, D=5) for T in (1, 31, 32, 33, 600)),
    PADDED,
]
