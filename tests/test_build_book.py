"""The builder's cache: results are kept while what they were made from is unchanged."""

import build_book


def test_stored_results_go_when_the_library_changes(tmp_path):
    build = tmp_path / "_build"
    cached = build / ".jupyter_cache" / "result"
    for digest, kept in (("one", False), ("one", True), ("two", False)):
        build_book.empty_stale_cache(build, digest)
        assert cached.is_file() == kept
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_text("")


def test_the_digest_follows_code_weights_and_versions(tmp_path):
    seen = set()
    for name in ("dse/a.py", "dse/images/w.safetensors", "constraints.txt", "pyproject.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        seen.add(build_book.source_digest(tmp_path))
    (tmp_path / "README.md").write_text("not an input")
    seen.add(build_book.source_digest(tmp_path))
    assert len(seen) == 4
