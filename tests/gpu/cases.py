"""The cases that the emulated device and a real one share."""

from dataclasses import replace

from tests.kernels.pairs import (
    GATES,
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

# The recurrent kernels, GRU in both forms.
CELLS = [*((kernel, True) for kernel in STATES), ("gru", False)]

# As they are dispatched in float32: up to 96 units persistent with all weights in registers, up to 128 persistent with
# some of them read again in every step, above stepwise.
LARGE = [
    *(Recurrent(kernel, B=3, T=40, D=8, H=32, mask="left") for kernel in STATES),
    *(Recurrent(kernel, B=2, T=12, D=8, H=64, mask="rows", sequences=False) for kernel in STATES),
    Recurrent("gru", B=3, T=20, D=8, H=32, mask="left", reset_after=False),
    *(
        replace(case, kernel=kernel, reset_after=reset_after, dropout_x=case.dropout_x and GATES[kernel])
        for kernel, reset_after in CELLS
        for case in (
            Recurrent("", B=2, T=5, D=8, H=65, mask="inside"),
            Recurrent("", B=2, T=4, D=8, H=96, mask="left", sequences=False),
            Recurrent("", B=4, T=5, D=8, H=100, mask="rows"),
            Recurrent("", B=2, T=3, D=8, H=100, mask="left", dropout_x=1, dropout_h=True),
            Recurrent("", B=2, T=5, D=8, H=128, mask="inside", dropout_h=True, sequences=False, dstate=False),
            Recurrent("", B=3, T=6, D=8, H=128, mask="right", dy=False),
            Recurrent("", B=1, T=1, D=8, H=128),
            Recurrent("", B=2, T=3, D=8, H=129),
        )
    ),
]

PADDED = Embedding(B=8, T=131, V=14, D=9, padding=120)  # every warp has ids, and whole runs of 32 ids are 0

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
