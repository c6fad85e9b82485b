"""Mistakes planted into the reference kernels, one line each: the check of link 1 must notice every one.

A fault is a text that stands once in its file, and what replaces it. The changed source is run as a module of its own.
"""

from pathlib import Path
from types import ModuleType

import pytest
from scratchnn_kernels import reference

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
    assert_gradients_are_right,
    variants,
)

# file: (name, text, what replaces it)
FAULTS = {
    "max_pooling1d": [
        ("overlapping windows", "cache.stride)] += np.where", "cache.stride)] = np.where"),
        ("stride ignored on the way back", "seen_by_place(j, T_out, cache.stride)", "seen_by_place(j, T_out, 1)"),
        ("every place won", "np.where(cache.winner == j, dy, 0)", "dy"),
    ],
    "global_max_pooling1d": [
        ("every step", "return is_max * share", "return np.ones(x.shape) * share"),
        ("sign", "dy / is_max", "-dy / is_max"),
    ],
    "simple_rnn": [
        ("derivative of the activation forgotten", "cache.activation.backward(dh - kept, h[t + 1])", "dh - kept"),
        ("derivative through the state before", "backward(dh - kept, h[t + 1])", "backward(dh - kept, h[t])"),
        ("mask ignored on the way back", "if mask is None else np.where(mask[t, :, None], 0, dh)", ""),
        ("mask the wrong way round", "np.where(mask[t, :, None], 0, dh)", "np.where(mask[t, :, None], dh, 0)"),
        ("masked rows lose their gradient", "Wh, cache.dropout_h) + kept", "Wh, cache.dropout_h)"),
        ("dWh from the states after", "backward_W(da, h[:T]", "backward_W(da, h[1:]"),
        ("bias of the last step only", '"b": da.sum(axis=(0, 1))', '"b": da[-1].sum(axis=0)'),
        ("back through the last step only", "in reversed(range(T)):", "in [*range(T)][-1:]:\n        da[:] = 0"),
        ("gradient of the state dropped", "dh = dh + dh_last", "pass"),
        ("dy replaces what later steps send", "dh = dh + dy[:, t]", "dh = dy[:, t]"),
        ("steps counted forwards", "in reversed(range(T)):", "in range(T):"),
        ("dropout of h forgotten on the way back", "da[t], Wh, cache.dropout_h)", "da[t], Wh, None)"),
        ("dropout of x forgotten in dWx", "backward_W(da, x, cache.dropout_x)", "backward_W(da, x, None)"),
    ],
    "lstm": [
        ("gates in another order", "[da_i, da_f, da_g, da_o]", "[da_f, da_i, da_g, da_o]"),
        ("candidate and output gate in another order", "[da_i, da_f, da_g, da_o]", "[da_i, da_f, da_o, da_g]"),
        ("cell's gradient not carried", "dc = dc * f + kept_c", "dc = 0 * dc + kept_c"),
        ("cell's gradient replaced", "dc = dc + act(dh * o", "dc = act(dh * o"),
        ("forget gate from the cell state after", "rec(dc * c[t], f)", "rec(dc * c[t + 1], f)"),
        ("derivative of act(c) forgotten", "act(dh * o, cache.act_c[t])", "dh * o"),
        ("output gate through c", "rec(dh * cache.act_c[t], o)", "rec(dh * c[t + 1], o)"),
        ("sigmoid's derivative for the candidate", "da_g = act(dc * i, g)", "da_g = rec(dc * i, g)"),
        ("masked rows lose the cell's gradient", "dc = dc * f + kept_c", "dc = dc * f"),
        ("masked rows lose the state's gradient", "cache.dropout_h) + kept_h", "cache.dropout_h)"),
        (
            "masked cell gradient counted twice",
            "np.where(real, dh, 0), np.where(real, dc, 0)",
            "np.where(real, dh, 0), dc",
        ),
        ("gradient of c0 is that of h0", "grads, (dh, dc)", "grads, (dh, dh)"),
        (
            "back through one step only",
            "dh = projection.backward_x(da[t], Wh, cache.dropout_h) + kept_h",
            "dh = kept_h",
        ),
        ("bias without the sum over time", '"b": da.sum(axis=(0, 1))', '"b": da[0].sum(axis=0)'),
        ("masks of x forgotten in dx", "backward_x(da, Wx, cache.dropout_x)", "backward_x(da, Wx, None)"),
    ],
    "gru": [
        ("reset gate passes through", "da_g * r], axis=-1)", "da_g], axis=-1)"),
        ("reset gate's own gradient", "rec(da_g * cache.ah_g[t], r)", "rec(da_g * h[t], r)"),
        ("reset gate before the product", "rec(d_rh * h[t], r)", "rec(d_rh, r)"),
        ("reset gate lost on the way to h", "dh = dh + d_rh * r", "dh = dh + d_rh"),
        ("update gate the wrong way round", "da_g = act(dh * (1 - z), g)", "da_g = act(dh * z, g)"),
        ("sign of the update gate", "rec(dh * (h[t] - g), z)", "rec(dh * (g - h[t]), z)"),
        ("what z keeps is lost", "dh = dh * z + kept", "dh = kept"),
        ("one bias for two", 'grads["bh"] = dah.sum', 'grads["bh"] = dax.sum'),
        ("dWh of the candidate without the reset gate", "r * h[:T], dropout_g", "h[:T], dropout_g"),
        (
            "mask ignored on the way back",
            "np.where(mask[t, :, None], 0, dh), np.where(mask[t, :, None], dh, 0)",
            "0, dh",
        ),
        (
            "dropout of the candidate forgotten",
            "backward_x(da_g, Wh[:, 2 * H :], dropout_g)",
            "backward_x(da_g, Wh[:, 2 * H :], None)",
        ),
    ],
    "projection": [
        ("dropout forgotten on the way back", "(dak @ Wk.T) * m", "(dak @ Wk.T)"),
        ("dropout forgotten in dW", "_rows(x * m).T", "_rows(x).T"),
    ],
    "conv1d": [
        ("stride ignored in dx", "dx[:, seen] += da", "dx[:, j * cache.dilation :][:, : da.shape[1]] += da"),
        (
            "stride ignored on the way back",
            "da.shape[1], cache.stride, cache.dilation)",
            "da.shape[1], 1, cache.dilation)",
        ),
        (
            "dilation ignored on the way back",
            "da.shape[1], cache.stride, cache.dilation)",
            "da.shape[1], cache.stride, 1)",
        ),
        ("last tap wins", "dx[:, seen] += da", "dx[:, seen] = da"),
        ("taps turned round", "da @ W[j].T", "da @ W[-1 - j].T"),
        ("bias without the sum over time", "da.sum(axis=(0, 1))", "da[:, 0].sum(axis=0)"),
        ("derivative of the activation forgotten", "cache.activation.backward(dy, cache.y)", "dy"),
    ],
    "dense": [
        ("rows mixed", "cache.x.T @ da", "cache.x[::-1].T @ da"),
        ("bias averaged", "da.sum(axis=0)", "da.mean(axis=0)"),
        ("bias of the first row", "da.sum(axis=0)", "da[0]"),
        ("dx scaled", "da @ cache.W.T", "2 * da @ cache.W.T"),
        ("derivative of the activation forgotten", "cache.activation.backward(dy, cache.y)", "dy"),
    ],
    "binary_crossentropy": [
        ("labels of 0 forgotten", "dp = (p - t) / (p * (1 - p) *", "dp = -t / (p *"),
        ("sum for mean", "* y.dtype.type(y.size))", ")"),
        ("sum for mean, from logits", "(_sigmoid(y) - t) / y.size", "(_sigmoid(y) - t)"),
        ("logits taken for probabilities", "(_sigmoid(y) - t)", "(y - t)"),
        ("sign", "(_sigmoid(y) - t)", "(t - _sigmoid(y))"),
    ],
    "embedding": [
        ("repeated ids counted once", "np.add.at(dE, cache.x, dy)", "dE[cache.x] += dy"),
    ],
}

