"""Errors that are meant for the person who typed the command."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn


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
        exit_with(error)
    except OSError as error:
        # Only errors about a path or the disk are the user's to mend; the rest keep their traceback.
        if error.strerror is None:
            raise
        where = f": {error.filename}" if error.filename else ""
        exit_with(UserError(f"{error.strerror}{where}. Nothing was half-written; mend that and run again."))


def entry_point(main: Callable[[], None]) -> None:
    """Run a stage's `main` with its errors explained."""
    with explained():
        main()
