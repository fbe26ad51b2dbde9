"""Image augmentation with NumPy and Pillow: plain functions from arrays to arrays.

Keras has layers of most of these names. They do something else: one offset for a whole batch (`RandomCrop`), one pair
of operations for a whole batch (`RandAugment`), label shares that are not those of the pixels pasted (`CutMix`).
AutoAugment is not among them.

Every function takes a `numpy.random.Generator`, returns a new array and leaves its input as it was. Some take a batch
(n, height, width, channels) and draw anew for each image; the others take one image (height, width, channels).
"""

import numpy as np
from PIL import Image, ImageEnhance

NEAREST, SMOOTH = Image.Resampling.NEAREST, (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
GREY = (128, 128, 128)
CIFAR10_MEAN = (125, 123, 114)  # red, green, blue in pixel units, 0-255


def random_crop(images, rng, padding=4):
    """Shift each image by up to `padding` pixels along both axes; what comes in from outside is zero.

    Args:
        images: (n, height, width, channels), any dtype.
        rng: a NumPy Generator.
        padding: largest shift, in pixels.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for images of another shape.
    """
    _check_batch(images)
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    cropped = np.empty_like(images)
    for i, (top, left) in enumerate(rng.integers(0, 2 * padding + 1, size=(n, 2)).tolist()):
        cropped[i] = padded[i, top : top + height, left : left + width]
    return cropped


def random_flip(images, rng):
    """Mirror each image left to right with probability 1/2.

    Args:
        images: (n, height, width, channels), any dtype.
        rng: a NumPy Generator.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for images of another shape.
    """
    _check_batch(images)
    flipped = images.copy()
    chosen = rng.random(len(images)) < 0.5
    flipped[chosen] = images[chosen, :, ::-1]
    return flipped


def random_erasing(images, rng, probability=0.25):
    """Fill a random rectangle with noise, in each image with this probability (Random Erasing, arXiv:1708.04896).

    The rectangle covers 2 to 33 % of the image and its sides have a ratio of 0.3 to 1 / 0.3. Each value in it is drawn
    on its own: for float images, which should be normalised, from the standard normal distribution; for uint8 images
    from a normal distribution of mean 125 and standard deviation 64 (about CIFAR-10's), clipped to 0-255.

    Args:
        images: (n, height, width, channels), uint8 or normalised floats.
        rng: a NumPy Generator.
        probability: share of the images that lose a rectangle.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for images of another shape.
    """
    _check_batch(images)
    erased = images.copy()
    for i in np.flatnonzero(rng.random(len(images)) < probability):
        box = _random_box(*images.shape[1:3], (0.02, 1 / 3), (0.3, 1 / 0.3), rng)
        if box is not None:
            top, left, height, width = box
            noise = rng.standard_normal((height, width, images.shape[3]))
            if images.dtype == np.uint8:
                noise = np.clip(125 + 64 * noise, 0, 255)
            erased[i, top : top + height, left : left + width] = noise
    return erased


def random_resized_crop(image, rng, scale=(0.8, 1.0), ratio=(3 / 4, 4 / 3)):
    """Cut out a random part and stretch it to the size of the whole (Inception's crop, arXiv:1409.4842).

    The interpolation is bilinear or bicubic at random, as in timm. When ten draws do not fit into the image, the
    largest centre part in `ratio` is used.

    Args:
        image: (height, width, 1 or 3) uint8.
        rng: a NumPy Generator.
        scale: range of the part's share of the area.
        ratio: range of its width / height.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for any other array.
    """
    picture = _to_pillow(image)
    full_height, full_width = image.shape[:2]
    box = _random_box(full_height, full_width, scale, ratio, rng)
    if box is None:
        height, width = min(full_height, round(full_width / ratio[0])), min(full_width, round(full_height * ratio[1]))
        box = (full_height - height) // 2, (full_width - width) // 2, height, width
    top, left, height, width = box
    part = picture.crop((left, top, left + width, top + height))
    return np.array(part.resize(picture.size, SMOOTH[rng.integers(2)])).reshape(image.shape)


# AutoAugment, arXiv:1805.09501, table 7. A sub-policy is two steps of (operation, probability, level 0-9).
# fmt: off
CIFAR10_POLICY = (
    (("Invert", 0.1, 7), ("Contrast", 0.2, 6)), (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)), (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, 8), ("Equalize", 0.9, 2)), (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)), (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, 5), ("Equalize", 0.5, 1)), (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)), (("Equalize", 0.3, 7), ("AutoContrast", 0.4, 8)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)), (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, 3)), (("Equalize", 0.2, 0), ("AutoContrast", 0.6, 0)),
    (("Equalize", 0.2, 8), ("Equalize", 0.6, 4)), (("Color", 0.9, 9), ("Equalize", 0.6, 6)),
    (("AutoContrast", 0.8, 4), ("Solarize", 0.2, 8)), (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, 3)), (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, 2), ("Solarize", 0.8, 3)), (("Equalize", 0.8, 8), ("Invert", 0.1, 3)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 1)),
)
# fmt: on
RAND_AUGMENT_OPERATIONS = (
    "AutoContrast Equalize Invert Rotate PosterizeIncreasing Solarize SolarizeAdd Color Contrast Brightness Sharpness "
    "ShearX ShearY TranslateXRel TranslateYRel"
).split()


