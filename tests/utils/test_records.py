"""JSON that is not what it should be ends in one sentence that names the file."""

import json

import pytest

from dse.utils.errors import InputError
from dse.utils.records import Strict, read_json


class Bird(Strict):
    name: str
    grams: float = 0.0
    eggs: int = 0
    young: list[int] | None = None


def test_what_is_as_it_should_be_is_read_as_json_reads_it(tmp_path):
    for bird in ({"name": "wren"}, {"name": "tit", "grams": 1, "eggs": 3, "young": [1, 2]}):
        (tmp_path / "bird.json").write_text(json.dumps(bird), encoding="utf-8")
        assert read_json(tmp_path / "bird.json", Bird, "remove it") == bird


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"1", b"{", b'{"name": "wren"} x', b'\xef\xbb\xbf{"name": "wren"}',
        b'{"name": "wr\xffen"}', b'{"name": "\\ud800"}', "{}".encode("utf-16"),
        b'{"eggs": 1}', b'{"name": 1}', b'{"name": null}', b'{"name": "wren", "colour": "red"}',
        b'{"name": "wren", "eggs": true}', b'{"name": "wren", "eggs": 1.0}',
        b'{"name": "wren", "eggs": "1"}', b'{"name": "wren", "young": 1}',
        b'{"name": "wren", "young": [1, null]}', b'{"name": "wren", "grams": true}',
        b'{"name": "wren", "grams": NaN}', b'{"name": "wren", "grams": 1e999}',
        b'{"name": "wren", "eggs": ' + b"9" * 5000 + b"}",
        b"[" * 100_000, b'{"young": ' * 100_000, b'{"' + b"a" * 100_000 + b'": 1}',
        b'{"name": "wren", "\\u001b[2J\\n": 1}',
    ],
)  # fmt: skip
def test_what_is_not_is_one_line(tmp_path, text):
    (tmp_path / "bird.json").write_bytes(text)
    with pytest.raises(InputError, match=r"bird\.json is damaged .*: remove it$") as error:
        read_json(tmp_path / "bird.json", Bird, "remove it")
    assert str(error.value).isprintable() and len(str(error.value)) < 500
