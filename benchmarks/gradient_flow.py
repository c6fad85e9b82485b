"""How the gradient fades on its way back, before and after training: `python -m benchmarks.gradient_flow [--quick]`.

A quarter of an hour on two busy cores, with the real reviews (vocabulary 1,000, the last 100 words of each). SimpleRNN,
LSTM and GRU of 32 units, and controls that begin otherwise, ten seeds each: |dp/dh_t| at every step for test reviews
of full length, and what it is made of. Medians over the reviews; means over seeds with 95% intervals, in which seeds
and reviews are drawn anew (scratchnn/study/inference.py). Writes results/gradient_flow.json, the table in
docs/gradient-flow.md and its picture. `--quick` prints two seeds on 2,000 training reviews and writes nothing.
"""

import argparse
import functools
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scratchnn_kernels.reference import recurrence

from benchmarks import flow_page, machine, pages
from scratchnn import Sequential, data
from scratchnn.explain.chain import Chain
from scratchnn.layers import GRU, LSTM, Dense, Embedding, SimpleRNN
from scratchnn.study import inference

UNITS, EMBEDDED, EPOCHS, BATCH = 32, 16, 4, 32
REVIEWS, SEEDS, CONTROLS, RESAMPLES = 200, 10, 6, 500
DIGITS = 5  # of what is recorded


@dataclass(frozen=True)
class Case:
    make: Callable[[], Any]  # the recurrent layer
    forget_bias: float | None = None  # what the forget gate's bias begins with, where it is not the layer's own
    seeds: int = SEEDS


