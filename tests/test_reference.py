"""The models give what the authors' PyTorch code gives, at every stage, for the same weights."""

import keras
import numpy as np
import pytest

import cct_helpers as cct
from tests.support.golden_cases import FOLDER, MODELS, build, read

pytestmark = pytest.mark.any_backend

TOLERANCE = 1e-4


def test_every_golden_file_has_a_case():
    assert sorted(MODELS) == sorted(path.stem for path in FOLDER.glob("*.npz"))


@pytest.mark.parametrize("case", MODELS)
def test_equal_to_the_authors_code(case):
    weights, images, expected, logits = read(case)
    model = cct.load_reference_weights(build(case), weights)
    stages = {"tokens": "tokenizer", "norm": "norm"}
    stages |= {name: name for name in expected if name.startswith("block_")}
    assert set(stages) == set(expected)
    outputs = {stage: model.get_layer(layer).output for stage, layer in stages.items()}
    got = keras.Model(model.input, {**outputs, "logits": model.output}).predict(images, verbose=0)
    for stage in [*stages, "logits"]:
        want = logits if stage == "logits" else expected[stage]
        np.testing.assert_allclose(got[stage], want, atol=TOLERANCE, rtol=0, err_msg=stage)
