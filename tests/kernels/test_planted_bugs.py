"""Mistakes planted into the reference kernels, one line each: the check of link 1 must notice every one.

A fault is a text that stands once in its file, and what replaces it. The changed source is run as a module of its own.
"""

import importlib
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

# What the recurrent layers share stands in two files below them; a fault there is tried through each layer named here.
WALK = "recurrence"
BELOW = ("projection", WALK)
PASSED_ON = "d = choose(mask[t], through, d)"
STATE = "dz, dg = dh * (h - g), dh * (1 - z)"
# kernel: (name, text, what replaces it), and where the text is in another file, that file
FAULTS: dict[str, list[tuple[str, ...]]] = {
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
        ("derivative of the activation forgotten", "self.act.backward(dh, h_after)", "dh"),
        ("derivative through the state before", "backward(dh, h_after)", "backward(dh, state[0])"),
        ("mask ignored on the way back", "cache.mask, cache.states", "np.ones_like(cache.mask), cache.states", WALK),
        ("mask the wrong way round", PASSED_ON, "d = choose(mask[t], d, through)", WALK),
        ("masked rows lose their gradient", PASSED_ON, "d = choose(mask[t], through, zeros)", WALK),
        ("masked rows send a gradient to the weights", "choose(mask[t], da, (0.0, 0.0))", "da", WALK),
        ("dWh from the states after", "for state in states[:-1]", "for state in states[1:]", WALK),
        ("bias of the last step only", '"b": dax.sum(axis=(0, 1))', '"b": dax[-1].sum(axis=0)', WALK),
        ("back through the last step only", "in reversed(range(len(x))):", "in [len(x) - 1]:", WALK),
        ("gradient of the state dropped", "zero if given is None else given", "zero", WALK),
        ("dy replaces what later steps send", "d[0] + dy[:, t]", "dy[:, t]", WALK),
        ("steps counted forwards", "in reversed(range(len(x))):", "in range(len(x)):", WALK),
        ("dropout of h forgotten on the way back", "cache.Wh, call.dropout_h)", "cache.Wh, None)", WALK),
        ("dropout of x forgotten in dWx", "backward_W(dax, x, call.dropout_x)", "backward_W(dax, x, None)", WALK),
    ],
    "lstm": [
        ("gates in another order", "[da_i, da_f, da_g, da_o]", "[da_f, da_i, da_g, da_o]"),
        ("candidate and output gate in another order", "[da_i, da_f, da_g, da_o]", "[da_i, da_f, da_o, da_g]"),
        ("cell's gradient not carried", "(np.zeros_like(dh), dc * f)", "(np.zeros_like(dh), 0 * dc)"),
        ("cell's gradient replaced", "dc + self.act.backward(dh * o", "self.act.backward(dh * o"),
        ("forget gate from the cell state after", "df, di, dg = dc * c,", "df, di, dg = dc * after[1],"),
        ("derivative of act(c) forgotten", "self.act.backward(dh * o, act_c)", "dh * o"),
        ("output gate through c", "do, dc = dh * act_c,", "do, dc = dh * after[1],"),
        ("sigmoid's derivative for the candidate", "self.act.backward(dg, g)", "self.rec.backward(dg, g)"),
        (
            "masked rows lose the cell's gradient",
            PASSED_ON,
            "d = choose(mask[t], through, (d[0], *zeros[1:]))",
            WALK,
        ),
        (
            "masked rows lose the state's gradient",
            PASSED_ON,
            "d = choose(mask[t], through, (zeros[0], *d[1:]))",
            WALK,
        ),
        (
            "masked cell gradient counted twice",
            PASSED_ON,
            "d = choose(mask[t], through, (d[0], *map(np.add, d[1:], through[1:])))",
            WALK,
        ),
        ("gradient of c0 is that of h0", "grads, d  # (1)", "grads, (d[0], d[0])", WALK),
        (
            "back through one step only",
            "dbefore[0] + projection.backward_x(dah[t], cache.Wh, call.dropout_h)",
            "dbefore[0]",
            WALK,
        ),
        ("bias without the sum over time", '"b": dax.sum(axis=(0, 1))', '"b": dax[0].sum(axis=0)', WALK),
        ("masks of x forgotten in dx", "cache.Wx, call.dropout_x)", "cache.Wx, None)", WALK),
    ],
    "gru": [
        ("reset gate passes through", "da_g * ah_g, da_g * r", "da_g * ah_g, da_g"),
        ("reset gate's own gradient", "dr, dah_g = da_g * ah_g", "dr, dah_g = da_g * h"),
        ("reset gate before the product", "self.rec.backward(d_rh * h, r)", "self.rec.backward(d_rh, r)"),
        ("reset gate lost on the way to h", "dh * z + d_rh * r", "dh * z + d_rh"),
        *(
            (f"{name}{where}", f"{saved}\n        {STATE}", f"{saved}\n        {instead}")
            for name, instead in (
                ("update gate the wrong way round", "dz, dg = dh * (h - g), dh * z"),
                ("sign of the update gate", "dz, dg = dh * (g - h), dh * (1 - z)"),
            )
            for where, saved in (
                ("", "(z, r, g, ah_g) = dafter, state, saved"),
                (", reset before", "(z, r, g) = dafter, state, saved"),
            )
        ),
        ("what z keeps is lost", "return dax, dah, (dh * z,)", "return dax, dah, (0 * dh,)"),
        ("what z keeps is lost, reset before", "(dh * z + d_rh * r,)", "(d_rh * r,)"),
        ("one bias for two", '{"bh": dah.sum', '{"bh": dax.sum'),
        ("dWh of the candidate without the reset gate", "r * h[:-1], self.dropout_g", "h[:-1], self.dropout_g"),
        ("mask ignored on the way back", "cache.mask, cache.states", "np.ones_like(cache.mask), cache.states", WALK),
        (
            "dropout of the candidate forgotten",
            "backward_x(da_g, Wh_g, self.dropout_g)",
            "backward_x(da_g, Wh_g, None)",
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
        ("labels of 0 forgotten", "dp = (p - target) / (p * (1 - p))", "dp = -target / p"),
        ("sum for mean", "cache.from_logits) / cache.y.size", "cache.from_logits)"),
        ("logits taken for probabilities", "_sigmoid(y) - target", "y - target"),
        ("sign", "_sigmoid(y) - target", "target - _sigmoid(y)"),
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


def run_kernel(kernel: str, file: str, text: str, instead: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The kernel's module with a fault in it, or in a file below it; the files between are run again upon that."""
    files = [*BELOW, kernel] if kernel in STATES else [kernel]
    for each in files[files.index(file) :]:
        module = run_source(each, text, instead) if each == file else run_source(each)
        monkeypatch.setattr(reference, each, module, raising=False)
    return module


def is_noticed(case: Case, module: ModuleType) -> bool:
    try:
        assert_gradients_are_right(case, module)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(
    ("kernel", "fault"),
    [
        pytest.param(kernel, fault, id=f"{kernel}: {name}")
        for kernel, faults in FAULTS.items()
        for name, *fault in faults
    ],
)
def test_a_fault_in_a_kernel_is_noticed(kernel: str, fault: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text, instead, *elsewhere = fault
    through = "lstm" if kernel == "projection" else kernel  # which is no kernel itself
    module = run_kernel(through, *(elsewhere or [kernel]), text, instead, monkeypatch)
    assert any(is_noticed(case, module) for case in CASES[kernel])


@pytest.mark.parametrize("file", [*STATES, "binary_crossentropy", "conv1d", "dense", "embedding"])
def test_without_a_fault_the_same_source_passes(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = run_kernel(file, "projection" if file in STATES else file, "", "", monkeypatch)
    assert module.forward is not importlib.import_module(f"{reference.__name__}.{file}").forward
    assert not any(is_noticed(case, module) for case in CASES[file][::6])
