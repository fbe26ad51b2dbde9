"""The first weights of a model, drawn by NumPy: the same seed gives the same weights on every backend."""

import math
import random

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("cct_helpers")
class Normal(keras.initializers.Initializer):
    """Normal numbers around 0 with standard deviation `stddev`, or with sqrt(2 / inputs of a unit) where it is None.

    The latter suits a layer before a ReLU (He et al., https://arxiv.org/abs/1502.01852); all axes of the shape but the
    last count as inputs. Without `seed`, a whole number, Python's generator gives one: `keras.utils.set_random_seed`
    makes it repeatable. Raises ValueError unless `stddev` is None or a number above 0.
    """

    def __init__(self, stddev=None, seed=None):
        if stddev is not None and not 0 < stddev < math.inf:
            raise ValueError(f"stddev must be a number above 0, or None for sqrt(2 / inputs), got {stddev!r}.")
        self.stddev, self.seed = stddev, seed
        self.numbers = np.random.default_rng(random.getrandbits(32) if seed is None else seed)

    def __call__(self, shape, dtype=None):
        stddev = self.stddev or math.sqrt(2 / math.prod(shape[:-1]))
        return ops.convert_to_tensor(self.numbers.normal(0, stddev, shape), dtype or keras.config.floatx())

    def get_config(self):
        return {"stddev": self.stddev, "seed": self.seed}
