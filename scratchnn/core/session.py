"""What Keras calls a session: what is kept beside the objects that a program names. Here, that is nothing."""

import gc


def clear_session(free_memory: bool = True) -> None:
    """Give back the memory of models that nothing names any more, unless told not to.

    Programs call this between models. Nothing else is left to clear: names of layers are counted in their model, and
    `set_random_seed` starts the seeds again.
    """
    if free_memory:
        gc.collect()
