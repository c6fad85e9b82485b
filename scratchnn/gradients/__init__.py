"""Are the gradients right? They are compared with derivatives of forward, by a complex step or central differences.

`check` compares those of a layer, `check_loss` those of a loss, `check_regularizer` those of a regularizer.

    from scratchnn.gradients import check
    layer = MyLayer(4)
    for error in check(layer, x): print(error)

The methods are in `differences.py` and `complex_step.py`. `cases.py` has the layers and losses of scratchnn in all
their ways of use, which `python -m scratchnn.gradcheck` goes through; `locate.py` walks a backward pass and says where
it goes wrong, and `whole_models.py` checks a model as it is.
"""

from scratchnn.gradients.differences import check
from scratchnn.gradients.errors import ArrayError, relative_error
from scratchnn.gradients.of_losses import check_loss
from scratchnn.gradients.of_regularizers import check_regularizer

__all__ = ["ArrayError", "check", "check_loss", "check_regularizer", "relative_error"]