CASES = {
    "rnn": Case(lambda: SimpleRNN(UNITS)),
    "lstm": Case(lambda: LSTM(UNITS)),
    "gru": Case(lambda: GRU(UNITS)),
    "rnn-glorot": Case(lambda: SimpleRNN(UNITS, recurrent_initializer="glorot_uniform"), seeds=CONTROLS),
    "lstm-bias-0": Case(lambda: LSTM(UNITS), 0.0, CONTROLS),
    "lstm-bias-3": Case(lambda: LSTM(UNITS), 3.0, CONTROLS),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gradient_flow", description=str(__doc__).partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="two seeds and 2,000 training reviews; writes nothing")
    quick = parser.parse_args(arguments).quick
    started, reviews = time.perf_counter(), read_reviews()
    seeds, train = (2, 2000) if quick else (SEEDS, len(reviews.x_train))
    cases = {}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name, case in CASES.items():
            wanted = range(min(seeds, case.seeds))
            runs = [pool.submit(one_seed, name, seed, train) for seed in wanted]
            cases[name] = summary([run.result() for run in runs])
            before, after = (ratio_of(cases[name], when) for when in (0, 1))
            seconds = time.perf_counter() - started
            print(f"{seconds:4.0f} s  {name}: last over first, before {before}, after {after}", flush=True)
    if quick:
        return
    results = {
        "command": "python -m benchmarks.gradient_flow",
        "machine": machine.facts(),
        "seconds": round(time.perf_counter() - started),
        "settings": {"units": UNITS, "embedded": EMBEDDED, "epochs": EPOCHS, "batch": BATCH, "seeds": seeds,
                     "reviews": REVIEWS, "train": train, "T": reviews.maxlen, "digest": reviews.digest},
        "cases": cases,
    }  # fmt: skip
    pages.FLOW.write_text(json.dumps(results, separators=(",", ":")) + "\n")
    pages.write()
    flow_page.draw(results)


def ratio_of(case: dict[str, Any], when: int) -> str:
    return "{:.1e} ({:.1e} to {:.1e})".format(*(10**number for number in case["ratio"][when]))


@functools.cache
def read_reviews() -> data.Imdb:
    return data.load(num_words=1000, maxlen=100, synthetic=False)


def one_seed(name: str, seed: int, train: int) -> list[dict[str, Any]]:
    """What `measure` finds before and after training."""
    case, reviews = CASES[name], read_reviews()
    full = reviews.x_test[reviews.x_test[:, 0] > 0][:REVIEWS]
    model = Sequential([Embedding(1000, EMBEDDED), case.make(), Dense(1, activation="sigmoid")], seed=seed)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.build((None, reviews.maxlen))
    if case.forget_bias is not None:
        weights = model.get_weights()
        weights[3][UNITS : 2 * UNITS] = case.forget_bias
        model.set_weights(weights)
    found = [measure(model, full)]
    model.fit(reviews.x_train[:train], reviews.y_train[:train], epochs=EPOCHS, batch_size=BATCH, verbose=0)
    found.append(measure(model, full))
    evaluated: Any = model.evaluate(reviews.x_test, reviews.y_test, verbose=0)
    found[-1]["accuracy"] = np.array(evaluated[1:])
    return found


def measure(model: Sequential, x: np.ndarray) -> dict[str, Any]:
    """Of every review (N,): |dlogit/dh_t| for each t as (N, T), p(1 - p), and what the layer multiplies by.

    h_t is the state that leaves step t, so that T - 1 steps lie between the first and the last. dp/dh_t is p(1 - p)
    times dlogit/dh_t, the same factor for every t.
    """
    chain = Chain(model)
    walk = chain.forward(x)
    cache, layer, p = walk.caches[1].kernel_cache, chain.layers[1], walk.outputs[-1][:, 0]
    w = np.broadcast_to(chain.layers[2].params["W"][:, 0], (len(x), UNITS))
    dh = norms(cache, w)
    found = {"dlogit": dh, "slope": p * (1 - p)} | of_weights(layer)
    return found | (of_gates(layer, cache, w) if layer.gate_names else of_tanh(layer, cache, w))


def norms(cache: recurrence.RecurrenceCache, dh_last: np.ndarray) -> np.ndarray:
    """|dh_t| (N, T), where dh_last (N, H) comes back from the last step."""
    steps: list[recurrence.Step] = []
    recurrence.backward(dh_last, (None,) * len(cache.states[0]), cache, steps)
    return np.stack([np.linalg.norm(step.dafter[0], axis=1) for step in steps[::-1]], axis=1)


def of_weights(layer: Any) -> dict[str, np.ndarray]:
    """Numbers of the layer, (1,): spectral radius of the candidate's block of Wh, and of a step at rest."""
    Wh = layer.params["Wh"]
    return {"radius": np.array([radius(Wh[:, candidate(Wh)])]), "rest": np.array([rest_radius(layer, Wh)])}


def candidate(Wh: np.ndarray) -> slice:
    """The columns of g, in which LSTM and GRU agree; all of a SimpleRNN's."""
    return slice(2 * UNITS, 3 * UNITS) if Wh.shape[1] > UNITS else slice(None)


def of_gates(layer: Any, cache: recurrence.RecurrenceCache, w: np.ndarray) -> dict[str, np.ndarray]:
    """The gate that keeps the state, f of an LSTM and z of a GRU, its products, and the ratio along parts of the way.

    The parts differ in what the backward pass multiplies dh by: through g alone (the gates' columns of Wh are 0, as if
    no gate depended on h), or through the gates alone.
    """
    place = layer.gate_names.index("f" if "f" in layer.gate_names else "z")
    gate = np.stack([kept[place] for kept in cache.saved], axis=1)  # (N, T, H)
    kept = np.log10(gate[:, 1:]).sum(axis=1)
    through_g, through_gates = np.zeros_like(cache.Wh), cache.Wh.copy()
    through_g[:, candidate(cache.Wh)] = cache.Wh[:, candidate(cache.Wh)]
    through_gates[:, candidate(cache.Wh)] = 0
    return {
        "gate": gate.mean(axis=(1, 2)),
        "kept_most": -kept.max(axis=1),
        "through_g": last_over_first(norms(replace(cache, Wh=through_g), w)),
        "through_gates": last_over_first(norms(replace(cache, Wh=through_gates), w)),
    }


def of_tanh(layer: Any, cache: recurrence.RecurrenceCache, w: np.ndarray) -> dict[str, np.ndarray]:
    """The derivative of tanh, 1 - h², and the ratio if it were 1, with Wh alone."""
    h, steps = np.stack([state[0] for state in cache.states[2:]], axis=1), len(cache.saved) - 1
    first = w[0] @ np.linalg.matrix_power(cache.Wh.T, steps)
    return {
        "derivative": (1 - h**2).mean(axis=(1, 2)),
        "through_tanh": -np.log10(1 - h**2).mean(axis=2).sum(axis=1),
        "through_Wh": np.log10(np.linalg.norm(w[:1], axis=1) / np.linalg.norm(first)),
    }


def last_over_first(norms: np.ndarray) -> np.ndarray:
    """The power of ten (N,)."""
    return np.log10(norms[:, -1]) - np.log10(norms[:, 0])


def radius(W: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(W)).max())


