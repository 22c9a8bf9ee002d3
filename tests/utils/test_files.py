"""What is written is complete, on the disk, and alone; text is UTF-8 on every machine."""

import ast
import errno
import os
import platform
import re
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from dse.utils import files
from dse.utils.errors import InputError
from dse.utils.files import (
    is_there,
    only_process,
    read_bytes,
    read_lines,
    remove,
    remove_abandoned_lock,
    written_whole,
)
from faults.corruptions import NO_FILE, PLACE

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(params=["answer.txt", "a [strange] name?*.txt"])
def target(tmp_path, request):
    return tmp_path / request.param


def test_a_failure_leaves_the_target_as_it_was(target):
    target.write_text("old")

    def fail_in_the_middle():
        with written_whole(target) as path:
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def write_a_folder(path):
    path.mkdir()
    (path / "new.txt").write_text("new")


def write_a_file(path):
    path.write_text("new")


@pytest.mark.parametrize(
    ("existing", "written"), [(write_a_file, write_a_folder), (write_a_folder, write_a_file)]
)
def test_a_folder_never_replaces_a_file_nor_a_file_a_folder(target, existing, written):
    existing(target)
    with pytest.raises(FileExistsError) as error, written_whole(target) as path:
        written(path)
    assert error.value.filename == str(target) and "in the way" in error.value.strerror
    assert target.is_dir() == (existing is write_a_folder)
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_another_process_made_first_is_kept(target):
    with written_whole(target) as path:
        write_a_folder(path)
        target.mkdir()
        (target / "first.txt").touch()
    assert [path.name for path in target.iterdir()] == ["first.txt"]
    assert list(target.parent.iterdir()) == [target]


def test_all_of_it_is_on_the_disk_before_it_gets_its_name(target, monkeypatch):
    """A machine may be switched off at any moment: nothing half-written bears the name."""
    synced, synced_before_naming = set(), set()
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def recorded_replace(*paths):
        synced_before_naming.update(synced)
        synced.clear()
        replace(*paths)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    with written_whole(target) as path:
        write_a_folder(path)
        write_a_folder(path / "inside")
    written = {path.stat().st_ino for path in (target, *target.rglob("*"))}
    assert len(written) == 4 and written <= synced_before_naming
    assert synced == {target.parent.stat().st_ino}


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from dse.utils.errors import InputError
from dse.utils.files import written_whole

