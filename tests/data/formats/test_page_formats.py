import numpy as np
import pytest
from PIL import Image

from ocr.data.formats.alto import AltoLines
from ocr.data.formats.page_xml import PageXmlLines, page_xml_pages
from ocr.errors import DataError
from tests.helpers.annotations import read_alto, read_page_xml

PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/{version}">
<!-- a comment -->
<Page imageFilename="{image}" imageWidth="{width}" imageHeight="{height}">
{order}
<TextRegion id="r2" production="printed"><Coords points="0,0 9,0 9,9"/>
  <TextLine id="l3"><Coords points="20,150 180,150 180,170 20,170"/>
      <TextEquiv><Unicode>third</Unicode></TextEquiv></TextLine>
</TextRegion>
<TextRegion id="r1"><Coords points="0,0 9,0 9,9"/>
  <TextLine id="l1" production="handwritten-cursive"><Coords points="20,50 20,70 180,70 180,50 20,50"/>
    <Baseline points="20,65 180,65"/>
    <Word id="w1"><Coords points="20,50 80,50 80,70 20,70"/>
      <TextEquiv conf="0.5"><Unicode>fir</Unicode></TextEquiv></Word>
    <TextEquiv index="1"><Unicode>worse</Unicode></TextEquiv>
    <TextEquiv index="0" conf="0.9"><Unicode>first</Unicode></TextEquiv>
  </TextLine>
  <TextLine id="l2"><Coords points="20,100 180,100 180,120 20,120"/>
    <Word id="w2"><Coords points="20,100 80,100 80,120 20,120"/>
      <TextEquiv><Unicode>se</Unicode></TextEquiv></Word>
    <Word id="w3"><Coords points="90,100 180,100 180,120 90,120"/>
      <TextEquiv><Unicode>cond</Unicode></TextEquiv></Word>
  </TextLine>
  <TextLine id="l4"><Coords points="20,180 180,180 180,195 20,195"/></TextLine>
