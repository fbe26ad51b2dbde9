"""Files from strangers: each test makes an attack and sees it refused, with nothing run and nothing written.

Links and decompression bombs in folders of images are in test_own_images.py, markup in the explorer's page is in
test_explorer.py.
"""

import argparse
import ast
import html
import importlib.util
import io
import json
import pathlib
import pickle
import subprocess
import sys
import tarfile
import zipfile

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers import weights
from tests.support import tiny_run

ROOT = pathlib.Path(__file__).parents[1]
PYTORCH = importlib.util.find_spec("torch") is not None
TORCH_ENDINGS = ("pth", "pt", "bin", "tar", "ckpt") if PYTORCH else ()


class Payload:
    """An object whose unpickling writes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


@pytest.fixture
def target(tmp_path):
    """The file that an attack tries to write. The attack has failed only if it is not there in the end."""
    path = tmp_path / "attacked"
    yield path
    assert not path.exists(), "the attack ran"


def hostile_npz(target, **arrays):
    buffer = io.BytesIO()
    payload = np.array([Payload(target)], dtype=object)
    np.savez(buffer, **{**dict.fromkeys(("x_train", "weights", "run", "state_0"), payload), **arrays})
    return buffer.getvalue()


def hostile_pth(target):
    """The layout that torch.save writes today: a zip archive around a pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": Payload(target)}, protocol=2))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def hostile_old_pth(target):
    """The layout before PyTorch 1.6: pickles one after another, no archive."""
    magic, protocol, system = 0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}
    return b"".join(pickle.dumps(part, protocol=2) for part in (magic, protocol, system, {"w": Payload(target)}, []))


def hostile_namespace(target):
    """The authors' layout, whose settings hold the payload: the Namespace is let through, what is in it is not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        saved = {"state_dict": {}, "args": argparse.Namespace(lr=0.1, model=Payload(target))}
        archive.writestr("archive/data.pkl", pickle.dumps(saved, protocol=2))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def hostile_global(target):
    """A pickle that gets hold of a function through an attribute of the module argparse."""
    code = b"cargparse\n_sys.modules\n(S'os'\ntR."
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", code)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def hostile_tar(target):
    """The oldest layout of PyTorch, a tar archive, with a member that would leave the folder it is unpacked to."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("storages", "tensors", "pickle", f"..{target}", f"../../../..{target}"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return buffer.getvalue()


def test_the_payload_works_where_it_is_let_in(tmp_path):
    path = tmp_path / "proof"
    np.load(io.BytesIO(hostile_npz(path)), allow_pickle=True)["weights"]
    assert path.exists()
    path.unlink()
    pickle.loads(pickle.dumps(Payload(path)))
    assert path.exists()


# Nothing is unpickled


def test_a_dataset_with_a_payload_is_refused(tmp_path, target):
    (tmp_path / "data.npz").write_bytes(hostile_npz(target))
    with pytest.raises(ValueError, match="can't be read as an .npz of plain arrays, without Python objects"):
        cct.load_dataset(tmp_path / "data.npz")


def test_class_names_with_a_payload_are_refused(tmp_path, target):
    images, labels = np.zeros((40, 8, 8), "uint8"), np.arange(40) % 2
    parts = dict(x_train=images, y_train=labels, x_test=images, y_test=labels)
    (tmp_path / "data.npz").write_bytes(hostile_npz(target, **parts, class_names=np.array([Payload(target)] * 2)))
    with pytest.raises(ValueError, match="without Python objects"):
        cct.load_dataset(tmp_path / "data.npz")


def test_a_checkpoint_with_a_payload_is_refused(tmp_path, target):
    (tmp_path / "checkpoint.npz").write_bytes(hostile_npz(target))
    with pytest.raises(ValueError, match="checkpoint.npz is damaged .*delete it to start again"):
        tiny_run.run(tmp_path)


ATTACKS = {
    "npz": hostile_npz,
    "safetensors": hostile_pth,
    **{ending: hostile_pth for ending in TORCH_ENDINGS},
    **{f"namespace.{ending}": hostile_namespace for ending in TORCH_ENDINGS},
    **{f"global.{ending}": hostile_global for ending in TORCH_ENDINGS},
    **{f"old.{ending}": hostile_old_pth for ending in TORCH_ENDINGS},
    **{f"oldest.{ending}": hostile_tar for ending in TORCH_ENDINGS},
}


@pytest.mark.parametrize("ending", ATTACKS)
def test_weights_with_a_payload_are_refused(tmp_path, target, ending):
    path = tmp_path / f"weights.{ending}"
    path.write_bytes(ATTACKS[ending](target))
    with pytest.raises(ValueError, match="could not be read as weights"):
        weights.read_state_dict(path)


FORBIDDEN = {"eval", "exec", "Unpickler", "unpack_archive", "extractall", "enable_unsafe_deserialization"}


