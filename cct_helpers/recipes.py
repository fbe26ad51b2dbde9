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
    """The numbers of a training run. Raises ValueError when a field cannot be used, naming it.

    epochs, batch_size: whole numbers; the last, smaller batch of an epoch is left out.
    optimizer: "adamw", "adam" (no weight decay) or "muon" (Muon for the weight matrices of the blocks, AdamW for the
        rest).
    learning_rate: the highest rate of the schedule.
    weight_decay: decoupled, multiplied by the learning rate at each step (https://arxiv.org/abs/1711.05101). Biases,
        LayerNorm, class token and position table are spared unless `decay_all`.
    schedule: "cosine", "cosine_per_epoch" or "constant"; `learning_rates` has the formulas. `warmup_epochs` may be a
        fraction. The last `cooldown_epochs` of `epochs` stay at `final_learning_rate`.
    label_smoothing: share s of each target that is spread evenly over all classes (https://arxiv.org/abs/1512.00567,
        section 7).
    clip_norm: upper bound for the norm of all gradients together, or None.
    augment: "none"; "crop_flip"; "auto_augment", which is AutoAugment, crop, flip; or "rand_augment", which is
        resized crop, flip, RandAugment. `crop_padding` is in pixels, `crop_scale` the smallest and largest share of
        the area that a resized crop keeps, `flip` turns mirroring on or off in all of them. Then `erasing`, the share
        of images in which a random rectangle becomes noise (https://arxiv.org/abs/1708.04896).
    image_scales: ((scale, epochs), ...), each scale above 0 and below 1: first train so many epochs on images shrunk to
        that share of their sides. The epochs that are left, one at least, see whole images. (A curriculum of sizes, as
        in https://arxiv.org/abs/2211.05187.)
    mixup, cutmix: alpha of the Beta distribution that the mixing share is drawn from, 0 for off. Both end after
        `mixup_off_epoch` epochs (0 for never).
    ema: momentum m of a moving average of the weights, average = m * average + (1 - m) * weights after each step; 0 for
        none. With it, validation sees the average, and the best epoch's average is what is kept.
    """

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    decay_all: bool = False
    schedule: str = "cosine"
    warmup_epochs: float = 0.0
    initial_learning_rate: float = 0.0
    final_learning_rate: float = 0.0
    cooldown_epochs: int = 0
    label_smoothing: float = 0.1
    clip_norm: float | None = None
    augment: str = "crop_flip"
    crop_padding: int = 4
    flip: bool = True
    crop_scale: tuple = (0.8, 1.0)
    image_scales: tuple = ()
    mixup: float = 0.0
    cutmix: float = 0.0
    mixup_off_epoch: int = 0
    erasing: float = 0.0
    ema: float = 0.0

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            self._need(name, _is_number(getattr(self, name), int, 1), "a whole number, 1 or more")
        for name in ("crop_padding", "cooldown_epochs", "mixup_off_epoch"):
            self._need(name, _is_number(getattr(self, name), int, 0), "a whole number, 0 or more")
        rates = ("weight_decay", "initial_learning_rate", "final_learning_rate")
        for name in (*rates, "warmup_epochs", "mixup", "cutmix"):
            self._need(name, _is_number(getattr(self, name)), "a number, 0 or more")
        for name in ("decay_all", "flip"):
            self._need(name, isinstance(getattr(self, name), bool), "True or False")
        for name, choices in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("augment", AUGMENTATIONS)):
            self._need(name, getattr(self, name) in choices, f"one of {', '.join(choices)}")
        self._need("learning_rate", _is_number(self.learning_rate) and self.learning_rate > 0, "a number above 0")
        for name in ("label_smoothing", "ema"):
            share = _is_number(getattr(self, name)) and getattr(self, name) < 1
            self._need(name, share, "a number, 0 or more and below 1")
        self._need("erasing", _is_number(self.erasing) and self.erasing <= 1, "a number from 0 to 1")
        clip = self.clip_norm is None or (_is_number(self.clip_norm) and self.clip_norm > 0)
        self._need("clip_norm", clip, "None or a number above 0")
        self._need("cooldown_epochs", self.cooldown_epochs < self.epochs, f"below epochs ({self.epochs})")
        decaying = self.epochs - self.cooldown_epochs
        self._need("warmup_epochs", self.warmup_epochs < decaying, f"below epochs - cooldown_epochs ({decaying})")
        whole = self.schedule != "cosine_per_epoch" or self.warmup_epochs == int(self.warmup_epochs)
        self._need("warmup_epochs", whole, 'a whole number where schedule is "cosine_per_epoch"')
        scale = self.crop_scale
        scale_fits = isinstance(scale, (tuple, list)) and len(scale) == 2 and all(map(_is_number, scale))
        scale_fits = scale_fits and 0 < scale[0] <= scale[1] <= 1
        self._need("crop_scale", scale_fits, "(smallest, largest) with 0 < smallest <= largest <= 1")

        scales = self.image_scales
        pairs = isinstance(scales, (tuple, list)) and all(len(pair) == 2 for pair in scales)
        pairs = pairs and all(_is_number(scale) and 0 < scale < 1 and _is_number(n, int, 1) for scale, n in scales)
        pairs = pairs and sum(epochs for _, epochs in scales) < self.epochs
        fitting = f"((scale, epochs), ...) with 0 < scale < 1 and fewer than {self.epochs} epochs in all"
        self._need("image_scales", pairs, fitting)

    def scale_of_epochs(self):
        """The share of their sides that images are shrunk to, epoch by epoch: a list of `epochs` numbers."""
        scales = [scale for scale, epochs in self.image_scales for _ in range(epochs)]
        return scales + [1] * (self.epochs - len(scales))

    def _need(self, name, fits, expected):
        if not fits:
            raise ValueError(f"Recipe: {name} must be {expected}, but is {getattr(self, name)!r}.")


