"""What goes to Keras and PyTorch, in both as they are installed here; tests/exchange/ has what they once wrote."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, layers
from scratchnn.exchange import (
    ExchangeError,
    from_pytorch,
    load_keras,
    load_pytorch,
    read_keras,
    save_keras,
    save_pytorch,
)
from scratchnn.exchange.pytorch import to_pytorch
from scratchnn.layers import GRU, LSTM, Bidirectional, Conv1D, Dense, Embedding, SimpleRNN
from tests.exchange.models import draw
from tests.parity.record_exchange import D, T, V, convolutional_keras, recurrent_keras, words

# ---- Keras


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own, of its variables
@pytest.mark.parametrize("make", [recurrent_keras, convolutional_keras])
def test_keras_and_we_read_each_other(make: Any, frameworks: tuple[Any, Any], tmp_path: Path) -> None:
    _, keras = frameworks
    theirs = keras.Sequential([keras.Input((T,)), *make(keras.layers)])
    ours = Sequential([Input((T,)), *make(layers)], seed=1, backend="reference")
    draw(ours)
    save_keras(ours, tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(theirs.predict(words(), verbose=0), ours.predict(words()), atol=1e-5)

    draw(theirs)
    theirs.save(tmp_path / "theirs.keras")
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    load_keras(ours, tmp_path / "theirs.weights.h5")
    again = read_keras(tmp_path / "theirs.keras", backend="reference")
    for model in (ours, again):
        np.testing.assert_allclose(model.predict(words()), theirs.predict(words(), verbose=0), atol=1e-5)


# ---- PyTorch


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="needs PyTorch", exc_type=ImportError)


def network(torch: Any, layer: Any, reverse: bool) -> Any:
    """A user's class: an embedding, a recurrent module, and a linear one over its last state of a packed sequence."""
    nn = torch.nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.rnn = nn.Embedding(V, D), layer
            self.out = nn.Linear(8 if reverse else 4, 2)

        def forward(self, x: Any, lengths: Any) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(self.words(x), lengths, batch_first=True, enforce_sorted=False)
            _, state = self.rnn(packed)
            h = state[0] if isinstance(state, tuple) else state
            last = torch.cat([h[-2], h[-1]], dim=-1) if reverse else h[-1]
            return self.out(last)

    return Network()


def rolled(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ids with all padding behind, and the length of each row."""
    lengths = (x != 0).sum(axis=1)
    back = np.zeros_like(x)
    for row, into, n in zip(x, back, lengths, strict=True):
        into[:n] = row[row != 0]
    return back, lengths


KINDS = {
    "lstm": (lambda nn: nn.LSTM(D, 4, 2, batch_first=True), lambda **s: LSTM(4, **s), False),
    "gru": (lambda nn: nn.GRU(D, 4, 2, batch_first=True), lambda **s: GRU(4, **s), False),
    "rnn": (
        lambda nn: nn.RNN(D, 4, 2, batch_first=True, nonlinearity="relu"),
        lambda **s: SimpleRNN(4, "relu", **s),
        False,
    ),
    "bidirectional": (
        lambda nn: nn.LSTM(D, 4, 2, batch_first=True, bidirectional=True),
        lambda **s: Bidirectional(LSTM(4, **s)),
        True,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_pytorch_and_we_read_each_other(kind: str, suffix: str, torch: Any, tmp_path: Path) -> None:
    module, layer, reverse = KINDS[kind]
    theirs = network(torch, module(torch.nn), reverse)
    ours = Sequential(
        [Input((None,)), Embedding(V, D, mask_zero=True), layer(return_sequences=True), layer(), Dense(2)],
        seed=1,
        backend="reference",
    )
    first, second = (str(each.name) for each in ours.layers[1:3])
    names = {"embedding": "words", first: "rnn", second: "rnn", "dense": "out"}
    x, lengths = rolled(words())
    lengths = torch.from_numpy(lengths)

    draw(ours)
    with pytest.warns(UserWarning, match="masks padding"):
        save_pytorch(ours, tmp_path / f"ours{suffix}", names)
    if suffix == ".pt":
        state = torch.load(tmp_path / "ours.pt", weights_only=True)
    else:
        state = pytest.importorskip("safetensors.torch", reason="needs safetensors").load_file(
            tmp_path / f"ours{suffix}"
        )
    theirs.load_state_dict(state)
    with torch.no_grad():
        for given in (words(), x):  # padding in front and behind: here it is all the same
            np.testing.assert_allclose(ours.predict(given), theirs(torch.from_numpy(x), lengths).numpy(), atol=1e-5)

    fresh = network(torch, module(torch.nn), reverse)
    if suffix == ".pt":
        torch.save(fresh.state_dict(), tmp_path / "theirs.pt")
        load_pytorch(ours, tmp_path / "theirs.pt")
    else:
        from_pytorch(ours, {key: tensor.numpy() for key, tensor in fresh.state_dict().items()})
    with torch.no_grad():
        np.testing.assert_allclose(ours.predict(words()), fresh(torch.from_numpy(x), lengths).numpy(), atol=1e-5)


def test_axes_of_conv1d(torch: Any) -> None:
    conv = torch.nn.Conv1d(D, 4, 3)
    ours = Sequential([Input((None, D)), Conv1D(4, 3, name="conv")], seed=1, backend="reference")
    state = {f"conv.{key}": tensor.numpy() for key, tensor in conv.state_dict().items()}
    from_pytorch(ours, state)
    x = np.random.default_rng(0).normal(size=(2, 7, D)).astype(np.float32)
    with torch.no_grad():
        theirs = conv(torch.from_numpy(x).transpose(1, 2)).transpose(1, 2).numpy()
    np.testing.assert_allclose(ours.predict(x), theirs, atol=1e-6)
    for key, array in to_pytorch(ours).items():
        np.testing.assert_array_equal(array, state[key])


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("/tmp/scratchnn-was-here"),))


def test_files_of_pytorch_that_are_refused(torch: Any, tmp_path: Path) -> None:
    ours = Sequential([Input((3,)), Dense(2)], backend="reference")
    file = tmp_path / "m.pt"
    for content, says in (
        ({"a": Bomb()}, "does not hold tensors alone"),
        ([torch.zeros(2)], "holds no state_dict"),
        ({"weight": 3}, "holds no state_dict"),
        ({"dense.weight": torch.zeros(2, 3).bfloat16(), "dense.bias": torch.zeros(2)}, "bfloat16: convert it there"),
        ({"dense.weight": torch.zeros(2, 4), "dense.bias": torch.zeros(2)}, r"has shape \(2, 4\), the model needs"),
        ({"dense.weight": torch.zeros(1).expand(2**40)}, "lacks dense.bias"),
    ):
        torch.save(content, file)
        with pytest.raises(ExchangeError, match=says):
            load_pytorch(ours, file)
    assert not Path("/tmp/scratchnn-was-here").exists()
    whole = file.read_bytes()
    for damaged in (b"", b"PK\3\4", whole[:200], b"\x80\x02}q\x00."):
        file.write_bytes(damaged)
        with pytest.raises(ExchangeError, match=r"m\.pt"):
            load_pytorch(ours, file)