</TextRegion>
</Page></PcGts>"""

ORDER = """<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="1" regionRef="r2"/>
<RegionRefIndexed index="0" regionRef="r1"/></OrderedGroup></ReadingOrder>"""


def _page(folder, name="page.xml", **changes):
    values = {
        "version": "2019-07-15",
        "image": "page.png",
        "width": 200,
        "height": 200,
        "order": ORDER,
    } | changes
    (folder / name).write_text(PAGE.format(**values), encoding="utf-8")
    return folder / name


@pytest.fixture
def pages(tmp_path):
    """A page image, 200 x 200, with a black bar on each of three lines."""
    image = np.full((200, 200, 3), 255, np.uint8)
    for top, grey in ((50, 0), (100, 60), (150, 120)):
        image[top + 5 : top + 15, 40:160] = grey
    Image.fromarray(image).save(tmp_path / "page.png")
    return tmp_path


@pytest.mark.parametrize("version", ["2013-07-15", "2019-07-15"])
def test_page_xml_lines_in_reading_order(pages, version):
    page = read_page_xml(_page(pages, version=version))
    assert (page.source, page.height, page.width, page.complete) == ("page.png", 200, 200, True)
    assert [(line.id, line.text, line.kind) for line in page.lines] == [
        ("l1", "first", "handwritten"),
        ("l2", "se cond", ""),
        ("l4", "", ""),
        ("l3", "third", "print"),
    ]
    first = page.lines[0]
    assert len(first.polygon) == 4, "closing point removed"
    assert {(20, 50), (180, 50), (180, 70), (20, 70)} == {tuple(point) for point in first.polygon.tolist()}
    x, y = first.polygon.T
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0, "clockwise on screen"
    assert first.baseline.tolist() == [[20, 65], [180, 65]]
    assert first.confidence == pytest.approx(0.9)
    assert [(word.text, word.confidence) for word in first.words] == [("fir", 0.5)]
    assert len(page.lines[1].baseline) >= 2, "estimated from the outline"


def test_page_xml_without_order_keeps_the_files(pages):
    page = read_page_xml(_page(pages, order=""))
    assert [line.id for line in page.lines] == ["l3", "l1", "l2", "l4"]


def test_page_xml_of_2009_has_point_elements(pages):
    text = PAGE.format(version="2009-03-16", image="page.png", width=200, height=200, order="")
    old = '<Coords><Point x="20" y="150"/><Point x="180" y="150"/><Point x="180" y="170"/></Coords>'
    text = text.replace('<Coords points="20,150 180,150 180,170 20,170"/>', old)
    (pages / "old.xml").write_text(text)
    assert read_page_xml(pages / "old.xml").lines[0].polygon.tolist() == [[20, 150], [180, 150], [180, 170]]


def test_one_bad_line_costs_only_itself(pages):
    text = (
        _page(pages)
        .read_text()
        .replace('points="20,100 180,100 180,120 20,120"', 'points="20,100 180,100"', 1)
    )
    (pages / "page.xml").write_text(text)
    (annotated,) = page_xml_pages(pages / "page.xml")
    assert [line.id for line in annotated.page.lines] == ["l1", "l4", "l3"]
    assert not annotated.page.complete
    (problem,) = annotated.problems
    assert "page.xml: line 'l2': an outline needs 3 points" in str(problem)


@pytest.mark.parametrize(
    ("content", "message", "reason"),
    [
        ("", r"page\.xml: not readable XML", "empty file"),
        ("<PcGts><Page", r"page\.xml: not readable XML", "truncated"),
        ("<alto/>", r"expected a <PcGts> document, found <alto>", "another format"),
        ("<PcGts/>", r"page\.xml: no <Page>", "no page"),
        (
            '<PcGts><Page imageFilename="a" imageWidth="x" imageHeight="9"/></PcGts>',
            "imageWidth='x'",
            "no size",
        ),
    ],
)
def test_page_xml_errors(tmp_path, content, message, reason):
    (tmp_path / "page.xml").write_text(content)
    with pytest.raises(DataError, match=message) as error:
        read_page_xml(tmp_path / "page.xml")
    assert "\n" not in str(error.value), reason


def test_external_entities_are_not_read(pages):
    (pages / "secret.txt").write_text("SECRET")
    declaration = f'<!DOCTYPE PcGts [<!ENTITY s SYSTEM "file://{pages}/secret.txt">]>\n<PcGts '
    text = _page(pages).read_text().replace("<PcGts ", declaration, 1)
    (pages / "page.xml").write_text(text.replace(">first<", ">&s;<"))
    assert all("SECRET" not in line.text for line in read_page_xml(pages / "page.xml").lines)


def test_lines_are_cut_from_the_page(pages):
    _page(pages)
    lines = PageXmlLines(str(pages / "*.xml"), height=32, language="fr")
    assert [(sample.text, sample.id) for sample in (lines[i] for i in range(len(lines)))] == [
        ("first", "page/l1"),
        ("se cond", "page/l2"),
        ("third", "page/l3"),
    ]
    for index, grey in enumerate((0, 60, 120)):
        image = lines[index].image
        assert image.shape[0] == 32
        assert abs(int(image[16, image.shape[1] // 2].mean()) - grey) < 12, "the bar of its own line"
    assert (lines[0].document, lines[0].language, lines[0].kind) == ("page", "fr", "handwritten")
    assert lines.widths() == pytest.approx([8, 8, 8], rel=0.01)
    h, w = lines[0].image.shape[:2]
    polygon = lines[0].polygon
    assert polygon.min() >= 0 and polygon[:, 0].max() <= w and polygon[:, 1].max() <= h


def test_images_of_another_size_or_place(pages):
    """The annotation is in the pixels of a scan twice as large; the image is elsewhere."""
    text = PAGE.format(version="2019-07-15", image=r"C:\scans\page.png", width=400, height=400, order=ORDER)
    (pages / "xml" / "page").mkdir(parents=True)
    (pages / "xml" / "page" / "p.xml").write_text(text)
    with pytest.raises(DataError, match=r"p\.xml: page image 'page.png' is not in"):
        PageXmlLines(pages / "xml" / "page" / "p.xml")[0]
    lines = PageXmlLines(pages / "xml" / "page" / "p.xml", images=pages, height=16)
    whole = PageXmlLines(_page(pages), height=16)
    assert lines[0].image.shape[1] == pytest.approx(whole[0].image.shape[1], rel=0.05)
    (pages / "page.xml").write_text(
        _page(pages).read_text().replace('imageHeight="200"', 'imageHeight="300"')
    )
    with pytest.raises(DataError, match="the annotation says 300 x 200"):
        PageXmlLines(pages / "page.xml")[0]


ALTO = """<?xml version="1.0"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v{version}#"><Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>page.png</fileName></sourceImageInformation></Description>
<Tags><OtherTag ID="T1" LABEL="Handwritten"/></Tags>
<Layout><Page WIDTH="200" HEIGHT="200" PHYSICAL_IMG_NR="1"><PrintSpace><ComposedBlock><TextBlock ID="b">
<TextLine ID="l1" TAGREFS="T1" HPOS="20" VPOS="50" WIDTH="160" HEIGHT="20" BASELINE="{baseline}">{shape}
  <String CONTENT="un" HPOS="20" VPOS="50" WIDTH="60" HEIGHT="20" WC="0.5"/><SP/>
  <String CONTENT="mot" WC="0.7" HPOS="90" VPOS="50" WIDTH="50" HEIGHT="20"/>
  <HYP CONTENT="-"/>
