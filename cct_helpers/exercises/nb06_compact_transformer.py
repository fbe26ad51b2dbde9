"""The exercises of notebook 06: counting and building. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def block_parameters(dim, mlp_ratio):
    """Parameters of the authors' encoder block, a whole number."""
    attention = 3 * dim * dim + dim * dim + dim
    hidden = dim * mlp_ratio
    return attention + dim * hidden + hidden + hidden * dim + dim + 4 * dim


BLOCK_PARAMETERS = Exercise(
    "block_parameters",
    6,
    "Count the parameters of a block",
    block_parameters,
    lambda rng: [(4, 1), (6, 2), (128, 1), (int(rng.integers(10, 99)), 3)],
    {
        "Queries, keys and values have no bias in the authors' code: 3 * dim too many.": lambda d, r: (
            block_parameters(d, r) + 3 * d
        ),
        "The projection after the heads has a bias: dim more.": lambda d, r: block_parameters(d, r) - d,
        "A block has two norms, each with scale and shift: 4 * dim in all.": lambda d, r: (
            block_parameters(d, r) - 2 * d
        ),
        "The norms have parameters too: two norms, each with scale and shift.": lambda d, r: (
            block_parameters(d, r) - 4 * d
        ),
        "Both linear layers of the MLP have a bias: dim * mlp_ratio + dim more.": lambda d, r: (
            block_parameters(d, r) - d * r - d
        ),
        "The projection after the heads is missing: dim * dim + dim.": lambda d, r: block_parameters(d, r) - d * d - d,
    },
)


def tokenizer_parameters(channels, dim, kernel, convs, hidden):
    """Parameters of a conv tokenizer: channels -> hidden -> ... -> hidden -> dim, no biases; a whole number."""
    sizes = [channels] + [hidden] * (convs - 1) + [dim]
    return sum(kernel * kernel * one * other for one, other in zip(sizes[:-1], sizes[1:], strict=True))


TOKENIZER_PARAMETERS = Exercise(
    "tokenizer_parameters",
    6,
    "Count the parameters of the tokenizer",
    tokenizer_parameters,
    lambda rng: [(1, 4, 3, 1, 5), (3, 8, 3, 2, 4), (3, 128, 3, 2, 64), (2, int(rng.integers(9, 40)), 5, 3, 7)],
    {
        "These convolutions have no bias.": lambda c, d, k, n, h: tokenizer_parameters(c, d, k, n, h) + (n - 1) * h + d,
        "Only the first convolution sees the image's channels. The later ones see `hidden` channels.": (
            lambda c, d, k, n, h: k * k * c * ((n - 1) * h + d)
        ),
        "All but the last convolution give `hidden` channels, not dim.": lambda c, d, k, n, h: tokenizer_parameters(
            c, d, k, n, d
        ),
        "A kernel has kernel * kernel places.": lambda c, d, k, n, h: tokenizer_parameters(c, d, k, n, h) // k,
    },
)


def norm(x):
    """Each token to mean 0 and variance 1."""
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)


def mixing(x):
    """Stands in for attention: each token gets the mean of all, and some of its own."""
    return 2 * x.mean(axis=1, keepdims=True) + np.sin(3 * x)


def mlp(x):
    """Stands in for the MLP: each token on its own."""
    return np.tanh(x) + 0.3 * x


def authors_block(x, norm, attention, mlp):
    """The block of the CCT authors, from its parts: (batch, tokens, dim) -> the same shape."""
    h = norm(x + attention(norm(x)))
    return h + mlp(h)


AUTHORS_BLOCK = Exercise(
    "authors_block",
    6,
    "The authors' block from its parts",
    authors_block,
    lambda rng: [(2 * normal(rng, *shape), norm, mixing, mlp) for shape in [(1, 3, 4), (2, 5, 3), (4, 2, 8)]],
    {
        "This is a pre-norm block. The authors' second norm stands on the main path: h = norm(x + ...).": (
            lambda x, norm, attention, mlp: (h := x + attention(norm(x))) + mlp(norm(h))
        ),
        "This is a post-norm block. The authors normalise before attention and not after the MLP.": (
            lambda x, norm, attention, mlp: norm((h := norm(x + attention(x))) + mlp(h))
        ),
        "The norm before attention is missing.": lambda x, norm, attention, mlp: (h := norm(x + attention(x))) + mlp(h),
        "The MLP's branch is added to h, not to x.": lambda x, norm, attention, mlp: (
            x + mlp(norm(x + attention(norm(x))))
        ),
        "The first addition is missing: attention's branch is added to x.": lambda x, norm, attention, mlp: (
            (h := norm(attention(norm(x)))) + mlp(h)
        ),
    },
)


def use_reloaded_layer(answer, tokens, factor):
    """Make the learner's layer, make it again from its configuration as loading does, and call both."""
    layer = answer(factor, name="my_scale")
    again = answer(**layer.get_config())
    return layer(tokens), again(tokens), int(again.name == "my_scale")


def scale_tokens(tokens, factor):
    """What the layer gives, what it gives after loading, and whether its name was kept (1)."""
    return tokens * factor, tokens * factor, 1


def refuse(tokens, factor):
    """What Python says about a layer that has no room for the arguments that Keras saved."""
    raise TypeError("got an unexpected keyword argument 'name'")


def forget(tokens, factor):
    """What Python says about a configuration without the layer's own argument."""
    raise TypeError("missing 1 required positional argument: 'factor'")


SCALE_TOKENS = Exercise(
    "scale_tokens",
    6,
    "A layer that can be saved and loaded",
    scale_tokens,
    lambda rng: [(normal(rng, *shape), float(rng.uniform(2, 3))) for shape in [(1, 2, 3), (2, 4, 1), (3, 1, 5)]],
    {
        "Keras also passes name, trainable and dtype: take **kwargs and hand them on to super().__init__.": refuse,
        "get_config must hold every argument of __init__: {**super().get_config(), 'factor': self.factor}.": forget,
        "The name is lost: hand **kwargs on, super().__init__(**kwargs), and begin get_config with the parent's.": (
            lambda tokens, factor: (tokens * factor, tokens * factor, 0)
        ),
        "After loading, factor has another value. get_config must hold the one that the layer was made with.": (
            lambda tokens, factor: (tokens * factor, tokens * 1.0, 1)
        ),
    },
    call=use_reloaded_layer,
)

EXERCISES = [BLOCK_PARAMETERS, TOKENIZER_PARAMETERS, AUTHORS_BLOCK, SCALE_TOKENS]
