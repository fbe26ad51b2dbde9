"""Draw explorer.png, the README's glimpse of a widget: the attention explorer of notebook 08, in a browser.

python notebooks/images/explorer.py   # needs playwright (requirements-dev.txt) and Chromium
"""

import io
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from skimage import data

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import cct_helpers as cct  # noqa: E402

POINTED, PINNED = (3, 3), (1, 6)  # row and column of two tokens
HEIGHT = 560  # pixels, down to the line that says what is seen; small print follows
MARGIN = 16  # pixels of white around it
COLOURS = 96  # of the PNG: enough for the picture, a third of the bytes

model = cct.load_pretrained("cct_2_3x2_32_cifar10")
photo = Image.fromarray(data.chelsea()[:, 100:400]).resize((32, 32), Image.Resampling.BOX)
page_text = cct.attention_explorer(model, np.asarray(photo), model.card["class_names"])

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    page = browser.new_page(viewport={"width": 900, "height": 1000}, color_scheme="light")
    page.set_content(page_text)
    frame = page.locator("iframe").element_handle().content_frame()
    canvas = frame.locator("#current canvas")
    canvas.wait_for(state="visible")
    box = canvas.bounding_box()

    def place(token):
        return [
            box[start] + (at + 0.5) * box[size] / 8
            for start, at, size in zip("xy", token[::-1], ("width", "height"), strict=True)
        ]

    page.mouse.click(*place(PINNED))
    page.mouse.move(*place(POINTED))
    shot = frame.locator("#explorer").screenshot()
    browser.close()

picture = Image.open(io.BytesIO(shot)).convert("RGB")
framed = Image.new("RGB", (picture.width + 2 * MARGIN, HEIGHT + 2 * MARGIN), "white")
framed.paste(picture.crop((0, 0, picture.width, HEIGHT)), (MARGIN, MARGIN))
framed.quantize(COLOURS).save(HERE / "explorer.png", optimize=True)
