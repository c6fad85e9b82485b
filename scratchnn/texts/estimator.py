"""What scikit-learn asks of an estimator, without scikit-learn: parameters by name, and an error before fit.

Its tools look for methods, not for a base class, so that none of it is imported here: only what it asks for itself,
its tags and its class of that error, comes from there, where its program has loaded it.
"""

import inspect
import sys
from typing import Any

from scratchnn.core.names import nearest


class NotFittedError(ValueError, AttributeError):
    """A method that needs a trained model was called before `fit`. With scikit-learn loaded, it is also an error of
    scikit-learn's class of this name."""

    def __reduce__(self) -> tuple:
        return not_fitted, self.args  # in another process scikit-learn's class may be there, or not


def not_fitted(message: str) -> NotFittedError:
    """The error, of both classes where there are two."""
    theirs = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
    kind = NotFittedError if theirs is None else type("NotFittedError", (NotFittedError, theirs), {})
    return kind(message)


class Estimator:
    """The parameters of the constructor are attributes of the same names, unchanged, and are checked by `fit`."""

    _estimator_type = "classifier"  # asked by scikit-learn before 1.6

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        parameters = inspect.signature(cls).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name. `deep` changes nothing, since none of them has parameters of its own."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Any:
        """Change parameters; what was fitted stays until the next `fit`.

        Raises:
            ValueError: for a name that is none of them.
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}{nearest(name, known) or '.'} It has "
                    f"{', '.join(known)}"
                )
        vars(self).update(params)
        return self

    def __repr__(self) -> str:
        usual = self._defaults()
        changed = (f"{name}={value!r}" for name, value in self.get_params().items() if value is not usual[name])
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags  # type: ignore[import-not-found]

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "classes_")
