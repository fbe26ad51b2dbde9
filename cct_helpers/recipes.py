"""Recipes: the numbers of a training run in one readable place, the learning rate at every step, and the optimizer."""

import dataclasses
import math

import keras
import numpy as np

OPTIMIZERS = ("adamw", "adam", "muon")
SCHEDULES = ("cosine", "cosine_per_epoch", "constant")
AUGMENTATIONS = ("none", "crop_flip", "auto_augment", "rand_augment")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The numbers of a training run.

    Args:
        epochs: times that every training image is seen.
        batch_size: images a step; the last, smaller batch of an epoch is left out.
        optimizer: "adamw", "adam" (no weight decay) or "muon" (Muon for the weight matrices of the blocks, AdamW for
            the rest).
        learning_rate: the highest rate of the schedule.
        weight_decay: decoupled, multiplied by the learning rate at each step (https://arxiv.org/abs/1711.05101).
        decay_all: False spares biases, LayerNorm, class token and position table.
        schedule: "cosine", "cosine_per_epoch" or "constant"; `learning_rates` has the formulas.
        warmup_epochs: epochs in which the rate rises; may be a fraction.
        final_learning_rate: where the cosine ends.
        label_smoothing: share of each target that is spread evenly over all classes (https://arxiv.org/abs/1512.00567,
            section 7).
        clip_norm: upper bound for the norm of all gradients together, or None.
        augment: "none"; "crop_flip"; "auto_augment", which is AutoAugment, crop, flip; or "rand_augment", which is
            resized crop, flip, RandAugment.
        crop_padding: zeros on each side of which a random crop takes some, in pixels.
        flip: mirroring in all of these augmentations.
        image_scales: ((scale, epochs), ...), each scale above 0 and below 1: first train so many epochs on images
            shrunk to that share of their sides. The epochs that are left, one at least, see whole images. (A curriculum
            of sizes, as in https://arxiv.org/abs/2211.05187.)
        mixup: alpha of the Beta distribution that the mixing share is drawn from, 0 for off.
        cutmix: the same for CutMix.
        mixup_off_epoch: both end after so many epochs, 0 for never.
        erasing: share of images in which a random rectangle becomes noise, after all else
            (https://arxiv.org/abs/1708.04896).
        ema: momentum m of a moving average of the weights, average = m * average + (1 - m) * weights after each step; 0
            for none. With it, validation sees the average, and the best epoch's average is what is kept.

    Raises:
        ValueError: when a field cannot be used; it names the field, what was expected and what came.
    """

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    decay_all: bool = False
    schedule: str = "cosine"
    warmup_epochs: float = 0.0
    final_learning_rate: float = 0.0
    label_smoothing: float = 0.1
    clip_norm: float | None = None
    augment: str = "crop_flip"
    crop_padding: int = 4
    flip: bool = True
    image_scales: tuple = ()
    mixup: float = 0.0
    cutmix: float = 0.0
    mixup_off_epoch: int = 0
    erasing: float = 0.0
    ema: float = 0.0

    def __post_init__(self):
        below_one = "a number, 0 or more and below 1"
        for names, fits, expected in (
            (("epochs", "batch_size"), _is_whole_from_1, "a whole number, 1 or more"),
            (("crop_padding", "mixup_off_epoch"), _is_whole, "a whole number, 0 or more"),
            (
                ("weight_decay", "warmup_epochs", "final_learning_rate", "mixup", "cutmix"),
                _is_number,
                "a number, 0 or more",
            ),
            (("decay_all", "flip"), lambda value: isinstance(value, bool), "True or False"),
            (("optimizer",), OPTIMIZERS.__contains__, f"one of {', '.join(OPTIMIZERS)}"),
            (("schedule",), SCHEDULES.__contains__, f"one of {', '.join(SCHEDULES)}"),
            (("augment",), AUGMENTATIONS.__contains__, f"one of {', '.join(AUGMENTATIONS)}"),
            (("learning_rate",), lambda value: _is_number(value) and value > 0, "a number above 0"),
            (("label_smoothing", "ema"), lambda value: _is_number(value) and value < 1, below_one),
            (("erasing",), lambda value: _is_number(value) and value <= 1, "a number from 0 to 1"),
            (("clip_norm",), lambda value: value is None or (_is_number(value) and value > 0), "None or above 0"),
            (("warmup_epochs",), lambda value: value < self.epochs, f"below epochs ({self.epochs})"),
            (("warmup_epochs",), self._warms_up_as_scheduled, 'a whole number where schedule is "cosine_per_epoch"'),
            (
                ("image_scales",),
                self._leaves_whole_images,
                f"((scale, epochs), ...) with 0 < scale < 1 and fewer than {self.epochs} epochs in all",
            ),
        ):
            for name in names:
                if not fits(getattr(self, name)):
                    raise ValueError(f"Recipe: {name} must be {expected}, but is {getattr(self, name)!r}.")

    def _warms_up_as_scheduled(self, warmup_epochs):
        return self.schedule != "cosine_per_epoch" or warmup_epochs == int(warmup_epochs)

    def _leaves_whole_images(self, scales):
        pairs = isinstance(scales, (tuple, list)) and all(
            isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in scales
        )
        fits = pairs and all(_is_number(scale) and 0 < scale < 1 and _is_whole_from_1(n) for scale, n in scales)
        return fits and sum(epochs for _, epochs in scales) < self.epochs

    def scale_of_epochs(self):
        """The share of their sides that images are shrunk to, epoch by epoch: a list of `epochs` numbers."""
        scales = [scale for scale, epochs in self.image_scales for _ in range(epochs)]
        return scales + [1] * (self.epochs - len(scales))


def _is_number(value, kind=(int, float)):
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _is_whole(value):
    return _is_number(value, int)


def _is_whole_from_1(value):
    return _is_whole(value) and value >= 1


def learning_rates(recipe, steps_per_epoch):
    """The learning rate at every step of a run.

    "cosine": w warm-up steps in equal parts up to the peak, reached at step w, then half a cosine down to
    `final_learning_rate`, reached at the last step.
    "cosine_per_epoch": the authors' (SHI-Labs/Compact-Transformers, examples/main.py), one rate for a whole epoch:
    with w warm-up epochs, epoch e < w has peak / (w - e), a hyperbola rather than a line; later ones have half a
    cosine from the peak at epoch w towards `final_learning_rate`, which epoch E itself, one past the end, would have.
    "constant": the peak throughout.

    Args:
        recipe: a `Recipe`.
        steps_per_epoch: steps in an epoch.

    Returns:
        A float32 array (recipe.epochs * steps_per_epoch,).

    Raises:
        ValueError: when `steps_per_epoch` is below 1.
    """
    if steps_per_epoch < 1:
        raise ValueError(f"steps_per_epoch must be 1 or more, but is {steps_per_epoch!r}.")
    peak, final, steps = recipe.learning_rate, recipe.final_learning_rate, recipe.epochs * steps_per_epoch
    if recipe.schedule == "constant":
        return np.full(steps, peak, "float32")
    if recipe.schedule == "cosine_per_epoch":
        warmup = int(recipe.warmup_epochs)
        rising = peak / (warmup - np.arange(warmup))
        progress = np.arange(recipe.epochs - warmup) / (recipe.epochs - warmup)
    else:
        warmup = min(round(recipe.warmup_epochs * steps_per_epoch), steps - 1)
        rising = peak * np.arange(1, warmup + 1) / max(warmup, 1)
        falling = np.arange(1, steps - warmup + 1) if warmup else np.arange(steps)
        progress = falling / max(falling[-1], 1)
    rates = np.concatenate([rising, final + (peak - final) * 0.5 * (1 + np.cos(np.pi * progress))])
    if recipe.schedule == "cosine_per_epoch":
        rates = np.repeat(rates, steps_per_epoch)
    return rates.astype("float32")


def build_optimizer(recipe, model):
    """The Keras optimizer of a recipe.

    Args:
        recipe: a `Recipe`.
        model: the Keras model whose variables decide what is spared from weight decay.

    Returns:
        A keras.optimizers.Optimizer, not yet built.

    Raises:
        ValueError: for "muon" before Keras 3.13, where it does not work on TensorFlow.
    """
    options = {"learning_rate": recipe.learning_rate, "global_clipnorm": recipe.clip_norm}
    if recipe.ema:
        options |= {"use_ema": True, "ema_momentum": recipe.ema}
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(epsilon=1e-8, **options)
    if recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(epsilon=1e-8, weight_decay=recipe.weight_decay, **options)
    else:
        if tuple(map(int, keras.__version__.split(".")[:2])) < (3, 13):
            raise ValueError(f'optimizer="muon" needs Keras 3.13 or later, not {keras.__version__}: use "adamw".')
        # Muon is for matrices inside the network; tables and the last layer are left to AdamW.
        apart = ["(^|/)head/", "position", "class_token"]
        optimizer = keras.optimizers.Muon(exclude_layers=apart, weight_decay=recipe.weight_decay, **options)
        optimizer.adam_weight_decay = recipe.weight_decay
    if not recipe.decay_all:
        tables = ("position/", "class_token/")
        spared = [v for v in model.trainable_variables if len(v.shape) < 2 or v.path.startswith(tables)]
        optimizer.exclude_from_weight_decay(var_list=spared)
    return optimizer


RECIPES = {
    # scikit-learn's digits at 16 x 16 pixels on two CPU cores. No mirroring: a mirrored digit is another sign.
    "quick": Recipe(
        epochs=20,
        batch_size=64,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.03,
        warmup_epochs=1,
        crop_padding=1,
        flip=False,
    ),
    # A first look at CIFAR-10, short enough for a CPU.
    "cifar10_short": Recipe(
        epochs=10, batch_size=128, optimizer="adamw", learning_rate=2e-3, weight_decay=0.05, warmup_epochs=1
    ),
    # Made for the least time to the 2021 example's 76.45 % on a CPU: most epochs on images of half the side.
    "fast": Recipe(
        epochs=7,
        batch_size=128,
        optimizer="muon",
        learning_rate=4e-3,
        weight_decay=0.05,
        warmup_epochs=1,
        crop_padding=2,
        image_scales=((0.5, 4), (0.75, 2)),
    ),
    # The keras.io example "Compact Convolutional Transformers" (https://keras.io/examples/vision/cct). Its random
    # crop cut 32 pixels out of 32, which changes nothing, so a flip is all it does. Its weight decay of 1e-4 was that
    # of TensorFlow Addons, which took this share of every weight at each step, whatever the learning rate: 0.1 here.
    "keras_io_2021": Recipe(
        epochs=30,
        batch_size=128,
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=0.1,
        decay_all=True,
        schedule="constant",
        crop_padding=0,
    ),
    # The authors' short script for CIFAR (SHI-Labs/Compact-Transformers, examples/main.py). It differs from theirs in
    # this: they train on all 50,000 images and choose the best epoch on the test set; here it is chosen on validation
    # images.
    "paper_a": Recipe(
        epochs=200,
        batch_size=128,
        optimizer="adamw",
        learning_rate=5e-4,
        weight_decay=3e-2,
        decay_all=True,
        schedule="cosine_per_epoch",
        warmup_epochs=5,
        augment="auto_augment",
    ),
}
# The same for more than 80 %, in about twice the time.
RECIPES["fast_80"] = dataclasses.replace(RECIPES["fast"], epochs=12, image_scales=((0.5, 6), (0.75, 4)))
