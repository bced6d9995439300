"""File structure of a PDF: numbered objects, then a table of their offsets (ISO 32000-1, 7.5)."""

from __future__ import annotations

from typing import BinaryIO


class PdfObjects:
    """Writer of PDF objects to a binary stream."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.offsets: list[int] = []
        # The second line tells transfer programs that the file is binary.
        self.file.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")

    def reserve(self) -> int:
        """Reserve the number of an object that is written later."""
        self.offsets.append(0)
        return len(self.offsets)

    def dictionary(self, fields: dict[str, str], *, number: int | None = None) -> int:
        """Write a dictionary of values in PDF notation; returns its number."""
        return self._object(_dictionary(fields).encode("ascii"), number)

    def stream(self, data: bytes, fields: dict[str, str]) -> int:
        """Write a stream of bytes with the dictionary `fields`; returns its number."""
        head = _dictionary({**fields, "Length": str(len(data))})
        return self._object(b"%s\nstream\n%s\nendstream" % (head.encode("ascii"), data), None)

    def finish(self, *, root: int, info: int) -> None:
        """Write the table of objects; `root` and `info` are the numbers of the catalog and of the description."""
        start = self.file.tell()
        rows = "".join(f"{offset:010d} 00000 n \n" for offset in self.offsets)
        table = f"xref\n0 {len(self.offsets) + 1}\n0000000000 65535 f \n{rows}"
        trailer = {"Size": str(len(self.offsets) + 1), "Root": f"{root} 0 R", "Info": f"{info} 0 R"}
        self.file.write(
            f"{table}trailer\n{_dictionary(trailer)}\nstartxref\n{start}\n%%EOF\n".encode("ascii")
        )

    def _object(self, body: bytes, number: int | None) -> int:
        number = number or self.reserve()
        self.offsets[number - 1] = self.file.tell()
        self.file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        return number


def text_value(text: str) -> str:
    """Encode a text in PDF notation: UTF-16 with a byte order mark, in hexadecimal."""
    return f"<FEFF{text.encode('utf-16-be', errors='replace').hex().upper()}>"


def _dictionary(fields: dict[str, str]) -> str:
    return f"<< {' '.join(f'/{key} {value}' for key, value in fields.items())} >>"