CASES: dict[str, list[Case]] = {kernel: list(variants(Recurrent(kernel))) for kernel in STATES}
CASES["projection"] = CASES["lstm"]
CASES["binary_crossentropy"] = [BinaryCrossentropy(), BinaryCrossentropy(from_logits=True)]
CASES["conv1d"] = [Conv1D(activation="tanh"), Conv1D(stride=2), Conv1D(dilation=2)]
CASES["dense"] = [Dense()]
CASES["embedding"] = [Embedding()]
CASES["global_max_pooling1d"] = [GlobalMaxPooling1D()]
CASES["max_pooling1d"] = [MaxPooling1D(k=3, stride=1), MaxPooling1D(k=2, stride=3)]


def run_source(file: str, text: str = "", instead: str = "") -> ModuleType:
    """The reference module run again from its source, with the fault in it."""
    path = Path(reference.__file__).parent / f"{file}.py"
    source = path.read_text(encoding="utf-8")
    if text:
        assert source.count(text) == 1, f"{text!r} must stand exactly once in {path.name}"
        source = source.replace(text, instead)
    module = ModuleType(file)
    exec(compile(source, f"{path.name} with a fault", "exec"), vars(module))
    return module


def is_noticed(case: Case, module: ModuleType) -> bool:
    try:
        assert_gradients_are_right(case, module)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(
    ("file", "text", "instead"),
    [pytest.param(file, *fault, id=f"{file}: {name}") for file, faults in FAULTS.items() for name, *fault in faults],
)
def test_a_fault_in_a_kernel_is_noticed(file: str, text: str, instead: str) -> None:
    module = run_source(file, text, instead)
    if file == "projection":  # tried through a kernel that uses it
        lstm = run_source("lstm")
        vars(lstm)["projection"], module = module, lstm
    assert any(is_noticed(case, module) for case in CASES[file])


@pytest.mark.parametrize("file", [*STATES, "binary_crossentropy", "conv1d", "dense", "embedding"])
def test_without_a_fault_the_same_source_passes(file: str) -> None:
    module = run_source(file)
    assert module is not getattr(reference, file)
    assert not any(is_noticed(case, module) for case in CASES[file][::6])
