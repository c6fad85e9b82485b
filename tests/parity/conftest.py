"""The frameworks that are compared with, for the tests that run them."""

import os
import warnings
from typing import Any

import pytest


@pytest.fixture(scope="session")
def frameworks() -> tuple[Any, Any]:
    """TensorFlow and Keras. They warn while they are imported; only our own warnings are errors.

    Imported here, not where a test file begins: it takes seconds, and each process would do it to collect its tests.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensorflow = pytest.importorskip("tensorflow", reason="live comparison needs TensorFlow", exc_type=ImportError)
        keras = pytest.importorskip("keras", reason="live comparison needs Keras", exc_type=ImportError)
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the live comparison takes its gradients with TensorFlow's tape")
    return tensorflow, keras
