"""Labs 1 to 3 fit in an hour, by the words to read and a time for each function and prediction; docs/labs.md."""

import pytest

from scratchnn.labs.shelf import LABS, text_of
from tests.labs.page import holes

WORDS = 200  # a minute, those of the code too
TO_RUN = 2  # minutes to start, run and check a lab, and to mend a slip
MINUTES = {  # to think and to write, for who has not seen a recurrent network
    "1": {"step": 2, "forward": 4, "count_parameters": 1, "twice_as_long": 0.5, "last_state_changes": 0.5}
    | {"steps_to_forget": 3},
    "2": {"walk_back": 8, "gradient_of_Wh": 3, "dh1_on_paper": 3, "percent_wrong": 1},
    "3": {"powers_faded": 6, "fades_more": 1, "fades_most_untrained": 3, "forget_gate": 1}  # the gates are new
    | {"the computer": 1.5},
}


def estimate(key: str) -> float:
    return len(text_of(LABS[key]).split()) / WORDS + sum(MINUTES[key].values()) + TO_RUN


def test_the_first_three_labs_fit_in_an_hour() -> None:
    assert sum(map(estimate, MINUTES)) <= 60
    assert sum(LABS[key].minutes for key in MINUTES) <= 60


@pytest.mark.parametrize("key", MINUTES)
def test_a_lab_takes_what_it_says(key: str) -> None:
    lab = LABS[key]
    assert {*holes(lab), *(each.name for each in lab.predictions)} == MINUTES[key].keys() - {"the computer"}
    assert abs(estimate(key) - lab.minutes) <= 2.5, f"about {estimate(key):.1f} minutes"
    assert f"About {lab.minutes} minutes" in text_of(lab)
