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


def table():
    """The block between the two marks of the README."""
    rows = ["| model | parameters | test top-1 | trained |", "|---|---|---|---|", *digits_rows(), *cifar10_rows()]
    return "\n".join([START, *rows, END])


def with_table(readme):
    """The README with the block between its marks made anew."""
    return re.sub(r"<!-- results: .*?<!-- end of results -->", lambda _: table(), readme, flags=re.DOTALL)


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
    print(table())