def _is_number(value, kind=(int, float), lowest=0):
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value) and value >= lowest


def learning_rates(recipe, steps_per_epoch):
    """The learning rate at every step of a run: float32 array (recipe.epochs * steps_per_epoch,).

    "cosine": w warm-up steps in equal parts from `initial_learning_rate` up to the peak, reached at step w, then half
    a cosine down to `final_learning_rate`, reached at the last step before the cool-down.
    "cosine_per_epoch": the authors' (SHI-Labs/Compact-Transformers, examples/main.py), one rate for a whole epoch:
    with w warm-up epochs, epoch e < w has peak / (w - e), a hyperbola rather than a line; later ones have half a
    cosine from the peak at epoch w towards `final_learning_rate`, which epoch E itself, one past the end, would have.
    "constant": the peak throughout.
    Raises ValueError when `steps_per_epoch` is below 1.
    """
    if steps_per_epoch < 1:
        raise ValueError(f"steps_per_epoch must be 1 or more, but is {steps_per_epoch!r}.")
    peak, final = recipe.learning_rate, recipe.final_learning_rate
    if recipe.schedule == "constant":
        return np.full(recipe.epochs * steps_per_epoch, peak, "float32")
    if recipe.schedule == "cosine_per_epoch":
        end, warmup = recipe.epochs - recipe.cooldown_epochs, int(recipe.warmup_epochs)
        rising = peak / (warmup - np.arange(warmup))
        progress = np.arange(end - warmup) / (end - warmup)
    else:
        end = (recipe.epochs - recipe.cooldown_epochs) * steps_per_epoch
        warmup = min(round(recipe.warmup_epochs * steps_per_epoch), end - 1)
        start = recipe.initial_learning_rate
        rising = start + (peak - start) * np.arange(1, warmup + 1) / max(warmup, 1)
        falling = np.arange(1, end - warmup + 1) if warmup else np.arange(end)
        progress = falling / max(falling[-1], 1)
    rates = np.concatenate([rising, final + (peak - final) * 0.5 * (1 + np.cos(np.pi * progress))])
    if recipe.schedule == "cosine_per_epoch":
        rates = np.repeat(rates, steps_per_epoch)
    return np.pad(rates, (0, recipe.cooldown_epochs * steps_per_epoch), constant_values=final).astype("float32")


def build_optimizer(recipe, model):
    """The Keras optimizer of `recipe` for the variables of `model`, not yet built.

    Raises ValueError for "muon" before Keras 3.13, where it does not work on TensorFlow.
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
    # The authors' CIFAR-10 recipe for CCT-7/3x1, 300 epochs and 10 of cool-down
    # (configs/pretrained/cct_7-3x1_cifar10_300epochs.yml for timm's train.py). It differs in this: the rate changes
    # at every step, theirs once an epoch; their cosine starts falling during the warm-up; they decay the position
    # table; and float32 unless the model says otherwise, theirs mixed.
    "paper_b": Recipe(
        epochs=310,
        batch_size=128,
        optimizer="adamw",
        learning_rate=5.5e-4,
        weight_decay=6e-2,
        warmup_epochs=10,
        initial_learning_rate=1e-5,
        final_learning_rate=1e-5,
        cooldown_epochs=10,
        augment="rand_augment",
        mixup=0.8,
        cutmix=1.0,
        mixup_off_epoch=175,
    ),
}
# The same for more than 80 %, in about twice the time.
RECIPES["fast_80"] = dataclasses.replace(RECIPES["fast"], epochs=12, image_scales=((0.5, 6), (0.75, 4)))
