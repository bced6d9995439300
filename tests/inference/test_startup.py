import subprocess
import sys

import pytest


@pytest.mark.slow
def test_reading_does_not_import_training_libraries():
    """Each of these costs seconds at every start of the reader."""
    code = (
        "import sys, ocr.inference.reader\n"
        "from ocr.bundle import Bundle\n"
        "Bundle.load('ocr_small_handwritten')\n"
        "heavy = {'timm', 'lightning', 'datasets', 'hydra', 'torchvision', 'torch._dynamo', 'sympy', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], ("torch", "numpy", "hydra", "omegaconf")),
        (["read", "--help"], ("torch", "numpy", "hydra", "omegaconf")),
        (["read", "input=x", "width=wide"], ("torch", "hydra", "omegaconf")),
        (["read", "input=there/is/none.jpg"], ("torch", "hydra", "omegaconf")),
    ],
)
def test_help_and_wrong_options_come_before_large_libraries(arguments, unwanted):
    """Those who only ask, or err, wait for none of the libraries that reading takes."""
    code = (
        f"import sys; from ocr.commands import main; main({arguments})\n"
        f"print('\\nloaded', *(set({unwanted}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded"


def test_the_package_alone_is_cheap():
    """Importing `ocr` for its errors or version must not load PyTorch; `Reader` comes on first use."""
    code = "import sys, ocr; print('torch' in sys.modules, 'Reader' in ocr.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
