# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12. Text
#
# *Is it only for images?*
#
# You will train a CCT on letters until it tells 24 languages apart, prove that padding changes none of its numbers, and
# compare it with a much simpler method.
#
# 110 minutes to read, 1 minute to run. Builds on [notebook 05](05_sequence_pooling.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/12_text.ipynb)

# %% jupyter={"source_hidden": true} tags=["setup"]
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
assert root, "No cct_helpers here. On Colab: upload the course as NAME.zip, then '!unzip -q NAME.zip'."
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()

# %% [markdown]
# **Do you remember?** Two questions on [notebook 11](11_your_own_images.ipynb).
#
# 1. Ten photos of the same mug are in your folder. What is wrong with a split at random?
# 2. A model reaches 95 % on 95 healthy and 5 sick leaves. What is its balanced accuracy if it always says "healthy"?
#
# <details><summary>Answers</summary>
#
# 1. After a split at random the same mug is trained on and tested, so the test does not tell what happens to a new mug.
# 2. Its balanced accuracy is 50 %: the mean of 100 % for the healthy leaves and 0 % for the sick ones.
#
# </details>

# %%
import inspect
import json

import babel
import keras
import numpy as np
from IPython.display import Markdown, display
from keras import ops
from scipy.special import softmax
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from cct_helpers import figures
from cct_helpers.plots import nb12_text as pictures
from cct_helpers.topics import text

keras.utils.set_random_seed(0)

# %% [markdown]
# **Which way through?** The main line goes from *Why text?* to *Which tokens are real?*, about 25 minutes; then a good
# place for a break; and from *Attention that does not read padding* to *Try it: type a name*, about 35. What stands
# under *For a second reading* can wait: *What the mask is worth*, a record of trainings; *Which names make the
# difference?*, *Who is taken for whom?* and *Where is the language in a name?*, which look into the results; *And a
# signal?*, for other rows of numbers.
#
# ## Why text?
#
# *Why:* what you know of CCT is not only for images. Attention mixes a set of vectors, and the vectors may stand for
# letters or words as well: transformers were made for text. What is special to images in a CCT is its first layer.
# Exchange it for one that reads letters, and the rest can stay: blocks, sequence pooling, head.
#
# The authors did so, for words. Their [smallest
# models](https://github.com/SHI-Labs/Compact-Transformers/tree/main/nlp), of 2 layers and 0.24 to 0.35 million
# parameters (word vectors not counted), sort news into 4 kinds with 93.5 to 93.8 % right answers, and questions into 6
# kinds with 91.0 to 91.8 %. With 4 or 6 layers they are no better on news, and on questions by less than two points.
#
# So the layers of a CCT do read text. What is new is *length*: all images of a batch have one size, and every text has
# its own length. That is the subject of this notebook.
#
# ## A corpus that is on your machine already
#
# *Why:* a model for text needs texts with labels, and you have some without a download. JupyterLab brings Babel, and
# Babel brings a part of the Unicode CLDR: what hundreds of languages call the countries, territories and languages of
# the world. The task: which of 24 languages is a name written in? Each version of Babel brings somewhat different
# names. This text is about Babel 2.19; with another version single names and their numbers may differ.

# %%
things = ("territory DE", "territory GR", "language ja", "language hu")
for language in ("en", "fi", "hu", "sk", "uk"):
    named = text.names_of(language)
    print(language, [named[thing] for thing in things])

data = text.load_names()
names_in = {"train": data.x_train, "validation": data.x_val, "test": data.x_test}
how_many = {part: len(names) for part, names in names_in.items()}
print(f"{len(data.class_names)} languages, names in each part:", how_many)
differs = babel.__version__ != "2.19.0"  # other names: what is asserted of single ones may differ

# %% [markdown]
# Two decisions stand behind these numbers.
#
# A name that two of the languages share, like "Angola", has no right answer. `load_names` leaves it out.
#
# And the split is made by the *thing*. What all languages call Estonia is in one part. Otherwise the model could have
# seen "estonia" as a Spanish word and be asked about "estónia" in the test.
#
# **Predict:** is any name of the test part also in the training part? And if you always said the most frequent of the
# 24 languages, how often would you be right?

# %%
train_names, val_names, test_names = (set(names) for names in names_in.values())
assert not (train_names & test_names or train_names & val_names or val_names & test_names)

per_language = np.bincount(data.y_train, minlength=24)
few, many = per_language.argmin(), per_language.argmax()
print("fewest training names:", data.class_names[few], per_language[few], end="; ")
print("most:", data.class_names[many], per_language[many])
always = np.mean(data.y_test == many)
print(f"always saying {data.class_names[many]}: {always:.1%} right")
assert always < 0.1 and (differs or data.class_names[few] == "Danish")

# %% [markdown]
# <details><summary>Answer</summary>
#
# No: a name stays with the thing that it names, and a thing is in one part. Always saying the most frequent language is
# right in fewer than 10 % of cases.
#
# </details>
#
# ## Letters become numbers, lengths become one
#
# *Why:* an image is an array from the start, and a text is not. It is a list of letters, and each gets a number, its
# *id*. Texts also differ in length, and a batch is one array. So the rest of each row is filled with
# [padding](glossary.md), the id 0. A letter that the training part does not have gets the id 1, *unknown*, and the
# letters that it has are numbered from 2.
#
# **Predict:** with 32 places a row, which share of the array is padding?

# %%
letters, length = text.alphabet(data.x_train), 32  # the letters of the training part alone
x_train, x_val, x_test = (text.encode(names, letters, length) for names in names_in.values())
print(f"{len(letters)} characters, the most common first: {letters[:20]!r}")

