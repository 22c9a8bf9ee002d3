"""Files are written whole or not at all; what is known of a file is computed once."""

import pytest

from dse.utils.files import remembered, written_whole


def test_a_failure_leaves_the_target_as_it_was(tmp_path):
    target = tmp_path / "answer.txt"
    target.write_text("old")

    def fail_in_the_middle():
        with written_whole(target) as path:
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["answer.txt"]


def test_only_files_that_have_changed_are_computed_again(tmp_path, own_cache):
    paths = [tmp_path / "data" / name for name in ("one.txt", "two.txt", "three.txt")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(path.stem)
    computed = []

    def length(path):
        computed.append(path.name)
        return len(path.read_text())

    assert remembered("lengths", paths, length) == [3, 3, 5]
    assert remembered("lengths", paths[::-1], length) == [5, 3, 3]
    assert len(computed) == 3
    paths[1].write_text("longer than before")
    assert remembered("lengths", paths, length) == [3, 18, 5]
    assert computed[3:] == ["two.txt"]


def test_a_value_of_none_is_computed_again(tmp_path, own_cache):
    path = tmp_path / "data.txt"
    path.write_text("")
    values = iter([None, "known"])
    assert [remembered("values", [path], lambda _: next(values)) for _ in range(3)] == [
        [None],
        ["known"],
        ["known"],
    ]


def test_no_files_are_no_values():
    assert remembered("values", [], len) == []


def test_without_a_place_to_remember_it_is_computed_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DSE_CACHE", str(tmp_path / "file"))
    assert remembered("length", [tmp_path / "file"], lambda path: path.stat().st_size) == [0]
