"""What `pytest --nbval chapters/` does not compare: colours and addresses."""


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "text/html", "image/svg+xml")