def calls(path):
    """(name of what is called, its keywords as source) for every call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


@pytest.mark.parametrize("path", sorted((ROOT / "cct_helpers").glob("*.py")), ids=lambda path: path.stem)
def test_no_module_lets_code_in(path):
    for name, words in calls(path):
        assert name.split(".")[-1] not in FORBIDDEN and not name.startswith(("pickle.", "marshal.", "os.system")), name
        assert words.get("safe_mode", "True") == "True" and words.get("shell", "False") == "False", name
        if name == "np.load":
            assert words["allow_pickle"] == "False"
        if name == "torch.load":
            assert words["weights_only"] == "True"


# Models in Keras's own format


def lambda_model(target):
    layer = keras.layers.Lambda(eval(f"lambda x: (open({str(target)!r}, 'w'), x)[1]"), output_shape=(2,))
    return keras.Sequential([keras.Input((2,)), layer])


def changed_archive(path, change):
    """Replace members of a .keras archive by what `change` makes of {name: bytes}."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in change(members).items():
            archive.writestr(name, content)


def test_a_model_with_a_function_in_it_is_refused(tmp_path, target):
    lambda_model(target).save(tmp_path / "model.keras")
    target.unlink(missing_ok=True)  # building it may have called the function
    with pytest.raises(ValueError, match="(?i)lambda.*unsafe|unsafe.*lambda|safe_mode"):
        keras.models.load_model(tmp_path / "model.keras")


def test_a_model_that_names_a_function_of_the_system_is_refused(tmp_path, target):
    def hostile(members):
        config = json.loads(members["config.json"])
        call = {"module": "os", "class_name": "system", "config": f"touch {target}", "registered_name": None}
        config["config"]["layers"][1] |= call
        return {**members, "config.json": json.dumps(config)}

    tiny_run.model().save(tmp_path / "model.keras")
    changed_archive(tmp_path / "model.keras", hostile)
    with pytest.raises((TypeError, ValueError), match="system"):
        keras.models.load_model(tmp_path / "model.keras")


def test_a_model_whose_archive_leaves_its_folder_writes_nothing(tmp_path, target):
    path = tmp_path / "model.keras"
    tiny_run.model().save(path)
    changed_archive(path, lambda members: {**members, f"../{target.name}": b"x", f"assets/../../{target.name}": b"x"})
    before = sorted(tmp_path.iterdir())
    try:
        keras.models.load_model(path)
    except (ValueError, AttributeError):
        pass  # a version of Keras may refuse what another ignores; 3.12 stumbles over the words of its own warning
    assert sorted(tmp_path.iterdir()) == before


# Names and sizes that lie


def test_an_npz_whose_members_leave_its_folder_writes_nothing(tmp_path, target):
    folder = tmp_path / "inner"
    folder.mkdir()
    np.savez(folder / "data.npz", **{f"../{target.name}": np.zeros(3)})
    with pytest.raises(ValueError, match="lacks x_train, y_train"):
        cct.load_dataset(folder / "data.npz")
    with pytest.raises(ValueError, match="do not fit"):
        cct.load_reference_weights(tiny_run.model(), folder / "data.npz")
    assert [path.name for path in folder.iterdir()] == ["data.npz"]


def test_an_npz_that_claims_a_petabyte_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**15, 1, 1)})
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        for key in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{key}.npy", header.getvalue())
    with pytest.raises(ValueError, match="can't be read as an .npz"):
        cct.load_dataset(tmp_path / "data.npz")
    with pytest.raises(ValueError, match="could not be read as weights"):
        weights.read_state_dict(tmp_path / "data.npz")


@pytest.mark.parametrize("name", ["../weights/cvt_2_4_32_cifar10", "/etc/passwd", "..", "", "*"])
def test_a_name_cannot_lead_out_of_the_shipped_weights(name):
    with pytest.raises(ValueError, match="There is no shipped model"):
        cct.load_pretrained(name)


def test_names_from_files_stay_text_in_the_explorer(tmp_path):
    """From the class names of a data set, through the explorer, into the page."""
    nasty = "</script><img src=x onerror=alert(1)>\"'&"
    images, labels = np.zeros((40, 8, 8, 1), "uint8"), np.arange(40) % 4
    parts = dict(x_train=images, y_train=labels, x_test=images, y_test=labels)
    np.savez(tmp_path / "data.npz", **parts, class_names=[nasty, "b", "c", "d"])
    data = cct.load_dataset(tmp_path / "data.npz")
    model = tiny_run.model()
    model.name = nasty.replace("/", "")  # which Keras refuses in a name
    text = cct.attention_explorer(model, data.x_test[0], data.class_names)
    assert data.class_names[0] == nasty and "<img" not in text and "<script" not in text
    page = html.unescape(text.split('srcdoc="')[1].split('"')[0])
    assert "alert(1)" in page and "<img" not in page and page.count("</script>") == page.count("<script")


# Privacy

OFFLINE = """
import socket
def refused(*arguments, **options):
    raise AssertionError(f"the network was asked for {arguments}")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refused
import cct_helpers as cct
cct.setup()
data = cct.load_dataset()
model = cct.load_pretrained("cct_2_3x2_32_cifar10")
cct.attention_explorer(model, data.x_test[0].repeat(3, axis=2).repeat(2, 0).repeat(2, 1))
print(data.name)
"""


@pytest.mark.whole
def test_nothing_is_sent_or_fetched_unasked():
    done = subprocess.run([sys.executable, "-c", OFFLINE], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "digits"
