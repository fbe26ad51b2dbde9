"""Sliders and uploads that redraw a picture: `explore`, `drop_image`. The only module that imports ipywidgets."""

import base64
import html
import io

import ipywidgets
import numpy as np
from IPython import get_ipython
from IPython.display import display
from matplotlib import rc_context
from PIL import Image as Pillow

from cct_helpers.figures import draw_message, reduce_colours, to_png
from cct_helpers.images import read_picture

SHARP = {"align_self": "flex-start"}  # a box would stretch a picture to its own width, and blur it


def in_notebook():
    """True in Jupyter, Colab or VS Code; False in a plain script or a terminal."""
    return getattr(get_ipython(), "kernel", None) is not None


def show(figure, alt, colours=None):
    """Show a Figure in a notebook. Does nothing in a script.

    Args:
        figure: a Matplotlib Figure.
        alt: what it shows, in words, for readers who do not see it.
        colours: at most so many, up to 256, for a smaller file of the notebook; None keeps all.
    """
    if in_notebook():
        png = to_png(figure)
        show_png(png if colours is None else reduce_colours(png, colours), alt)


def show_png(png, alt):
    """Display the bytes of a PNG file so that its alternative text reaches every page the notebook is shown on.

    A PNG output of its own loses the text: JupyterLab and the page of nbconvert do not read the metadata that has it.
    Every host shows HTML before PNG, and keeps the `alt` of an image there. VS Code, MyST and terminals read the plain
    text. The words may stand on several lines of code: any white space becomes one space.
    """
    alt = " ".join(alt.split())
    source = base64.b64encode(png).decode()
    page = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{source}">'
    display({"text/html": page, "text/plain": alt}, raw=True)


def explore(draw, settings, alt, **controls):
    """Show a few telling settings of a drawing, then sliders to try all others.

    Args:
        draw: function from the parameters to a Figure; a ValueError that it raises is shown as text in place.
        settings: list of dicts of parameters, the still pictures, stacked from top to bottom. They are an ordinary
            image, there without a kernel. The first one is where the sliders start.
        alt: what the still pictures show, in words.
        **controls: for each parameter of `draw` its range: (low, high) or (low, high, step) for a slider, a list of
            choices, True or False for a check box, or a text, the hint in an empty field to type in.

    Returns the box of controls, which a test can turn; it has been displayed. In a script nothing is displayed.
    """
    stills = stack([draw_png(draw, setting) for setting in settings])
    start = settings[0]
    sliders = {name: control(name, choices, start[name]) for name, choices in controls.items()}
    fixed = {name: value for name, value in start.items() if name not in sliders}
    first = draw_safely(draw, start)
    picture = ipywidgets.Image(value=to_png(first), format="png", layout=SHARP)

    def redraw(_):
        values = {name: slider.value for name, slider in sliders.items()}
        picture.value = to_png(draw_safely(draw, {**fixed, **values}, first.get_size_inches()))

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    box = ipywidgets.VBox([*sliders.values(), picture])
    if in_notebook():
        show_png(stills, alt)
        display(box)
    return box


def control(name, choices, value):
    """The widget for one parameter: a check box, a text field, a drop-down list or a slider, started at `value`."""
    layout = {"width": "30em", "max_width": "calc(100% - 4px)"}  # its margin is 2 px on each side
    place = dict(style={"description_width": "9em"}, layout=layout)
    common = dict(description=name.replace("_", " "), value=value, **place)
    if isinstance(choices, bool):
        return ipywidgets.Checkbox(**common)
    if isinstance(choices, str):
        return ipywidgets.Text(placeholder=choices, continuous_update=False, **common)  # redraws on Enter
    if isinstance(choices, list):
        return ipywidgets.Dropdown(options=choices, **common)
    low, high, *step = choices
    whole = all(isinstance(number, int) for number in (low, high, *step))
    step = step[0] if step else 1 if whole else (high - low) / 20
    if whole:
        return ipywidgets.IntSlider(min=low, max=high, step=step, **common)
    return ipywidgets.FloatSlider(min=low, max=high, step=step, readout_format=".3g", **common)


def draw_safely(draw, parameters, size=(8.0, 1.5)):
    """The Figure for these parameters; for impossible ones, a Figure of this size (inches) that says why."""
    with rc_context({"axes.titley": 1.0}):  # Matplotlib would lay out all ticks once more to find room for the titles
        try:
            return draw(**parameters)
        except ValueError as error:
            return draw_message(str(error), *size)


def draw_png(draw, parameters):
    """The same as the bytes of a PNG file."""
    return to_png(draw_safely(draw, parameters))


def stack(pngs):
    """One PNG with several below each other, left-aligned on white."""
    pictures = [Pillow.open(io.BytesIO(png)).convert("RGB") for png in pngs]
    size = max(picture.width for picture in pictures), sum(picture.height for picture in pictures)
    whole = Pillow.new("RGB", size, "white")
    top = 0
    for picture in pictures:
        whole.paste(picture, (0, top))
        top += picture.height
    buffer = io.BytesIO()
    whole.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def drop_image(draw, first, alt):
    """Show a drawing of an image, then a button that takes an image of the reader's and draws that.

    Args:
        draw: function from an image, (height, width, 3) uint8 of any size, to a Figure.
        first: the image to start with. Its picture is an ordinary image, there without a kernel.
        alt: what that picture shows, in words.

    A file that is no image, or a ValueError of `draw`, is shown as text in place. Returns the box of the button and the
    picture, which a test can use; it has been displayed. In a script nothing is displayed.
    """
    still = draw_png(draw, {"image": first})
    picture = ipywidgets.Image(value=still, format="png", layout=SHARP)
    upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description="your image")

    def draw_file(name, content):
        return draw(np.asarray(read_picture(io.BytesIO(content), name).convert("RGB")))

    def redraw(change):
        for name, content in read_upload(change["new"]):
            picture.value = draw_png(draw_file, {"name": name, "content": content})

    upload.observe(redraw, names="value")
    box = ipywidgets.VBox([upload, picture])
    if in_notebook():
        show_png(still, alt)
        display(box)
    return box


def read_upload(value):
    """The files in the value of a FileUpload: a list of (name, bytes).

    ipywidgets 7 has a dict from names to contents there, ipywidgets 8 a tuple of dicts.
    """
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]
