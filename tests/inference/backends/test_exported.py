import shutil

import numpy as np
import pytest
import torch

from ocr.bundle import Bundle
from ocr.bundle.files import CHECKSUM
from ocr.bundle.schema import read_description
from ocr.commands import main
from ocr.errors import BundleError, ConfigError
from ocr.inference.backends import exported, recognizer_network
from ocr.inference.backends.export import DECODER, export_bundle
from ocr.inference.backends.exported import ExportedDetector
from ocr.inference.backends.sessions import open_session
from ocr.inference.recognizer import LineReader
from ocr.models.backbones.light import LightUNet
from ocr.models.decoder import TransformerDecoder
from ocr.models.detector import EXTENT_UNIT, Detector, LineRefiner
from ocr.types import ImageBatch

CPU = torch.device("cpu")
BACKENDS = ("onnx", "openvino")
TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module")
def folder(tiny_recognizer, tmp_path_factory):
    """A bundle with its exported networks."""
    output = tmp_path_factory.mktemp("exported")
    assert main(["export", "onnx", str(tiny_recognizer), str(output)]) == 0
    return output / Bundle.load(tiny_recognizer).name


@pytest.fixture(autouse=True)
def single_precision(monkeypatch):
    """Differences are then those of the export, not of rounding to bf16."""
    for module in ("device", "backends.sessions", "backends.torch_networks"):
        monkeypatch.setattr(f"ocr.inference.{module}.has_bfloat16", lambda device: False)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("widths", "columns"), [((40,), 48), ((96, 17, 64), 96)], ids=["one", "padded"])
@torch.inference_mode()
def test_lines_of_any_number_and_width_are_encoded_alike(folder, backend, widths, columns):
    bundle = Bundle.load(folder)
    pixels = torch.rand(len(widths), 1, bundle.parts["preprocess"].height, columns)
    batch = ImageBatch(pixels, torch.tensor(widths))
    network = recognizer_network(bundle, CPU, backend)
    expected, found = bundle.model.encode(batch), network.encode(batch)
    for name in ("features", "lengths", "mask"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), **TOLERANCE)
    torch.testing.assert_close(network.ctc_logits(found), bundle.model.ctc_logits(expected), **TOLERANCE)


@pytest.mark.parametrize("backend", BACKENDS)
def test_lines_are_read_alike(folder, backend):
    lines = [np.random.default_rng(n).integers(0, 255, (40, 90 + 50 * n), np.uint8) for n in range(3)]
    texts = [
        [line.text for line in LineReader(Bundle.load(folder), backend=name).read(lines)]
        for name in ("torch", backend)
    ]
    assert texts[0] == texts[1]


@torch.inference_mode()
def test_pages_of_any_size_give_the_same_maps(tmp_path):
    torch.manual_seed(0)
    backbone = LightUNet(stem=16, widths=(8, 8, 8, 8), depths=(1, 1, 1), dilations=(1,), decoder=(8, 8, 8))
    model = Detector(backbone, LineRefiner(8, hidden=32, dilations=(1,))).eval()
    (path,) = export_bundle(Bundle("detector", "d", model, {}), tmp_path, fingerprint="x")
    for backend in BACKENDS:
        network = ExportedDetector(open_session(path, backend=backend, fingerprint="x"), model)
        for size in ((64, 96), (101, 130), (7, 200)):
            pixels = torch.rand(1, 3, *size)
            expected, found = vars(model(pixels)), vars(network(pixels))
            for name, maps in expected.items():
                # Extents are counted in pixels, the other maps are logits.
                unit = EXTENT_UNIT if name == "extent" else 1
                torch.testing.assert_close(found[name] / unit, maps / unit, **TOLERANCE)


@torch.inference_mode()
def test_a_step_of_the_decoder_continues_from_its_cache(tmp_path):
    from ocr.inference.backends.export import _export_step

    decoder = TransformerDecoder(vocabulary=12, dim=16, depth=1, heads=2, max_length=20).eval()
    session = open_session(
        _export_step(decoder, 16, tmp_path / DECODER, "x"), backend="onnx", fingerprint="x"
    )
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [True] * 6])
    cache = decoder.start(torch.rand(3, 6, 16), mask)
    decoder.step(torch.tensor([1, 1, 1]), cache)
    decoder.step(torch.tensor([2, 3, 4]), cache)
    inputs = {"tokens": np.array([5, 6, 7]), "mask": mask.numpy()}
    for layer, (cross, past) in enumerate(zip(cache.cross, cache.self_, strict=True)):
        for name, tensors in (("cross", cross), ("past", past)):
            inputs |= {
                f"{name}_keys_{layer}": tensors[0].numpy(),
                f"{name}_values_{layer}": tensors[1].numpy(),
            }
    found = session(inputs)
    expected = decoder.step(torch.tensor([5, 6, 7]), cache)
    np.testing.assert_allclose(found["logits"], expected, **TOLERANCE)
    np.testing.assert_allclose(found["next_values_0"], cache.self_[0][1], **TOLERANCE)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_export_of_other_weights_is_refused(folder, tmp_path, backend):
    other = shutil.copytree(folder, tmp_path / "other")
    bundle = Bundle.load(other)
    for parameter in bundle.model.ctc_head.parameters():
        parameter.data += 1
    bundle.save(other)
    assert read_description(other)[CHECKSUM] != read_description(folder)[CHECKSUM]
    with pytest.raises(BundleError, match="exported from other weights"):
        LineReader(Bundle.load(other), backend=backend)


def test_what_cannot_be_run_is_told(folder, tiny_recognizer, tmp_path):
    with pytest.raises(BundleError, match="ocr export onnx"):  # nothing was exported
        LineReader(Bundle.load(tiny_recognizer), backend="onnx")
    with pytest.raises(ConfigError, match="runs on the CPU"):
        recognizer_network(Bundle.load(folder), torch.device("cuda"), "onnx")
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / exported.ENCODER).write_bytes(b"no graph")
    for backend in BACKENDS:
        with pytest.raises(BundleError, match="cannot be loaded"):
            LineReader(Bundle.load(broken), backend=backend)
