"""The wheel as its users install it: in an environment of its own, away from the checkout."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built offline from the files of the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A folder with a page, a line and labeled lines, and nothing of the checkout."""
    desk = tmp_path_factory.mktemp("desk")
    for name in ("letter.jpg", "line.png"):
        shutil.copy(ROOT / "examples" / name, desk)
    for page in "123":
        (desk / "lines" / page).mkdir(parents=True)
        shutil.copy(desk / "line.png", desk / "lines" / page / "a.png")
        (desk / "lines" / page / "a.gt.txt").write_text("will telephone")
    return desk


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory) -> Path:
    """The commands of an environment with the wheel, whose dependencies are those of the running environment."""
    folder = tmp_path_factory.mktemp("environment") / "env"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    install = ["-m", "pip", "install", "--no-index", "--no-deps", "--quiet", "--disable-pip-version-check"]
    subprocess.run([scripts / "python", *install, wheel], check=True)
    use_packages_of_this_environment(folder)
    return scripts


def use_packages_of_this_environment(folder: Path) -> None:
    """Let an environment find them; a .pth file that leads to the checkout is not read when added like this."""
    packages = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")


ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
ENVIRONMENT |= {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def ocr(scripts, desk):
    """`ocr(*arguments)` runs the installed command in `desk`."""

    def run(*arguments: str, program: str = "ocr") -> str:
        command = [str(scripts / program), *arguments]
        # Spark took 60 to 108 s on two busy cores; the limit only ends what hangs.
        options = {"cwd": desk, "env": ENVIRONMENT, "capture_output": True, "text": True, "timeout": 480}
        done = subprocess.run(command, **options)
        assert done.returncode == 0, f"{arguments}: {done.stderr[-3000:]}"
        return done.stdout

    return run


def test_the_wheel_holds_all_that_is_not_python(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.endswith(".py")}
    for folder in ("ocr", "configs"):
        inside = Path("ocr" if folder == "configs" else ".")
        files = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True)
        expected = {(inside / name).as_posix() for name in files.stdout.split() if not name.endswith(".py")}
        assert expected and expected <= packed


def test_the_steps_of_the_image_run(wheel, tmp_path):
    """All instructions of the Dockerfile but that of apt, in folders of this machine and with packages that are here.

    The image is built from the folder without what .dockerignore names.
    """
    left_out = [line.removeprefix("**/") for line in (ROOT / ".dockerignore").read_text().split()]
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True
    ).stdout.splitlines()
    sent = [name for name in tracked if name.partition("/")[0] not in left_out]
    assert len(sent) < len(tracked)
    for name in sent:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "source" / name)
    pyspark = Path(pytest.importorskip("pyspark").__file__).parent
    spark = tmp_path / "opt" / "spark" / "python"
    shutil.copytree(pyspark / "python" / "lib", spark / "lib")
    (spark / "pyspark").symlink_to(pyspark)

    content = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    content = re.sub(r"(?<![\w./])/(dist|opt|source)\b", rf"{tmp_path}/\1", content)
    build, apt, install, check = re.findall(r"^RUN (?:--mount=\S+)?(.*)$", content, re.M)
    assert "apt-get install" in apt and "python3-venv" in apt
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    run_step(build.partition("&&")[2], tmp_path / "source", PATH=path)
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(next(tmp_path.glob("dist/*.whl"))) as theirs:
        assert sorted(theirs.namelist()) == sorted(ours.namelist())
    run_step(install, tmp_path, PATH=path, PIP_OPTIONS="--no-index --no-deps --quiet")
    use_packages_of_this_environment(tmp_path / "opt" / "reader")
    settings = dict(re.findall(r"(\w+)=(\S+)", re.search(r"^ENV (.*)$", content, re.M)[1]))
    assert Path(settings["PYSPARK_PYTHON"]).is_file()
    run_step(check, tmp_path, **settings | {"PATH": settings["PATH"].replace("$PATH", path)})


def run_step(command: str, folder: Path, **settings: str) -> None:
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=ENVIRONMENT | settings, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_package_comes_from_the_environment(ocr):
    from ocr import __version__

    code = "import ocr, ocr.commands.configs as c; print(ocr.__file__, c.CONFIGS, ocr.__version__)"
    module, configs, version = ocr("-c", code, program="python").split()
    assert str(ROOT) not in module + configs and "env" in module
    assert Path(configs) == Path(module).parent / "configs" and version == __version__


def test_it_says_what_it_can_do(ocr):
    assert "read pages of handwriting" in ocr("--help")
    for command in ("demo", "spark", "train"):
        assert f"ocr {command}" in ocr(command, "--help")


def test_it_reads_a_page_and_lines(ocr, desk):
    assert len(ocr("read", "input=letter.jpg", "decode=ctc").splitlines()) > 10
    report = ["report=report.json", "decode=ctc", "device=cpu"]
    assert "CER" in ocr(
        "evaluate", "bundle=ocr_small_handwritten", "data=folder", "data.images=lines", *report
    )
    assert (desk / "report.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["debug=overfit", "trainer.max_steps=2", "name=tried"],
        ["experiment=adapt", "data.path=lines", "data.steps=[1,1]", "name=tried"],
    ],
    ids=["overfit", "adapt"],
)
def test_it_trains_into_the_working_folder(ocr, desk, arguments):
    shutil.rmtree(desk / "runs", ignore_errors=True)
    ocr("train", *arguments, "threads=1")
    assert (desk / "runs" / "tried" / "bundle" / "bundle.json").exists()


def test_it_serves_the_page(scripts, desk):
    httpx = pytest.importorskip("httpx", reason="httpx is not installed")
    pytest.importorskip("starlette", reason="the extra `demo` is not installed")
    command = [scripts / "ocr", "demo", "--port", "0"]
    with subprocess.Popen(command, cwd=desk, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().split()[1]
            assert "<title>" in httpx.get(address, timeout=60).text
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0


@pytest.mark.spark
def test_it_reads_on_spark(ocr, desk):
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        pytest.skip("there is no Java: Spark needs version 17 or later")
    (desk / "scans").mkdir()
    shutil.copy(desk / "line.png", desk / "scans")
    options = ["--output", "texts", "--detector", "none", "--decode", "ctc", "--master", "local[1]"]
    assert "1 files read, 1 pages, 0 failed" in ocr("spark", "read", "scans", *options)
