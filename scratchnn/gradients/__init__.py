"""Are the gradients right? They are compared with central differences.

`check` compares those of a layer, `check_loss` those of a loss, `check_regularizer` those of a regularizer.

    from scratchnn.gradients import check
    layer = MyLayer(4)
    for error in check(layer, x): print(error)

The method is in `differences.py`; `cases.py` has the layers and losses of scratchnn in all their ways of use, which
`python -m scratchnn.gradcheck` goes through.
"""

from scratchnn.gradients.differences import check, check_loss
from scratchnn.gradients.errors import ArrayError, relative_error
from scratchnn.gradients.of_regularizers import check_regularizer

__all__ = ["ArrayError", "check", "check_loss", "check_regularizer", "relative_error"]
