"""What opens a run for the length of a block, which ends it as finished, failed or killed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ParamSpec, TypeVar

from pipeline.errors import UserError
from pipeline.tracking.outbox import Patient, deliver
from pipeline.tracking.run import Description, Tracked
from pipeline.tracking.store import open_store, store_uri

P = ParamSpec("P")
Run = TypeVar("Run", Tracked, Patient)


def _opener(
    describe: Callable[P, Description], begin: Callable[[Description], Run]
) -> Callable[P, AbstractContextManager[Run]]:
    @contextmanager
    def opened(*args: P.args, **kwargs: P.kwargs) -> Iterator[Run]:
        run = begin(describe(*args, **kwargs))
        status, reason = "KILLED", ""  # a SystemExit (SIGTERM) or a KeyboardInterrupt
        try:
            yield run
            status = "FINISHED"
        except Exception as error:
            status, reason = "FAILED", str(error) if isinstance(error, UserError) else repr(error)
            raise
        finally:
            run.close(status, reason)

    return opened


def _at_once(description: Description) -> Tracked:
    deliver_all()
    return Tracked(open_store(store_uri()), description)


def _patiently(description: Description) -> Patient:
    return Patient(open_store(store_uri()), description)


def deliver_all() -> None:
    """Send every run that waits in the outbox."""
    deliver(open_store(store_uri()))


tracked = _opener(Description, _at_once)
"""A run that is open in the store within the block, after all that waited; arguments as of `Description`."""

mirrored = _opener(Description, _patiently)
"""A training's run: nothing within the block waits for the store; arguments as of `Description`."""
