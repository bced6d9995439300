"""PDFs are drawn in a process of their own: what hangs, crashes or fills the memory costs its page."""

import os
import signal
import threading

import pytest

from ocr.errors import ConfigError, ImageError
from ocr.image import pdf
from ocr.image.headers import page_sizes
from ocr.image.io import open_pages
from ocr.image.page_image import PdfLimits
from ocr.output.pdf_objects import PdfObjects
from tests.helpers.pdf import shade, write_pdf


def nested_forms(path, *, depth: int = 8, times: int = 16, pages: int = 2):
    """Kilobytes that take years: each form draws the next one many times. The last page is a plain one."""
    with open(path, "wb") as stream:
        objects = PdfObjects(stream)
        tree = objects.reserve()
        form = {"Type": "/XObject", "Subtype": "/Form", "BBox": "[0 0 100 100]"}
        inner = objects.stream(b"0 0 9 9 re f", form)
        for _ in range(depth):
            resources = {"Resources": f"<< /XObject << /X {inner} 0 R >> >>"}
            inner = objects.stream(b"/X Do " * times, {**form, **resources})
        kids = []
        for content in [b"/X Do"] * (pages - 1) + [b"0.5 g 0 0 100 100 re f"]:
            fields = {
                "Type": "/Page",
                "Parent": f"{tree} 0 R",
                "MediaBox": "[0 0 100 100]",
                "Resources": f"<< /XObject << /X {inner} 0 R >> >>",
                "Contents": f"{objects.stream(content, {})} 0 R",
            }
            kids.append(f"{objects.dictionary(fields)} 0 R")
        objects.dictionary(
            {"Type": "/Pages", "Kids": f"[{' '.join(kids)}]", "Count": str(len(kids))}, number=tree
        )
        root = objects.dictionary({"Type": "/Catalog", "Pages": f"{tree} 0 R"})
        objects.finish(root=root, info=root)
    return path


@pytest.mark.slow
def test_a_page_that_never_ends_costs_itself(tmp_path):
    path = nested_forms(tmp_path / "bomb.pdf")
    problems = []
    limits = PdfLimits(seconds=2)
    (page,) = open_pages(path, on_error=problems.append, pdf_limits=limits)
    assert page.number == 2 and page.pixels.mean() == pytest.approx(127.5, abs=1)
    assert [str(problem) for problem in problems] == [f"{path}, page 1: takes longer than 2 s to draw"]
    with pytest.raises(ImageError, match="page 1: takes longer than 2 s"):
        next(open_pages(path, pdf_limits=limits))
    assert page_sizes(path) == [(0, 0)] * 2, "and the next document is opened by a new process"


@pytest.mark.slow
def test_a_document_of_such_pages_is_given_up(tmp_path):
    path = nested_forms(tmp_path / "bomb.pdf", pages=9)
    problems = []
    assert not list(open_pages(path, on_error=problems.append, pdf_limits=PdfLimits(seconds=0.8)))
    assert len(problems) == 4
    assert str(problems[-1]) == f"{path}: given up after page 3, 6 pages are left"


@pytest.mark.skipif(os.name != "posix", reason="memory is limited by POSIX systems")
def test_a_page_that_fills_the_memory_costs_itself(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", [shade(0.2), shade(0.8)], box="0 0 3600 3600")
    problems = []
    limits = PdfLimits(megabytes=256)
    assert not list(open_pages(path, dpi=200, on_error=problems.append, pdf_limits=limits))
    assert len(problems) == 2
    assert all("needs more than 256 MB" in str(problem) or "damaged" in str(problem) for problem in problems)
    assert [page.number for page in open_pages(path, dpi=20)] == [1, 2]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")
def test_a_crash_of_the_library_costs_its_page(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", [shade(value / 10) for value in range(5)])
    problems = []
    numbers = []
    for page in open_pages(path, dpi=20, on_error=problems.append):
        numbers.append(page.number)
        if page.number == 2:
            child = next(item for item in _children() if item.process.poll() is None)
            os.kill(child.process.pid, signal.SIGSEGV)
    assert numbers == [1, 2, 4, 5] or numbers == [1, 2, 3, 4, 5]
    assert all("page 3: cannot be drawn" in str(problem) for problem in problems)


def _children():
    import gc

    return [item for item in gc.get_objects() if isinstance(item, pdf._Child)]


def test_documents_share_a_process_and_may_be_read_side_by_side(tmp_path):
    paths = [write_pdf(tmp_path / f"{name}.pdf", [shade(0.2), shade(0.8)]) for name in "ab"]
    list(open_pages(paths[0], dpi=20))
    (first,) = pdf._idle
    list(open_pages(paths[1], dpi=20))
    assert pdf._idle == [first]
    both = zip(open_pages(paths[0], dpi=20), open_pages(paths[1], dpi=20), strict=True)
    assert [(a.number, b.number) for a, b in both] == [(1, 1), (2, 2)]
    found = []
    threads = [
        threading.Thread(target=lambda path=path: found.extend(open_pages(path, dpi=20)))
        for path in paths * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8


def test_leaving_a_document_early_leaves_the_process_usable(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", [shade(0.2)] * 5)
    assert next(open_pages(path, dpi=20)).number == 1
    assert len(list(open_pages(path, dpi=20))) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks of POSIX systems")
def test_both_sides_of_a_fork_read(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", [shade(0.2)] * 3)
    pages = open_pages(path, dpi=20)
    next(pages)
    child = os.fork()
    if child == 0:
        os._exit(0 if [page.number for page in pages] == [2, 3] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [page.number for page in pages] == [2, 3]


@pytest.mark.parametrize("values", [{"seconds": 0}, {"seconds": float("nan")}, {"megabytes": 5}])
def test_limits_that_leave_no_room_are_refused(values):
    with pytest.raises(ConfigError, match="pdf limits"):
        PdfLimits(**values)