name = data.x_test[np.char.str_len(data.x_test) == 9][0]
ids = text.encode([name], letters, length)  # (batch, length)
print(name, "->", ids[0])
assert "".join(letters[i - 2] for i in ids[0] if i > 1) == name

padded = np.mean(x_train == text.PADDING)
cut_off = np.mean(np.char.str_len(data.x_train) > length)
print(f"padding: {padded:.0%} of the array; {cut_off:.1%} of the names are cut at {length} letters")
assert padded > 0.5

# %% [markdown]
# <details><summary>Answer</summary>
#
# More than half of the array is padding.
#
# </details>
#
# That is the price of one shape for all. If those places took part in the result, most of what the model reads would be
# nothing.
#
# ## Tokens: a convolution along the sequence
#
# *Why:* an id is a name and not a quantity, and a single letter tells little of a language. So each id picks a row of a
# table, the *embedding*: a letter becomes a vector. From there it is notebook 01 with one axis less. A convolution
# looks at five letters at a time, a max-pool of 3 with stride 2 halves the sequence. The picture shows 20 of the 32
# places.

# %%
shapes = ("(length,)", "(length, embedding dim)", "(length, dim)", "(tokens, dim)")
alt = """Four rows. Ids: nine letters, then places of padding in grey. Vectors: one below each
letter. Features: one below each letter, from five vectors. Tokens: one below every second letter,
the largest of three features."""
cct.show(pictures.draw_tokenizer(name, 20, shapes), alt)

# %% [markdown]
# In plain arrays, for one name without padding, with the first weights of the package's layer:

# %%
tokenizer = text.TextTokenizer(len(letters) + 2, dim=64, embedding_dim=32, kernel_size=5, pool_stride=2)
tokenizer.build((None, length))
table = ops.convert_to_numpy(tokenizer.embedding.embeddings)  # (ids, embedding dim)
kernel = ops.convert_to_numpy(tokenizer.conv.kernel)  # (5, embedding dim, dim)


