"""What the live model costs, and that it computes what Keras computes: a record by one command.

    python notebooks/scripts/live_speed.py CIFAR10.npz                  # all of it
    python notebooks/scripts/live_speed.py CIFAR10.npz --only speed     # or "price": the other part stays as it was

CIFAR10.npz has Keras's keys (x_test, y_test). Writes notebooks/results/00_live_model.json when both parts are there;
until then a file .begun beside it keeps the one that is. A part of other code or of another machine is dropped. About
ten minutes on two quiet cores; timings count only on a machine that does nothing else.

price: accuracy of every shipped model with its own weights, with weights of 16 bits, and with those that a page gets,
rounded to 8 bits.
speed: in a headless Chromium, for a page of each model: its bytes; the largest difference of its logits from Keras's;
the longest task while it loads; one pass, of WebAssembly and of plain JavaScript; and, for strokes of a real pointer,
the time from the event to the end of the frame that shows the answer. Beside it onnxruntime-web (wasm, one thread) on
the course's own ONNX export of the same model, in the same browser. Needs playwright, Chromium, tf2onnx, and npm with
a network, or its cache, for onnxruntime-web.
"""

import argparse
import datetime
import functools
import http.server
import json
import shutil
import statistics
import tempfile
import threading
from pathlib import Path

import numpy as np
import records
from live_kernel import install_from_npm

import cct_helpers as cct
from cct_helpers.explorer import live_model, rounded
from cct_helpers.topics import export
from tests.support.browser import launched

NAME = "00_live_model"
RECORD = records.RESULTS / f"{NAME}.json"
COMMAND = "python notebooks/scripts/live_speed.py CIFAR10.npz"
LIMITS = {  # what was asked for, in milliseconds from the event to the painted frame
    "cct_2_3x2_32_cifar10": 16,
    "cct_2_3x2_16_digits": 8,
    "cct_7_3x1_32_cifar10": 150,
}
ONNX_RUNTIME = "onnxruntime-web@1.30.0"
MODELS = ("cct_2_3x2_32_cifar10", "cct_2_3x2_16_digits", "cvt_2_4_32_cifar10", "vit_lite_2_4_32_cifar10")
LARGE = "cct_7_3x1_32_cifar10"
PASSES, STROKES, COMPARED, FEW = 100, 150, 16, 1000

# The longest task of the page until its first answer; asked for before the page begins.
LONGEST_TASK = """window.longest = 0;
new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
}).observe({ entryTypes: ['longtask'] });"""

TIME_PASSES = """async ([count, useKernel]) => {
    const bytes = useKernel ? decoded(byId('kernel').textContent) : null;
    const model = newModel(meta.models[0], weightsOf[0], newKernel(bytes));
    for (const _ of model.prepare());
    model.pixels.set(seen);
    const times = [];
    for (let i = 0; i < count; i++) {
        await pause();
        const start = performance.now();
        for (const _ of model.pass());
        times.push(performance.now() - start);
    }
    return times;
}"""

LOGITS = """async (images) => images.map((pixels) => {
    models[0].pixels.set(pixels);
    for (const _ of models[0].pass());
    return [...models[0].logits()];
})"""

# From a move of the pointer to the end of the frame that shows the answer to it, which a slow model gives some frames
# later. A message that is sent from within a frame arrives when the frame has been painted.
WATCH_STROKES = """() => {
    window.strokes = [];
    let waiting = [], computed = 0, inFrame = false;
    const plainWork = work, plainPaint = paint;
    window.addEventListener('pointermove', () => {
        waiting.push({ start: performance.now(), goal: wanted + 1 });
    }, true);
    work = () => {
        computed = wanted;
        inFrame = true;
        plainWork();
        inFrame = false;
    };
    paint = () => {
        plainPaint();
        const answered = waiting.filter(({ goal }) => goal <= computed);
        waiting = waiting.filter(({ goal }) => goal > computed);
        const note = () => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => {
                for (const { start } of answered) window.strokes.push(performance.now() - start);
            };
            channel.port2.postMessage(null);
        };
        if (inFrame) note(); else requestAnimationFrame(note);
    };
}"""

ONNX_PAGE = """<!doctype html><script type="module">
import * as ort from './ort.wasm.min.mjs';
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create('./model.onnx', { executionProviders: ['wasm'] });
window.run = async (count, shape) => {
    const pixels = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i * 37 % 256), times = [];
    for (let i = 0; i < count; i++) {
        const start = performance.now();
        const images = new ort.Tensor('float32', pixels, [1, ...shape]);
        await session.run({ images });
        times.push(performance.now() - start);
    }
    return times;
};
</script>"""