def rest_radius(layer: Any, Wh: np.ndarray) -> float:
    """The spectral radius of one step's Jacobian at rest: h, c and g are 0, the gates what their biases make of them.

    Of a SimpleRNN, dh'/dh = Wh; of an LSTM, dc'/dc = f + i o Wh_g; of a GRU, dh'/dh = z + (1 - z) r Wh_g.
    """
    H = len(Wh)
    if not layer.gate_names:
        return radius(Wh)
    a = layer.params["b"] if "b" in layer.params else layer.params["bx"] + layer.params["bh"]
    gates = 1 / (1 + np.exp(-a.reshape(-1, H)))
    if len(gates) == 4:
        i, f, _, o = gates
        return radius(np.diag(f) + Wh[:, 2 * H : 3 * H] * i[None] * o[:, None])
    z, r, _ = gates
    return radius(np.diag(z) + Wh[:, 2 * H :] * ((1 - z) * r)[None])


def summary(seeds: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Means over seeds with their intervals, before and after training; ratios and curves as powers of ten."""
    rng = np.random.default_rng(0)
    N = len(seeds[0][0]["slope"])
    drawn = [rng.integers(0, N, N) for _ in range(RESAMPLES)]
    ratios = [np.stack([last_over_first(state["dlogit"]) for state in states]) for states in zip(*seeds, strict=True)]
    found = []
    for k in (0, 1):
        at = [seed[k] for seed in seeds]
        named = {name: estimate(np.stack([each[name] for each in at]), drawn) for name in at[0] if name != "dlogit"}
        curves = np.log10(np.stack([each["dlogit"] for each in at]))  # (S, N, T)
        curve = [curve_point(curves[:, :, t]) for t in range(curves.shape[2])]
        found.append({**named, "curve": curve})
    by_seed = [[rounded(float(np.median(row))) for row in ratio] for ratio in ratios]
    ratio = [estimate(ratio, drawn) for ratio in ratios]
    return {"ratio": ratio, "seeds": by_seed, "before": found[0], "after": found[1]}


def estimate(values: np.ndarray, drawn: list[np.ndarray]) -> list[float]:
    """(S, N), or (S, 1) for what belongs to no review: the mean over seeds of the medians, its interval's two ends."""
    seen = np.median(values, axis=1)
    if values.shape[1] == 1:
        resampled = np.repeat(seen[None], len(drawn), axis=0)
    else:
        resampled = np.stack([np.median(values[:, rows], axis=1) for rows in drawn])
    found = inference.estimate_mean(seen, resampled, (-np.inf, np.inf))
    return [rounded(number) for number in (found.value, found.low, found.high)]


def curve_point(values: np.ndarray) -> list[float]:
    """The same at one step of the curve, seeds alone drawn anew: 600 of them take too long otherwise."""
    seen = np.median(values, axis=1)
    found = inference.estimate_mean(seen, np.repeat(seen[None], RESAMPLES, axis=0), (-np.inf, np.inf))
    return [rounded(number) for number in (found.value, found.low, found.high)]


def rounded(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


if __name__ == "__main__":
    main()
