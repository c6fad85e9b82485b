"""What the page shows of one model, as plain numbers and texts."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.explain.chain import Chain
from scratchnn.explain.equations import equations_of
from scratchnn.explain.gradient_flow import Flow, LayerFlow, flow
from scratchnn.explain.page.net import NotCarried, carried
from scratchnn.explain.reading import Reading, read
from scratchnn.explain.word_saliency import METHODS, Saliency, saliency
from scratchnn.layers import GRU
from scratchnn.models.model import Model

FINE, COARSE = 16, 8  # bits per number of a map
_MOST_FINE = 30_000  # numbers of a model's maps; above them they are coarse
_ABOUT = {
    "i": "input gate: how much of the candidate enters the cell",
    "f": "forget gate: 1 keeps what the cell holds, 0 clears it",
    "g": "candidate: what would be written",
    "o": "output gate: how much of the cell is shown in h",
    "c": "cell: the memory that is added to",
    "z": "update gate: 1 keeps the old state, 0 takes the candidate",
    "r": "reset gate: how much of the old state the candidate sees",
    "h": "state: what the next step and the next layer see",
    "dh": "gradient of p with respect to h",
    "dc": "gradient of p with respect to c",
}


@dataclass(frozen=True, eq=False)
class Explained:
    """All that was computed about a model and a text."""

    model: Model
    chain: Chain
    reading: Reading
    flow: Flow | None
    saliency: Saliency


def explained(model: Model, text: Any, label: Any = None, of_class: Any = None) -> Explained:
    chain = Chain(model, of_class, later=True)
    reading = read(chain, text, label=label)
    if not chain.gives_probability or reading.p.min() < 0 or reading.p.max() > 1:
        raise ValueError(
            "the page tells a probability from 0 to 1, and the model's output is none: end it in Dense(1, 'sigmoid') "
            "or, for classes, Dense(C, 'softmax'), or compile it with a loss of from_logits=True. explain.read, flow "
            "and saliency take it as it is"
        )
    salient = saliency(chain, reading)
    flown = flow(chain, reading) if chain.last_recurrent is not None else None
    return Explained(model, chain, reading, flown, salient)


def content_of(about: Explained) -> dict[str, Any]:
    """One model's part of the page's data."""
    reading, chain = about.reading, about.chain
    try:
        net, why = carried(chain, reading.ids), None
    except NotCarried as error:
        net, why = None, str(error)
    salient = {method: _short(getattr(about.saliency, method)) for method in METHODS}
    names = chain.classes
    several = {"of": None, "likeliest": None, "ends": names[:2]}
    if reading.of_class is not None and reading.likeliest is not None:
        name = names[reading.of_class]
        several = {"of": name, "likeliest": names[reading.likeliest], "ends": (f"not {name}", name)}
    return several | {
        "words": list(reading.words),
        "ids": reading.ids.tolist(),
        "p": _short(reading.p),
        "prediction": reading.prediction,
        "readsOn": reading.reads_on,
        "reads": chain.how_it_reads,
        "cut": reading.cut,
        "padding": int(reading.places[0]),
        "label": None if reading.label is None else float(reading.label),
        "layers": _layers(about) if chain.step_is_word else [],
        "saliency": salient,
        "agreement": [[a, b, None if np.isnan(r) else r] for (a, b), r in about.saliency.agreement().items()],
        "disagreement": about.saliency.disagreement().tolist() if len(reading.words) > 3 else [],
        "net": net,
        "why": why,
    }


def _layers(about: Explained) -> list[dict[str, Any]]:
    reading, flown = about.reading, about.flow
    assert flown is not None
    total = sum(array.size for trace in reading.traces.values() for array in trace.values())
    total += sum(array.size for each in flown.layers.values() for array in each.dstates.values())
    bits = FINE if total * len(reading.places) <= _MOST_FINE * len(reading.x) else COARSE
    found = []
    for name, layer in about.chain.walks():
        arrays = {key: array[0, reading.places] for key, array in reading.traces[name].items()}
        backward = flown.layers[name]
        maps = [_map(key, array, bits, layer) for key, array in arrays.items()]
        stills = [_map(key, array[reading.places], bits, None) for key, array in backward.dstates.items()]
        found.append(
            {
                "name": name, "kind": type(layer).__name__, "units": layer.units, "back": layer.go_backwards,
                "maps": maps, "stills": stills, "flow": _lines(backward, reading),
                "steps": _steps(layer, backward, reading),
            }
        )  # fmt: skip
    return found


def _map(name: str, array: Array, bits: int, layer: Any) -> dict[str, Any]:
    """n words x H units as whole numbers of so many bits between the map's lowest and highest value."""
    array = np.nan_to_num(array)
    low, high = float(array.min()), float(array.max())
    most = 2**bits - 1
    whole = np.rint((array - low) / ((high - low) or 1.0) * most).astype("<u2" if bits == FINE else "u1")
    equation = None if layer is None else _equation(layer, name)
    return {
        "name": name, "about": _ABOUT.get(name, ""), "low": low, "high": high, "bits": bits,
        "data": b64encode(whole.tobytes()).decode(), "scale": _scale(layer, name, array), "equation": equation,
    }  # fmt: skip