def summary(times):
    """Median and 95th percentile of milliseconds, the first tenth left out: the browser compiles on the way."""
    times = times[len(times) // 10 :]
    return {"median_ms": round(statistics.median(times), 2), "p95_ms": round(float(np.quantile(times, 0.95)), 2)}


def give_weights(model, change):
    """Give each matrix of a model (not its biases and norms) the numbers that `change` makes of it."""
    for variable in model.trainable_weights:
        if len(variable.shape) > 1:
            variable.assign(change(variable.numpy()))
    return model


def in_8_bits(weights):
    """Weights as a page gets them."""
    codes, factors = rounded(weights)
    return (codes * factors).reshape(weights.shape)


def price_of(name, images, labels):
    """Right answers with the model's own weights, with weights of 16 bits, and with those of a page."""
    changes = {
        "float32": lambda weights: weights,
        "float16": lambda weights: weights.astype("float16"),
        "8 bits": in_8_bits,
    }
    answers = {
        kind: cct.predict(give_weights(cct.load_pretrained(name), change), images).argmax(axis=1)
        for kind, change in changes.items()
    }
    card = cct.load_pretrained(name).card
    result = {"images": len(labels), "card_top1": card["test_top1"], "sha256": card["sha256"]}
    for kind, said in answers.items():
        result[kind] = {
            "top1": float((said == labels).mean()),
            f"top1_of_first_{FEW}": float((said == labels)[:FEW].mean()),
        }
        result[kind]["other_answers_than_float32"] = int((said != answers["float32"]).sum())
    return result


def prices(path):
    """The price of packing for every shipped model. `path`: an .npz with CIFAR-10's test images."""
    with np.load(path) as arrays:
        images, labels = arrays["x_test"], np.ravel(arrays["y_test"])
    digits, result = cct.load_dataset("digits"), {}
    for name in (*MODELS, LARGE):
        count = FEW if name == LARGE else len(labels)  # thirty times the work
        own = (digits.x_test, digits.y_test) if name.endswith("digits") else (images[:count], labels[:count])
        result[name] = price_of(name, *own)
        print(name, json.dumps(result[name]), flush=True)
    return result


def difference_from_keras(frame, name):
    """The largest difference of the page's logits from Keras's, for noise, with the weights as sent."""
    model = give_weights(cct.load_pretrained(name), in_8_bits)
    images = np.random.default_rng(0).integers(0, 256, (COMPARED, *model.input_shape[1:])).astype("float32")
    logits = frame.evaluate(LOGITS, images.reshape(COMPARED, -1).tolist())
    return float(np.abs(logits - cct.predict(model, images)).max())


def time_page(browser, name, folder):
    """Bytes, longest task, passes and strokes of the page of one model."""
    html = live_model(cct.load_pretrained(name))
    path = Path(folder, f"{name}.html")
    path.write_text("<!doctype html><meta charset='utf-8'>" + html, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.add_init_script(LONGEST_TASK)
    page.goto(path.as_uri())
    frame = page.locator("iframe").element_handle().content_frame()
    frame.locator("#live").wait_for(state="visible")
    frame.wait_for_function("() => seen && !working && !asked")
    page.wait_for_timeout(500)
    result = {"page_bytes": len(html.encode()), "longest_task_ms": round(frame.evaluate("window.longest"), 1)}
    frame.evaluate(WATCH_STROKES)
    box = frame.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    for i in range(STROKES if name != LARGE else 30):
        place = box["x"] + 20 + 2 * (i % 120), box["y"] + 40 + 200 * ((i * 7) % 31) / 31
        page.mouse.move(*place)
        page.wait_for_timeout(40 if name != LARGE else 700)
    page.mouse.up()
    page.wait_for_timeout(500)
    result["stroke_to_paint"] = summary(frame.evaluate("window.strokes"))
    result["strokes"] = len(frame.evaluate("window.strokes"))
    result["limit_ms"] = LIMITS.get(name)
    count = PASSES if name != LARGE else 20
    result["pass"] = summary(frame.evaluate(TIME_PASSES, [count, True]))
    result["pass_in_javascript"] = summary(frame.evaluate(TIME_PASSES, [count // 2, False]))
    result["largest_difference_from_keras"] = difference_from_keras(frame, name)
    page.close()
    return result


def installed_runtime(folder):
    """onnxruntime-web's files, installed by npm below `folder`: their folder."""
    install_from_npm(ONNX_RUNTIME, folder)
    return Path(folder, "node_modules", "onnxruntime-web", "dist")


def time_runtime(browser, name, dist, folder):
    """One pass of onnxruntime-web on the course's own export of a model, and the bytes that it needs for it."""
    model = cct.load_pretrained(name)
    site = Path(folder, f"onnx_{name}")
    site.mkdir()
    export.export(model, site / "model.onnx")
    files = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]
    for file in files:
        shutil.copyfile(dist / file, site / file)
    (site / "index.html").write_text(ONNX_PAGE, encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
            ".mjs": "text/javascript",
            ".wasm": "application/wasm",
        }

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("() => window.run")
        count = PASSES if name != LARGE else 20
        times = page.evaluate("([count, shape]) => window.run(count, shape)", [count, list(model.input_shape[1:])])
        page.close()
    finally:
        server.shutdown()
    needed = sum((site / file).stat().st_size for file in files)
    return {"pass": summary(times), "runtime_bytes": needed, "model_bytes": (site / "model.onnx").stat().st_size}


def speeds():
    """Pages and runtime, turn by turn in one browser."""
    result = {}
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        dist = installed_runtime(folder)
        for name in (*MODELS, LARGE):
            result[name] = {
                "live_model": time_page(browser, name, folder),
                "onnxruntime-web": time_runtime(browser, name, dist, folder),
            }
            print(name, json.dumps(result[name]), flush=True)
        result["browser"] = f"Chromium {browser.version}, headless"
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cifar10", type=Path, help=".npz with x_test and y_test of CIFAR-10")
    parser.add_argument("--only", choices=["price", "speed"])
    options = parser.parse_args()
    machine = records.machine()
    head = {"command": COMMAND, "fingerprint": records.fingerprint(NAME), "date": str(datetime.date.today())}
    record = head | records.kept(NAME, RECORD, machine=machine) | {"date": head["date"], "machine": machine}
    kernel = records.ROOT / "cct_helpers" / "live_kernel.wasm"
    record |= {"kernel_bytes": kernel.stat().st_size, "onnxruntime-web": ONNX_RUNTIME.split("@")[1]}
    parts = {"price": lambda: prices(options.cifar10), "speed": speeds}
    for part, measure in parts.items():
        if options.only in (None, part):
            record[part] = measure()
            records.keep(record, RECORD, whole=parts.keys() <= record.keys())
    if missing := parts.keys() - record.keys():
        print(f"The record is not whole yet: run it with --only {missing.pop()} as well.")


if __name__ == "__main__":
    main()
