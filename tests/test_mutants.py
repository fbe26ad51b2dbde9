"""Mutation testing: a mutant is one change of what a module does, and every mutant that lives has a reason."""

import json
from pathlib import Path

from tests.benchmarks import mutants, notebook_mutants

ROOT = Path(__file__).resolve().parents[1]


def test_each_mutant_is_one_change():
    changed = [source for _, source in mutants.mutants_of("def f(a):\n    return a + 1 < 2 or not a")]
    bodies = [source.split("\n    ")[1] for source in changed]
    assert bodies == [
        "return None",
        "return a + 1 < 2 and (not a)",
        "return a + 1 <= 2 or not a",
        "return a - 1 < 2 or not a",
        "return a + 2 < 2 or not a",
        "return a + 1 < 3 or not a",
        "return a + 1 < 2 or not not a",
    ]


def test_what_stays_the_same_is_no_mutant():
    assert list(mutants.mutants_of("def f():\n    return None\na = 3.4e38")) == []


def test_messages_and_looks_are_left_alone():
    rest = "ax.grid(n - 1)\n    raise ValueError(f'{n + 1} is too many')"
    changed, without = mutants.mutants_of(f"def f(n: int = 1):\n    draw(width=n * 2, pad=3)\n    {rest}")
    assert changed == (1, f"def f(n: int=2):\n    draw(width=n * 2, pad=3)\n    {rest}")
    assert without == (2, f"def f(n: int=1):\n    None\n    {rest}")


def test_a_change_is_told_in_one_line():
    assert mutants.change_of("a = 1\nb = 2", "a = 1\nb = 3") == "b = 2 -> b = 3"
    table = [f"t = {list(range(100)) + [last] + list(range(100))}" for last in (7, 8)]
    assert len(mutants.change_of(*table)) < 200 and ", 99, 7, 0, 1" in mutants.change_of(*table)


def test_the_first_result_and_the_reason_of_a_survivor_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "RECORD", tmp_path / "mutants.json")
    mutants.write_down("layers", seed=0, died=2, alive=["a -> b"])
    kept = mutants.read_record()
    kept["layers"]["survivors"]["a -> b"] = "both are the same"
    mutants.RECORD.write_text(json.dumps(kept))
    mutants.write_down("costs", seed=0, died=2, alive=[])
    mutants.write_down("layers", seed=0, died=7, alive=["a -> b", "c -> d"])
    assert mutants.read_record() == {
        "costs": {"first": "2 of 2", "seed": 0, "tried": 2, "died": 2, "survivors": {}},
        "layers": {
            **{"first": "2 of 3", "seed": 0, "tried": 9, "died": 7},
            "survivors": {"a -> b": "both are the same", "c -> d": ""},
        },
    }


def test_survivors_alone_are_tried_again_and_a_sample_is_the_same_for_a_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "RECORD", tmp_path / "mutants.json")
    mutants.write_down("layers", seed=0, died=7, alive=["a -> b", "of another time -> c"])
    possible = [(number, 1, "source", change) for number, change in enumerate(["x -> y", "a -> b", "y -> z"])]
    options = mutants.parser_of("what it does", "names").parse_args
    assert mutants.choose(possible, "layers", options(["--survivors"])) == ([possible[1]], 7)
    twins = [*possible, (3, 9, "source", "a -> b")]  # which of them lived is not in the record: both are tried
    assert mutants.choose(twins, "layers", options(["--survivors"])) == ([twins[1], twins[3]], 6)
    assert mutants.choose(possible, "layers", options([])) == (possible, 0)
    drawn = [mutants.choose(possible, "layers", options(["--sample", "2", "--seed", seed]))[0] for seed in "000123"]
    assert drawn[0] == drawn[1] == drawn[2] == sorted(drawn[0]) and len(set(map(str, drawn))) > 1


def test_in_a_notebook_only_what_an_asserting_cell_computes_is_changed():
    cells = ["a = 1", "b = 2\nprint(b + 3)\nnp.testing.assert_equal(b, 4)", "plots.draw(5)\nassert 6"]
    changed = list(notebook_mutants.mutants_of(cells))
    assert changed == [(1, 1, "b = 3\nprint(b + 3)\nnp.testing.assert_equal(b, 4)")]


def test_a_notebook_that_asserts_something_false_is_seen(tmp_path):
    assert notebook_mutants.dies(tmp_path / "trial.py", ["a = 1", "assert a == 2"])
    assert not notebook_mutants.dies(tmp_path / "trial.py", ["a = 1", "assert a == 1"])


def test_the_tests_of_every_module_exist():
    modules = {path.stem for path in (ROOT / "cct_helpers").glob("*.py")} - {"__init__"}
    assert set(mutants.TESTS) == modules
    for module, arguments in mutants.TESTS.items():
        assert (ROOT / "cct_helpers" / f"{module}.py").is_file()
        assert all((ROOT / path.split("::")[0]).is_file() for path in arguments if path.startswith("tests/"))


def test_nine_in_ten_that_change_behaviour_die_and_every_survivor_has_a_reason():
    results = mutants.read_record()
    notebooks = {f"notebooks/{path.stem}" for path in notebook_mutants.paths()}
    assert notebooks <= set(results) <= set(mutants.TESTS) | notebooks
    died = sum(result["died"] for result in results.values())
    reasons = [reason for result in results.values() for reason in result["survivors"].values()]
    gaps = sum(reason.startswith("A gap: ") for reason in reasons)  # it changes behaviour, and no test sees it
    assert 0.9 <= died / (died + gaps) <= 1
    tried = sum(result["tried"] for result in results.values())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{died} of {tried} changes" in readme and f"of the others {gaps} change behaviour" in readme
    for module, result in results.items():
        assert bool(result["survivors"]) == (result["died"] < result["tried"])
        for change, reason in result["survivors"].items():
            assert len(reason.split()) > 3, f"{module}: why may this one live? {change}"
