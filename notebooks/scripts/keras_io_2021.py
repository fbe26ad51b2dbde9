"""The model of the keras.io example of 2021 (https://keras.io/examples/vision/cct), from Keras layers and our own.

Most arguments put one thing right that separates it from the course's model; `notebooks/scripts/grid_runs.py` climbs
them rung by rung, and notebook 09 tells the story. As it was: 408,139 trained parameters and 8,192 that never train.
"""

import keras
import records  # noqa: F401  (puts the root of the repository on the path)
from keras import ops

from cct_helpers.layers import SequencePooling, StochasticDepth


class Positions(keras.layers.Layer):
    """A table added to the tokens, Keras's Embedding initializer; in 2021 it was no weight of the model."""

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer="uniform", name="table", trainable=self.trainable)

    def call(self, tokens):
        return tokens + ops.cast(self.table, tokens.dtype)


def build_keras_io_2021(
    normalization=(0.0, 255.0), head_size=128, trained_position=False, gelu_and_dropout_last=True, side=32
):
    """images (batch, side, side, 3) -> logits (batch, 10).

    head_size: the example gives each of 2 heads the whole 128 numbers of a token. trained_position: whether the table
    learns. gelu_and_dropout_last: GELU and dropout after the last Dense of the MLP too, and dropout after the first.
    """
    images = keras.Input((side, side, 3))
    mean, std = normalization
    if isinstance(mean, float):
        x = keras.layers.Rescaling(1 / std)(images)
    else:
        x = keras.layers.Normalization(mean=mean, variance=[value**2 for value in std])(images)
    for channels in (64, 128):
        x = keras.layers.Conv2D(
            channels, 3, activation="relu", use_bias=False, kernel_initializer="he_normal", padding="valid"
        )(x)
        x = keras.layers.ZeroPadding2D(1)(x)
        x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    x = keras.layers.Reshape((-1, 128))(x)
    x = Positions(trainable=trained_position)(x)
    for rate in (0.0, 0.1):
        normed = keras.layers.LayerNormalization(epsilon=1e-5)(x)
        attended = keras.layers.MultiHeadAttention(num_heads=2, key_dim=head_size, dropout=0.1)(normed, normed)
        x = x + StochasticDepth(rate)(attended)
        hidden = keras.layers.LayerNormalization(epsilon=1e-5)(x)
        for last in (False, True):
            activation = "gelu" if gelu_and_dropout_last or not last else None
            hidden = keras.layers.Dense(128, activation=activation)(hidden)
            if gelu_and_dropout_last:
                hidden = keras.layers.Dropout(0.1)(hidden)
        x = x + StochasticDepth(rate)(hidden)
    x = keras.layers.LayerNormalization(epsilon=1e-5)(x)
    x = SequencePooling()(x)
    return keras.Model(images, keras.layers.Dense(10, dtype="float32")(x))
