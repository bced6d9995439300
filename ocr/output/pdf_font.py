"""Invisible font for the text layer of a PDF, which maps codes to any characters."""

from __future__ import annotations

import io
import zlib
from functools import cache

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from ocr.geometry.rectify import BASELINE_SHARE
from ocr.output.pdf_objects import PdfObjects

ADVANCE = 0.5
"""Width of every glyph, as a share of the font size."""

ASCENT = round(1000 * BASELINE_SHARE)
"""Height above the baseline in thousandths of the size; the rest is below, as in lines of handwriting."""


class InvisibleFont:
    """Font that assigns codes to characters on first use and draws all of them as the same blank glyph."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def encode(self, text: str) -> str:
        """Encode a text as hexadecimal codes for the operator `Tj`."""
        return "".join(f"{self.codes.setdefault(char, len(self.codes) + 1):04X}" for char in text)

    def write(self, objects: PdfObjects, number: int) -> None:
        """Write the font, with all characters that were encoded, as object `number`."""
        descendant = self._write_descendant(objects, _write_descriptor(objects))
        meaning = objects.stream(
            zlib.compress(self._to_unicode().encode("ascii")), {"Filter": "/FlateDecode"}
        )
        objects.dictionary(
            {
                "Type": "/Font",
                "Subtype": "/Type0",
                "BaseFont": "/NoInk",
                "Encoding": "/Identity-H",
                "DescendantFonts": f"[{descendant} 0 R]",
                "ToUnicode": f"{meaning} 0 R",
            },
            number=number,
        )

    def _write_descendant(self, objects: PdfObjects, descriptor: int) -> int:
        """Write the font's codes, all of which stand for one glyph; returns the number of the object."""
        glyphs = objects.stream(zlib.compress(b"\0\1" * (len(self.codes) + 1)), {"Filter": "/FlateDecode"})
        return objects.dictionary(
            {
                "Type": "/Font",
                "Subtype": "/CIDFontType2",
                "BaseFont": "/NoInk",
                "CIDSystemInfo": "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>",
                "FontDescriptor": f"{descriptor} 0 R",
                "DW": f"{1000 * ADVANCE:.0f}",
                "CIDToGIDMap": f"{glyphs} 0 R",
            }
        )

    def _to_unicode(self) -> str:
        """Make a CMap from codes to characters (Adobe Technical Note 5411)."""
        pairs = [
            f"<{code:04X}> <{character.encode('utf-16-be', errors='replace').hex().upper()}>"
            for character, code in self.codes.items()
        ]
        # A block may hold at most a hundred pairs.
        blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
        lines = [
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
            "1 begincodespacerange <0000> <FFFF> endcodespacerange",
            *(line for block in blocks for line in (f"{len(block)} beginbfchar", *block, "endbfchar")),
            "endcmap CMapName currentdict /CMap defineresource pop end end",
        ]
        return "\n".join(lines)


def _write_descriptor(objects: PdfObjects) -> int:
    """Write the sizes and the program of the font; returns the number of the object."""
    program = objects.stream(
        zlib.compress(_program()), {"Filter": "/FlateDecode", "Length1": str(len(_program()))}
    )
    return objects.dictionary(
        {
            "Type": "/FontDescriptor",
            "FontName": "/NoInk",
            "Flags": "4",
            "FontBBox": f"[0 {ASCENT - 1000} {1000 * ADVANCE:.0f} {ASCENT}]",
            "ItalicAngle": "0",
            "Ascent": str(ASCENT),
            "Descent": str(ASCENT - 1000),
            "CapHeight": str(ASCENT),
            "StemV": "80",
            "FontFile2": f"{program} 0 R",
        }
    )


@cache
def _program() -> bytes:
    """Make a TrueType program with a blank glyph, without which viewers reject the font.

    The glyph is a line of zero width from corner to corner: it draws nothing but has an extent, without which PDFium
    ignores words of a single letter.
    """
    builder = FontBuilder(1000, isTTF=True)
    # The same bytes at any time.
    builder.font.recalcTimestamp = False
    builder.font["head"].created = builder.font["head"].modified = 0
    glyphs = [".notdef", "blank"]
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({0x20: "blank"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, ASCENT - 1000))
    pen.lineTo((round(1000 * ADVANCE), ASCENT))
    pen.closePath()
    builder.setupGlyf(dict.fromkeys(glyphs, pen.glyph()))
    builder.setupHorizontalMetrics({glyph: (round(1000 * ADVANCE), 0) for glyph in glyphs})
    builder.setupHorizontalHeader(ascent=ASCENT, descent=ASCENT - 1000)
    builder.setupNameTable({"familyName": "NoInk", "styleName": "Regular", "psName": "NoInk"})
    builder.setupOS2(
        sTypoAscender=ASCENT, sTypoDescender=ASCENT - 1000, usWinAscent=ASCENT, usWinDescent=1000 - ASCENT
    )
    builder.setupPost()
    buffer = io.BytesIO()
    builder.save(buffer)
    return buffer.getvalue()
