"""What docs/pretraining.md says of a study of passes."""

from typing import Any

import pytest

from benchmarks import pretraining, pretraining_page


def results(*accuracies: tuple[float, ...]) -> dict[str, Any]:
    """As of a study: the accuracies of the seeds by number of passes."""
    summary: dict[str, Any] = {"code": {}, "times": {}, "protocols": {"last": {"models": {}}}}
    for passes, found in enumerate(accuracies):
        name = f"lm-lstm,pretrain_epochs={passes}"
        seeds = {str(seed): {"accuracy": each} for seed, each in enumerate(found)}
        summary["protocols"]["last"]["models"][name] = {"seeds": seeds}
        summary["times"][name] = {"seconds": {seed: 60.0 * (passes + 1) for seed in seeds}}
    return pretraining.recorded(summary)


@pytest.mark.parametrize(("best", "verdict"), [((0.886, 0.89), "missed by 1.2 points"), ((0.9, 0.9001), "reached")])
def test_the_page_says_whether_the_goal_is_reached(best: tuple[float, ...], verdict: str) -> None:
    text = pretraining_page.table(results((0.88, 0.89), (0.88, 0.88), best, (0.87, 0.88)))
    assert f"**The goal is {verdict}.** The best of these is 2 passes" in text
    better = sum(new > old for new, old in zip(best, (0.88, 0.89), strict=True))
    assert f"in {better} of 2 seeds, by {100 * (sum(best) - 1.77) / 2:.2f} points" in text
    assert "| 3 | 87.50 | 87.00 to 88.00 | 4.0 |" in text
