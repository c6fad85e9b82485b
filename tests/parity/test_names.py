"""The recorded names and signatures are those of Keras as it is installed."""

import json
from typing import Any

import pytest

from tests.parity import names, record_names

pytestmark = pytest.mark.long


def test_the_record_is_keras_as_installed(frameworks: tuple[Any, Any]) -> None:
    _, keras = frameworks
    assert json.loads(json.dumps(record_names.names_of(keras))) == names.recorded()