</TextLine>
<TextLine ID="l2" HPOS="20" VPOS="100" WIDTH="160" HEIGHT="20">
  <String CONTENT="deux"/><String CONTENT="mots"/></TextLine>
<TextLine ID="l3" HPOS="20" VPOS="150" WIDTH="160" HEIGHT="20"><String CONTENT=""/></TextLine>
</TextBlock></ComposedBlock></PrintSpace></Page></Layout></alto>"""


def _alto(folder, **changes):
    values = {"version": 4, "baseline": "20,65 180,66", "shape": ""} | changes
    (folder / "page.xml").write_text(ALTO.format(**values))
    return folder / "page.xml"


@pytest.mark.parametrize(
    ("changes", "baseline", "reason"),
    [
        ({"version": 2, "baseline": "65"}, [[20, 65], [180, 65]], "one height"),
        ({"version": 3, "baseline": "65.5"}, [[20, 65.5], [180, 65.5]], "one height, not an integer"),
        ({"version": 4}, [[20, 65], [180, 66]], "pairs with commas"),
        ({"baseline": "20 65 180 66"}, [[20, 65], [180, 66]], "numbers with spaces"),
        (
            {"shape": '<Shape><Polygon POINTS="20 50 180 50 180 70 20 70"/></Shape>'},
            [[20, 65], [180, 66]],
            "polygon with spaces",
        ),
        (
            {"shape": '<Shape><Polygon POINTS="20,50 180,50 180,70 20,70"/></Shape>'},
            [[20, 65], [180, 66]],
            "polygon with commas",
        ),
    ],
)
def test_alto_versions(tmp_path, changes, baseline, reason):
    page = read_alto(_alto(tmp_path, **changes))
    assert (page.source, page.height, page.width) == ("page.png", 200, 200)
    line = page.lines[0]
    assert line.polygon.tolist() == [[20, 50], [180, 50], [180, 70], [20, 70]], reason
    assert line.baseline.tolist() == baseline, reason
    assert (line.text, line.kind, line.id) == ("un mot-", "handwritten", "l1")
    assert [word.text for word in line.words] == ["un", "mot"]
    assert line.confidence == pytest.approx(0.6)
    assert [other.text for other in page.lines[1:]] == ["deux mots", ""]


def test_alto_lines_are_cut_from_the_page(pages):
    lines = AltoLines(_alto(pages), height=32)
    assert [lines[i].text for i in range(len(lines))] == ["un mot-", "deux mots"]
    assert abs(int(lines[1].image[16, lines[1].image.shape[1] // 2].mean()) - 60) < 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('WIDTH="200" HEIGHT="200"', 'WIDTH="0" HEIGHT="200"'), "page size is 200 x 0"),
        (("alto", "other"), "expected a <alto> document"),
    ],
)
def test_alto_errors(tmp_path, change, message):
    file = _alto(tmp_path)
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(DataError, match=message):
        read_alto(file)


def test_pages_without_text_are_refused(pages):
    file = _alto(pages)
    file.write_text(file.read_text().replace("CONTENT", "OTHER").replace("<HYP", "<NOTHING"))
    with pytest.raises(DataError, match="no transcribed lines in 1 file"):
        AltoLines(file)


KRAKEN_PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Metadata><Creator>kraken</Creator>
</Metadata><Page imageFilename="page.png" imageWidth="200" imageHeight="200">
<TextRegion id="block_1" custom="structure {type:paragraph;}"><Coords points="0,0 0,200 200,200 200,0"/>
<TextLine id="line_1"><Coords points="20,50 180,50 180,70 20,70"/><Baseline points="20,65 180,66"/>
<Word id="s1"><Coords points="20,50 60,50 60,70 20,70"/>
<Glyph id="c1"><Coords points="20,50 40,50 40,70 20,70"/>
<TextEquiv conf="0.5"><Unicode>u</Unicode></TextEquiv></Glyph>
<Glyph id="c2"><Coords points="40,50 60,50 60,70 40,70"/>
<TextEquiv conf="0.9"><Unicode>n</Unicode></TextEquiv></Glyph>
</Word><Word id="s2"><Coords points="60,50 70,50 70,70 60,70"/>
<Glyph id="c3"><Coords points="60,50 70,50 70,70 60,70"/>
<TextEquiv conf="1"><Unicode> </Unicode></TextEquiv></Glyph>
</Word><Word id="s3"><Coords points="70,50 180,50 180,70 70,70"/>
<Glyph id="c4"><Coords points="70,50 180,50 180,70 70,70"/>
<TextEquiv conf="1"><Unicode>m</Unicode></TextEquiv></Glyph>
</Word></TextLine></TextRegion></Page></PcGts>"""

