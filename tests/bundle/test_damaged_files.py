"""Each file of a bundle, damaged at any place, is noticed before the bundle is used."""

import numpy as np
import pytest

from ocr.bundle import Bundle
from ocr.errors import BundleError


@pytest.mark.parametrize("count", [1, 100])
def test_every_damaged_byte_of_the_weights_is_noticed(tiny_recognizer, tmp_path, count):
    weights = (tiny_recognizer / "model.safetensors").read_bytes()
    (tmp_path / "bundle.json").write_bytes((tiny_recognizer / "bundle.json").read_bytes())
    rng = np.random.default_rng(count)
    for _ in range(100):
        damaged = bytearray(weights)
        for place in rng.integers(0, len(damaged), count):
            damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(BundleError, match=r"model\.safetensors: damaged"):
            Bundle.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert Bundle.load(tmp_path).name == "tiny"


def test_a_lost_end_of_each_file_is_noticed(tiny_recognizer, tmp_path):
    names = sorted(path.name for path in tiny_recognizer.iterdir())
    assert names == ["bundle.json", "model.safetensors"], "there is no file that goes unchecked"
    for cut in names:
        for name in names:
            content = (tiny_recognizer / name).read_bytes()
            (tmp_path / name).write_bytes(content[: len(content) // 2] if name == cut else content)
        with pytest.raises(BundleError, match=cut.replace(".", r"\.")):
            Bundle.load(tmp_path)
