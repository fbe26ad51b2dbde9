"""Recipes, learning rates, batches, and `fit`: best weights, resume, interrupt, errors, progress.

Kills are in test_interruption.py.
"""

import dataclasses
import io
import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import nbclient
import nbformat
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers import augment, training
from cct_helpers.recipes import RECIPES, Recipe, build_optimizer, learning_rates
from cct_helpers.training import epoch_batches, epoch_trainer, evaluate, fit, predict
from tests.support import tiny_run

pytestmark = pytest.mark.any_backend

HERE = Path(__file__).resolve().parent
WITH_MUON = ["muon"] if tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 13) else []
SHORT = Recipe(epochs=4, batch_size=16, optimizer="adamw", learning_rate=3e-3, weight_decay=0.01, crop_padding=1)


def tiny_model(seed=0, classes=10, dropout=0.3):
    keras.utils.set_random_seed(seed)
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.Dropout(dropout)(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(classes, name="head")(x))


def tiny_data(classes=10, size=8):
    """Classes that can be told apart: each is one noisy picture. 80 training, 32 validation and 32 test images."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(40, 216, (classes, size, size, 1))
    labels = np.arange(144, dtype="int64") % classes
    images = (pictures[labels] + rng.integers(-40, 40, (144, size, size, 1))).astype("uint8")
    parts = np.split(images, [80, 112]), np.split(labels, [80, 112])
    names = [f"{kind}_{part}" for kind in "xy" for part in ("train", "val", "test")]
    return SimpleNamespace(**dict(zip(names, parts[0] + parts[1], strict=True)))


def slow_steps(seconds=0.05):
    return tiny_run.before_steps(lambda *_: time.sleep(seconds))


def without_times(history):
    return {name: value for name, value in history.items() if name not in ("seconds", "images_per_second")}


def assert_same_weights(model, other):
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Recipes and schedules


def test_cosine_starts_peaks_and_ends_where_it_should():
    rates = learning_rates(dataclasses.replace(SHORT, epochs=10, warmup_epochs=1.5), 20)
    assert rates.shape == (200,) and rates.dtype == np.float32
    assert rates.argmax() == 29 and rates.max() == np.float32(3e-3)
    np.testing.assert_allclose(rates[:30], 3e-3 * np.arange(1, 31) / 30, rtol=1e-6)
    np.testing.assert_allclose(rates[29 + 85], 3e-3 / 2, rtol=1e-5)  # half-way from step 29 to step 199
    assert np.all(np.diff(rates[29:]) < 0) and rates[-1] == 0


def test_cosine_without_warm_up_starts_at_the_peak():
    rates = learning_rates(SHORT, 5)
    assert rates[0] == np.float32(3e-3) and rates[-1] == 0


def test_recipe_a_has_the_authors_rates():
    rates = learning_rates(RECIPES["paper_a"], 3).reshape(200, 3)
    assert np.all(rates == rates[:, :1])
    np.testing.assert_allclose(rates[:6, 0] / 5e-4, [1 / 5, 1 / 4, 1 / 3, 1 / 2, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(rates[199, 0], 5e-4 * 0.5 * (1 + np.cos(np.pi * 194 / 195)), rtol=1e-4)


def test_a_warm_up_of_one_step_ends_at_the_peak():
    rates = learning_rates(dataclasses.replace(SHORT, warmup_epochs=1), 1)
    assert rates[0] == np.float32(SHORT.learning_rate) > rates[1]


def test_a_warm_up_of_nearly_the_whole_run_leaves_one_step_to_fall():
    rates = learning_rates(dataclasses.replace(SHORT, warmup_epochs=3.9, final_learning_rate=1e-5), 2)
    np.testing.assert_allclose(rates, [*(3e-3 * np.arange(1, 8) / 7), 1e-5], rtol=1e-6)


def test_a_recipe_mixes_erases_and_averages_only_when_asked():
    assert (SHORT.mixup, SHORT.cutmix, SHORT.erasing, SHORT.ema) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_a_rate_for_every_step(name):
    recipe = RECIPES[name]
    rates = learning_rates(recipe, 7)
    assert len(rates) == 7 * recipe.epochs and rates.min() >= 0
    assert rates.max() == np.float32(recipe.learning_rate)


def test_the_recipe_of_2021_is_constant():
    np.testing.assert_array_equal(learning_rates(RECIPES["keras_io_2021"], 2), np.full(60, 1e-3, "float32"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("epochs", value) for value in (0, 2.5, True, None)),
        *(("batch_size", 0), ("optimizer", "sgd"), ("learning_rate", 0), ("learning_rate", float("nan"))),
        *(("weight_decay", -1), ("decay_all", 1), ("schedule", "linear"), ("warmup_epochs", 4), ("warmup_epochs", -1)),
        *(
            ("final_learning_rate", "0"),
            ("label_smoothing", 1),
            ("clip_norm", 0),
            ("augment", "cutout"),
            ("crop_padding", 1.5),
            ("flip", "no"),
        ),
        *(("image_scales", value) for value in (0.5, (0.5, 3), ((0.5,),), ((1, 1),), ((0.5, 4),), ((0.5, 0),))),
        *(("mixup", -0.1), ("cutmix", None), ("mixup_off_epoch", -1)),
        *(("erasing", 1.1), ("erasing", None), ("ema", 1), ("ema", -0.1)),
    ],
)
def test_a_bad_field_is_named(field, value):
    with pytest.raises(ValueError, match=rf"^Recipe: {field} must be .*, but is "):
        dataclasses.replace(SHORT, **{field: value})


def test_the_authors_warm_up_takes_whole_epochs():
    with pytest.raises(ValueError, match="warmup_epochs must be a whole number"):
        dataclasses.replace(SHORT, schedule="cosine_per_epoch", warmup_epochs=1.5)


# Batches


def test_an_epoch_has_each_image_once_with_its_label_and_can_be_replayed():
    images = np.arange(50, dtype="uint8")[:, None, None, None] * np.ones((1, 4, 4, 1), "uint8")
    labels, recipe = np.arange(50) % 7, dataclasses.replace(SHORT, augment="none")
    epochs = [list(epoch_batches(images, labels, 7, recipe, epoch, seed=3)) for epoch in (0, 0, 1)]
    first, again, second = (np.concatenate([batch[:, 0, 0, 0] for batch, _ in epoch]) for epoch in epochs)
    assert len(epochs[0]) == 3 and len(np.unique(first)) == 48
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    targets = np.concatenate([targets for _, targets in epochs[0]])
    np.testing.assert_array_equal(targets, np.eye(7)[first.astype(int) % 7])
    other_seed = next(epoch_batches(images, labels, 7, recipe, 0, seed=4))[0]
    assert not np.array_equal(other_seed, epochs[0][0][0])


def test_the_crop_is_drawn_for_each_image():
    images = np.zeros((64, 9, 9, 1), "uint8")
    images[:, 4, 4] = 255
    recipe = dataclasses.replace(SHORT, batch_size=64, crop_padding=3, flip=False)
    batch, _ = next(epoch_batches(images, np.zeros(64, int), 1, recipe, 0))
    places = np.argwhere(batch[..., 0] == 255)[:, 1:]
    assert len(places) == 64 and len(np.unique(places, axis=0)) > 20
    assert places.min() == 1 and places.max() == 7


@pytest.mark.parametrize("erasing", [0.0, 0.5])
@pytest.mark.parametrize(
    ("kind", "order"),
    [
        ("none", []),
        ("crop_flip", ["random_crop", "random_flip"]),
        ("auto_augment", ["auto_augment_cifar10", "random_crop", "random_flip"]),
        ("rand_augment", ["random_resized_crop", "random_flip", "rand_augment"]),
    ],
)
def test_augmentations_come_in_the_authors_order(monkeypatch, kind, order, erasing):
    called = []

    def noted(name, original):
        def augmentation(*arguments, **options):
            called.append(name)
            return original(*arguments, **options)

        return augmentation

    crops = ("random_crop", "random_flip", "random_resized_crop")
    for name in (*crops, "auto_augment_cifar10", "rand_augment", "random_erasing"):
        monkeypatch.setattr(augment, name, noted(name, getattr(augment, name)))
    images = tiny_data().x_train[:16]
    recipe = dataclasses.replace(SHORT, augment=kind, erasing=erasing)
    batch, _ = next(epoch_batches(images, np.zeros(16, int), 1, recipe, 0))
    assert list(dict.fromkeys(called)) == order + ["random_erasing"] * (erasing > 0)
    assert batch.shape == images.shape and batch.dtype == np.float32


def test_mixing_ends_with_its_last_epoch():
    data, recipe = tiny_data(), dataclasses.replace(SHORT, mixup=0.8, cutmix=1.0, mixup_off_epoch=2)

    def mixed(recipe, epoch):
        batches = epoch_batches(data.x_train, data.y_train, 10, recipe, epoch)
        return any(targets.max(axis=1).min() < 1 for _, targets in batches)

    assert [mixed(recipe, epoch) for epoch in range(4)] == [True, True, False, False]
    assert mixed(dataclasses.replace(recipe, mixup_off_epoch=0), 3)


# Loss, optimizer, scores


def test_label_smoothing_is_the_formula():
    data, model = tiny_data(), tiny_model(dropout=0.0)
    logits = predict(model, data.x_train, batch_size=24)
    log_p = np.log(keras.ops.convert_to_numpy(keras.ops.softmax(logits)))
    nll = -log_p[np.arange(80), data.y_train]
    expected = (0.9 * nll + 0.1 * -log_p.mean(axis=1)).mean()
    assert evaluate(model, data.x_train, data.y_train)["loss"] == pytest.approx(nll.mean(), rel=1e-5)
    assert evaluate(model, data.x_train, data.y_train, label_smoothing=0.1)["loss"] == pytest.approx(expected, rel=1e-5)
    still = dataclasses.replace(SHORT, epochs=1, learning_rate=1e-12, weight_decay=0.0, augment="none")
    assert fit(model, data, still, verbose=False)["loss"] == [pytest.approx(expected, rel=1e-4)]


def test_scores_count_the_five_highest():
    images = keras.Input((8, 8, 1))
    ranks = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], "float32")  # class 0 first, class 9 last, whatever the image
    head = keras.layers.Dense(10, kernel_initializer="zeros", bias_initializer=lambda *a, **k: keras.ops.array(ranks))
    model = keras.Model(images, head(keras.layers.Flatten()(images)))
    scores = evaluate(model, np.zeros((4, 8, 8, 1), "uint8"), np.array([0, 4, 5, 9]))
    assert scores["top1"] == 0.25 and scores["top5"] == 0.5
    assert all(type(score) is float for score in scores.values())


def test_predict_fills_up_the_last_batch_without_a_trace():
    data, model = tiny_data(), tiny_model()
    whole = predict(model, data.x_train)
    assert whole.shape == (80, 10) and whole.dtype == np.float32
    np.testing.assert_allclose(predict(model, data.x_train, batch_size=33), whole, atol=1e-6)
    assert predict(model, data.x_train[:0]).shape == (0, 10)


@pytest.mark.parametrize("optimizer", ["adamw", *WITH_MUON])
@pytest.mark.parametrize("decay_all", [False, True])
def test_weight_decay_spares_biases_norms_and_positions(optimizer, decay_all):
    keras.backend.clear_session()
    model = cct.build_cct(input_shape=(8, 8, 1), dim=16, num_layers=1, hidden_channels=4)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    recipe = dataclasses.replace(SHORT, optimizer=optimizer, decay_all=decay_all, learning_rate=0.1, weight_decay=0.5)
    built = build_optimizer(recipe, model)
    built.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    decayed = {v.path for v in model.trainable_variables if keras.ops.convert_to_numpy(v).max() < 0.99}
    everything = {v.path for v in model.trainable_variables}
    kernels = {path for path in everything if path.endswith("kernel")}
    assert len(kernels) >= 7 and "position/table" in everything
    assert decayed == (everything if decay_all else kernels)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", *WITH_MUON])
def test_every_optimizer_learns(optimizer):
    data, model = tiny_data(), tiny_model(dropout=0.0)
    recipe = dataclasses.replace(
        SHORT, epochs=12, optimizer=optimizer, learning_rate=0.02, clip_norm=1.0, augment="none"
    )
    history = fit(model, data, recipe, verbose=False)
    assert history["top1"][0] < 0.5 and evaluate(model, data.x_test, data.y_test)["top1"] > 0.8
    np.testing.assert_allclose(history["learning_rate"], learning_rates(recipe, 5)[4::5])


def test_muon_wants_a_keras_that_has_it_working(monkeypatch):
    monkeypatch.setattr(keras, "__version__", "3.12.1")
    with pytest.raises(ValueError, match="needs Keras 3.13 or later, not 3.12.1"):
        build_optimizer(dataclasses.replace(SHORT, optimizer="muon"), tiny_model())


def test_each_step_has_its_learning_rate():
    model, used = tiny_model(), []
    train = model.train_on_batch

    def train_on_batch(*arguments, **options):
        used.append(float(model.optimizer.learning_rate))
        return train(*arguments, **options)

    model.train_on_batch = train_on_batch
    recipe = dataclasses.replace(SHORT, warmup_epochs=1)
    fit(model, tiny_data(), recipe, verbose=False)
    np.testing.assert_allclose(used, learning_rates(recipe, 5))


def test_steps_are_those_of_keras():
    def compiled():  # the norm behaves otherwise in training and moves its averages; the penalty is an added loss
        keras.utils.set_random_seed(0)
        norm, head = keras.layers.BatchNormalization(), keras.layers.Dense(4, kernel_regularizer="l2")
        model = keras.Sequential([keras.Input((6,)), norm, head])
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(), loss, metrics=[keras.metrics.CategoricalAccuracy(name="top1")])
        model.optimizer.build(model.trainable_variables)
        return model

    ours, theirs, logs = compiled(), compiled(), []
    rng = np.random.default_rng(0)
    batches = [
        (rng.normal(size=(16, 6)).astype("float32"), np.eye(4, dtype="float32")[rng.integers(0, 4, 16)]) for _ in "abc"
    ]
    rates, seen = (0.1, 0.03, 0.2), []
    last = epoch_trainer(ours)(batches, rates, lambda done, *means: seen.append(np.asarray(means, float)))
    for number, (batch, rate) in enumerate(zip(batches, rates, strict=True)):
        theirs.optimizer.learning_rate = rate
        theirs.reset_metrics()
        logs.append(theirs.train_on_batch(*batch, return_dict=True))
        means = [np.mean([log[name] for log in logs]) for name in ("loss", "top1")]
        np.testing.assert_allclose(seen[number], means, rtol=1e-5)
    np.testing.assert_allclose(last, means, rtol=1e-5)
    assert_close(ours.get_weights(), theirs.get_weights())
    assert float(ours.optimizer.learning_rate) == pytest.approx(0.2)


def test_few_classes_have_no_top5():
    history = fit(tiny_model(classes=5), tiny_data(classes=5), SHORT, verbose=False)
    assert "val_top5" not in history and len(history["val_top1"]) == 4
    assert "val_top5" in fit(tiny_model(), tiny_data(), SHORT, verbose=False)


# Best weights, resume, interrupt


def test_the_best_weights_are_restored(monkeypatch):
    seen, scores = [], iter([(0.3, 1.0), (0.9, 0.7), (0.9, 0.6), (0.8, 0.1)])

    def scripted(model, *_, **__):
        seen.append(model.get_weights())
        top1, loss = next(scores)
        return {"top1": top1, "top5": 1.0, "loss": loss}

    monkeypatch.setattr(training, "evaluate", scripted)
    model = tiny_model()
    history = fit(model, tiny_data(), SHORT, verbose=False)
    assert history["best_epoch"] == 3 and history["val_top1"] == [0.3, 0.9, 0.9, 0.8]
    for weight, best in zip(model.get_weights(), seen[2], strict=True):
        np.testing.assert_array_equal(weight, best)


def test_a_finished_run_comes_back_as_it_was(tmp_path):
    first, second, folder = tiny_model(seed=1), tiny_model(seed=2), tmp_path / "runs" / "new"
    expected = fit(first, tiny_data(), SHORT, folder=folder, verbose=False)
    for_people = folder / "history.json"
    assert json.loads(for_people.read_text()) == expected
    for_people.unlink()  # as a kill between the two files leaves them
    assert fit(second, tiny_data(), SHORT, folder=folder, verbose=False) == expected
    assert_same_weights(second, first)
    assert json.loads(for_people.read_text()) == expected


@pytest.mark.parametrize("optimizer", ["adamw", *WITH_MUON])
def test_the_moving_average_is_validated_and_kept_and_training_goes_on_without_it(optimizer, tmp_path, monkeypatch):
    plain = dataclasses.replace(SHORT, optimizer=optimizer)
    model, trained = tiny_model(seed=7), []
    fit(noting_weights(model, trained), tiny_data(), plain, verbose=False)
    averages = [trained[0]]  # after the first step the average is the weights
    for weights in trained[1:]:
        averages.append([0.8 * old + 0.2 * new for old, new in zip(averages[-1], weights, strict=True)])

    seen, evaluate_all = [], training.evaluate

    def noting(model, *arguments, **options):
        seen.append(model.get_weights())
        return evaluate_all(model, *arguments, **options)

    monkeypatch.setattr(training, "evaluate", noting)
    averaged, also_trained = tiny_model(seed=7), []
    recipe = dataclasses.replace(plain, ema=0.8)
    history = fit(noting_weights(averaged, also_trained), tiny_data(), recipe, folder=tmp_path, verbose=False)
    steps = len(trained) // SHORT.epochs
    for step, weights in enumerate(trained):  # the average changes nothing of the training
        assert_close(also_trained[step], weights)
    for epoch, weights in enumerate(seen):
        assert_close(weights, averages[(epoch + 1) * steps - 1])
    assert_close(averaged.get_weights(), seen[history["best_epoch"] - 1])


def noting_weights(model, trained):
    """Append the weights after each batch to the list `trained`."""
    train = model.train_on_batch

    def train_on_batch(*arguments, **options):
        logs = train(*arguments, **options)
        trained.append(model.get_weights())
        return logs

    model.train_on_batch = train_on_batch
    return model


def assert_close(weights, expected):
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_run_with_a_moving_average_resumes(tmp_path):
    recipe = dataclasses.replace(SHORT, ema=0.9)
    unbroken, stopped, resumed = tiny_model(seed=3), tiny_model(seed=3), tiny_model(seed=4)
    expected = fit(unbroken, tiny_data(), recipe, verbose=False)
    with tiny_run.interrupt_before(13):
        assert fit(stopped, tiny_data(), recipe, folder=tmp_path, verbose=False)["stopped"]
    assert without_times(fit(resumed, tiny_data(), recipe, folder=tmp_path, verbose=False)) == without_times(expected)
    assert_same_weights(resumed, unbroken)


def test_an_interrupt_ends_cleanly_and_can_go_on(tmp_path, capsys):
    model = tiny_model(seed=3)
    with tiny_run.interrupt_before(13):  # the third batch of the third epoch
        history = fit(model, tiny_data(), SHORT, folder=tmp_path)
    assert history["stopped"] == "stopped in epoch 3 of 4" and len(history["loss"]) == 2
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("stopped in epoch 3 of 4. The model has the weights of epoch ") and "same folder" in last
    scores = evaluate(model, tiny_data().x_val, tiny_data().y_val)
    assert scores["top1"] == max(history["val_top1"]) == history["val_top1"][history["best_epoch"] - 1]

    unbroken = tiny_model(seed=3)
    expected = fit(unbroken, tiny_data(), SHORT, verbose=False)
    resumed = tiny_model(seed=4)
    history = fit(resumed, tiny_data(), SHORT, folder=tmp_path)
    assert capsys.readouterr().out.splitlines()[0] == "resumed after epoch 2 of 4"
    assert without_times(history) == without_times(expected) and history["stopped"] is None
    assert_same_weights(resumed, unbroken)


def test_an_interrupt_in_the_first_epoch(capsys):
    with tiny_run.interrupt_before(2):
        history = fit(tiny_model(), tiny_data(), SHORT)
    assert history["best_epoch"] is None and history["loss"] == []
    assert "No epoch was finished. With folder=" in capsys.readouterr().out


def test_a_folder_of_another_run_is_refused(tmp_path):
    data = tiny_data()
    fit(tiny_model(), data, SHORT, folder=tmp_path, verbose=False)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    other_data = tiny_data()
    other_data.x_train[0] += 1
    small = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    for part, arguments, seed in [
        ("recipe", (tiny_model(), data, dataclasses.replace(SHORT, epochs=9)), 0),
        ("seed", (tiny_model(), data, SHORT), 1),
        ("model", (small, data, SHORT), 0),
        ("data", (tiny_model(), other_data, SHORT), 0),
    ]:
        with pytest.raises(ValueError, match=f"belongs to a run with another {part}: "):
            fit(*arguments, folder=tmp_path, seed=seed, verbose=False)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path):
    fit(tiny_model(), tiny_data(), SHORT, folder=tmp_path, verbose=False)
    path = tmp_path / "checkpoint.npz"
    whole = path.read_bytes()
    for damaged in (b"", b"not a checkpoint", whole[: len(whole) // 2], whole[:3000] + b"\0" * 64 + whole[3064:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint\.npz is damaged .*delete it to start again"):
            fit(tiny_model(), tiny_data(), SHORT, folder=tmp_path, verbose=False)


def test_a_failed_write_leaves_the_checkpoint_of_the_epoch_before(tmp_path, monkeypatch):
    def failing(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    with tiny_run.interrupt_before(6):
        fit(tiny_model(), tiny_data(), SHORT, folder=tmp_path, verbose=False)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    monkeypatch.setattr(np, "savez", failing)
    with pytest.raises(OSError, match="No space left"):
        fit(tiny_model(), tiny_data(), SHORT, folder=tmp_path, verbose=False)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "history.json"]


# Errors


def changed(**parts):
    return SimpleNamespace(**(vars(tiny_data()) | parts))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiny_data(size=9), r"images of shape \(9, 9, 1\), but the model takes \(8, 8, 1\)"),
        (changed(x_train=tiny_data().x_train[..., 0]), r"images of shape \(8, 8\), but the model takes \(8, 8, 1\)"),
        (tiny_data(classes=12), r"labels of data\.x_train go from 0 to 11, but the model has 10 outputs"),
        (changed(y_val=np.full(32, -1)), r"labels of data\.x_val go from -1 to -1, but the model has 10 outputs"),
        (changed(y_train=np.zeros((80, 10))), r"one whole number as its label.*\(80, 10\)"),
        (changed(y_train=np.zeros(79, int)), r"80 images, its labels have shape \(79,\)"),
        (changed(x_val=tiny_data().x_val[:0], y_val=tiny_data().y_val[:0]), "validation set is empty"),
        (changed(x_train=tiny_data().x_train[:9], y_train=tiny_data().y_train[:9]), "batch_size is 16, but .* 9 train"),
    ],
)
def test_data_that_does_not_fit_is_refused(data, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fit(tiny_model(), data, SHORT, folder=tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_evaluate_refuses_what_does_not_fit():
    data, model = tiny_data(), tiny_model()
    with pytest.raises(ValueError, match=r"images of shape \(4, 8, 1\), but the model takes \(8, 8, 1\)"):
        evaluate(model, data.x_test[:, :4], data.y_test)
    with pytest.raises(ValueError, match="images has 0 images"):
        evaluate(model, data.x_test[:0], data.y_test[:0])


def test_unknown_recipe_and_bad_seed_are_refused(tmp_path):
    with pytest.raises(ValueError, match="one of quick, cifar10_short, .*, but is 'quik'"):
        fit(tiny_model(), tiny_data(), "quik")
    with pytest.raises(ValueError, match="seed must be a whole number"):
        fit(tiny_model(), tiny_data(), SHORT, seed=-1)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be made"):
        fit(tiny_model(), tiny_data(), SHORT, folder=tmp_path / "file", verbose=False)


# Progress

LINE = (
    r"epoch \d/2  loss \d+\.\d{3}  train +\d+\.\d %  val +\d+\.\d % (\(best\)|      )  +[\d,]+ images/s  \d+:\d\d left"
)


def test_output_to_a_file_is_one_line_an_epoch(capsys):
    with slow_steps(0.2):
        fit(tiny_model(), tiny_data(), dataclasses.replace(SHORT, epochs=2))
    out, err = capsys.readouterr()
    assert err == "" and "\r" not in out
    assert [bool(re.fullmatch(LINE, line)) for line in out.splitlines()] == [True, True]
    assert out.splitlines()[-1].endswith(" 0:00 left")


def test_verbose_false_prints_nothing(capfd):
    fit(tiny_model(), tiny_data(), SHORT, verbose=False)
    assert capfd.readouterr().out == ""


def test_the_time_left_has_the_epochs_to_come(monkeypatch):
    clock = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr(training, "perf_counter", lambda: next(clock))
    progress, shown = training.Progress(True, epochs=3, steps=10, batch_size=10), []
    progress.updates_in_place, progress.epoch_seconds = True, 100
    monkeypatch.setattr(progress, "_show_live", shown.append)
    progress.start(0)
    progress.step(1, 1.0, 0.5)  # 10 images/s: 9 s, and two epochs of 100 s
    progress.step(2, 1.0, 0.5)
    assert shown[0].endswith("3:29 left") and shown[1].endswith("3:28 left")
    assert [progress._text(1, 1, "", seconds).split()[-2] for seconds in (3599, 3600, 3661)] == [
        *("59:59", "1:00:00", "1:01:01")
    ]


def test_a_terminal_line_is_rewritten_and_stays_once(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(training, "UPDATE_SECONDS", 0)
    fit(tiny_model(), tiny_data(), SHORT)
    lines = terminal.getvalue().split("\n")
    assert len(lines) == 5 and lines[-1] == ""
    for line in lines[:-1]:
        first, *updates = line.split("\r")
        assert first == "" and len(updates) == 6  # five batches, then the line that stays
        assert all("batch" in update for update in updates[:-1]) and "val" in updates[-1]
        assert all(len(after) >= len(before) for before, after in zip(updates, updates[1:], strict=False))


@pytest.mark.whole
def test_a_notebook_has_one_output_updated_in_place():
    code = (
        f"import sys; sys.path[:0] = {[str(HERE.parent), str(HERE)]!r}\n"
        "import test_training as t\n"
        "with t.slow_steps(0.15):\n"
        "    history = t.fit(t.tiny_model(), t.tiny_data(), t.SHORT)"
    )
    updates = []

    class Client(nbclient.NotebookClient):
        def process_message(self, message, cell, cell_index):
            if message["msg_type"] == "update_display_data":
                updates.append(message["content"]["data"]["text/plain"])
            return super().process_message(message, cell, cell_index)

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    Client(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data" and list(output.data) == ["text/plain"]
    lines = output.data["text/plain"].split("\n")
    assert len(lines) == 4 and all(f"epoch {i}/4" in line and "val" in line for i, line in enumerate(lines, start=1))
    live = [update for update in updates if "batch" in update]
    assert live and all(update.count("val") == update.count("\n") for update in live)


# A curriculum of image sizes

GROWING = dataclasses.replace(SHORT, epochs=3, image_scales=((0.5, 2),))


def tiny_cct(seed=0):
    keras.utils.set_random_seed(seed)
    sizes = dict(num_layers=1, dim=8, num_heads=2, hidden_channels=4, stochastic_depth=0.0)
    return cct.build_cct(input_shape=(16, 16, 1), normalization=(128.0, 64.0), **sizes)


@pytest.mark.whole
def test_images_grow_and_one_model_learns_from_all_sizes():
    data = tiny_data(size=16)
    seen = [next(iter(epoch_batches(data.x_train, data.y_train, 10, GROWING, epoch)))[0].shape for epoch in range(3)]
    assert seen == [(16, 8, 8, 1), (16, 8, 8, 1), (16, 16, 16, 1)]
    model = tiny_cct()
    before = [np.array(weights) for weights in model.get_weights()]
    fit(model, data, dataclasses.replace(GROWING, epochs=3, learning_rate=1e-2), verbose=False)
    moved = [np.abs(new - old).max() for new, old in zip(model.get_weights(), before, strict=True)]
    names = [weights.path for weights in model.weights]
    still = [name for name, distance in zip(names, moved, strict=True) if distance == 0]
    assert [name for name in still if "seed" not in name and "score/bias" not in name] == []


def test_the_best_epoch_is_one_with_whole_images():
    data = tiny_data(size=16)
    learnt_small = dataclasses.replace(GROWING, epochs=3, learning_rate=1e-2)
    history = fit(tiny_cct(), data, learnt_small, verbose=False)
    assert history["best_epoch"] == 3
    assert history["recipe"]["image_scales"] == [[0.5, 2]]


@pytest.mark.whole
def test_a_growing_run_resumes_as_unbroken(tmp_path, monkeypatch):
    data = tiny_data(size=16)
    unbroken = fit(model := tiny_cct(), data, GROWING, verbose=False)
    with monkeypatch.context() as patch:
        patch.setattr(training, "_is_best", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        stopped = fit(tiny_cct(), data, GROWING, folder=tmp_path, verbose=False)
    assert len(stopped["loss"]) == 3 and stopped["stopped"]
    resumed = fit(other := tiny_cct(1), data, GROWING, folder=tmp_path, verbose=False)
    assert without_times(resumed) == without_times(unbroken)
    assert_same_weights(model, other)
