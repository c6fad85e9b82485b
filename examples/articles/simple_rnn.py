"""The smallest recurrent network for film reviews: an embedding, a SimpleRNN of 28 units, one number.

python examples/articles/simple_rnn.py [--quick]
"""

import sys

import matplotlib.pyplot as plt
import reviews
from scratchnn.keras.datasets import imdb
from scratchnn.keras.utils import pad_sequences

from scratchnn.keras import layers, models

ROWS, EPOCHS, BATCH = (400, 3, 32) if "--quick" in sys.argv else (25_000, 10, 128)
WORDS, LENGTH = 10_000, 500

reviews.find(ROWS)
(input_train, y_train), (input_test, y_test) = imdb.load_data(num_words=WORDS)
input_train, y_train = pad_sequences(input_train[:ROWS], maxlen=LENGTH), y_train[:ROWS]
input_test, y_test = pad_sequences(input_test[:ROWS], maxlen=LENGTH), y_test[:ROWS]

model = models.Sequential()
model.add(layers.Embedding(WORDS, 32, input_length=LENGTH))
model.add(layers.SimpleRNN(28))
model.add(layers.Dense(1, activation="sigmoid"))
model.summary()
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
history = model.fit(input_train, y_train, epochs=EPOCHS, batch_size=BATCH, validation_split=0.2)
print(f"test loss and accuracy: {model.evaluate(input_test, y_test, verbose=0)}")

acc, val_acc = history.history["acc"], history.history["val_acc"]
loss, val_loss = history.history["loss"], history.history["val_loss"]
epochs = range(1, len(acc) + 1)

plt.figure()
plt.plot(epochs, acc, "bo", label="Training accuracy")
plt.plot(epochs, val_acc, "b", label="Validation accuracy")
plt.legend()
plt.savefig("simple_rnn_accuracy.png")

plt.figure()
plt.plot(epochs, loss, "bo", label="Training loss")
plt.plot(epochs, val_loss, "b", label="Validation loss")
plt.legend()
plt.savefig("simple_rnn_loss.png")
plt.close("all")
