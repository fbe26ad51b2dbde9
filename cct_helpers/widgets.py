"""Sliders: `explore` turns a drawing function into a picture that moves. The only module that imports ipywidgets."""

import io

import ipywidgets
from IPython import get_ipython
from IPython.display import Image, display
from PIL import Image as Pillow

from cct_helpers.plots import draw_message, to_png


def in_notebook():
    """True in Jupyter, Colab or VS Code; False in a plain script or a terminal."""
    return getattr(get_ipython(), "kernel", None) is not None


def show(figure, alt):
    """Show a Figure in a notebook, with `alt` as its text for readers who do not see it. Does nothing in a script."""
    if in_notebook():
        display(Image(to_png(figure), alt=alt))


def explore(draw, settings, alt, **controls):
    """Show a few telling settings of a drawing, then sliders to try all others.

    Args:
        draw: function from the parameters to a Figure; a ValueError that it raises is shown as text in place.
        settings: list of dicts of parameters, the still pictures, stacked from top to bottom. They are ordinary PNG
            images, there without a kernel. The first one is where the sliders start.
        alt: what the still pictures show, in words.
        **controls: for each parameter of `draw` its range: (low, high) or (low, high, step) for a slider, a list of
            choices, or True or False for a check box.

    Returns the box of controls, which a test can turn; it has been displayed. In a script nothing is displayed.
    """
    stills = Image(stack([drawn_png(draw, setting) for setting in settings]), alt=alt)
    start = settings[0]
    sliders = {name: control(name, choices, start[name]) for name, choices in controls.items()}
    fixed = {name: value for name, value in start.items() if name not in sliders}
    picture = ipywidgets.Image(value=drawn_png(draw, start), format="png")

    def redraw(_):
        values = {name: slider.value for name, slider in sliders.items()}
        picture.value = drawn_png(draw, {**fixed, **values})

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    box = ipywidgets.VBox([*sliders.values(), picture])
    if in_notebook():
        display(stills)
        display(box)
    return box


def control(name, choices, value):
    """The widget for one parameter: a check box, a drop-down list or a slider, started at `value`."""
    common = dict(description=name.replace("_", " "), value=value, style={"description_width": "initial"})
    if isinstance(choices, bool):
        return ipywidgets.Checkbox(**common)
    if isinstance(choices, list):
        return ipywidgets.Dropdown(options=choices, **common)
    low, high, *step = choices
    whole = all(isinstance(number, int) for number in (low, high, *step))
    step = step[0] if step else 1 if whole else (high - low) / 20
    if whole:
        return ipywidgets.IntSlider(min=low, max=high, step=step, **common)
    return ipywidgets.FloatSlider(min=low, max=high, step=step, readout_format=".3g", **common)


def drawn_png(draw, parameters):
    """The picture for these parameters as PNG bytes; for impossible ones, a picture that says why."""
    try:
        figure = draw(**parameters)
    except ValueError as error:
        figure = draw_message(str(error))
    return to_png(figure)


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
