"""Draw live_model.png, the still of the live model of notebook 00, in a browser.

python notebooks/images/live_model.py   # needs playwright (requirements-dev.txt) and Chromium
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
from cct_helpers.figures import reduce_colours  # noqa: E402

NOSE = (6, 4)  # row and column of the square that is hidden
MARGIN = 12  # pixels of white around it

model = cct.load_pretrained("cct_2_3x2_32_cifar10")
cat = Image.fromarray(data.chelsea()[:, 75:375]).resize((32, 32), Image.Resampling.BOX)
page_text = cct.live_model(model, np.asarray(cat))

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    page = browser.new_page(
        viewport={"width": 900, "height": 1000}, color_scheme="light", reduced_motion="reduce"
    )
    page.set_content(page_text)
    frame = page.locator("iframe").element_handle().content_frame()
    frame.locator("#live").wait_for(state="visible")
    frame.get_by_role("button", name="Hide squares", exact=True).click()
    box = frame.locator("#picture").bounding_box()
    row, column = NOSE
    page.mouse.click(
        box["x"] + (column + 0.5) * box["width"] / 8, box["y"] + (row + 0.5) * box["height"] / 8
    )
    frame.wait_for_function(
        "() => !working && !asked && !painting && referenceDone === state.reference"
    )
    shot = frame.locator(".stage").screenshot()
    browser.close()

picture = Image.open(io.BytesIO(shot)).convert("RGB")
framed = Image.new("RGB", (picture.width + 2 * MARGIN, picture.height + 2 * MARGIN), "white")
framed.paste(picture, (MARGIN, MARGIN))
file = io.BytesIO()
framed.save(file, "png")
(HERE / "live_model.png").write_bytes(reduce_colours(file.getvalue(), 96))
