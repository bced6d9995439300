import subprocess
import sys


def test_reading_does_not_import_training_libraries():
    """Each of these costs seconds at every start of the reader."""
    code = (
        "import sys, ocr.inference.reader\n"
        "heavy = {'timm', 'lightning', 'datasets', 'hydra', 'torchvision', 'torch._dynamo', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_alone_is_cheap():
    """Importing `ocr` for its errors or version must not load PyTorch; `Reader` comes on first use."""
    code = "import sys, ocr; print('torch' in sys.modules, 'Reader' in ocr.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
