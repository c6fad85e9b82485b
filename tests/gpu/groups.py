"""The tests that need a card, in groups of one kernel each: each group runs in a process of its own."""

KERNELS = ("simple_rnn", "lstm", "gru")
GROUPS = (*KERNELS, "others", "training")
TRAINING = "ten_steps"


def expression(group: str) -> str:
    """What pytest -k selects a group by: every test is in one."""
    if group == "training":
        return TRAINING
    if group == "others":
        return f"not {TRAINING} and not ({' or '.join(KERNELS)})"
    return f"{group} and not {TRAINING}"
