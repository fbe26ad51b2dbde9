"""Train the text CCT of notebook 12 with several seeds, beside n-grams: python notebooks/scripts/text_runs.py

About eight minutes of CPU time. Writes notebooks/results/12_languages.json after every run and goes on where it
stopped; runs of other code than today's, or on the names of another Babel, are made again.
"""

import time
from importlib.metadata import version

import keras
import numpy as np
import records
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from cct_helpers.topics import text

NAME = "12_languages"
RECORD = records.RESULTS / f"{NAME}.json"
LENGTH, BATCH = 32, 64
SIZE = dict(dim=64, embedding_dim=32, kernel_size=5)
SEEDS = (0, 1, 2)
KINDS = {  # kind -> epochs, a padding that the model can see, other sizes
    "masked": dict(epochs=6),
    "padding as letters": dict(epochs=6, padding_seen=True),
    "masked, long": dict(epochs=20, dropout=0.1),
}


def n_grams():
    """TF-IDF of 1 to 4 letters within words, then logistic regression."""
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    return make_pipeline(letters, LogisticRegression(C=30, solver="sag", max_iter=100, tol=1e-2, random_state=0))


def encoded(names, letters, length, padding_seen):
    """Ids of the names; with `padding_seen` the padding is one more letter, so that no layer masks it."""
    ids = text.encode(names, letters, length)
    return np.where(ids == text.PADDING, text.UNKNOWN, ids) if padding_seen else ids


def answers_at(model, names, letters, length, padding_seen, size):
    """The predicted class of each name (cut at LENGTH) in a row of `length` places; 0: a row as long as the name."""
    names = np.array([name[:LENGTH] for name in names])
    lengths = np.full(len(names), length) if length else np.char.str_len(names)
    answers = np.zeros(len(names), int)
    for places in np.unique(lengths):
        same = text.build_text_cct(len(letters) + 2, int(places), model.output_shape[-1], **SIZE, **size)
        same.set_weights(model.get_weights())
        logits = same(encoded(names[lengths == places], letters, int(places), padding_seen))
        answers[lengths == places] = keras.ops.convert_to_numpy(logits).argmax(axis=1)
    return answers


def train_cct(data, seed, epochs, padding_seen=False, **size):
    """Train one model and test it with the padding of training, without any, and with two and four times the length."""
    keras.utils.set_random_seed(seed)
    letters = text.alphabet(data.x_train)
    model = text.build_text_cct(len(letters) + 2, LENGTH, len(data.class_names), **SIZE, **size)
    text.compile_text_cct(model, epochs * (len(data.x_train) // BATCH + 1))
    x = encoded(data.x_train, letters, LENGTH, padding_seen)
    history = model.fit(x, data.y_train, batch_size=BATCH, epochs=epochs, verbose=0).history
    run = {"parameters": model.count_params(), "train_top1": history["accuracy"][-1]}
    usual = answers_at(model, data.x_test, letters, LENGTH, padding_seen, size)
    run["test_top1"] = np.mean(usual == data.y_test)
    for name, length in (("no_padding", 0), ("2_times", 2 * LENGTH), ("4_times", 4 * LENGTH)):
        answers = answers_at(model, data.x_test, letters, length, padding_seen, size)
        run[f"test_top1_{name}"] = np.mean(answers == data.y_test)
        run[f"changed_{name}"] = np.mean(answers != usual)
    run["test_names_cut"] = sum(len(name) > LENGTH for name in data.x_test)
    return run


def main():
    """Make the runs that the record does not have yet."""
    command = "python notebooks/scripts/text_runs.py; the seed sets the split, the weights and the order"
    names = f"names in {len(text.load_names().class_names)} languages, CLDR of babel {version('babel')}"
    settings = {"max_length": LENGTH, "batch_size": BATCH, **SIZE, "kinds": KINDS}
    record = records.begun(NAME, command, data=names, settings=settings)
    done = {(run["kind"], run["seed"]) for run in record["runs"]}
    for kind in ["n-grams", *KINDS]:
        for seed in SEEDS:
            if (kind, seed) in done:
                continue
            data = text.load_names(seed=seed)
            started = time.perf_counter(), time.process_time()
            if kind == "n-grams":
                model = n_grams().fit(data.x_train, data.y_train)
                run = {"parameters": int(model[-1].coef_.size), "test_top1": model.score(data.x_test, data.y_test)}
                run["train_top1"] = model.score(data.x_train, data.y_train)
            else:
                run = train_cct(data, seed, **KINDS[kind])
            run["made_in_seconds"] = time.perf_counter() - started[0]
            run["cpu_seconds"] = time.process_time() - started[1]
            rounded = {name: value if isinstance(value, int) else round(float(value), 4) for name, value in run.items()}
            sizes = {"train_names": len(data.x_train), "test_names": len(data.x_test)}
            record["runs"].append({"kind": kind, "seed": seed, **sizes, **rounded})
            records.write(RECORD, record)
            print(record["runs"][-1], flush=True)


if __name__ == "__main__":
    main()
