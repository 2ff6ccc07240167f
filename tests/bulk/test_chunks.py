from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigit.bulk.chunks import ChunkFolder, Done, decode, encode
from inkdigit.bulk.tally import BAD, BINS, DOUBTFUL, Seen, Tally

seen = st.builds(
    Seen,
    file=st.text(max_size=4),
    text=st.text(alphabet="0123", max_size=3),
    confidence=st.none() | st.floats(0, 1),
    classes=st.lists(st.sampled_from("0123"), max_size=2).map(tuple),
    problems=st.lists(st.tuples(st.sampled_from(["blank", "damaged"]), st.text(max_size=3)), max_size=2).map(tuple),
)


@given(st.lists(seen, max_size=60), st.integers(0, 60))
def test_tallies_of_parts_add_up_to_the_tally_of_all(rows: list[Seen], cut: int) -> None:
    whole, parts = Tally.count(rows), Tally.count(rows[:cut]) + Tally.count(rows[cut:])

    assert parts == whole
    assert whole.rows == len(rows)
    assert sum(whole.confidences) == sum(row.confidence is not None for row in rows)
    assert len(whole.confidences) == BINS
    assert len(whole.doubtful) <= DOUBTFUL
    assert len(whole.bad) <= BAD


@given(st.lists(seen, max_size=9), st.binary(max_size=30))
def test_a_chunk_comes_back_as_it_was_kept(rows: list[Seen], lines: bytes) -> None:
    done = Done(lines, Tally.count(rows))

    assert decode(7, encode(7, done)) == done


@given(st.data())
def test_a_chunk_of_which_the_disk_lost_anything_is_not_taken(data: st.DataObject) -> None:
    contents = encode(7, Done(b"one row\nanother\n", Tally()))
    cut = data.draw(st.integers(0, len(contents) - 1))
    at = data.draw(st.integers(contents.index(b"\n") + 1, len(contents) - 1))
    spoilt = bytes([*contents[:at], contents[at] ^ 1, *contents[at + 1 :]])

    assert decode(7, contents[:cut]) is None
    assert decode(7, spoilt) is None
    assert decode(8, contents) is None


def test_a_damaged_chunk_is_thrown_away_so_that_it_is_read_again(tmp_path: Path) -> None:
    chunks = ChunkFolder(tmp_path)
    chunks.keep(1234, encode(1234, Done(b"row\n", Tally())))

    assert chunks.is_there(1234)
    assert not chunks.is_there(1235)
    chunks.place(1234).write_bytes(b"half")
    assert not chunks.is_there(1234)
    assert not chunks.place(1234).exists()


def test_a_chunk_that_cannot_be_kept_leaves_nothing_half_done(tmp_path: Path) -> None:
    chunks = ChunkFolder(tmp_path)
    chunks.place(3).mkdir(parents=True)  # what no file can replace

    with pytest.raises(OSError, match=r"directory|Access"):
        chunks.keep(3, b"contents")

    assert list(chunks.place(3).parent.iterdir()) == [chunks.place(3)]
