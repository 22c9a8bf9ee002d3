"""Lists of names and numbers: what is taken, and a line for what is not."""

import pytest

from dse.datasets.lists import as_number, read_list, read_table, refuse_name_twice, refuse_odd_names
from dse.utils.errors import InputError


def written(folder, content):
    path = folder / "list.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content", ["1 wren\n2 blue jay\n", "\ufeff1 wren\r\n\r\n 2\tblue jay", "1 wren\r2 blue jay\r"]
)
def test_lines_of_any_editor_are_one_table(tmp_path, content):
    assert read_table(written(tmp_path, content), "") == {1: "wren", 2: "blue jay"}


@pytest.mark.parametrize(
    "content",
    [
        *(b"1 wr\xffen\n", b"1 wr\x1b[2Jen\n", b"1 wr\0en\n", "1 wr\x85en\n"),
        *("1 wren\n".encode("utf-16"), "one wren", "0 wren", "-1 wren", "1.0 wren"),
        *("\u0663 wren", f"{'9' * 5000} wren", "1_0 wren"),
        *("1 wren\n1 jay", "1 wren\n01 wren", "1", "wren"),
    ],
)  # fmt: skip
def test_a_damaged_table_is_named_in_one_line_with_the_remedy(tmp_path, content):
    with pytest.raises(InputError, match=r"list\.txt") as error:
        read_table(written(tmp_path, content), "unpack it again")
    assert str(error.value).isprintable() and len(str(error.value)) < 1000
    assert str(error.value).endswith(("unpack it again", "save the file as UTF-8"))


def test_the_line_of_a_control_character_is_told(tmp_path):
    with pytest.raises(InputError, match="line 3"):
        read_list(written(tmp_path, "one\n\nt\x1bo\n"), "")


def test_two_numbers_with_one_name_are_refused(tmp_path):
    refuse_name_twice(tmp_path / "list.txt", {1: "wren", 2: "jay"}, "")
    with pytest.raises(InputError, match=r"list\.txt gives 1 and 3 one name, 'wren'"):
        refuse_name_twice(tmp_path / "list.txt", {1: "wren", 2: "jay", 3: "wren"}, "")


@pytest.mark.parametrize("name", ["caf\udce9", "line\nbreak", "\x1b[2J", "\x7f", "\x85"])
def test_a_name_that_is_no_text_is_refused(tmp_path, name):
    refuse_odd_names(tmp_path, ["v\u00f6gel", "\u9ce5", "a b", "e\u0301", "\U0001f426"])
    with pytest.raises(InputError, match="rename it") as error:
        refuse_odd_names(tmp_path, ["wren", name])
    assert str(tmp_path) in str(error.value) and str(error.value).isprintable()


def test_numbers_are_plain_digits_from_one_on():
    taken = {word: as_number(word) for word in ("1", "007", "10000000")}
    assert taken == {"1": 1, "007": 7, "10000000": 10_000_000}
    assert all(
        as_number(word) is None for word in ("", "0", "00", "10000001", "1 ", "\u00b2", "+1")
    )
