"""An LSTM between two dropouts. Training and test reviews are joined first, and split again.

    python examples/articles/lstm_dropout.py [--quick]

The codex, which is the word index read backwards, turns a row of ids into a review again.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import reviews
from scratchnn.keras.datasets import imdb
from scratchnn.keras.preprocessing import sequence

import scratchnn as tf

ROWS, EPOCHS = (400, 3) if "--quick" in sys.argv else (25_000, 10)
WORDS, LENGTH = 10_000, 500
SKIPPED = 24  # ids below it: the three special ones, one that is not used, and the 20 commonest words

# ---- data

reviews.find(ROWS)
(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=WORDS, skip_top=SKIPPED)
x = np.concatenate([x_train[:ROWS], x_test[:ROWS]])
y = np.concatenate([y_train[:ROWS], y_test[:ROWS]])
lengths = [len(review) for review in x]
print(f"{len(x):,} reviews, {len(np.unique(np.hstack(x))):,} words")
print(f"length {np.mean(lengths):.0f} words, give or take {np.std(lengths):.0f}")

# ---- codex: which word an id stands for

codex = {rank + 3: word for word, rank in imdb.get_word_index().items()}
codex[2] = "#"  # a word that was left out
text = " ".join(codex[n] for n in x[0])
print(f"label {y[0]}: {text[:300]}")

# ---- joined, and split again

order = np.random.default_rng(0).permutation(len(x))
x, y = sequence.pad_sequences(x[order], maxlen=LENGTH), y[order]
half = len(x) // 2
x_train, y_train, x_test, y_test = x[:half], y[:half], x[half:], y[half:]

# ---- model

model = tf.keras.Sequential()
model.add(tf.keras.layers.Embedding(WORDS, 16, input_length=LENGTH))
model.add(tf.keras.layers.Dropout(0.25))
model.add(tf.keras.layers.LSTM(32))
model.add(tf.keras.layers.Dropout(0.25))
model.add(tf.keras.layers.Dense(1, activation=tf.nn.sigmoid))
model.summary()
model.compile(optimizer=tf.keras.optimizers.Adam(), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=32, epochs=EPOCHS, validation_data=(x_test, y_test))
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")

# ---- learning curves

plt.figure()
plt.plot(history.history["loss"], label="training")
plt.plot(history.history["val_loss"], label="test")
plt.xlabel("epoch")
plt.ylabel("loss")
plt.legend()
plt.savefig("lstm_dropout.png")
plt.close()