KRAKEN_ALTO = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>page.png</fileName></sourceImageInformation></Description>
<Layout><Page WIDTH="200" HEIGHT="200" PHYSICAL_IMG_NR="0" ID="page_0">
<PrintSpace HPOS="0" VPOS="0" WIDTH="200" HEIGHT="200"><TextBlock HPOS="0" VPOS="0" WIDTH="200" HEIGHT="200" ID="b">
<TextLine ID="line_1" HPOS="20" VPOS="50" WIDTH="160" HEIGHT="20" BASELINE="20 65 180 66">
<Shape><Polygon POINTS="20 50 180 50 180 70 20 70"/></Shape>
<String ID="s0" CONTENT=" " HPOS="18" VPOS="50" WIDTH="2" HEIGHT="20" WC="1.0"/>
<String ID="s1" CONTENT="un" HPOS="20" VPOS="50" WIDTH="40" HEIGHT="20" WC="0.7">
<Shape><Polygon POINTS="20 50 60 50 60 70 20 70"/></Shape>
<Glyph ID="c1" CONTENT="u" HPOS="20" VPOS="50" WIDTH="20" HEIGHT="20" GC="0.5"/>
<Glyph ID="c2" CONTENT="n" HPOS="40" VPOS="50" WIDTH="20" HEIGHT="20" GC="0.9"/></String>
<SP ID="s2" HPOS="60" VPOS="50" WIDTH="10" HEIGHT="20"/>
<String ID="s3" CONTENT="m" HPOS="70" VPOS="50" WIDTH="110" HEIGHT="20" WC="1.0"/>
</TextLine></TextBlock></PrintSpace></Page></Layout></alto>"""

ESCRIPTORIUM_ALTO = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>page.png</fileName></sourceImageInformation></Description>
<Tags><OtherTag ID="BT1" LABEL="MainZone" DESCRIPTION="block type MainZone"/></Tags>
<Layout><Page WIDTH="200" HEIGHT="200" PHYSICAL_IMG_NR="3" ID="eSc_dummypage_">
<PrintSpace HPOS="0" VPOS="0" WIDTH="200" HEIGHT="200"><TextBlock ID="eSc_dummyblock_">
<TextLine ID="line_1" TAGREFS="LT7" BASELINE="20 65 180 66" HPOS="20" VPOS="50" WIDTH="160" HEIGHT="20">
<Shape><Polygon POINTS="20 50 180 50 180 70 20 70"/></Shape>
<String CONTENT="un m" HPOS="20" VPOS="50" WIDTH="160" HEIGHT="20"></String>
</TextLine></TextBlock></PrintSpace></Page></Layout></alto>"""

ESCRIPTORIUM_PAGE = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Metadata><Creator>escriptorium</Creator>
</Metadata><Page imageFilename="page.png" imageWidth="200" imageHeight="200">
<TextRegion id="eSc_dummyblock_"><TextLine id="line_1" custom="structure {type:default;}">
<Coords points="20,50 180,50 180,70 20,70"/><Baseline points="20,65 180,66"/>
<TextEquiv><Unicode>un m</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"""


@pytest.mark.parametrize(
    ("content", "read", "words"),
    [
        (KRAKEN_PAGE, read_page_xml, [("un", 0.7), ("m", 1.0)]),
        (KRAKEN_ALTO, read_alto, [("un", 0.7), ("m", 1.0)]),
        (ESCRIPTORIUM_PAGE, read_page_xml, []),
        (ESCRIPTORIUM_ALTO, read_alto, [("un m", 0.0)]),
    ],
    ids=["kraken PAGE: glyphs alone have text", "kraken ALTO", "eScriptorium PAGE", "eScriptorium ALTO"],
)
def test_as_kraken_and_escriptorium_write_it(tmp_path, content, read, words):
    (tmp_path / "page.xml").write_text(content)
    page = read(tmp_path / "page.xml")
    assert (page.source, page.height, page.width, page.complete) == ("page.png", 200, 200, True)
    (line,) = page.lines
    assert (line.id, line.text) == ("line_1", "un m")
    assert line.polygon.tolist() == [[20, 50], [180, 50], [180, 70], [20, 70]]
    assert line.baseline.tolist() == [[20, 65], [180, 66]]
    assert [(word.text, pytest.approx(word.confidence)) for word in line.words] == words
