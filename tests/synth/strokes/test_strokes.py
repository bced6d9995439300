import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ocr.errors import ConfigError, DataError
from ocr.synth.strokes.characters import locate, slant_of, upright
from ocr.synth.strokes.hands import WORD_GAP, HandChange, change_gaps, change_hand
from ocr.synth.strokes.library import Strokes, StrokeTable, clean_label, join
from ocr.synth.strokes.pens import Pen, draw, flow, sample_pen, smooth, widths
from ocr.synth.strokes.pieces import LocatedStrokes, PieceLibrary, assemble, extract
from ocr.synth.strokes.synthesizer import StrokeSynthesizer, draw_plain
from tests.helpers.strokes import WORDS, letters, row, write


def strokes(text: str, *, joined: bool = False) -> Strokes:
    parts = letters(text, joined=joined)
    points = np.array([point for part in parts for point in part], np.float32)
    return Strokes(points, np.cumsum([0, *(len(part) for part in parts[:-1])]))


class TestTable:
    def test_strokes_are_in_x_heights_from_the_left_end_of_the_ink(self, word_file):
        table = StrokeTable(word_file, split="train")
        got = table.strokes(table.rows[0])
        assert got.left == 0
        assert np.allclose(got.points[:, 1], strokes("one").points[:, 1], atol=1 / 64)
        assert got.starts.tolist() == [0, 4, 8]

    def test_the_slope_of_the_baseline_is_taken_out(self, tmp_path):
        sloped = row("a", "one", "train") | {"slope": 0.25}
        x = np.cumsum(sloped["dx"])
        sloped["dy"] = np.diff(np.cumsum(sloped["dy"]) + np.round(x * 0.25).astype(int), prepend=0).tolist()
        table = StrokeTable(write(tmp_path / "sloped.parquet", [sloped]), split="train")
        assert np.allclose(table.strokes(0).points[:, 1], strokes("one").points[:, 1], atol=1 / 32)

    @pytest.mark.parametrize(
        ("text", "change", "reason"),
        [
            ("one", {"text": "hnt"}, "tall letters are written, but the ink is low"),
            ("one", {"text": "中"}, "not in the alphabet"),
            ("one", {"text": ""}, "no label"),
            ("one", {"dx": [], "dy": [], "points": []}, "no ink"),
        ],
    )
    def test_rows_that_mislead_are_left_out(self, tmp_path, text, change, reason):
        low = row("a", text, "train")
        low["dy"] = [step // 2 for step in low["dy"]] if change.get("text") == "hnt" else low["dy"]
        rows = [low | change, row("a", "two", "train")]
        table = StrokeTable(write(tmp_path / "some.parquet", rows), split="train")
        assert [table.texts[i] for i in table.rows] == ["two"], reason

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"split": "test"}, "no usable strokes"),
            ({"split": "train", "exclude_donors": ["abc", "xyz"]}, "no usable"),
        ],
    )
    def test_nothing_left_is_an_error_that_names_the_file(self, word_file, options, message):
        with pytest.raises(DataError, match=f"words.parquet.*{message}"):
            StrokeTable(word_file, **options)

    def test_a_file_that_is_no_stroke_file(self, tmp_path):
        (tmp_path / "x.parquet").write_bytes(b"nothing")
        with pytest.raises(DataError, match="x.parquet"):
            StrokeTable(tmp_path / "x.parquet", split="train")


@pytest.mark.parametrize(
    ("label", "clean"),
    [
        ("It wasn ' t so", "It wasn't so"),
        ("argu -", "argu-"),
        ('" The exit " " "', ""),
        ("dogs ' food", ""),
        ('he said "no"', 'he said "no"'),
        ("a - b", "a - b"),
    ],
)
def test_labels_lose_the_spaces_around_marks(label, clean):
    assert clean_label(label) == clean


