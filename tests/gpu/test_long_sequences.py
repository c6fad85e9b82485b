"""The longer ones of the recorded long sequences on the emulated device, by both kernels of each recurrent layer."""

import pytest

from tests.gpu.emulator import Emulator
from tests.gpu.test_emulated import WAYS, run_as
from tests.parity.long_cases import LENGTHS, LONG
from tests.parity.recording import recorded
from tests.parity.test_layers import run_ours
from tests.parity.test_long_sequences import FORWARDS_ONLY, assert_is_keras


@WAYS
@pytest.mark.parametrize("name", [name for name in FORWARDS_ONLY if LONG[name].shape[1] == max(LENGTHS)])
def test_a_long_sequence_gives_what_keras_gave(
    name: str, way: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as(way, monkeypatch)
    case = LONG[name]
    assert_is_keras(case, run_ours(case, "gpu"), recorded("long", name, case))