with written_whole(Path(sys.argv[1])) as path:
    path.mkdir()
    (path / "half.txt").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_writer_removes_what_a_killed_one_left(target):
    killed = subprocess.run([sys.executable, "-c", KILLED_WRITER, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = target.parent.iterdir()
    assert left.name.startswith(f".{target.name}.")
    with written_whole(target.with_name("other.txt")) as path:
        path.touch()
    assert left.exists()
    with written_whole(target) as path:
        write_a_file(path)
    assert not left.exists() and target.read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot lock folders")
def test_a_kill_before_the_workspace_is_locked_leaves_nothing_either(target):
    killed_writer = KILLED_WRITER.replace(
        "with written_whole",
        "import dse.utils.files\n"
        "dse.utils.files._lock = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with written_whole",
    )
    killed = subprocess.run([sys.executable, "-c", killed_writer, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL and len(list(target.parent.iterdir())) == 1
    with written_whole(target) as path:
        write_a_file(path)
    assert list(target.parent.iterdir()) == [target]


def test_a_workspace_that_another_process_removes_before_it_is_locked_is_made_again(
    target, monkeypatch
):
    lock, taken = files._lock, []

    def first_one_is_removed(folder, wait=False):
        if wait and not taken:
            taken.append(folder)
            files.remove_abandoned(target)
        return lock(folder, wait)

    monkeypatch.setattr(files, "_lock", first_one_is_removed)
    with written_whole(target) as path:
        write_a_file(path)
    assert taken and target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_two_writers_of_one_target_leave_each_other_alone(target):
    with written_whole(target) as slow:
        slow.write_text("slow")
        with written_whole(target) as fast:
            fast.write_text("fast")
        assert target.read_text() == "fast"
    assert target.read_text() == "slow"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"\xef\xbb\xbfone\r\ntwo", ["one", "two"]),
        (b"one\rtwo\r\rfour\r", ["one", "two", "", "four"]),
        ("vögel\u2028\x0b\n\n鳥".encode(), ["vögel\u2028\x0b", "", "鳥"]),
        (b"", [""]),
    ],
)
def test_lines_end_where_an_editor_ends_them(tmp_path, content, lines):
    (tmp_path / "text").write_bytes(content)
    assert read_lines(tmp_path / "text") == lines


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
def test_what_is_no_text_is_named_with_its_line(tmp_path, end, mark):
    (tmp_path / "text").write_bytes(mark + end.join([b"1", b"2", b"\xe9", b"4"]))
    with pytest.raises(InputError, match="text, line 3"):
        read_lines(tmp_path / "text")
    with pytest.raises(InputError, match=tmp_path.name):
        read_lines(tmp_path)


@pytest.mark.parametrize("instead", NO_FILE)
def test_what_is_no_file_is_refused_before_it_is_read(tmp_path, instead):
    path = tmp_path / "file.txt"
    assert not is_there(path)
    with pytest.raises(InputError, match=r"file\.txt is missing: look again"):
        read_bytes(path, "look again")
    path.touch()
    assert read_bytes(path, "look again") == b""
    PLACE[instead](path, Random(0))
    assert is_there(path)
    with pytest.raises(InputError, match=r"file\.txt .*: look again"):
        read_bytes(path, "look again")


def test_whatever_is_there_is_removed_and_what_links_lead_to_is_kept(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "link").symlink_to("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "file").touch()
    for name in ("link", "folder", "file", "none"):
        remove(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def text_without_encoding(source):
    """The lines of Python code that read or write text and leave the encoding to the machine."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and not any(k.arg == "encoding" for k in call.keywords):
            name = getattr(call.func, "attr", getattr(call.func, "id", None))
            binary = any(isinstance(a, ast.Constant) and "b" in str(a.value) for a in call.args)
            built_in_open = isinstance(call.func, ast.Name) and name == "open" and not binary
            if name in ("read_text", "write_text") or built_in_open:
                yield call.lineno


@pytest.mark.parametrize("folder", ["dse", "scripts", "experiments", "benchmarks"])
def test_reads_and_writes_of_text_name_their_encoding(folder):
    files = sorted((CHECKOUT / folder).rglob("*.py"))
    found = [
        f"{file}:{line}"
        for file in files
        for line in text_without_encoding(file.read_text(encoding="utf-8"))
    ]
    assert files and not found


def fill_the_disk(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        save_file({"zeros": torch.zeros(10_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def fail_in_the_words_of_old_safetensors(path):
    raise SafetensorError('IoError(Os { code: 28, kind: StorageFull, message: "No space left" })')


def fail_without_a_name(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "write", [fill_the_disk, fail_in_the_words_of_old_safetensors, fail_without_a_name]
)
def test_a_full_disk_names_the_target_and_the_remedy(target, write):
    with pytest.raises(OSError, match="free some space") as error, written_whole(target) as path:
        write(path)
    assert error.value.filename == str(target)
    assert not list(target.parent.iterdir())


def test_a_failure_at_the_last_moment_is_no_success(target, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="free some space") as error, written_whole(target) as path:
        write_a_file(path)
    assert error.value.filename == str(target)
    assert not list(target.parent.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot lock folders")
def test_a_disk_without_locks_is_written_all_the_same(target, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", fail)
    with written_whole(target) as path:
        write_a_file(path)
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_place_that_is_none_is_named(target):
    target.touch()
    inside = written_whole(target / "inside.txt")
    with pytest.raises(OSError, match="choose another place") as error, inside:
        pytest.fail("nothing can be written there")
    assert error.value.filename == str(target)


def test_errors_about_what_is_read_meanwhile_stay_as_they_are(target):
    with pytest.raises(FileNotFoundError) as error, written_whole(target):
        (target.parent / "source.txt").read_text(encoding="utf-8")
    assert error.value.filename == str(target.parent / "source.txt")


def test_only_files_of_a_sensible_size_are_read(target):
    with pytest.raises(InputError, match="missing"):
        read_bytes(target, "give another")
    os.mkfifo(target)
    with pytest.raises(InputError, match="is no file"):
        read_bytes(target, "give another")
    target.unlink()
    target.write_bytes(b"12345")
    assert read_bytes(target, "give another", largest=5) == b"12345"
    with pytest.raises(InputError, match="more than 4 bytes"):
        read_bytes(target, "give another", largest=4)


def test_a_file_that_only_others_may_read_is_named(target, monkeypatch):
    """The superuser, who may run the tests, may read every file: so the system is imitated."""

    def deny(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    target.touch()
    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(InputError) as error:
        read_bytes(target, "give another")
    assert str(error.value) == f"{target} cannot be read (Permission denied): give another"


HOLDER = """
import sys, time
from pathlib import Path
from dse.utils.files import only_process

with only_process(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def held_by_a_process(target):
    """A process that holds `target`, until it is killed."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, target], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        yield holder
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_one_process_holds_a_target_and_the_other_says_who_does(target):
    with held_by_a_process(target) as holder:
        told = rf"process {holder.pid} on {re.escape(platform.node())} since \d{{4}}-"
        with pytest.raises(InputError, match=told), only_process(target):
            pytest.fail("two processes hold it")
    assert len(list(target.parent.iterdir())) == 1  # the lock's file of the killed process
    first, second = only_process(target), only_process(target)
    with first, pytest.raises(InputError, match=f"process {os.getpid()} "), second:
        pytest.fail("held twice")
    assert not list(target.parent.iterdir())


def test_the_lock_of_a_killed_process_can_be_removed_and_no_other(target):
    with held_by_a_process(target):
        remove_abandoned_lock(target)
        assert len(list(target.parent.iterdir())) == 1
    remove_abandoned_lock(target)
    assert not list(target.parent.iterdir())
    remove_abandoned_lock(target)  # there is none