def auto_augment_cifar10(image, rng):
    """Apply one of AutoAugment's 25 sub-policies for CIFAR-10, chosen at random (arXiv:1805.09501, table 7).

    Ranges are the paper's, with translation as a share of the side (150 pixels of the 331 in the paper's ImageNet
    runs). Sampling is nearest-neighbour; what comes in from outside is grey (128), as in the CCT authors' training.

    Args:
        image: (height, width, 1 or 3) uint8.
        rng: a NumPy Generator.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for any other array.
    """
    _check_image(image)
    result = image
    for name, probability, level in CIFAR10_POLICY[rng.integers(len(CIFAR10_POLICY))]:
        if rng.random() < probability:
            result = apply_operation(name, result, level / 9, rng, fill=GREY, resample=NEAREST)
    return np.array(result)


def rand_augment(image, rng, num_ops=2, magnitude=9, magnitude_std=0.5):
    """Apply operations drawn at random, each with probability 1/2 (RandAugment, arXiv:1909.13719).

    The defaults are timm's "rand-m9-mstd0.5-inc1": the magnitude of each operation is drawn from a normal distribution
    and clipped to 0-10, and a larger one changes the image more. The interpolation is bilinear or bicubic at random;
    what comes in from outside is CIFAR-10's mean.

    Args:
        image: (height, width, 1 or 3) uint8.
        rng: a NumPy Generator.
        num_ops: how many operations are drawn.
        magnitude: mean of their strength, 0 to 10.
        magnitude_std: its standard deviation.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for any other array.
    """
    _check_image(image)
    result = image
    for choice in rng.integers(len(RAND_AUGMENT_OPERATIONS), size=num_ops):
        if rng.random() < 0.5:
            strength = min(max(rng.normal(magnitude, magnitude_std), 0), 10) / 10
            name, resample = RAND_AUGMENT_OPERATIONS[choice], SMOOTH[rng.integers(2)]
            result = apply_operation(name, result, strength, rng, fill=CIFAR10_MEAN, resample=resample)
    return np.array(result)


def mixup_cutmix(images, targets, rng, mixup_alpha=0.8, cutmix_alpha=1.0, switch=0.5):
    """Mix each image and target with its partner's (Mixup, arXiv:1710.09412; CutMix, arXiv:1905.04899).

    As in timm's batch mode, the partner comes from the reversed batch, and one share, drawn from Beta(alpha, alpha),
    serves all. CutMix is used with probability `switch`, else Mixup; an alpha of 0 turns its method off. CutMix's share
    is corrected to the area of the box that is left after clipping at the border.

    Args:
        images: (n, height, width, channels).
        targets: (n, classes).
        rng: a NumPy Generator.
        mixup_alpha: of Mixup's Beta distribution.
        cutmix_alpha: of CutMix's.
        switch: probability of CutMix where both are on.

    Returns:
        Images and targets of the same shapes, both float32.

    Raises:
        ValueError: for other shapes.
    """
    _check_batch(images)
    if np.ndim(targets) != 2 or len(targets) != len(images):
        raise ValueError(f"targets must have the shape ({len(images)}, classes), but have {np.shape(targets)}")
    mixed, targets = images.astype("float32"), np.asarray(targets, "float32")
    use_cutmix = cutmix_alpha > 0 and (mixup_alpha <= 0 or rng.random() < switch)
    alpha = cutmix_alpha if use_cutmix else mixup_alpha
    share = np.float32(rng.beta(alpha, alpha)) if alpha > 0 else np.float32(1)
    if use_cutmix:
        height, width = images.shape[1:3]
        rows, columns = (_random_slice(side, int(side * np.sqrt(1 - share)), rng) for side in (height, width))
        mixed[:, rows, columns] = images[::-1, rows, columns]
        share = np.float32(1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width))
    else:
        mixed = share * mixed + (1 - share) * mixed[::-1]
    return mixed, share * targets + (1 - share) * targets[::-1]