def windows(sequence, size):
    """Each place with its neighbours, zeros beyond the ends: (length, dim) -> (length, size, dim)."""
    around = np.pad(sequence, ((size // 2, size // 2), (0, 0)))
    return np.stack([around[i : i + size] for i in range(len(sequence))])


vectors = table[ids[0, :9]]  # (length, embedding dim)
features = np.einsum("lke,ked->ld", windows(vectors, 5), kernel)  # five letters -> (length, dim)
features = np.maximum(features, 0)  # ReLU
tokens = windows(features, 3).max(axis=1)[::2]  # the largest of 3, every second place -> (tokens, dim)
print("letters", vectors.shape, "-> tokens", tokens.shape)
assert tokens.shape == ((9 - 1) // 2 + 1, 64)

# %% [markdown]
# A window of five letters with learned weights is a soft version of a letter *n-gram*, a run of n letters such as
# "ština", "land" or "isch". *Is it any good?* compares the two.
#
# ## Which tokens are real?
#
# *Why:* to keep padding out you must know which tokens stand on it. Here is the package's layer, on the padded row.
# `real` says where there is text.
#
# **Predict:** the row has 32 places. How many of its 16 tokens are real?

# %%
print(inspect.getsource(text.TextTokenizer.call))

padded_tokens, real = (ops.convert_to_numpy(part)[0] for part in tokenizer(ids))
print("real:", real.astype(int))
assert real.sum() == 5 and len(real) == 16
assert np.allclose(padded_tokens[:5], tokens, atol=1e-5) and not padded_tokens[5:].any()

# %% [markdown]
# <details><summary>Answer</summary>
#
# Five of the 16 tokens are real: the same five as above, with the same numbers, and zeros after them.
#
# </details>
#
# The layer multiplies by the [mask](glossary.md) three times. Before the convolution, because a place of padding has a
# row in the table as every id has. After it, because the convolution at the first place of padding still sees the last
# letters, and the pool would take what it found there; a text without padding has no such place. And after the pool,
# because a token that stands on padding may have touched the last letter.
#
# `real_tokens` asks whether the place in the *middle* of a token is text; the first exercise counts with it. Another
# rule looks as good.
#
# > **Trap: "a token is real if any letter under its window is".** It sounds generous. But how many such windows are
# > there?
#
# **Predict:** does the number depend on the padding?

# %% tags=["trap"]
k, padding = 4, 2  # the authors' default for text: windows of 4, and 2 places of zeros on both sides


def real_windows(letters, places):
    """How many windows have a letter in them, for a row with that many letters and places."""
    row = np.pad((np.arange(places) < letters).astype(int), padding)
    return int(sum(row[i : i + k].any() for i in range(len(row) - k + 1)))


print("9 letters in", {places: real_windows(9, places) for places in (9, 10, 16, 32)})
assert real_windows(9, 9) == 10 and real_windows(9, 32) == 11

# %% [markdown]
# <details><summary>Answer</summary>
#
# The number depends on the padding: nine letters alone give 10 windows, nine letters with padding give 11.
#
# </details>
#
# In the longer row the kernel of 4 has one more place to stand on. What comes out of the pool changes with the padding,
# and so does everything after it.
#
# **To catch it:** compare a text alone with the same text padded, number by number. *Attention that does not read
# padding* and *The whole model* do so.
#
# Letters are tokens now, and you know which are real.
#
# ## Attention that does not read padding
#
# *Why:* each token spreads a weight of 1 over all tokens. What padding gets of it the letters lose, so padding must get
# nothing. With $r_j = 1$ for a real token and 0 for padding, and the scores $s_{ij}$ of notebook 03, the weights are
#
# $$w_{ij} = \frac{r_j \, e^{s_{ij}}}{\sum_k r_k \, e^{s_{ik}}} \qquad (\text{tokens}, \text{tokens})$$
#
# You see that each row sums to 1. In code one adds to the score instead of multiplying: a score of minus infinity has
# the weight 0. The package takes -1e9, which a float32 softmax cannot tell from it.
#
# On paper: two real tokens, one of padding, all scores 0. Masked before the softmax the weights are 1/2, 1/2, 0.
#
# **Predict:** what goes wrong when the weights of padding are set to zero *after* the softmax?

# %%
rng = np.random.default_rng(0)
scores = rng.normal(size=(16, 16))  # (tokens, tokens), one head; 5 tokens are real

before = softmax(np.where(real, scores, -1e9), axis=-1)  # columns: from whom is read
after = softmax(scores, axis=-1) * real
print("sums of rows, masked before the softmax:", before.sum(axis=1)[:4])
print("sums of rows, masked after the softmax: ", after.sum(axis=1)[:4].round(2))
alone = softmax(scores[:5, :5], axis=-1)  # the same text without padding
assert np.allclose(before[:5, :5], alone) and np.allclose(before.sum(axis=1), 1)
assert not np.allclose(after[:5, :5], alone) and np.all(after.sum(axis=1) < 0.9)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Masked after the softmax the weights no longer sum to 1, and how much is missing depends on how long the padding is:
# on paper, 1/3, 1/3, 0.
#
# </details>
#
# With the mask before the softmax the 5 x 5 weights are those of the text alone.
#
# Rows of padding still read from the text. That is harmless: nobody reads from them.
#
# The package's block is the one of notebook 03 with this one change.

# %%
print(inspect.getsource(text.masked_softmax))
print(inspect.getsource(text.MaskedBlock.weights_from))

# %% [markdown]
# Is that so? Both blocks get the same weights. The masked one is built for 16 tokens and reads the padded name, the
# plain one is built for the 5 real tokens and reads them alone.

# %%
masked, plain = text.MaskedBlock(num_heads=2), cct.TransformerBlock(num_heads=2)
masked.build((None, 16, 64))
plain.build((None, 5, 64))
plain.set_weights(masked.get_weights())
mixed = ops.convert_to_numpy(masked(padded_tokens[None], real[None]))  # (batch, tokens, dim)
difference = np.abs(mixed[:, :5] - ops.convert_to_numpy(plain(tokens[None]))).max()
print(f"masked and padded, or plain and alone: they differ by up to {difference:.0e}")
assert difference < 1e-5

# %% [markdown]
# ## Pooling that does not count padding
#
# *Why:* one more place mixes tokens, and it is easily forgotten: the pooling at the end.
#
# > **Trap: a mask that stops half-way.** The authors' text model masks the attention. Their pooling takes all tokens,
# > padding included (`MaskedTransformerClassifier` in their
# > [transformers.py](https://github.com/SHI-Labs/Compact-Transformers)). After a block, tokens of padding are not zero
# > any more.
#
# The pooling here has random weights, as before any training.
#
# **Predict:** 5 tokens of 16 are real. Which share of the weight falls on the 11 of padding?

# %% tags=["trap"]
pooling, without = text.MaskedPooling(), cct.SequencePooling()
random = [rng.normal(size=(64, 1)) / 8, np.zeros(1)]  # the weights of a score, and its bias
for layer in (pooling, without):
    layer.build(mixed.shape)
    layer.score.set_weights(random)
unmasked = ops.convert_to_numpy(without.weights_over_tokens(mixed))[0]  # (tokens,)
masked_out = ops.convert_to_numpy(pooling.weights_over_tokens(mixed, real[None]))[0]

weights = {"without a mask": unmasked, "with the mask": masked_out}
alt = """Pooling weights over a name of 9 letters and 23 places of padding. Without a mask 42 % of
the weight lies on the padding, with the mask all of it lies on the letters."""
cct.show(pictures.draw_padding(name, weights, stride=2, length=length), alt)
assert differs or round(unmasked[5:].sum(), 2) == 0.42
assert masked_out[5:].sum() == 0

# %% [markdown]
# <details><summary>Answer</summary>
#
# Without the mask 42 % of the weight falls on padding, with it nothing. It is not 11 of 16, 69 %, as the random pooling
# happens to give more weight to some of the letters.
#
# </details>
#
# The longer the row, the larger the share. A model without a mask can learn to live with the length of its rows. What
# becomes of it at another length, *What the mask is worth* shows.
#
# **To catch it:** sum the weights over the padding. Or watch the logits of one text while its padding grows.
#
# ## The whole model
#
# *Why:* each part keeps padding out. Whether they do so together, only a test of the whole model can tell. Here it is,
# with two blocks. Compare it with the table of notebook 06: the first layer is new, and what comes after it knows
# which tokens are real.

# %%
size = dict(dim=64, embedding_dim=32, kernel_size=5, pool_stride=2)
untrained = text.build_text_cct(len(letters) + 2, length, num_classes=24, **size)
shapes_of = {
    "tokenizer": "(batch, 32) ids | (batch, 16, 64), and which are real",
    "position": "(batch, 16, 64) | (batch, 16, 64)",
    "block_0": "(batch, 16, 64) | (batch, 16, 64)",
    "block_1": "(batch, 16, 64) | (batch, 16, 64)",
    "norm": "(batch, 16, 64) | (batch, 16, 64)",
    "pooling": "(batch, 16, 64) | (batch, 64)",
    "head": "(batch, 64) | (batch, 24)",
}
parameters = {name: untrained.get_layer(name).count_params() for name in shapes_of}
rows = ["| name | shape in | shape out | parameters |", "|---|---|---|---|"]
rows += [f"| {name} | {shapes} | {parameters[name]:,} |" for name, shapes in shapes_of.items()]
display(Markdown("\n".join(rows)))
assert sum(parameters.values()) == untrained.count_params() and untrained.output_shape == (None, 24)

# %% [markdown]
# The same weights twice: in a model for 32 places and in one for 50.
#
# **Predict:** by how much do the logits of the test names differ?

# %%
longer = text.build_text_cct(len(letters) + 2, 50, num_classes=24, **size)
longer.set_weights(untrained.get_weights())

short = [name for name in data.x_test[:100] if len(name) <= length]
logits = ops.convert_to_numpy(untrained(text.encode(short, letters, length)))
logits_longer = ops.convert_to_numpy(longer(text.encode(short, letters, 50)))
difference = np.abs(logits - logits_longer).max()
print(f"{longer.count_params():,} parameters; largest difference of a logit: {difference:.1e}")
assert difference < 1e-4

# %% [markdown]
# <details><summary>Answer</summary>
#
# The logits do not differ, up to rounding.
#
# </details>
#
# That is the promise of a mask, and a test of five lines that any model for text should pass. (Positions are the sine
# table of notebook 02: place `i` gets the same row however long the array is.)
#
# ## Train it
#
# *Why:* with random weights the model knows no language yet. It gets six epochs, batches of 64, AdamW with a warm-up
# and a cosine as in notebook 07.

# %%
keras.utils.set_random_seed(0)
epochs = 6
model = text.build_text_cct(len(letters) + 2, length, num_classes=24, **size)
text.compile_text_cct(model, steps=epochs * (len(x_train) // 64 + 1))


def tell(epoch, logs):
    said = f"loss {logs['loss']:.2f}, right in training {100 * logs['accuracy']:.0f} %"
    print(f"epoch {epoch + 1} of {epochs}: {said}, in validation {100 * logs['val_accuracy']:.0f} %")


after_each = keras.callbacks.LambdaCallback(on_epoch_end=tell)
settings = dict(batch_size=64, epochs=epochs, callbacks=[after_each], verbose=0)
model.fit(x_train, data.y_train, validation_data=(x_val, data.y_val), **settings)

probabilities = ops.convert_to_numpy(ops.softmax(model.predict(x_test, verbose=0)))
by_cct = probabilities.argmax(axis=1)  # one language a name
cct_top1 = np.mean(by_cct == data.y_test)
print(f"test: {100 * cct_top1:.1f} % of the names get the right one of 24 languages")
assert cct_top1 > 0.6

# %% [markdown]
# ## Is it any good?
#
# *Why:* a number means little without a simple method beside it. For short texts that method is *n-grams*: count all
# runs of 1 to 4 letters in a name, give rare ones more weight (TF-IDF: the count times a factor that shrinks with the
# number of names that have the run), and put a logistic regression on the counts. It knows no order beyond four
# letters.
#
# **Predict:** which one wins, and by how much?

# %%
n_grams = make_pipeline(
    TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True),
    LogisticRegression(C=30, solver="sag", max_iter=100, tol=1e-2, random_state=0),
)
n_grams.fit(data.x_train, data.y_train)
by_n_grams = n_grams.predict(data.x_test)
n_grams_top1 = np.mean(by_n_grams == data.y_test)
print(f"n-grams {100 * n_grams_top1:.1f} %, CCT {100 * cct_top1:.1f} %")
print(f"numbers to learn: n-grams {n_grams[-1].coef_.size:,}, CCT {model.count_params():,}")
assert n_grams_top1 > cct_top1 + 0.05 and n_grams[-1].coef_.size > 10 * model.count_params()

# %% [markdown]
# <details><summary>Answer</summary>
#
# The n-grams win, by more than 5 points.
#
# </details>
#
# They have more than ten times as many numbers to learn, but their loss is convex: it has one lowest point, and every
# start leads there. Perhaps six epochs were too few for the CCT, or the seed was unlucky? A record of trainings has
# three seeds of each kind (a seed sets the split too), and longer runs. It was made with
# `notebooks/scripts/text_runs.py` on the names of Babel 2.19. The kind *padding as letters* has no mask anywhere.

# %%
place = Path(root, "notebooks", "results", "12_languages.json")
record = json.loads(place.read_text(encoding="utf-8"))
assert record["data"].endswith("babel 2.19.0")

top1 = {}  # kind -> percent, one number a seed
for run in record["runs"]:
    top1.setdefault(run["kind"], []).append(100 * run["test_top1"])
kinds = record["settings"]["kinds"]
called = {kind: f"{kind}, {settings['epochs']} epochs" for kind, settings in kinds.items()}
called["masked, long"] = "masked, 20 epochs, dropout 0.1"
rows = {called.get(kind, kind): values for kind, values in top1.items()}

title = "Every run of the n-grams beats every run of the CCT"
alt = """Test accuracy of three seeds each: n-grams lead, the CCT trained for longer, with dropout,
comes closest."""
cct.show(figures.draw_scores(rows, "test top-1 (%)", title), alt)
for kind, values in rows.items():
    print(f"{kind:32} mean {np.mean(values):.1f} %, seeds", " ".join(f"{v:.1f}" for v in values))
assert all(min(top1["n-grams"]) > max(top1[kind]) for kind in kinds)
assert np.mean(top1["masked, long"]) > np.mean(top1["masked"])
assert kinds["masked, long"] == {"epochs": 20, "dropout": 0.1}

# %% [markdown]
# Longer training with dropout helps; the two came together, so the record can't say which of them did it. The n-grams
# still win with every seed.
#
# On a few thousand short names n-grams are the method to use. A transformer earns its place where order over long
# distances matters and where there is more data to learn it from; names of ten letters offer neither. What it gives you
# here is a model small enough to look into.
#
# ## Try it: type a name
#
# *Why:* a score says how often the model is right, and not how it reads a name. Type any name, in any language: your
# own, a town, a dish. The alphabet is that of the 24 languages. `look_inside` gives attention, pooling weights and mask
# in one pass.


# %%
def draw(name):
    """How the trained model reads a name."""
    name = text.clean(name)[:length]
    seen = text.look_inside(model, text.encode([name], letters, length))
    count = seen["real"].sum()
    pooled, shares = seen["pooling"][0, :count], softmax(seen["logits"][0])
    attention = seen["attention"][-1, 0].mean(axis=0)[:count, :count]  # last block, mean of the heads
    return pictures.draw_reading(name, pooled, attention, shares, data.class_names, stride=2)


examples = ["neuseeländisch", "vereinigte staaten", "zhōngguó"]
alt = """Three names, each with its pooling weights over the letters, the attention between tokens
in the last block, and the five likeliest languages with their probabilities."""
settings = [dict(name=name) for name in examples]
box = cct.explore(draw, settings, alt, name="type a name and press Enter")

# %%
typed = text.look_inside(model, text.encode(examples, letters, length))
shares = softmax(typed["logits"], axis=1)  # (names, languages)
likeliest = np.argsort(-shares, axis=1)
german, hungarian = (data.class_names.index(language) for language in ("German", "Hungarian"))
united = by_n_grams[data.x_test == "vereinigte staaten"]
if not differs:
    assert likeliest[0, 0] == german and typed["pooling"][0].argmax() == 6  # its token "sch"
    assert german not in likeliest[1, :5] and united.tolist() == [german]
    assert likeliest[2, 0] == hungarian and shares[2].max() > 0.8

# %% [markdown]
# The first name is read from its "sch", and that is German. The second is German as well, and German is not even among
# the five likeliest: it is one of the names that the CCT gets wrong and the n-grams get right. The third is what the
# Chinese call China. The model is more than 80 % sure that it is Hungarian: a model of 24 classes can't say "none of
# these" (notebook 00).
#
# ## For a second reading
#
# ### What the mask is worth
#
# *Why:* you meet a model without a mask, and its test score looks fine.
#
# Does a model without a mask do worse? In the record of *Is it any good?* one kind has no mask anywhere: padding is a
# letter like any other. In rows of 32 places, as in its training, it is as good as the masked one. Then each test name
# was given in rows of other lengths: without any padding, as you would ask for a single name, and in 64 and in 128
# places.
#
# **Predict:** which of the three hurts the model without a mask the most?


# %%
def percent(kind, what):
    """What was measured of one kind of model, in percent: (seeds,)."""
    return 100 * np.array([run[what] for run in record["runs"] if run["kind"] == kind])


row_lengths = {"no_padding": "no padding", "2_times": "64 places", "4_times": "128 places"}
for kind in ("masked", "padding as letters"):
    in_32 = percent(kind, "test_top1").mean()
    print(f"{kind}: {in_32:.1f} % right in 32 places (means of three seeds)")
    for row, words in row_lengths.items():
        score, moved = percent(kind, f"test_top1_{row}").mean(), percent(kind, f"changed_{row}").mean()
        print(f"    {words:10} {score:.1f} % right, {moved:4.1f} % of the answers change")

# %% [markdown]
# Points that the model without a mask loses, and answers that it changes, seed by seed:

# %%
usual, letters_too = percent("masked", "test_top1"), percent("padding as letters", "test_top1")
lost = {row: letters_too - percent("padding as letters", f"test_top1_{row}") for row in row_lengths}
changed = {row: percent("padding as letters", f"changed_{row}") for row in row_lengths}
for row, words in row_lengths.items():
    print(f"{words:10} points lost {lost[row].round(1)}, answers changed (%) {changed[row].round(1)}")

assert abs(usual.mean() - letters_too.mean()) < 0.5
assert max(percent("masked", f"changed_{row}").max() for row in row_lengths) < 0.2
assert lost["no_padding"].min() > 4 and round(lost["no_padding"].mean()) == 5
assert changed["2_times"].max() < 8 and abs(lost["2_times"]).max() < 0.5
assert np.sum(lost["4_times"] > 1) == 1 and round(lost["4_times"].max()) == 4
assert round(changed["4_times"].max()) == 16
print(f"masked, seed 0: {usual[0]:.1f} % on record, {100 * cct_top1:.1f} % in this notebook")
assert differs or abs(usual[0] - 100 * cct_top1) < 2  # equal but for rounding

# %% [markdown]
# <details><summary>Answer</summary>
#
# A row without any padding hurts the model without a mask the most: it loses 5 points on average, and more than 4 with
# every seed.
#
# </details>
#
# The masked model gives the same answers everywhere. The other one has learned to look past padding, mostly by itself:
# in 64 places it changes fewer than 8 answers in a hundred, and its score by less than half a point. Only mostly,
# though: in 128 places one of the three seeds changes 16 answers in a hundred and loses 4 points. And what none of them
# saw but for a few long names is a name *without* padding. At 32 places nothing gives all this away, so a test set in
# the rows of the training cannot find this mistake.
#
# ### Which names make the difference?
#
# *Why:* you want to know what made the n-grams win, and not only by how much.
#
# **Predict:** where is the gap to the CCT larger, for short names or for long ones?

# %%
letters_in = np.char.str_len(data.x_test)
spans = [(1, 6), (7, 9), (10, 12), (13, 17), (18, 60)]
inside = [(letters_in >= low) & (letters_in <= high) for low, high in spans]  # each (names,)
right_by = {}
for method, said in (("n-grams", by_n_grams), ("CCT", by_cct)):
    right_by[method] = [np.mean((said == data.y_test)[chosen]) for chosen in inside]
gap = 100 * (np.array(right_by["n-grams"]) - right_by["CCT"])

ranges, counts = [f"{low} to {high}" for low, high in spans], [int(chosen.sum()) for chosen in inside]
title = "Names of five ranges of length, and how many points the two are apart"
alt = f"""Accuracy over the length of the name. The n-grams are above the CCT at every length, by
{gap[0]:.0f} points for names of up to 6 letters and by {gap[-1]:.0f} for those of 18 and more."""
cct.show(pictures.draw_over_length(ranges, right_by, counts, title), alt)
assert differs or (gap.min() > 0 and gap[0] < 8 and gap[3:].min() > max(10, *gap[:3]))

# %% [markdown]
# <details><summary>Answer</summary>
#
# The gap is larger for long names: more than 10 points from 13 letters on, fewer than 8 for names of up to 6.
#
# </details>
#
# What in a long name do they use? The regression has a weight for each run of letters and each language. For three
# pairs of languages, these are the runs whose weights differ most:

# %%
columns, runs = n_grams[-1].coef_, n_grams[0].get_feature_names_out()  # (languages, runs), (runs,)
for pair in (("Czech", "Slovak"), ("Danish", "Norwegian"), ("Dutch", "German")):
    first, second = (columns[data.class_names.index(language)] for language in pair)
    ranked = np.argsort(first - second)
    for language, chosen in zip(pair, (ranked[::-1][:6], ranked[:6]), strict=True):
        print(f"{language:9}", ", ".join(repr(run) for run in runs[chosen]))

# %% [markdown]
# A long name has many runs of letters, and in the regression each adds its own weight to the score of a language. Some
# of them give a language away, as the lists show: "štin" is Czech where Slovak has "čin". Exact runs of letters are
# what the CCT does not have. It has windows of five letters with weights that all 24 languages share, and their largest
# values.
#
# ### Who is taken for whom?
#
# *Why:* you want to know which mistakes stand behind the accuracy.
#
# **Predict:** name three pairs of languages that the model will mix up.

# %%
confusion = np.zeros((24, 24), int)  # (true language, answer)
np.add.at(confusion, (data.y_test, by_cct), 1)
title = "What the CCT answers where it is wrong"
figure = figures.draw_confusion(confusion, data.class_names, "language", high=30, title=title)
alt = """Confusions between 24 languages without the right answers. Most cells are dark; brightest
are Danish taken for Norwegian, Finnish for Estonian and Dutch for German."""
cct.show(figure, alt)

mixed_up = np.triu(confusion + confusion.T, 1)  # every pair once
order = np.argsort(-mixed_up, axis=None, kind="stable")
for at in order[:8]:
    one, other = np.unravel_index(at, mixed_up.shape)
    print(f"{data.class_names[one]} and {data.class_names[other]}: {mixed_up[one, other]} names")

# %% [markdown]
# Are your pairs there? Those at the top of the list look like relatives. To see whether mistakes stay in the family
# more often than by chance, deal the same wrong answers out again in a random order.

# %%
families = """English, French Spanish Portuguese Italian Romanian, German Dutch,
Danish Norwegian Swedish, Czech Slovak Polish, Croatian Slovenian, Finnish Estonian,
Latvian Lithuanian, Hungarian, Turkish, Russian Ukrainian""".split(",")
family_of = {language: i for i, family in enumerate(families) for language in family.split()}
family = np.array([family_of[language] for language in data.class_names])  # (languages,)

wrong = by_cct != data.y_test
truths, answers = data.y_test[wrong], by_cct[wrong]
in_family = np.mean(family[answers] == family[truths])
dealt = np.random.default_rng(0).permutation(answers)
by_chance = np.mean((family[dealt] == family[truths])[dealt != truths])
print(f"{in_family:.0%} of the mistakes stay in the family, {by_chance:.0%} would by chance")
most = order[:4]  # the first four pairs of the list
assert differs or (in_family > 3 * by_chance and (family[most // 24] == family[most % 24]).all())

# %% [markdown]
# The mistakes are those of a beginner in languages. The four pairs that are mixed up most are relatives, and relatives
# are taken for each other more than three times as often as by chance.
#
# One number for all languages hides a class (notebook 11). Which language fares worst?

# %%
recall = np.diag(confusion) / confusion.sum(axis=1)  # (languages,)
worst = data.class_names[recall.argmin()]
print(f"accuracy {cct_top1:.1%}, balanced {recall.mean():.1%}, worst {worst}, {recall.min():.1%}")
danish, norwegian = (data.class_names.index(language) for language in ("Danish", "Norwegian"))
danes = confusion[danish]
assert differs or (worst == "Danish" and recall.min() < 0.2 and 2 * danes[norwegian] > danes.sum())

# %% [markdown]
# Danish: of its names fewer than 2 in 10 get the right answer. Remember what was left out: names that two languages
# share. What is left of Danish, the fewest of all, are those in which it differs from its neighbours, and most of them
# are taken for Norwegian.
#
# ### Where is the language in a name?
#
# *Why:* you want to know which letters the model reads from, and whether these are the ones that tell the language.
#
# **Predict:** which costs more accuracy, to cut off the first three letters of a name or the last three?

# %%
long_enough = np.char.str_len(data.x_test) >= 6
names, labels = data.x_test[long_enough], data.y_test[long_enough]
kept = {
    "whole": slice(None),
    "without the first 3": slice(3, None),
    "without the last 3": slice(None, -3),
}


def cut(names, kind):
    """The letters of each name that are kept."""
    return [name[kept[kind]] for name in names]


print("CCT, trained on whole names:")
right = {}
for kind in kept:
    answers = model.predict(text.encode(cut(names, kind), letters, length), verbose=0).argmax(axis=1)
    right[kind] = np.mean(answers == labels)
    print(f"    {kind:19} {right[kind]:.1%}")
assert right["without the last 3"] < right["without the first 3"] < right["whole"]

# %% [markdown]
# <details><summary>Answer</summary>
#
# Cutting off the last three letters costs the model more.
#
# </details>
#
# Does that mean that the language sits in the endings? Not yet. The cut names are unlike anything in training, so this
# measures what *the model* reads from. What the letters *hold* is another question. To answer it, train on cut names,
# and n-grams are trained quickly.
#
# **Predict:** will a model that was trained on cut names lose more or less than one that was not?

# %%
long_in_train = np.char.str_len(data.x_train) >= 6
train_names, train_labels = data.x_train[long_in_train], data.y_train[long_in_train]
print("n-grams, trained on names cut alike:")
retrained = {}
for kind in kept:
    trained = clone(n_grams).fit(cut(train_names, kind), train_labels)
    retrained[kind] = trained.score(cut(names, kind), labels)
    print(f"    {kind:19} {retrained[kind]:.1%}")

cct_loss, n_grams_loss = (each["whole"] - each["without the last 3"] for each in (right, retrained))
assert n_grams_loss < cct_loss - 0.1
assert retrained["without the last 3"] < retrained["without the first 3"] < retrained["whole"]
assert differs or retrained["without the last 3"] > 0.55

# %% [markdown]
# <details><summary>Answer</summary>
#
# Trained on cut names, n-grams lose less: by more than 10 points less than the model that was not, for the last three
# letters.
#
# </details>
#
# So the endings do hold more than the beginnings. The stem is shared ("japon", "japan"), the ending is where a language
# does its grammar: "ština", "isch", "ois", "ų". But more than half of the names can be told without it, once a model
# has learned to. An intervention on the input of a trained model shows what it uses, not what there is.
#
# Does the pooling say so too?

# %%
insides = text.look_inside(model, text.encode(names, letters, length))
pooled, is_real = insides["pooling"], insides["real"]  # (names, tokens)
assert np.allclose(pooled.sum(axis=1), 1, atol=1e-4) and not pooled[~is_real].any()

count = is_real.sum(axis=1)  # real tokens of each name
first, last = pooled[:, 0] * count, pooled[np.arange(len(pooled)), count - 1] * count
print("pooling weight as a multiple of an equal share, mean of the names:")
print(f"first token {first.mean():.2f}, last token {last.mean():.2f}")
assert first.mean() < 1 < last.mean()

# %% [markdown]
# The pooling agrees: the first token gets less than an equal share, the last one more. Twice the same answer, from the
# weights and from an intervention, is better than once. If you could have only one, take the intervention: after two
# blocks a token has read from all others, so weight on the last one need not mean that only the ending counts (notebook
# 05 has a case where the weights of three seeds disagree).
#
# ### And a signal?
#
# *Why:* you have neither images nor text, but measurements over time.
#
# A heartbeat, a vibration, a sound: a row of numbers as well, but nothing has to be embedded. A sample is a number
# already, or one for each channel. So the CCT of notebook 06 takes a signal as it is: 256 samples with 3 channels are
# an image of 256 rows, one column and 3 channels.
#
# **Predict:** how many tokens does it make, and what do the left and the right column of its 3 x 3 kernels do there?

# %%
shape = (2, 256, 1, 3)  # (batch, samples, 1, channels)
signals = np.random.default_rng(0).normal(size=shape).astype("float32")
of_signals = cct.build_cct(input_shape=(256, 1, 3), num_classes=5)
cutter = of_signals.get_layer("tokenizer")
cut_signals = ops.convert_to_numpy(cutter(signals))  # (batch, tokens, dim)
for kernel in cutter.trainable_weights:
    numbers = ops.convert_to_numpy(kernel).copy()  # (along, across, channels in, channels out)
    numbers[:, [0, 2]] = 7  # the left and the right column
    kernel.assign(numbers)
print("tokens", cut_signals.shape, " logits", of_signals(signals).shape)
assert cut_signals.shape == (2, 64, 128)
assert np.array_equal(cut_signals, ops.convert_to_numpy(cutter(signals)))  # before and after

# %% [markdown]
# <details><summary>Answer</summary>
#
# It makes 64 tokens, as two pools halve the length twice. The left and the right column meet nothing but the zeros
# beside the signal: with 7 for all their numbers, not a single token is another.
#
# </details>
#
# A `Conv1D`, as in the tokenizer for text, does without them, with a third of the weights. Everything behind it is as
# you know it: positions say when, attention reads from any moment, pooling weighs the moments. Signals of different
# lengths need the masks of this notebook, and a spectrogram is an image already.

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/12_text.ipynb).

# %% [markdown]
# ### Exercise: How many tokens are real?
#
# *Warm-up, 5 minutes.* From ids `(batch, length)`, padded with 0 at the end, to the number of real tokens of each
# text, `(batch,)` whole numbers. Token `i` stands on letter `i * stride`, both counted from 0, and is real if that is
# no padding.
#
# `token_counts(np.array([[5, 6, 7, 0], [5, 6, 0, 0]]), 2)` gives `[2, 1]`.


# %% tags=["exercise"]
def token_counts(ids, stride):
    return np.zeros(len(ids), int)  # your lines here


cct.check("token_counts", token_counts)

# %% [markdown]
# ### Exercise: A mean that counts letters only
#
# *15 minutes.* Pool with a mean instead of the largest. Token `i` stands on place `2i` and is the mean of `features`
# `(batch, length, dim)` over those of the places `2i - 1`, `2i` and `2i + 1` that hold a letter: neither padding, where
# `ids` `(batch, length)` is 0, nor what lies beyond the ends counts. A token that stands on padding is zero. The result
# is `(batch, (length + 1) // 2, dim)`. A text gets the same numbers however far it is padded.
#
# `mean_letters(np.array([[[1.0], [5.0], [9.0], [9.0]]]), np.array([[5, 5, 0, 0]]))[0, :, 0]` gives `[3.0, 0.0]`.


# %% tags=["exercise"]
def mean_letters(features, ids):
    batch, length, dim = features.shape
    return np.zeros((batch, (length + 1) // 2, dim))  # your lines here


cct.check("mean_letters", mean_letters)

# %% [markdown]
# ### Exercise: Several texts in one row
#
# *15 minutes.* More than half of our array is padding. Large models waste less: they pack several short texts into one
# row, and a token reads its own text alone. Write one head of such an attention: `queries`, `keys` and `values` of
# `(batch, tokens, size)` to `(batch, tokens, size)`, with scores divided by the root of `size` as in notebook 03.
# `text_of` `(batch, tokens)` has the number of each token's text.
#
# `packed_attention(np.zeros((1, 3, 1)), np.zeros((1, 3, 1)), np.array([[[2.0], [4.0], [9.0]]]), np.array([[0, 0, 1]]))`
# gives `[[[3.0], [3.0], [9.0]]]`.


# %% tags=["exercise"]
def packed_attention(queries, keys, values, text_of):
    return np.zeros(values.shape)  # your lines here


cct.check("packed_attention", packed_attention)

# %% [markdown]
# ### Exercise: Does this model read padding?
#
# *10 minutes.* Write the test that this notebook is about. `model` is a function from ids `(batch, length)`, any
# length, to logits `(batch, classes)`; `ids` are some texts, padded with 0 at the end. Return True if the logits
# change, by more than rounding (1e-5), when more padding follows the same texts, and False if they do not. Taking
# padding away is not enough: a text may fill its row.
#
# `reads_padding(lambda ids: ids.mean(axis=1, keepdims=True), np.array([[4, 0]]))` gives `True`.


# %% tags=["exercise"]
def reads_padding(model, ids):
    return False  # your lines here


cct.check("reads_padding", reads_padding)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(12)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Train with `position="none"` and compare. How much does the order of tokens beyond a window of five letters matter?
# 2. `load_names(["cs", "sk"])` makes a task of two look-alikes. Which n-grams tell them apart? *Which names make
#    the difference?* shows how to ask the regression.
# 3. Keep the names that languages share: change `load_names` so that they stay, and work out the best score that is
#    possible at all.
# 4. Nothing in the model knows that its ids are letters. `text.compare_on_reviews()` trains it on film reviews, with a
#    word as the unit, and gives its accuracy and that of TF-IDF over words. It needs a network once, and time.
#
# ## Recap
#
# - A CCT for text is a CCT with one axis less: embedding, convolution along the sequence, pool, blocks, sequence
#   pooling.
# - Texts of different lengths need padding, and padding must be kept out of four places: the input of the convolution,
#   the input of the pool, the attention, the pooling at the end.
# - The test: the same text with more padding gives the same logits.
# - On short names, n-grams with logistic regression beat this CCT with every seed. Put the simple method beside yours.
#
# From *For a second reading*:
#
# - A model without a mask looks fine in rows as long as those of its training and gives other answers in others.
# - This model reads from the endings: cutting them off shows it, and here the pooling weights agree. What the other
#   letters hold is another question, and only training without the endings answers it.
# - A signal is an image one pixel wide. CCT takes it as it is, and uses a third of its kernels.
#
# **The difference from the paper and the 2021 example.** The [paper](https://arxiv.org/abs/2104.05704) reports
# classification of news and questions with word vectors of 300 numbers, a kernel of 1, 2 or 4 words and a pool of 2;
# this notebook reads letters, with a kernel of 5 and the image tokenizer's pool of 3. Attention here masks the tokens
# that are read from, theirs also those that read, which changes no real token. Pooling here is masked, theirs is not,
# and a token is real if the place in its middle is. The [Keras example](https://keras.io/examples/vision/cct/) has no
# text. Encoder, initial weights and block are the authors'
# ([repository](https://github.com/SHI-Labs/Compact-Transformers)).
#
# As published, their text model runs only without positions and without a mask: the position table has one row more
# than there are tokens, and the mask arrives as `(batch, tokens, 1)` where the attention expects `(batch, tokens)`. One
# forward pass with every option switched on, in a test, finds such a mistake.
#
# Next: [13 One machine](13_one_machine.ipynb). What makes a step faster or larger?
