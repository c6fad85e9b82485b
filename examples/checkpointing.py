"""Less memory for one more forward pass: keep the states at every k-th step only, and compute the rest again.

A recurrent pair can start from any state, and its backward pass takes and returns the gradient of one. So the walk
through time can be cut in pieces, each with a cache of its own that lives as long as the piece is worked on.
"""

from dataclasses import replace


def gradients(pair, call, dy, *rest, every):
    """The gradients of the parameters, the same as from pair.backward; call.sequences, no mask, dy (B, T, H)."""
    pieces = [slice(first, first + every) for first in range(0, call.x.shape[1], every)]
    states = [call.state]  # those that enter a piece: all that is kept
    for piece in pieces[:-1]:
        part = replace(call, x=call.x[:, piece].copy(), state=states[-1], keep_cache=False)
        states.append(pair.forward(part, *rest)[1])
    total, dstate = {}, (None,) * len(call.state)
    for piece, state in zip(reversed(pieces), reversed(states), strict=True):
        part = replace(call, x=call.x[:, piece].copy(), state=state)
        _, _, cache = pair.forward(part, *rest)  # once more, and this time to be differentiated
        _, grads, dstate = pair.backward(dy[:, piece].copy(), dstate, cache)  # dstate: on to the piece before
        total = {name: total.get(name, 0) + gradient for name, gradient in grads.items()}
    return total