def _scale(layer: Any, name: str, array: Array) -> list[float]:
    """The values at the ends of the colours: [0, 1] of a gate, the same both ways of what has a sign."""
    rec = getattr(layer, "recurrent_activation", None)
    if name in ("i", "f", "o", "z", "r") and rec is not None and rec.name in ("sigmoid", "hard_sigmoid"):
        return [0.0, 1.0]
    most = float(np.abs(array).max()) or 1.0
    bounded = name in ("g", "h") and layer is not None and getattr(getattr(layer, "activation", None), "name", "")
    return [-1.0, 1.0] if bounded in ("tanh", "softsign") else [-most, most]


def _equation(layer: Any, name: str) -> dict[str, Any] | None:
    found = equations_of(_cell(layer)).get(name)
    return None if found is None else found._asdict()


def _cell(layer: Any) -> Any:
    """The reference cell of a layer: what one step of its walk is."""
    x = np.zeros((1, 1, layer.input_shape[-1]))
    _, cache = layer.forward(x)
    return cache.kernel_cache.cell


def _lines(backward: LayerFlow, reading: Reading) -> list[dict[str, Any]]:
    """The lines of the picture of the gradient's flow, a number for each word."""
    reach = "how far a change of h reaches the last h (largest singular value)"
    lines = [("f0", "|dp/dh|", "gradient of p, state h", backward.norms("h"))]
    if "dc" in backward.dstates:
        lines.append(("f1", "|dp/dc|", "gradient of p, state c", backward.norms("c")))
    lines.append(("f2", "|dh_last/dh|", reach, backward.jacobian))
    if backward.kept is not None:
        gate = "forget" if "dc" in backward.dstates else "update"
        about = f"product of the later {gate} gates, mean of the units"
        lines.append(("f3", f"Π {gate}", about, backward.kept.mean(axis=1)))
    return [
        {"style": style, "name": name, "about": about, "values": _short(values[reading.places])}
        for style, name, about, values in lines
    ]


def _steps(layer: Any, backward: LayerFlow, reading: Reading) -> dict[str, Any]:
    """What each step adds to dWh, block by block, as shares of the whole gradient; and what padding adds."""
    shares = backward.shares("Wh") if "Wh" in backward.factors and "Wh" in backward.grads else None
    if shares is None:
        return {}
    names = layer.gate_names if len(layer.gate_names) == shares.shape[1] else ("h",)
    left = np.delete(shares, reading.places, axis=0).sum(axis=0)
    norm = float(np.linalg.norm(backward.grads["Wh"]))
    return {
        "gates": [f"dWh_{name}" if len(names) > 1 else "dWh" for name in names],
        "shares": [_short(column[reading.places]) for column in shares.T],
        "padding": _short(left), "norm": norm, "product": isinstance(layer, GRU) and not layer.reset_after,
    }  # fmt: skip


def _short(values: Array) -> list[float]:
    """Seven digits, as many as float32 has."""
    return [float(f"{value:.7g}") for value in values.tolist()]