class TestPens:
    def test_the_curve_passes_through_the_pen_positions_and_ends_where_strokes_end(self):
        item = strokes("ten")
        curve = smooth(item)
        distances = np.linalg.norm(curve.points[:, None] - item.points[None], axis=2).min(axis=0)
        assert distances.max() < 1e-5
        assert np.allclose(curve.points[curve.starts], item.points[item.starts])

    def test_a_corner_stays_sharp_and_a_bow_becomes_round(self):
        item = Strokes(np.array([(0, 0), (1, -1), (2, 0)], np.float32), np.array([0]))
        x, y = smooth(item, corner=1.0).points.T
        assert np.allclose(y, np.abs(x - 1) - 1, atol=1e-5), (
            "a corner of 90 degrees leaves two straight lines"
        )
        x, y = smooth(item, corner=3.0).points.T
        assert (y < np.abs(x - 1) - 1 - 0.02).any(), "without a corner the curve bulges outwards"

    def test_a_flexible_point_is_wider_on_downstrokes(self):
        item = Strokes(np.array([(0, -1), (0, 1), (2, 1), (2, -1)], np.float32), np.array([0, 2]))
        curve = smooth(item)
        width = widths(curve, Pen(width=0.1, swell=1.0))
        assert width[: curve.starts[1]].min() > 1.3 * width[curve.starts[1] + 10 :].mean()

    def test_a_broad_nib_is_thin_along_its_edge(self):
        along = Strokes(np.array([(0, 0), (1, -1)], np.float32), np.array([0]))
        across = Strokes(np.array([(0, 0), (1, 1)], np.float32), np.array([0]))
        pen = Pen(width=0.2, nib_contrast=0.8, nib_angle=np.pi / 4)
        assert widths(smooth(along), pen).mean() < 0.5 * widths(smooth(across), pen).mean()

    def test_the_drawn_line_has_the_width_of_the_pen(self):
        item = Strokes(np.array([(0, 0), (4, 0)], np.float32), np.array([0]))
        canvas = np.zeros((80, 240), np.uint8)
        curve = smooth(item)
        draw(canvas, curve, widths(curve, Pen(width=0.5)), scale=10, origin=(10, 10))
        assert abs((canvas[:, 120] > 0).sum() - 0.5 * 10 * 4) <= 2

    def test_every_pen_leaves_ink(self):
        rng = np.random.default_rng(0)
        ink = np.full((64, 200), 255, np.uint8)
        assert all(flow(ink, sample_pen(rng, old=bool(i % 2)), rng).mean() > 60 for i in range(50))


class TestHands:
    def test_no_change_changes_nothing(self):
        item = strokes("ten two")
        rng = np.random.default_rng(0)
        assert np.allclose(
            change_hand(item, HandChange(), rng).points, item.points - [item.left, 0], atol=1e-5
        )

    def test_proportions_change_above_the_x_height_only(self):
        item = strokes("ten")
        taller = change_hand(item, HandChange(ascenders=1.5), np.random.default_rng(0))
        assert taller.points[:, 1].min() == pytest.approx(-1 - 0.8 * 1.5, abs=1e-5)
        low = item.points[:, 1] >= -1
        assert np.allclose(taller.points[low, 1], item.points[low, 1])

    def test_gaps_between_words_stay_gaps(self):
        item = join([strokes("ten"), strokes("two").moved(4.5)])
        narrow = change_gaps(item, HandChange(word_gaps=0.01), np.random.default_rng(0))
        gap = narrow.points[12:, 0].min() - narrow.points[:12, 0].max()
        assert gap == pytest.approx(WORD_GAP, abs=1e-4)

    def test_slant_is_estimated_and_taken_out(self):
        uprights = Strokes(np.array([(0, 0), (0, -2), (1, 0), (1, -2)], np.float32), np.array([0, 2]))
        leaning = uprights.leaned(0.4)
        assert slant_of([leaning]) == pytest.approx(0.4, abs=1e-5)
        assert np.allclose(upright(leaning, 0.4).points, uprights.points, atol=1e-5)


class TestPieces:
    @pytest.mark.parametrize("joined", [False, True])
    def test_a_word_cut_into_characters_and_put_together_again_is_the_same_ink(self, joined):
        item = strokes("tent", joined=joined)
        located = locate(item.moved(-item.left), np.array([0.9, 1.9, 2.9]))
        again = assemble([extract(located, first, 1) for first in range(4)])
        assert np.allclose(again.points, item.points - [item.left, 0], atol=1e-4)
        assert len(again.starts) == len(item.starts)

    def test_each_letter_gets_its_own_points(self):
        located = locate(strokes("ten"), np.array([1.0, 2.0]))
        assert located.character.tolist() == [0] * 4 + [1] * 4 + [2] * 4

    def test_a_dot_written_later_belongs_to_the_letter_below_it(self):
        item = strokes("one")
        dotted = Strokes(
            np.concatenate([item.points, [(0.4, -1.6)]]).astype(np.float32), np.append(item.starts, 12)
        )
        assert locate(dotted, np.array([1.0, 2.0])).character[-1] == 0


class TestFrame:
    @pytest.mark.parametrize("bottom", [0.1, 1.0, 2.5])
    def test_long_descenders_move_the_baseline_before_they_make_the_writing_small(self, line_file, bottom):
        synthesizer = StrokeSynthesizer(line_file, None, framed_probability=1)
        scales = []
        for seed in range(40):
            scale, baseline = synthesizer._frame(np.random.default_rng(seed), -1.8, bottom)
            scales.append(scale)
            assert scale * (1.8 + bottom) <= 1.15 * 64 + 1e-6
            if scale * (1.8 + bottom) <= 64:
                assert baseline - 1.8 * scale >= -1e-6 and baseline + bottom * scale <= 64 + 1e-6
        assert np.mean(scales) > 0.85 * min(0.28 * 64, 64 / (1.8 + bottom))


class TestOldHands:
    def test_only_joined_hands_are_made_old(self, word_file):
        synthesizer = StrokeSynthesizer(None, word_file)
        assert set(synthesizer._choices["words", True][0]) == {"b"}
        assert set(synthesizer._choices["words", False][0]) == {"a", "b"}


