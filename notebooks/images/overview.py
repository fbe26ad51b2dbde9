"""Draw overview.png, the README's picture, from the trained model that comes with the course.

python notebooks/images/overview.py
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import cct_helpers as cct  # noqa: E402
from cct_helpers.figures import to_png  # noqa: E402
from cct_helpers.plots.nb06_compact_transformer import draw_overview  # noqa: E402

TOKEN = (3, 2)  # row and column of the token that is followed, on the eye at the left

model = cct.load_pretrained("cct_2_3x2_32_cifar10")
photo = data.chelsea()[:, 75:375]  # its middle square, as in the notebooks
image = np.asarray(Image.fromarray(photo).resize((32, 32), Image.Resampling.BOX))[None]

grid = model.get_layer("tokenizer").grid(32, 32)
index = TOKEN[0] * grid[1] + TOKEN[1]
tokens = np.asarray(model.get_layer("tokenizer")(model.get_layer("normalization")(image)))[0]
attention = cct.attention_maps(model, image)[-1, 0].mean(axis=0)[index]  # last block, mean of the heads
weights = cct.pooling_weights(model, image)[0]
logits = np.asarray(model(image))[0]
probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()

# Two convolutions of 3x3, each with a max-pool of 3x3 and stride 2: a token sees 13 pixels a side, every 4 pixels.
names = model.card["class_names"]
seen = photo, image[0], tokens, attention, weights, probabilities
figure = draw_overview(*seen, names, grid, field=(13, -6, 4), token=TOKEN)
(HERE / "overview.png").write_bytes(to_png(figure, dpi=100))
