"""The parts of the README that follow from other files; make.py writes them, and the tests want them as they are."""

import json
import re
import statistics

import course
import lint

ROOT = lint.FOLDER.parent
RESULTS = lint.FOLDER / "results"


def digits_rows():
    """One row a model of notebook 07's record: three seeds each on scikit-learn's digits."""
    runs = json.loads((RESULTS / "07_digits_rivals.json").read_text(encoding="utf-8"))["runs"]
    for model in dict.fromkeys(run["name"] for run in runs):
        own = [run for run in runs if run["name"] == model]
        top1 = [100 * run["test_top1"] for run in own]
        mean, spread = statistics.mean(top1), statistics.stdev(top1)
        seconds = statistics.mean(run["made_in_seconds"] for run in own)
        yield (
            f"| {model}, digits | {own[0]['parameters']:,} | {mean:.1f} ± {spread:.1f} % "
            f"| {len(own)} seeds, {seconds:.0f} s each on 2 shared CPU cores |"
        )


def cifar10_rows():
    """One row a shipped model, from its card."""
    for path in sorted((ROOT / "cct_helpers/weights").glob("*_cifar10.json")):
        card = json.loads(path.read_text(encoding="utf-8"))
        yield (
            f"| `{card['name']}` | {card['parameters']:,} | {100 * card['test_top1']:.2f} % "
            f"| {card['epochs']} epochs, {card['seconds']:.0f} s on one {card['device'].split(' 80GB')[0]} |"
        )


def seconds_by_epochs(run, quiet):
    """Seconds of a run, its epochs counted as long as those of the runs `quiet` took at their image size."""
    taken = {}
    for other in quiet:
        for scale, seconds in zip(scales_of(other), other["history"]["seconds"], strict=True):
            taken.setdefault(scale, []).append(seconds)
    return sum(statistics.mean(taken[scale]) for scale in scales_of(run))


def scales_of(run):
    """The share of their sides that images had, epoch by epoch."""
    recipe = run["history"]["recipe"]
    scales = [scale for scale, epochs in recipe["image_scales"] for _ in range(epochs)]
    return scales + [1] * (recipe["epochs"] - len(scales))


def race_rows():
    """One row a recipe of notebook 07's race on two CPU cores: seconds to train, test accuracy where it ended.

    Of a recipe whose runs had other work beside them, the seconds are those of the epochs of `fast`.
    """
    race = json.loads((RESULTS / "07_race_time.json").read_text(encoding="utf-8"))
    racers = {
        "fast": "CCT-2/3x2, CIFAR-10, recipe `fast`",
        "fast_80": "CCT-2/3x2, CIFAR-10, recipe `fast_80`",
    }
    for recipe, what in (racers | {"keras_io_2021": "Keras example of 2021, CIFAR-10"}).items():
        own = [run for run in race["runs"] if run["run"].rsplit("_", 1)[0] == recipe]
        top1 = [100 * run["test"]["top1"] for run in own]
        beside = any(run.get("beside_other_work") for run in own)
        quiet = [
            run
            for run in race["runs"]
            if run["run"].startswith("fast_") and not run.get("beside_other_work")
        ]
        seconds = (
            seconds_by_epochs(own[0], quiet)
            if beside
            else statistics.mean(run["seconds"] for run in own)
        )
        score = f"{statistics.mean(top1):.1f}" + (
            f" ± {statistics.stdev(top1):.1f}" if len(own) > 1 else ""
        )
        seeds = f"{len(own)} seeds" if len(own) > 1 else "1 seed"
        how = ", by the epochs of `fast`" if beside else ""
        yield (
            f"| {what} | {own[0]['parameters']:,} | {score} % "
            f"| {seeds}, {own[0]['epochs']} epochs, {seconds:,.0f} s on {race['cores']} CPU cores{how} |"
        )


def rival_row():
    """The ResNet of notebook 16, trained for as many seconds as `fast`: epochs times the measured time of its steps."""
    race = json.loads((RESULTS / "16_against_a_convnet.json").read_text(encoding="utf-8"))
    own = [
        run
        for run in race["runs"].values()
        if (run["model"], run["share"], run["budget"]) == ("resnet", "all", "261")
    ]
    top1, seconds = (
        [100 * run["test_top1"] for run in own],
        race["seconds"][f"resnet_{own[0]['plan']}_261"],
    )
    score = f"{statistics.mean(top1):.1f} ± {statistics.stdev(top1):.1f}"
    how = (
        f"{len(own)} seeds, {sum(own[0]['epochs'])} epochs, {seconds:.0f} s by its steps on 2 CPU cores"
    )
    return f"| ResNet-20, the rival of notebook 16, CIFAR-10 | {own[0]['parameters']:,} | {score} % | {how} |"


def results():
    """The table of measured results, between its two marks."""
    rows = ["| model | parameters | test top-1 | trained |", "|---|---|---|---|"]
    rows += [*digits_rows(), *race_rows(), rival_row(), *cifar10_rows()]
    return "\n".join(["<!-- results: made by notebooks/make.py -->", *rows, "<!-- end of results -->"])


def notebooks():
    """The table of the notebooks, between its two marks."""
    rows = course.rows(course.entries(), "notebooks/")
    return "\n".join(
        ["<!-- notebooks: made by notebooks/make.py -->", *rows, "<!-- end of notebooks -->"]
    )


def renewed(readme):
    """The text of the README with every part that is made from other files made anew."""
    readme = re.sub(
        r"<!-- notebooks: .*?<!-- end of notebooks -->", lambda _: notebooks(), readme, flags=re.DOTALL
    )
    return re.sub(
        r"<!-- results: .*?<!-- end of results -->", lambda _: results(), readme, flags=re.DOTALL
    )
