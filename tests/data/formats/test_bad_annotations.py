"""One bad item of annotated pages costs itself only, and is named with its reason."""

import numpy as np
import pytest
from PIL import Image

from ocr.commands.to_parquet import main
from ocr.data.formats.alto import AltoLines, alto_pages
from ocr.data.formats.page_xml import PageXmlLines, page_xml_pages
from ocr.data.lines.manifest import ParquetLines
from ocr.errors import DataError

HEAD = '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
BOX = "20,{0} 180,{0} 180,{1} 20,{1}"


def line(name, top, *, coords=None, baseline=True) -> str:
    shape = BOX.format(top, top + 20) if coords is None else coords
    base = f'<Baseline points="20,{top + 14} 180,{top + 14}"/>' if baseline else ""
    return (
        f'<TextLine id="{name}">{f"<Coords points={chr(34)}{shape}{chr(34)}/>" if shape != "-" else ""}{base}'
        f"<TextEquiv><Unicode>text {name}</Unicode></TextEquiv></TextLine>"
    )


def page_xml(content: str, *, image="page.png", size='imageWidth="200" imageHeight="300"') -> str:
    return f'{HEAD}<Page imageFilename="{image}" {size}>{content}</Page></PcGts>'


@pytest.fixture
def folder(tmp_path):
    pixels = np.full((300, 200), 255, np.uint8)
    pixels[50:70, 20:180] = 0
    Image.fromarray(pixels).save(tmp_path / "page.png")
    return tmp_path


def read(folder, content: str, **values):
    (folder / "p.xml").write_text(page_xml(content, **values))
    (annotated,) = page_xml_pages(folder / "p.xml")
    return annotated.page.lines, [str(problem) for problem in annotated.problems]


@pytest.mark.parametrize(
    "content",
    [
        f"<TableRegion id='t'><TableCell id='c'>{line('a', 50)}</TableCell></TableRegion>",
        f"<TableRegion id='t'><TextRegion id='c'>{line('a', 50)}</TextRegion></TableRegion>",
        f"<TextRegion id='r'><TextRegion id='q'>{line('a', 50)}</TextRegion></TextRegion>",
        line("a", 50),
    ],
    ids=["Transkribus' cell", "a cell of the format", "a region in a region", "no region"],
)
def test_lines_are_read_wherever_they_are(folder, content):
    lines, problems = read(folder, content)
    assert [item.text for item in lines] == ["text a"] and not problems


def test_regions_inside_of_a_region_keep_its_place(folder):
    order = '<ReadingOrder><OrderedGroup><RegionRefIndexed index="0" regionRef="t"/></OrderedGroup></ReadingOrder>'
    cells = "".join(f"<TableCell id='c{n}'>{line(f'c{n}', 100 + 40 * n)}</TableCell>" for n in (0, 1))
    content = (
        f"{order}<TextRegion id='r'>{line('r', 50)}</TextRegion><TableRegion id='t'>{cells}</TableRegion>"
    )
    assert [item.id for item in read(folder, content)[0]] == ["c0", "c1", "r"]


@pytest.mark.parametrize("index", ["9" * 5000, "\N{SUPERSCRIPT TWO}", "-1", "x"])
def test_what_is_no_place_in_the_reading_order_is_the_last(folder, index):
    names = "".join(f'<RegionRefIndexed index="{at}" regionRef="{r}"/>' for r, at in (("a", index), ("b", 3)))
    order = f"<ReadingOrder><OrderedGroup>{names}</OrderedGroup></ReadingOrder>"
    regions = "".join(f"<TextRegion id='{r}'>{line(r, 50)}</TextRegion>" for r in "ab")
    assert [item.id for item in read(folder, order + regions)[0]] == ["a", "b"]


@pytest.mark.parametrize("coords", ["-", "", "20,60"], ids=["no Coords", "empty", "a point"])
def test_a_baseline_alone_gets_an_outline(folder, coords):
    content = f"<TextRegion>{line('a', 50, coords=coords)}{line('b', 100)}</TextRegion>"
    lines, problems = read(folder, content)
    assert not problems and [item.id for item in lines] == ["a", "b"]
    left, top = lines[0].polygon.min(axis=0)
    right, bottom = lines[0].polygon.max(axis=0)
    assert (left, right) == (20, 180)
    assert top == pytest.approx(50, abs=2) and bottom == pytest.approx(70, abs=2)


def test_outlines_of_baselines_alone_follow_their_distance(folder):
    content = "".join(line(name, top, coords="-") for name, top in (("a", 50), ("b", 90), ("c", 130)))
    lines, _ = read(folder, f"<TextRegion>{content}</TextRegion>")
    assert [np.ptp(item.polygon[:, 1]) for item in lines] == pytest.approx([28, 28, 28], abs=1)


def test_alto_lines_with_a_baseline_alone_are_read(folder):
    (folder / "a.xml").write_text(
        '<alto><Layout><Page WIDTH="200" HEIGHT="300"><PrintSpace><TextBlock>'
        '<TextLine ID="l" BASELINE="20,64 180,64"><String CONTENT="some text here"/></TextLine>'
        '<TextLine ID="m"><String CONTENT="nowhere"/></TextLine>'
        "</TextBlock></PrintSpace></Page></Layout></alto>"
    )
    (annotated,) = alto_pages(folder / "a.xml")
    assert [item.text for item in annotated.page.lines] == ["some text here"]
    assert len(annotated.problems) == 1 and "'m'" in str(annotated.problems[0])


def test_an_outline_over_the_edge_is_cut(folder):
    lines, problems = read(
        folder, f"<TextRegion>{line('a', 50, coords='-30,50 230,50 230,70 -30,70')}</TextRegion>"
    )
    assert not problems
    assert lines[0].polygon.min() == 0 and lines[0].polygon[:, 0].max() == 200


