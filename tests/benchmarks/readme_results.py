"""Write the README's table of measured results from the records: python tests/benchmarks/readme_results.py"""

import json
import pathlib
import re
import statistics

ROOT = pathlib.Path(__file__).resolve().parents[2]
START, END = "<!-- results: made by tests/benchmarks/readme_results.py -->", "<!-- end of results -->"


def digits_rows():
    """One row a model of notebook 07's record: three seeds each on scikit-learn's digits."""
    runs = json.loads((ROOT / "notebooks/results/07_digits_cct_against_vit_lite.json").read_text(encoding="utf-8"))[
        "runs"
    ]
    for model in dict.fromkeys(run["model"] for run in runs):
        own = [run for run in runs if run["model"] == model]
        top1 = [100 * run["test_top1"] for run in own]
        mean, spread = statistics.mean(top1), statistics.stdev(top1)
        seconds = statistics.mean(run["seconds"] for run in own)
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


def race_rows():
    """One row a recipe of notebook 07's race on two CPU cores: seconds to train, test accuracy where it ended."""
    race = json.loads((ROOT / "notebooks/results/07_race_time.json").read_text(encoding="utf-8"))
    racers = {"fast": "CCT-2/3x2, CIFAR-10, recipe `fast`", "fast_80": "CCT-2/3x2, CIFAR-10, recipe `fast_80`"}
    for recipe, what in (racers | {"keras_io_2021": "Keras example of 2021, CIFAR-10"}).items():
        own = [run for run in race["runs"] if run["run"].rsplit("_", 1)[0] == recipe]
        top1 = [100 * run["test"]["top1"] for run in own]
        seconds = statistics.mean(run["seconds"] for run in own)
        score = f"{statistics.mean(top1):.1f}" + (f" ± {statistics.stdev(top1):.1f}" if len(own) > 1 else "")
        seeds = f"{len(own)} seeds" if len(own) > 1 else "1 seed"
        yield (
            f"| {what} | {own[0]['parameters']:,} | {score} % "
            f"| {seeds}, {own[0]['epochs']} epochs, {seconds:,.0f} s on {race['cores']} CPU cores |"
        )


def table():
    """The block between the two marks of the README."""
    rows = ["| model | parameters | test top-1 | trained |", "|---|---|---|---|"]
    rows += [*digits_rows(), *race_rows(), *cifar10_rows()]
    return "\n".join([START, *rows, END])


def with_table(readme):
    """The README with the block between its marks made anew."""
    return re.sub(r"<!-- results: .*?<!-- end of results -->", lambda _: table(), readme, flags=re.DOTALL)


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
    print(table())
