# %% [markdown]
# # Lab 8: is the difference real?
#
# "Three seeds said yes." A network with two LSTMs, one from each end (`bilstm`), and a bag of words, which does not
# know the order of words at all (`bow`), were trained on the IMDB reviews. Three times, with seeds 0, 1 and 2, and each
# time the `bilstm` had more right answers. Is it better? Here are ten seeds of each, as measured for docs/imdb.md of
# the project's repository; nothing is trained. You will write the two computations that answer such a question. About
# 20 minutes.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab8.py`. `python -m scratchnn.labs check 8` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 8` helps.

# %%
import itertools

import numpy as np

REVIEWS = 25_000  # of the test; the numbers below are how many of them each seed got right
RIGHT = {
    "gru": [20792, 20844, 20895, 20799, 20679, 20789, 20887, 20795, 20883, 20814],
    "bilstm": [20679, 20742, 20763, 20559, 20725, 20795, 20574, 20639, 20589, 20665],
    "bow": [20665, 20701, 20698, 20671, 20669, 20699, 20721, 20709, 20703, 20725],
}


def differences(first, second):
    """Right answers of the first minus those of the second, seed by seed."""
    return np.array(RIGHT[first]) - np.array(RIGHT[second])


# %% [markdown]
# ## Three seeds
#
# Look at the first three. Then predict, before you go on: of all ten seeds together, is the mean difference
# bilstm - bow above zero, below zero? And in what share of all ways to pick three of the ten seeds do all three point
# the same way, so that somebody would have had a result to tell?

# %%
sign_of_ten = None  # "above" or "below"
share_of_triples = None  # a number from 0 to 1

# %%
print("bilstm - bow, seeds 0, 1, 2:", differences("bilstm", "bow")[:3])


# %%
def share_unanimous(differences):
    """The share of all ways to pick three of the seeds in which all three differences have the same sign.

    differences (S,), none of them 0 -> a number from 0 to 1
    """
    raise NotImplementedError("write share_unanimous")


# %%
print("bilstm - bow, all ten:", differences("bilstm", "bow"))
print(f"mean {differences('bilstm', 'bow').mean():.1f} reviews")
print(f"three seeds agree in {share_unanimous(differences('bilstm', 'bow')):.0%} of all triples")

# %% [markdown]
# Were the two equally good, three seeds would still agree in one case of four: 2 of the 8 patterns of signs. Agreement
# of three is no evidence that anybody should print.
#
# ## An interval for the mean
#
# Differences of one seed belong together: with the same seed both networks see the training reviews in the same order.
# So take the differences d first, then their mean. How far may it be from the mean of all seeds that one could have
# drawn? With S seeds, Student's 95% interval is
#
#     (1)  mean(d) ± q s / √S        s² = Σ (d - mean(d))² / (S - 1)
#
# S - 1, because the mean was taken from the same numbers. q is Student's 97.5% quantile with S - 1 degrees of freedom.

# %%
QUANTILE = {3: 4.302653, 6: 2.570582, 8: 2.364624, 10: 2.262157}  # q by the number of seeds S


def interval(differences):
    """(1): differences (S,) -> its lower and its upper end."""
    raise NotImplementedError("write interval")


# %%
for first, second in itertools.combinations(RIGHT, 2):
    for S in (3, 10):
        low, high = interval(differences(first, second)[:S]) * np.array(100 / REVIEWS)
        print(f"{first} - {second}, {S:2} seeds: {low:+.2f} to {high:+.2f} points")

# %% [markdown]
# ## A p that assumes nothing
#
# (1) assumes that differences are spread like a normal distribution. The sign-flip test does not. *If* neither network
# is better, each difference could as well have had the other sign; then all 2^S patterns of signs are equally likely.
#
#     (2)  p = the share of all patterns whose |Σ ± d| is at least |Σ d|
#
# Which is the smallest p that three seeds can ever give, however large their differences are?

# %%
smallest_p_of_three = None  # a number from 0 to 1


# %%
def sign_flip_p(differences):
    """(2): differences (S,) of whole numbers -> p. `itertools.product((1, -1), repeat=S)` has all patterns."""
    raise NotImplementedError("write sign_flip_p")


# %%
for first, second in itertools.combinations(RIGHT, 2):
    print(f"{first} - {second}: p = {sign_flip_p(differences(first, second)):.3f}")

# %% [markdown]
# Ten seeds of bilstm and bow cannot say which is better (p = 0.41), and their mean points the other way than the first
# three did: a bag of words does as well. The gru is better than the bilstm by about 0.6 points, p = 0.008.
#
# Three warnings. "Cannot say" is not "equal": the interval says how large a difference is still possible. Who compares
# many pairs must correct for their number: of twenty pairs without any difference one has p < 0.05. And seeds are one
# chance of two: other test reviews would have given other numbers as well. `scratchnn.study` does all three.