@pytest.mark.parametrize(
    ("coords", "message"),
    [
        ("300,50 400,50 400,70 300,70", "outside of the page"),
        ("20,50 9000,50 9000,70 20,70", "larger than the page"),
        ("20,50 1e400,50 180,70 20,70", "larger than any page"),
        ("20,50 20,50 20,50", "needs 3 points"),
        ("20,50 180", "odd number"),
        (" ".join("0,0 200,300" for _ in range(500)) + " 20,20", "crosses the page over and over"),
    ],
)
def test_an_impossible_outline_costs_its_line(folder, coords, message):
    lines, problems = read(folder, f"<TextRegion>{line('a', 50, coords=coords)}{line('b', 100)}</TextRegion>")
    assert [item.id for item in lines] == ["b"]
    (problem,) = problems
    assert message in problem and "p.xml: line 'a'" in problem and "\n" not in problem


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "3e8", "0", "-5", "", "many"])
def test_an_impossible_size_of_a_page_is_one_line(folder, value):
    (folder / "p.xml").write_text(page_xml("", size=f'imageWidth="{value}" imageHeight="300"'))
    with pytest.raises(DataError, match=r"p\.xml: ") as caught:
        page_xml_pages(folder / "p.xml")
    assert "\n" not in str(caught.value)


def test_a_line_wider_than_any_page_is_one_line(folder):
    """Straightening it would take 9 GB."""
    (folder / "a.xml").write_text(
        '<alto><Layout><Page WIDTH="200" HEIGHT="300"><TextLine ID="l" HPOS="1" VPOS="1" WIDTH="3e8" HEIGHT="20">'
        '<String CONTENT="a"/></TextLine></Page></Layout></alto>'
    )
    with pytest.raises(DataError, match=r"a\.xml: no transcribed lines.*'l'.*WIDTH='3e8'") as caught:
        AltoLines(folder / "a.xml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["TextLine", "TextRegion", "RegionRef"])
def test_deep_nesting_is_one_line_or_read(folder, name):
    inside = f"<{name}>" * 50_000 + f"</{name}>" * 50_000
    for content in (inside, f"<ReadingOrder>{inside}</ReadingOrder>"):
        (folder / "p.xml").write_text(page_xml(content))
        with pytest.raises(DataError, match=r"p\.xml: ") as caught:
            PageXmlLines(folder / "p.xml")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "other", ["<mets><file/></mets>", "<PcGts><Page", "", "\xff\xfe", page_xml("", size='imageWidth="0"')]
)
def test_one_foreign_or_broken_file_costs_itself(folder, other, capsys):
    (folder / "1.xml").write_text(page_xml(f"<TextRegion>{line('a', 50)}</TextRegion>"))
    (folder / "2.xml").write_text(other)
    written = folder / "lines.parquet"
    assert main(["page", str(folder / "*.xml"), "--output", str(written)]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("left out: ") and "2.xml" in err and err.count("\n") == 1
    assert "1 lines, 1 left out" in out
    assert len(ParquetLines(written)) == 1


@pytest.mark.parametrize(
    ("named", "stored"),
    [
        ("page.png", "PAGE.PNG"),
        ("Page.PNG", "page.png"),
        ("my%20page.png", "my page.png"),
        ("my page.png", "my page.png"),
        (r"C:\scans\2020\page.png", "page.png"),
        ("https://example.org/iiif/page.png", "page.png"),
        ("u\u0308ber.png", "\u00fcber.png"),
        ("elsewhere.tif", "p.jpeg"),
    ],
)
def test_images_are_found_by_what_tools_make_of_their_names(tmp_path, named, stored):
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "p.xml").write_text(page_xml(line("a", 50), image=named))
    picture = Image.new("L", (200, 300), 77)
    picture.save(tmp_path / stored)
    assert PageXmlLines(tmp_path / "xml" / "p.xml")[0].image.mean() == pytest.approx(77, abs=1)


def test_images_are_found_below_the_folder_of_images(tmp_path):
    for name in ("images/box 1", "images/box 2", "xml"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "xml" / "p.xml").write_text(page_xml(line("a", 50)))
    Image.new("L", (200, 300), 77).save(tmp_path / "images" / "box 2" / "page.png")
    lines = PageXmlLines(tmp_path / "xml" / "p.xml", images=tmp_path / "images")
    assert lines[0].image.mean() == pytest.approx(77, abs=1)
    Image.new("L", (200, 300), 99).save(tmp_path / "images" / "box 1" / "page.png")
    with pytest.raises(DataError, match="several of that name"):
        PageXmlLines(tmp_path / "xml" / "p.xml", images=tmp_path / "images")[0]


def test_nothing_half_written_stays_and_an_older_file_is_kept(folder, capsys):
    """The image is missing, which is found out when the first line is cut."""
    (folder / "p.xml").write_text(page_xml(line("a", 50), image="gone.png"))
    written = folder / "out" / "lines.parquet"
    written.parent.mkdir()
    written.write_bytes(b"of an earlier run")
    assert main(["page", str(folder / "p.xml"), "--output", str(written)]) == 2
    assert "none of 1 lines can be used" in capsys.readouterr().err
    assert written.read_bytes() == b"of an earlier run"
    assert [path.name for path in written.parent.iterdir()] == ["lines.parquet"]


def test_lines_that_nobody_transcribed_are_counted(folder, capsys):
    empty = line("b", 100).replace("text b", "")
    (folder / "p.xml").write_text(page_xml(line("a", 50) + empty))
    assert main(["page", str(folder / "p.xml"), "--output", str(folder / "lines.parquet")]) == 0
    assert "1 lines, 1 without text" in capsys.readouterr().out
