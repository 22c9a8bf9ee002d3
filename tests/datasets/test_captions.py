"""Files of captions to embed: read line by line, and never more than a caption at a time."""

from random import Random

import pytest

from dse.datasets import captions as module
from dse.datasets.captions import CaptionLines, read_captions
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE


def test_every_line_is_a_caption(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\ncaf\xe9 \x0b two\nthree")
    expected = ["one", "", "caf\N{REPLACEMENT CHARACTER} \x0b two", "three"]
    assert list(CaptionLines(path)) == expected
    assert list(CaptionLines(path)) == expected  # it can be read again


def test_a_line_that_is_no_caption_by_its_length_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_LINE", 10)
    path = tmp_path / "captions.txt"
    path.write_text("a red one\nblue\n")
    assert list(CaptionLines(path)) == ["a red one", "blue"]
    path.write_text("blue\na red bird, blue below\n")
    with pytest.raises(InputError, match=r"captions\.txt, line 2: has 10 characters or more"):
        list(CaptionLines(path))


@pytest.mark.parametrize("read", [read_captions, lambda path: list(CaptionLines(path))])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_refused(tmp_path, read, encoding):
    path = tmp_path / "captions.txt"
    path.write_text("a red bird\n\u9ce5\n", encoding=encoding)
    with pytest.raises(InputError, match=r"captions\.txt.*save the file as UTF-8"):
        read(path)


def test_a_file_that_is_missing_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(InputError, match=r"captions\.txt is missing: write the captions to a file"):
        CaptionLines(tmp_path / "captions.txt")


@pytest.mark.parametrize("instead", NO_FILE)
def test_what_is_no_file_is_named(tmp_path, instead):
    path = tmp_path / "captions.txt"
    path.touch()
    PLACE[instead](path, Random(0))
    with pytest.raises(InputError, match=r"captions\.txt"):
        list(CaptionLines(path))


def test_a_file_that_is_gone_when_it_is_read_is_named(tmp_path):
    path = tmp_path / "captions.txt"
    path.touch()
    lines = CaptionLines(path)
    path.unlink()
    with pytest.raises(InputError, match=r"captions\.txt"):
        list(lines)
