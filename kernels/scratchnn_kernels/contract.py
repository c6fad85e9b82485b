from typing import TYPE_CHECKING, Any

import numpy as np

# NumPy arrays to the type checker, anything with a shape and a dtype (CuPy's arrays too) at run time.
if TYPE_CHECKING:
    Array = np.ndarray
else:
    Array = Any
