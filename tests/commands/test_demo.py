"""`dse demo` up to the moment when it listens; tests/demo/test_page.py goes on from there."""

import sys
from types import ModuleType

import pytest
import torch

import dse
from dse.cli import main
from dse.demo.server import listen
from dse.images.encoders import IMAGE_ENCODERS
from mean_colour import colour_run, draw, mean_colour_encoder


@pytest.fixture
def started(monkeypatch):
    """The demos that the command would show, and what stands in their fields."""
    monkeypatch.setitem(sys.modules, "gradio", ModuleType("gradio"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # what the command sets is undone
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "")
    demos = []
    monkeypatch.setattr("dse.commands.demo.build_app", lambda *given: demos.append(given))

    def serve(app, listener, uploads):
        assert uploads.is_dir() and listener.getsockname()[0] == "127.0.0.1"
        raise KeyboardInterrupt

    monkeypatch.setattr("dse.commands.demo.serve", serve)
    return demos


@pytest.fixture
def folder(tmp_path, own_cache, monkeypatch):
    """The current folder, with a run and two photographs."""
    monkeypatch.setitem(IMAGE_ENCODERS, "mean/colour", mean_colour_encoder)
    monkeypatch.chdir(tmp_path)
    colour_run().save("run")
    draw(tmp_path / "photos" / "a.png", "red")
    draw(tmp_path / "photos" / "b.png", "blue")
    (tmp_path / "classes.txt").write_text("one: red\ntwo: blue\n", encoding="utf-8")
    return tmp_path


def refused(arguments, capsys):
    assert main(arguments) == 2
    *_, line = capsys.readouterr().err.splitlines()
    return line


def test_the_photographs_of_a_folder(folder, started, capsys):
    arguments = ["demo", "run", "--images", "photos", "--classes", "classes.txt", "--port", "0"]
    assert main([*arguments, "--device", "cpu"]) == 0
    ((demo, example),) = started
    assert [path.name for path in demo.images.paths] == ["a.png", "b.png"]
    assert demo.classes == {"one": ["red"], "two": ["blue"]}
    assert example == ("", None, ())
    counted, address, ended = capsys.readouterr().out.splitlines()
    assert counted == "2 images under photos" and ended == "ended"
    assert address.startswith("http://127.0.0.1:")
    assert not demo.uploads.exists()


def test_the_unseen_images_of_the_runs_own_data(started):
    assert main(["demo", "fieldguide", "--port", "0", "--device", "cpu"]) == 0
    ((demo, example),) = started
    unseen = dse.load_dataset("fieldguide").subset("test")
    assert demo.images.paths == unseen.image_paths
    assert (demo.images.features == unseen.whole_images()).all()
    assert demo.images.name(unseen.image_paths[0]) == "/".join(unseen.image_paths[0].parts[-2:])
    own = unseen.captions[unseen.image_paths.index(example.photograph)]
    assert example.description in own and example.description in example.descriptions
    assert len(example.descriptions) == 5


def test_one_line_for_each_wrong_call(folder, started, capsys):
    call = ["demo", "run", "--images", "photos", "--port", "0"]
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in refused([*call, "--port", str(port)], capsys)
    assert "65535" in refused([*call, "--port", "65536"], capsys)
    assert "nowhere is not a folder" in refused([*call, "--images", "nowhere"], capsys)
    assert "nowhere.txt" in refused([*call, "--classes", "nowhere.txt"], capsys)
    (folder / "classes.txt").write_text("one: red\ntwo:\n", encoding="utf-8")
    assert "line 2" in refused([*call, "--classes", "classes.txt"], capsys)
    assert "gone is not a run" in refused(["demo", "gone", *call[2:]], capsys)
    assert started == []


def test_a_run_without_images_of_its_own_asks_for_some(folder, started, capsys, monkeypatch):
    none = torch.empty(0, dtype=torch.int64)
    data = dse.DescribedImages("folder", None, none, [], [], {"test": none})
    monkeypatch.setattr(dse, "load_dataset", lambda name, *_, **__: {"folder": data}[name])
    for name in ("folder", "release", "colours", None):
        run = colour_run()
        run.dataset |= {"name": name, "root": None}
        run.save(folder / f"trained on {name}")
        line = refused(["demo", str(folder / f"trained on {name}"), "--port", "0"], capsys)
        assert "--images DIR" in line


def test_without_gradio_the_extra_is_named(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)  # as if it were not installed
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "")
    line = refused(["demo", "run", "--images", "photos", "--port", "0"], capsys)
    assert "pip install" in line and "[demo]" in line