def equalize(image):
    """Make the values of each channel about equally frequent; (height, width, channels) uint8, as is the result."""
    result = np.empty_like(image)
    for channel in range(image.shape[2]):
        values = image[..., channel]
        counts = np.bincount(values.ravel(), minlength=256)
        step = (values.size - counts[values.max()]) // 255
        below = np.cumsum(counts) - counts
        table = np.minimum((below + step // 2) // step, 255) if step else np.arange(256)
        result[..., channel] = table[values]
    return result


def auto_contrast(image):
    """Stretch the values of each channel to reach from 0 to 255; (height, width, channels) uint8, as is the result."""
    low, high = image.min(axis=(0, 1)).astype(float), image.max(axis=(0, 1))
    low, gain = np.where(high > low, (low, 255 / np.maximum(high - low, 1)), ((0,), (1,)))
    return np.clip(image * gain - low * gain, 0, 255).astype(np.uint8)


POINTWISE = {  # (image, strength 0-1) -> image
    "AutoContrast": lambda image, strength: auto_contrast(image),
    "Equalize": lambda image, strength: equalize(image),
    "Invert": lambda image, strength: 255 - image,
    "Posterize": lambda image, strength: image >> round(4 * strength) << round(4 * strength),  # keeps 8 to 4 bits
    "PosterizeIncreasing": lambda image, strength: image & np.uint8(256 - 2 ** (4 + int(4 * strength))),  # 4 to 0
    "Solarize": lambda image, strength: np.where(image < 256 * (1 - strength), image, 255 - image),
    "SolarizeAdd": lambda image, strength: np.where(image < 128, image + np.uint8(110 * strength), image),
}
ENHANCERS = {name: getattr(ImageEnhance, name) for name in ("Color", "Contrast", "Brightness", "Sharpness")}
AFFINE = {  # (signed strength, width, height) -> a, b, c, d, e, f: (x, y) shows what was at (ax + by + c, dx + ey + f)
    "ShearX": lambda strength, width, height: (1, 0.3 * strength, 0, 0, 1, 0),
    "ShearY": lambda strength, width, height: (1, 0, 0, 0.3 * strength, 1, 0),
    "TranslateX": lambda strength, width, height: (1, 0, 150 / 331 * strength * width, 0, 1, 0),
    "TranslateY": lambda strength, width, height: (1, 0, 0, 0, 1, 150 / 331 * strength * height),
    "TranslateXRel": lambda strength, width, height: (1, 0, 0.45 * strength * width, 0, 1, 0),
    "TranslateYRel": lambda strength, width, height: (1, 0, 0, 0, 1, 0.45 * strength * height),
}


def apply_operation(name, image, strength, rng, fill=GREY, resample=NEAREST):
    """Apply one operation of AutoAugment or RandAugment.

    Args:
        name: a key of `POINTWISE`, `ENHANCERS` or `AFFINE`, or "Rotate".
        image: (height, width, 1 or 3) uint8.
        strength: from 0 to 1.
        rng: a NumPy Generator; it draws the direction of those operations that have one.
        fill: (red, green, blue) of what comes in from outside.
        resample: a Pillow resampling filter.

    Returns:
        The same shape and dtype.
    """
    if name in POINTWISE:
        return POINTWISE[name](image, strength)
    picture, signed = _to_pillow(image), strength if rng.random() < 0.5 else -strength
    fill = fill if picture.mode == "RGB" else round(sum(fill) / 3)
    if name in ENHANCERS:  # a factor of 1 changes nothing
        picture = ENHANCERS[name](picture).enhance(1 + 0.9 * signed)
    elif name == "Rotate":
        picture = picture.rotate(30 * signed, resample, fillcolor=fill)
    else:
        matrix = AFFINE[name](signed, *picture.size)
        picture = picture.transform(picture.size, Image.Transform.AFFINE, matrix, resample, fillcolor=fill)
    return np.asarray(picture).reshape(image.shape)


def _random_slice(side, length, rng):
    centre = int(rng.integers(side))
    return slice(max(centre - length // 2, 0), min(centre + length // 2, side))


def _random_box(full_height, full_width, areas, ratios, rng):
    """Draw (top, left, height, width) with area share and width / height in range; None when ten draws do not fit."""
    for _ in range(10):
        area = rng.uniform(*areas) * full_height * full_width
        ratio = np.exp(rng.uniform(*np.log(ratios)))
        height, width = round(np.sqrt(area / ratio)), round(np.sqrt(area * ratio))
        if height <= full_height and width <= full_width:
            return rng.integers(full_height - height + 1), rng.integers(full_width - width + 1), height, width


def _to_pillow(image):
    _check_image(image)
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _check_image(image):
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"an image must be uint8 (height, width, 1 or 3), but is {image.dtype} {image.shape}")


def _check_batch(images):
    if images.ndim != 4:
        raise ValueError(f"images must have the shape (n, height, width, channels), but have {images.shape}")
