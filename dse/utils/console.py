"""What a person sees of a command besides what it prints."""

import logging
import sys
from contextlib import suppress

from tqdm.auto import tqdm


class _LogHandler(logging.Handler):
    """Messages of the library go to stderr, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def set_up_console() -> None:
    """Show the log of `dse`, and no warnings of libraries: they are for programmers.

    A file's name may hold what a terminal has no sign for; it is then written with backslashes.
    """
    logger = logging.getLogger("dse")
    logger.setLevel(logging.INFO)
    logger.handlers = [_LogHandler()]
    logging.captureWarnings(True)
    with suppress(AttributeError):  # stdout may be something else than a file
        sys.stdout.reconfigure(errors="backslashreplace")
