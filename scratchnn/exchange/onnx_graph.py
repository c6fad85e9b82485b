"""A graph of ONNX as it is being written: nodes in their order, the arrays that they read, and masks as lengths."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

OPSET, IR_VERSION = 17, 8  # of 2022: what runtimes have read for years
DTYPES = {"float32": 1, "int32": 6, "int64": 7, "bool": 9}  # the format's numbers for them
GAPS = "the mask of a row has gaps: padding must be all in front or all behind"


class Graph:
    """Values go by their names. `add` returns that of a node's output, `weight` and `constant` those of arrays."""

    def __init__(self) -> None:
        self.nodes: list[tuple[str, list[str], list[str], str, dict[str, Any]]] = []
        self.arrays: dict[str, Array] = {}
        self.prefix = ""  # the layer that is being written
        self._count = 0
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def add(self, op: str, *inputs: str, outputs: int = 1, name: str | None = None, **attributes: Any) -> Any:
        """A node; the name of its output, or a list of several. An input of "" is left out."""
        self._count += 1
        label = f"{self.prefix}/{op}_{self._count}"
        named = [f"{label}:{i}" if i else label for i in range(outputs)]
        self.nodes.append((op, list(inputs), named, name or label, attributes))
        return named[0] if outputs == 1 else named

    def weight(self, name: str, array: Any) -> str:
        """An array of the layer that is being written."""
        full = f"{self.prefix}/{name}"
        self.arrays[full] = np.ascontiguousarray(array)
        return full

    def constant(self, value: Any, dtype: str = "int64") -> str:
        """A small array; equal ones are one."""
        array = np.asarray(value, dtype)
        key = (dtype, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = f"constant_{len(self._constants)}"
            self.arrays[self._constants[key]] = array
        return self._constants[key]

    def cast(self, x: str, dtype: str) -> str:
        return self.add("Cast", x, to=DTYPES[dtype])

    def length(self, x: str, axis: int) -> str:
        """The length of an axis, of shape (1,)."""
        return self.add("Slice", self.add("Shape", x), self.constant([axis]), self.constant([axis + 1]))

    def flipped(self, x: str) -> str:
        """x (B, T, ...) with its time steps from the last to the first."""
        ends = self.constant([-1]), self.constant([np.iinfo(np.int64).min])
        return self.add("Slice", x, *ends, self.constant([1]), self.constant([-1]))

    def taken(self, x: str, steps: str) -> str:
        """x[b, steps[b, t]] for x (B, T, D) and steps (B, T)."""
        return self.add("GatherND", x, self.add("Unsqueeze", steps, self.constant([2])), batch_dims=1)

    def spread(self, mask: str) -> str:
        """A mask (B, T) as 0 and 1 of shape (B, T, 1)."""
        return self.cast(self.add("Unsqueeze", mask, self.constant([2])), "float32")


@dataclass
class Mask:
    """A mask (B, T) in the graph, and, where a recurrent layer asks for it, what ONNX has instead: a length per row.

    ONNX reads the first `length` steps of a row. So padding in front is rolled behind before a recurrent node reads,
    and what it returned is moved back. A row with gaps has no length: the graph then fails, at a node with the name
    `GAPS`, because ONNX has no other way to refuse an input.
    """

    graph: Graph
    real: str

    @cached_property
    def steps(self) -> str:
        """0 ... T - 1, of shape (T,)."""
        g = self.graph
        last = g.add("Squeeze", g.length(self.real, 1), g.constant([0]))
        return g.add("Range", g.constant(0), last, g.constant(1))

    @cached_property
    def first(self) -> str:
        """The first real step of each row, (B, 1); 0 in a row without one."""
        return self.graph.add("ArgMax", self.graph.cast(self.real, "int32"), axis=1, keepdims=1)

    @cached_property
    def length(self) -> str:
        """The number of real steps of each row, (B, 1)."""
        g = self.graph
        length = g.add("ReduceSum", g.cast(self.real, "int64"), g.constant([1]), keepdims=1)
        begun = g.add("GreaterOrEqual", self.steps, self.first)
        inside = g.add("And", begun, g.add("Less", self.steps, g.add("Add", self.first, length)))
        gaps = g.add("ReduceMax", g.cast(g.add("Xor", inside, self.real), "int64"), keepdims=0)
        return g.add("Add", length, g.add("Gather", g.constant([0]), gaps, name=GAPS))  # there is only an entry 0

    @cached_property
    def lengths(self) -> str:
        """As a recurrent node takes them: (B,), of 32 bits."""
        return self.graph.cast(self.graph.add("Squeeze", self.length, self.graph.constant([1])), "int32")

    @cached_property
    def _last(self) -> str:
        """T - 1, of shape (1,)."""
        return self.graph.add("Sub", self.graph.length(self.real, 1), self.graph.constant([1]))

    def rolled(self, x: str) -> str:
        """x (B, T, D) with the first real step of each row at its beginning."""
        g = self.graph
        return g.taken(x, g.add("Min", g.add("Add", self.steps, self.first), self._last))

    def back(self, y: str, *, read_back: bool, flip: bool, zeros: bool) -> str:
        """The outputs y (B, T, H) of a node that read rolled rows, at the steps of x; with `flip` from the last one on.

        As everywhere here, a masked step has the output of the step that was read before it, which is zeros before the
        first; with `zeros`, every masked step has zeros. `read_back`: the node read from the last step to the first.
        """
        g = self.graph
        steps = g.add("Sub", self._last, self.steps) if flip else self.steps
        own = g.add("Sub", steps, self.first)  # where the step is in y, if it is real
        end = g.add("Max", g.add("Sub", self.length, g.constant([1])), g.constant([0]))
        begun = g.add("GreaterOrEqual", own, g.constant([0]))
        ended = g.add("Less", own, self.length)
        shown = g.add("And", begun, ended) if zeros else (ended if read_back else begun)
        nearest = g.add("Min", g.add("Max", own, g.constant([0])), end)
        return g.add("Mul", g.taken(y, nearest), g.spread(shown))
