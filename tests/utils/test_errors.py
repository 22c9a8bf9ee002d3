"""An error is one line that can be printed, whatever it quotes."""

import pytest

from dse.utils.errors import LONGEST, InputError, Problems, first_line

SIGN = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("quoted", "shown"),
    [
        ("two\nlines", f"two{SIGN}lines"),
        ("\x1b[2J", f"{SIGN}[2J"),
        ("caf\udce9", f"caf{SIGN}"),
        ("\u202egpj.exe", f"{SIGN}gpj.exe"),
        ("v\u00f6gel \u9ce5", "v\u00f6gel \u9ce5"),
    ],
)
def test_a_name_is_shown_in_one_line_that_steers_no_terminal(quoted, shown):
    error = InputError(f"{quoted} is missing", [f"{quoted} is missing", "and more"])
    assert str(error) == error.problems[0] == f"{shown} is missing"
    str(error).encode("utf-8")


def test_of_a_long_message_the_two_ends_are_left():
    error = InputError(f"file.txt has a line {'a' * 10**6}: correct it")
    assert len(str(error)) < LONGEST
    assert str(error).startswith("file.txt has") and str(error).endswith("a: correct it")
    assert error.problems == (str(error),)


def test_all_problems_are_told_in_an_order():
    problems = Problems()
    for name in ("b", "a"):
        with problems.collected():
            raise InputError(f"{name} is missing")
    with pytest.raises(InputError, match="and 1 more problem:") as error:
        problems.raise_if_any()
    assert str(error.value).startswith("a is missing")
    assert error.value.problems == ("a is missing", "b is missing")


def test_an_error_without_words_has_its_kind():
    assert first_line(KeyError()) == "KeyError"
