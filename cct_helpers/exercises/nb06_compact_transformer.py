"""The exercises of notebook 06: counting and building. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def tokenizer_parameters(channels, dim, kernel, convs, hidden):
    """Parameters of a conv tokenizer: channels -> hidden -> ... -> hidden -> dim, no biases; a whole number."""
    sizes = [channels] + [hidden] * (convs - 1) + [dim]
    return sum(kernel * kernel * one * other for one, other in zip(sizes[:-1], sizes[1:], strict=True))


TOKENIZER_PARAMETERS = Exercise(
    "tokenizer_parameters",
    6,
    "Count the parameters of the tokenizer",
    tokenizer_parameters,
    lambda rng: [
        (1, 7, 3, 2, 5),
        (2, 9, 3, 1, 4),
        (4, 11, 5, 3, 6),
        (3, 128, 3, 2, 64),
        (2, int(rng.integers(13, 40)), 5, 3, 7),
    ],
    {
        "These convolutions have no bias.": lambda c, d, k, n, h: tokenizer_parameters(c, d, k, n, h) + (n - 1) * h + d,
        "Only the first convolution sees the image's channels. The later ones see `hidden` channels.": (
            lambda c, d, k, n, h: k * k * c * ((n - 1) * h + d)
        ),
        "All but the last convolution give `hidden` channels, not dim.": lambda c, d, k, n, h: tokenizer_parameters(
            c, d, k, n, d
        ),
        "A kernel has kernel * kernel places.": lambda c, d, k, n, h: tokenizer_parameters(c, d, k, n, h) // k,
        "One convolution too many: `convs` counts all of them, the last one to dim among them.": lambda c, d, k, n, h: (
            tokenizer_parameters(c, d, k, n + 1, h)
        ),
    },
    (
        "A convolution has a number for each place of its kernel, each channel that goes in and each that comes out.",
        "Write down the channels along the way: channels, then hidden after all convolutions but the last, then dim.",
        "With `sizes = [channels] + [hidden] * (convs - 1) + [dim]`, add `kernel * kernel * one * other` for "
        "neighbours.",
    ),
)


def block_parameters(dim, mlp_ratio):
    """Parameters of the authors' encoder block, a whole number."""
    hidden = dim * mlp_ratio
    return 3 * dim * dim + dim * dim + dim + dim * hidden + hidden + hidden * dim + dim + 4 * dim


def widest(budget, blocks, mlp_ratio, heads):
    """The largest dim, a multiple of `heads`, with which `blocks` blocks have at most `budget` parameters; else 0."""
    return _widest(lambda dim: blocks * block_parameters(dim, mlp_ratio), budget, heads)


def _widest(cost, budget, step):
    if step < 1:
        raise ValueError(f"heads must be 1 or more, got {step}")
    dim = 0
    while cost(dim + step) <= budget:
        dim += step
    return dim


