# %% [markdown]
# # Bug 3: nonsense that is 86% right
#
# A model for reviews reaches 86% accuracy. Its author wants to see what the reviews say that it gets wrong, and reads
# lines such as "of dull wonderful never actors". How can a model be right about such nonsense? The last cell shows
# it: run this file. Find the fault, there is one, and mend it; `python -m scratchnn.labs zoo check 3` says whether
# the numbers are right then, and `zoo hint 3` helps. The names of the functions, their arguments and what they return
# stay.

# %%
import numpy as np

SEED = 1  # drawn for you
WORDS = 12  # drawn for you

# The data set's own list: every word with its rank, 1 for the most frequent. In the reviews, which are lists of ids,
# 0 is padding, 1 the start of a review, 2 an unknown word, and 3 is not used: the most frequent word has the id 4.
RANKS = {
    "the": 1, "and": 2, "a": 3, "of": 4, "to": 5, "is": 6, "it": 7, "film": 8, "was": 9, "but": 10, "dull": 11,
    "wonderful": 12, "actors": 13, "story": 14, "never": 15, "boring": 16,
}  # fmt: skip


def encode(words, ranks):
    """Words -> ids, beginning with 1, the start; 2 for a word that has no rank."""
    return [1] + [ranks[word] + 3 if word in ranks else 2 for word in words]


def decode(ids, ranks):
    """Ids -> words. Padding and the start are left out, an unknown word is "?"."""
    words = {rank: word for word, rank in ranks.items()}
    return [words.get(i, "?") for i in ids if i not in (0, 1)]


# %%
rng = np.random.default_rng(SEED)
words = "the film was wonderful but the story is never boring and it is a story of actors".split()[:WORDS]
print("written:", " ".join(words))
ids = encode(words, RANKS)
print("ids:    ", *ids)
print("read:   ", " ".join(decode(ids, RANKS)))
some = list(rng.permutation(list(RANKS)))[:6]
print(sum(a == b for a, b in zip(decode(encode(some, RANKS), RANKS), some, strict=False)), "of 6 other words come back")
