"""The pieces that a log is drawn in."""

import random
from itertools import pairwise

import pytest

#: What `pieces` makes of the first part, of the first two …
GROWN = """async (parts) => {
  const { pieces } = await import("/console/static/pieces.js");
  return parts.map((_, i) => pieces(parts.slice(0, i + 1)));
}"""


def parts_of(text, cuts):
    """A text in parts that begin where they begin."""
    places = [0, *sorted(cuts), len(text)]
    return [{"start": low, "text": text[low:high]} for low, high in pairwise(places)]


@pytest.mark.parametrize("seed", range(5))
def test_pieces_are_the_text_in_whole_lines_however_it_comes(page, seed):
    dice = random.Random(seed)
    text = "".join("x" * dice.choice([0, 3, 80, 9000]) + "\n" for _ in range(200)) + "no end yet"
    grown = page.evaluate(GROWN, parts_of(text, dice.sample(range(1, len(text)), 12)))
    found = grown[-1]
    assert "".join(piece["text"] for piece in found) == text
    assert all(piece["text"].endswith("\n") for piece in found[:-1])
    assert len({piece["key"] for piece in found}) == len(found)
    assert all(len(piece["text"]) < 40_000 for piece in found)


def test_what_has_been_drawn_stays_as_it_is(page):
    text = "a line of some length\n" * 10_000
    grown = page.evaluate(GROWN, parts_of(text, range(7777, len(text), 20_011)))
    for before, after in pairwise(grown):
        assert after[: len(before) - 1] == before[:-1]
        assert after[len(before) - 1]["key"] == before[-1]["key"]


def test_a_line_that_never_ends_is_cut_somewhere(page):
    text = "0123456789" * 50_000
    found = page.evaluate(GROWN, parts_of(text, range(10_000, len(text), 10_000)))[-1]
    assert "".join(piece["text"] for piece in found) == text
    assert max(len(piece["text"]) for piece in found) < 100_000


def test_a_search_finds_lines_whatever_their_case_and_says_how_many(page):
    text = "".join(f"Line {number}\n" for number in range(5000))
    found = page.evaluate(
        """async ([parts, sought]) => {
             const { pieces, search } = await import("/console/static/pieces.js");
             return search(pieces(parts), sought, 3);
           }""",
        [parts_of(text, [9, 12_345]), "lINE 49"],
    )
    assert found["count"] == 111
    assert [line["text"] for line in found["lines"]] == ["Line 4997", "Line 4998", "Line 4999"]
    assert len({line["key"] for line in found["lines"]}) == 3
