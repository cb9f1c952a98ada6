"""Errors that are meant for the person who typed the command."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

FIRST_SPEAKS_SECONDS = 5.0


class UserError(Exception):
    """Something a person can mend: the text says what was wrong, where, and what to do.

    Command-line entry points print it as one message without a traceback and exit with status 1.
    """


def exit_with(error: Exception) -> NoReturn:
    """Print `error` as one message on standard error and leave with status 1."""
    sys.stderr.write(f"error: {error}\n")
    sys.exit(1)


@contextmanager
def explained() -> Iterator[None]:
    """Turn a `UserError`, or an operating-system refusal such as a full disk, into a message and status 1."""
    try:
        yield
    except UserError as error:
        _let_the_first_speak()
        exit_with(error)
    except OSError as error:
        # Only errors about a path or the disk are the user's to mend; the rest keep their traceback.
        if error.strerror is None:
            raise
        where = f": {error.filename}" if error.filename else ""
        exit_with(UserError(f"{error.strerror}{where}. Nothing was half-written; mend that and run again."))


def _let_the_first_speak() -> None:
    """Of the processes that torchrun started, the first tells what all have met; torchrun then ends the others.

    One that has met something of its own speaks after all, as nobody ends it.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ["RANK"] != "0":
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(FIRST_SPEAKS_SECONDS)


def entry_point(main: Callable[[], None]) -> None:
    """Run a stage's `main` with its errors explained."""
    with explained():
        main()
