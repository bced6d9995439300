"""Small PDFs."""

from pathlib import Path

import pypdf

from ocr.output.pdf_objects import PdfObjects


def write_pdf(path: Path, contents: list[str], *, box="0 0 144 72", page_fields=None) -> Path:
    """A PDF with a page for each of `contents`, operators that may use the font /F."""
    with open(path, "wb") as stream:
        objects = PdfObjects(stream)
        tree = objects.reserve()
        font = objects.dictionary({"Type": "/Font", "Subtype": "/Type1", "BaseFont": "/Helvetica"})
        kids = []
        for content in contents:
            fields = {
                "Type": "/Page",
                "Parent": f"{tree} 0 R",
                "MediaBox": f"[{box}]",
                "Resources": f"<< /Font << /F {font} 0 R >> >>",
                "Contents": f"{objects.stream(content.encode('latin-1'), {})} 0 R",
            }
            kids.append(f"{objects.dictionary({**fields, **(page_fields or {})})} 0 R")
        pages = {"Type": "/Pages", "Kids": f"[{' '.join(kids)}]", "Count": str(len(kids))}
        objects.dictionary(pages, number=tree)
        root = objects.dictionary({"Type": "/Catalog", "Pages": f"{tree} 0 R"})
        objects.finish(root=root, info=root)
    return path


def shade(grey: float) -> str:
    return f"{grey} g 0 0 144 72 re f"


def encrypted(path: Path) -> Path:
    writer = pypdf.PdfWriter(clone_from=write_pdf(path, [shade(0)]))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(path)
    return path
