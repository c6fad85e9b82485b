"""The linear model of words and pairs of words as a graph of ONNX.

One node counts the known features of a row, TfIdfVectorizer, and says 0 for all others; how often one occurs does not
matter. It returns a number for every known feature, so that rows are best given some hundreds at a time.
"""

import os
from typing import Any

import numpy as np

from scratchnn.core.files.atomic import write_atomically
from scratchnn.exchange.errors import target
from scratchnn.exchange.onnx_file import assembled
from scratchnn.exchange.onnx_graph import Graph
from scratchnn.experiments.grams import ids_of
from scratchnn.experiments.linear_model import LinearModel


def save_linear_onnx(model: LinearModel, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a linear model as an ONNX file; from ids to probabilities, as `save_onnx` writes a network.

    Raises:
        FileExistsError, OSError, ExchangeError, ImportError: as `save_onnx`.
    """
    file = target(path, "save_linear_onnx", (".onnx",), overwrite)
    write_atomically(file, [linear_to_onnx(model).SerializeToString()])


def linear_to_onnx(model: LinearModel) -> Any:
    """The `onnx.ModelProto`: "x" are ids, int64 (B, T), "y" the second class' probability (B, 1), or of all (B, K)."""
    graph = Graph()
    graph.prefix = "linear"
    words, pairs = ids_of(model.known)
    pool = [*words[:, 0].tolist(), *pairs.ravel().tolist()]
    ends = [0, len(words)][: model.grams]  # where the words begin in the pool, and the pairs
    counted = graph.add(
        "TfIdfVectorizer", "x", mode="TF", min_gram_length=1, max_gram_length=model.grams, max_skip_count=0,
        ngram_counts=ends, ngram_indexes=list(range(len(model.known))), pool_int64s=pool,
    )  # fmt: skip
    weights = graph.weight("weights", model.weights.T.astype(np.float32))
    scores = graph.add("MatMul", graph.add("Sign", counted), weights)
    scores = graph.add("Add", scores, graph.weight("bias", model.bias.astype(np.float32)))
    if len(model.classes) == 2:
        graph.add("Sigmoid", scores)
    else:  # sigmoids divided by their sum, as a softmax of their logarithms, none of which is 0
        graph.add("Softmax", graph.add("Neg", graph.add("Softplus", graph.add("Neg", scores))), axis=-1)
    outputs = len(model.bias)
    return assembled(graph, "linear", ["batch", "time"], ["batch", outputs], model.encoder.to_metadata(), ids=True)
