"""The shapes in the annotations: `Float[Array, "B T D"]` is an array of floating-point numbers with these axes.

They are those of jaxtyping to the type checker, and in the test run, which enforces them. Whoever uses the package has
no need of jaxtyping, and does not wait for it, which takes longer than many a prediction: there `Float[Array, "B T D"]`
is `Array`.
"""

import sys
from typing import TYPE_CHECKING, Any

__all__ = ["Bool", "Float", "Float32", "Float64", "Int", "Int32", "Int64", "Integer", "Shaped", "UInt8", "UInt64"]

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float32, Float64, Int, Int32, Int64, Integer, Shaped, UInt8, UInt64
else:

    class _Unenforced:
        def __getitem__(self, array_and_axes: tuple[Any, str]) -> Any:
            return array_and_axes[0]

    globals().update({name: getattr(sys.modules.get("jaxtyping"), name, _Unenforced()) for name in __all__})