class TestSynthesizer:
    def test_same_generator_same_line(self, line_file, word_file):
        one, two = (StrokeSynthesizer(line_file, word_file) for _ in range(2))
        two = pickle.loads(pickle.dumps(two))
        for seed in range(10):
            a, b = (s.sample(np.random.default_rng([seed])) for s in (one, two))
            assert a.text == b.text
            assert np.array_equal(a.image, b.image)

    def test_words_put_together_are_no_running_text(self, word_file):
        synthesizer = StrokeSynthesizer(None, word_file)
        lines = [synthesizer.sample(np.random.default_rng([i])) for i in range(20)]
        assert all(line.running_text == (" " not in line.text) for line in lines)
        assert {word for line in lines for word in line.text.split()} <= set(WORDS)

    def test_recorded_lines_are_running_text_with_their_label(self, line_file):
        synthesizer = StrokeSynthesizer(line_file, None)
        lines = [synthesizer.sample(np.random.default_rng([i])) for i in range(10)]
        assert {line.text for line in lines} == {"ten or two", "not one net"}
        assert all(line.running_text for line in lines)

    def test_a_split_shows_its_own_writers_only(self, line_file, word_file):
        synthesizer = StrokeSynthesizer(line_file, word_file, split="val")
        texts = {synthesizer.sample(np.random.default_rng([i])).text for i in range(20)}
        assert texts.isdisjoint(WORDS)

    def test_ink_lies_within_the_words_boxes_on_a_clean_line(self, line_file):
        synthesizer = StrokeSynthesizer(line_file, None, clean_probability=1, neighbor_probability=0)
        line = synthesizer.sample(np.random.default_rng(3))
        columns = np.flatnonzero((line.image < 128).any(axis=0))
        (_, (x0, _, x1, _)) = line.words[0]
        assert x0 - 4 <= columns[0] and columns[-1] <= x1 + 4

    def test_plain_drawing_tells_where_the_strokes_lie(self):
        image, scale, left = draw_plain(strokes("one").moved(-0.1), Pen(width=0.12))
        columns = np.flatnonzero((image < 128).any(axis=0))
        assert columns[0] == pytest.approx(left, abs=2)
        assert columns[-1] == pytest.approx(left + 2.85 * scale, abs=2)

    @pytest.mark.parametrize("shares", [{"pieces": 1.0}, {"lines": 0.0}, {"nothing": 1.0}])
    def test_shares_that_do_not_suit_are_refused(self, line_file, shares):
        with pytest.raises(ConfigError, match="shares"):
            StrokeSynthesizer(line_file, None, shares=shares)


@pytest.fixture
def located_file(tmp_path):
    """The words of writer a, with characters located where they were drawn, repeated to be text enough."""
    rows = []
    for word in WORDS * 20:
        located = {"slant": 0.2, "fit": -0.1, "character": [i for i in range(len(word)) for _ in range(4)]}
        rows.append(row("a", word, "train") | located | {"edges": [0.0, 0.9, 1.9, 2.85]})
    rows.append(
        row("a", "toe", "train") | {"slant": 0.2, "fit": -5.0, "character": [0] * 12, "edges": [0.0] * 4}
    )
    path = tmp_path / "located.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


class TestNewTexts:
    def test_a_text_of_the_corpus_is_spelled_from_the_writers_letters(self, located_file, tmp_path):
        (tmp_path / "en_text.txt").write_text("no tent to owe\n" * 5)
        synthesizer = StrokeSynthesizer(None, None, [located_file], corpus=tmp_path / "en_text.txt")
        lines = [synthesizer.sample(np.random.default_rng([i])) for i in range(20)]
        assert all(line.running_text and line.text for line in lines)
        assert any("tent" in line.text for line in lines), "no writer has written this word"
        for line in lines:
            assert [word for word, _ in line.words] == line.text.split(" ")

    def test_a_row_located_under_another_text_is_left_out(self, located_file, caplog):
        table = pq.read_table(located_file).to_pylist()
        pq.write_table(pa.Table.from_pylist([table[0] | {"edges": [0.0, 1.0]}, *table[1:]]), located_file)
        assert 0 not in LocatedStrokes(located_file).rows
        assert "1 lines left out" in caplog.text

    def test_edges_that_divide_no_text_are_refused(self, located_file):
        rows = [row | {"edges": [0.0]} for row in pq.read_table(located_file).to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows), located_file)
        with pytest.raises(DataError, match="column edges"):
            LocatedStrokes(located_file)

    def test_labels_that_do_not_fit_their_ink_are_not_cut(self, located_file):
        library = PieceLibrary([LocatedStrokes(located_file)])
        used = {
            library.inventory.select(np.random.default_rng(i), "a", "toe", max_piece=3)[0].key
            for i in range(99)
        }
        assert (0, len(WORDS) * 20) not in used

    def test_a_file_without_located_characters_is_refused(self, word_file):
        with pytest.raises(DataError, match="words.parquet.*slant"):
            LocatedStrokes(word_file)