def _budgets(rng):
    """Budgets that are met exactly, missed by one, and drawn, for blocks of several sizes."""
    cases = []
    for dim, blocks, ratio, heads, spare in [(6, 2, 1, 3, 0), (8, 3, 2, 4, -1), (20, 2, 3, 5, 0), (128, 7, 2, 4, 300)]:
        cases.append((blocks * block_parameters(dim, ratio) + spare, blocks, ratio, heads))
    cases += [(int(rng.integers(200_000, 900_000)), int(rng.integers(2, 7)), ratio, 2) for ratio in (1, 2, 3)]
    for dim in (5, 14):  # budgets that tell counts apart that differ by a few times dim
        cases += [(2 * (block_parameters(dim, 2) + extra * dim), 2, 2, 1) for extra in (-4, -3, -2, 0, 3)]
    return [(8 * block_parameters(1, 2) // 2, 4, 2, 6), *cases]  # the first budget is too small for any


def _counting(extra):
    """`widest` with another count of a block's parameters, `extra` more."""

    def wrong(budget, blocks, mlp_ratio, heads):
        return _widest(lambda dim: blocks * (block_parameters(dim, mlp_ratio) + extra(dim, mlp_ratio)), budget, heads)

    return wrong


WIDEST = Exercise(
    "widest",
    6,
    "How wide may it be?",
    widest,
    _budgets,
    {
        "dim has to be a multiple of `heads`: try "
        "heads, 2 * heads, 3 * heads, ...": lambda budget, blocks, ratio, heads: widest(budget, blocks, ratio, 1),
        "One step too far: this width costs more than the budget.": lambda budget, blocks, ratio, heads: (
            widest(budget, blocks, ratio, heads) + heads
        ),
        "At most the budget: a width that costs exactly as much is allowed.": lambda budget, blocks, ratio, heads: (
            widest(budget - 1, blocks, ratio, heads)
        ),
        "That is the budget of a single block. There are `blocks` of them.": lambda budget, blocks, ratio, heads: (
            widest(budget, 1, ratio, heads)
        ),
        "Queries, keys and values have no bias in the authors' code: 3 * dim too many.": _counting(lambda d, r: 3 * d),
        "A block has two norms with scale and shift each: 4 * dim. Yours counts less.": _counting(lambda d, r: -2 * d),
        "The MLP has two layers: dim * hidden and hidden * dim, with hidden = mlp_ratio * dim.": _counting(
            lambda d, r: -d * d * r
        ),
    },
    (
        "First write a function for the parameters of one block of width dim; the section on counting has the sum "
        "for 128.",
        "Attention has 4 * dim * dim + dim, the MLP 2 * dim * hidden + hidden + dim with hidden = mlp_ratio * dim, "
        "the norms "
        "4 * dim.",
        "Begin with 0 and add `heads` as long as the blocks of the next width still fit the budget.",
    ),
)


def norm(x):
    """Each token to mean 0 and variance 1, then a scale and a shift: twice the norm is not the norm."""
    steps = np.linspace(-1, 1, x.shape[-1])
    unit = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return unit * (1.5 + steps) + 0.5 - steps**2


def mixing(x):
    """Stands in for attention: each token gets the mean of all, and some of its own."""
    return 2 * x.mean(axis=1, keepdims=True) + np.sin(3 * x)


def mlp(x):
    """Stands in for the MLP: each token on its own."""
    return np.tanh(x) + 0.3 * x


def _pre(x, norm, attention, mlp):
    h = x + attention(norm(x))
    return h + mlp(norm(h))


def _post(x, norm, attention, mlp):
    h = norm(x + attention(x))
    return norm(h + mlp(h))


def _mid(x, norm, attention, mlp):
    h = norm(x + attention(norm(x)))
    return h + mlp(h)


def _thrice(x, norm, attention, mlp):
    h = norm(x + attention(norm(x)))
    return h + mlp(norm(h))


BLOCKS = [_pre, _post, _mid, _thrice]  # the number is the answer of `kind_of_block`, 3 for none of the three


def kind_of_block(block, x, norm, attention, mlp):
    """Which kind of block made block(x) of these parts: 0 pre-norm, 1 post-norm, 2 the authors', 3 none of these."""
    result = block(x)
    found = [np.abs(result - make(x, norm, attention, mlp)).max() < 1e-3 for make in BLOCKS[:3]]
    return found.index(True) if True in found else 3


def _blocks(rng):
    cases = []
    for number, (b, t, d) in zip(rng.permutation(8) % 4, [(2, 3, 4), (3, 5, 4), (2, 6, 3), (4, 2, 8)] * 2, strict=True):

        def block(x, make=BLOCKS[number]):
            return make(x, norm, mixing, mlp)

        cases.append((block, normal(rng, b, t, d), norm, mixing, mlp))
    return cases


def _among(blocks):
    """`kind_of_block` with other ideas of the three kinds; 3 if none of them fits."""

    def wrong(block, x, norm, attention, mlp):
        found = [np.abs(block(x) - make(x, norm, attention, mlp)).max() < 1e-3 for make in blocks]
        return found.index(True) if True in found else 3

    return wrong


KIND_OF_BLOCK = Exercise(
    "kind_of_block",
    6,
    "Which block is this?",
    kind_of_block,
    _blocks,
    {
        "The authors' block has two norms, before attention and after its addition; the MLP takes h as it is. Yours "
        "has three.": (_among([_pre, _post, _thrice])),
        "0 is pre-norm and 1 is post-norm: yours are swapped.": _among([_post, _pre, _mid]),
        "A block that is none of the three is 3. You say 2 for all that is neither pre-norm nor post-norm.": (
            lambda block, x, norm, attention, mlp: min(kind_of_block(block, x, norm, attention, mlp), 2)
        ),
        "In the authors' block the MLP's branch is added to h, not to x.": _among(
            [_pre, _post, lambda x, n, a, m: x + m(n(x + a(n(x))))]
        ),
        "A post-norm block is norm(h + mlp(h)) with h = norm(x + attention(x)). Yours finds none.": _among(
            [_pre, lambda x, n, a, m: (h := n(x + a(x))) + m(h), _mid]
        ),
    },
    (
        "You have the parts. Build each of the three kinds yourself and see which gives the same numbers.",
        "Notebook 03 has them: `pre_norm`, `post_norm` and `mid_norm`, the authors'. They differ in where `norm` "
        "stands.",
        "Compute block(x) once, compare with each kind by `np.allclose`, return its number, and 3 if none agrees.",
    ),
)


def use_reloaded_layer(answer, tokens, factor, later):
    """Make the learner's layer, change its factor, make it again from its configuration as loading does, call both."""
    layer = answer(factor, name="my_scale")
    first = layer(tokens)
    layer.factor = later
    again = answer(**layer.get_config())
    return first, again(tokens), int(again.name == "my_scale")


def scale_tokens(tokens, factor, later):
    """What the layer gives, what it gives with a later factor and after loading, and whether its name was kept (1)."""
    return tokens * factor, tokens * later, 1


def refuse(tokens, factor, later):
    """What Python says about a layer that has no room for the arguments that Keras saved."""
    raise TypeError("got an unexpected keyword argument 'name'")


def forget(tokens, factor, later):
    """What Python says about a configuration without the layer's own argument."""
    raise TypeError("missing 1 required positional argument: 'factor'")


SCALE_TOKENS = Exercise(
    "scale_tokens",
    6,
    "A layer that can be saved and loaded",
    scale_tokens,
    lambda rng: [
        (normal(rng, *shape), float(rng.uniform(2, 3)), float(rng.uniform(4, 5)))
        for shape in [(2, 3, 4), (2, 4, 1), (3, 1, 5)]
    ],
    {
        "Keras also passes name, trainable and dtype: take **kwargs and hand them on to super().__init__.": refuse,
        "get_config must hold every argument of __init__: {**super().get_config(), 'factor': self.factor}.": forget,
        "The name is lost: hand **kwargs on, super().__init__(**kwargs), and begin get_config with the parent's.": (
            lambda tokens, factor, later: (tokens * factor, tokens * later, 0)
        ),
        "The configuration holds the factor that the layer was made with, as Keras writes it by itself. Write "
        "get_config, "
        "with the factor that the layer has now.": lambda tokens, factor, later: (tokens * factor, tokens * factor, 1),
    },
    (
        "Keras loads a layer as `Layer(**config)`. So the configuration must hold all that `__init__` takes, and "
        "`__init__` all "
        "that the configuration holds.",
        "`super().get_config()` holds name, trainable and dtype. `**kwargs` takes them in `__init__`, and "
        "`super().__init__(**kwargs)` hands them on.",
        "`def get_config(self): return {**super().get_config(), 'factor': self.factor}`, which is the factor of now.",
    ),
    call=use_reloaded_layer,
)

EXERCISES = [TOKENIZER_PARAMETERS, KIND_OF_BLOCK, WIDEST, SCALE_TOKENS]
