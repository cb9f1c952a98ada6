"""Getting one published file: from where it already lies, from a mirror, or from the first place that gives it.

The transfer itself is gdown's, for any URL: it gets past Google Drive's confirmation page, resumes a broken
download across processes (Range, If-Range), and notices a short body or a server that ignores the range. Which
place is tried next, what is tried again, and whether the bytes are the published ones is decided here.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from filelock import FileLock

from pipeline.errors import UserError
from pipeline.fetching.integrity import LARGE, WrongFileError, check
from pipeline.fetching.source import Source
from pipeline.progress import Meter, progress

if TYPE_CHECKING:
    import requests

WAITS = (1.0, 2.0, 4.0)
"""Seconds before a transfer that broke is taken up again: as many further tries as there are waits."""

TIMEOUT = (15.0, 60.0)
"""Seconds for a server to accept a connection, and between two pieces of the body."""

MB = 10**6


@dataclass(frozen=True)
class Fetched:
    """A file that is known to be the published one, where it lies, and the place it came from."""

    file: Source
    path: Path
    origin: str
    sha256: str


@dataclass(frozen=True)
class Failure:
    """A place that did not give a file, and why."""

    origin: str
    reason: str


class UnavailableError(UserError):
    """No place gave the file; `failures` has each of them, `advice` what to do about it."""

    def __init__(self, name: str, failures: Sequence[Failure], advice: str = "") -> None:
        self.name, self.failures = name, tuple(failures)
        lines = [f"  {failure.origin}: {failure.reason}" for failure in failures]
        super().__init__("\n".join([f"could not get {name}:", *lines, *([advice] if advice else [])]))


class _BrokeOffError(Exception):
    """A transfer broke off; another try may end well."""


def is_web(location: str) -> bool:
    """Whether a location is an http(s) URL; else it is a path or a file URL."""
    return urlsplit(location).scheme in ("http", "https")


def local_path(location: str) -> Path:
    """The path of a location that is not on the web."""
    parts = urlsplit(location)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(location).expanduser()


def download(candidates: Sequence[Source], mirrors: Mapping[str, str], downloads: Path) -> Fetched:
    """One of `candidates` (any will do, best first), which then is the published file.

    Tried in this order: the folder `downloads`, where a person may have put the file; its path or URL in `mirrors`
    (by the file's name); its URLs. A file in a local mirror is used where it lies; any other ends in `downloads`.
    Raises `UnavailableError` when no place has it, and `UserError` when the disk has no room for it.
    """
    places = [
        *((file, str(downloads / file.name)) for file in candidates if (downloads / file.name).exists()),
        *((file, mirrors[file.name]) for file in candidates if file.name in mirrors),
        *((file, url) for file in candidates for url in file.urls),
    ]
    failures = []
    for file, origin in places:
        try:
            return _get(file, origin, downloads / file.name)
        except WrongFileError as error:
            failures.append(Failure(origin, str(error)))
    raise UnavailableError(candidates[0].name, failures)


def _get(file: Source, origin: str, target: Path) -> Fetched:
    if not is_web(origin):
        path = local_path(origin)
        if not path.is_file():
            raise WrongFileError("there is no such file")
        return Fetched(file, path, origin, check(path, file))
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two processes would append to one partial file. The one that waited finds the work done.
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.exists() and (sha256 := _checked(target, file)):
            return Fetched(file, target, origin, sha256)
        incoming = target.with_name(f"{target.name}.incoming")
        sha256 = _transfer_checked(file, origin, incoming)
        incoming.replace(target)
    return Fetched(file, target, origin, sha256)


def _checked(path: Path, file: Source) -> str | None:
    """The sha256 of `path` when it is `file`, else None."""
    try:
        return check(path, file)
    except WrongFileError:
        return None


def _transfer_checked(file: Source, url: str, incoming: Path) -> str:
    """Transfer and check; when an earlier beginning and the rest make a wrong whole, once more from scratch."""
    pieced = bool(_partials(incoming))
    _transfer(file, url, incoming)
    try:
        return check(incoming, file)
    except WrongFileError:
        incoming.unlink()
        if not pieced:
            raise
    return _transfer_checked(file, url, incoming)


def _transfer(file: Source, url: str, incoming: Path) -> None:
    """Bring the bytes of `url` to `incoming`, with patience. Raises `WrongFileError` when that does not work."""
    reason = ""
    for wait in (0.0, *WAITS):
        time.sleep(wait)
        try:
            return _try(file, url, incoming)
        except _BrokeOffError as error:
            reason = str(error)
    raise WrongFileError(reason)


def _try(file: Source, url: str, incoming: Path) -> None:
    import gdown  # with requests and beautifulsoup it costs every command a quarter of a second
    import requests

    with _Bar(file, incoming) as bar:
        try:
            gdown.download(
                url, str(incoming), quiet=True, resume=True, use_cookies=False, timeout=TIMEOUT, progress=bar.show
            )
        except requests.HTTPError as error:
            _explain_status(error.response)
        except gdown.exceptions.FileURLRetrievalError as error:
            raise WrongFileError(
                f"Google Drive gave a page instead of the file ({_drive_says(str(error))})"
            ) from None
        except gdown.exceptions.DownloadError as error:
            _explain_break(file, str(error), incoming)
        except requests.RequestException as error:
            raise _BrokeOffError(f"no connection, or it broke ({type(error).__name__})") from None


def _explain_status(response: "requests.Response | None") -> None:
    status = response.status_code if response is not None else 500
    if status in (408, 429) or status >= 500:
        raise _BrokeOffError(f"the server has trouble (HTTP {status})")
    raise WrongFileError(f"the server does not give it (HTTP {status})")


def _explain_break(file: Source, said: str, incoming: Path) -> None:
    """A body that ended early is resumed; what cannot be resumed is begun anew, unless all of it is there."""
    if said.startswith("Download is incomplete"):
        raise _BrokeOffError(said.splitlines()[0].removesuffix("."))
    for partial in _partials(incoming):
        if file.checksum and _checked(partial, file):
            partial.replace(incoming)
            return
        partial.unlink()
    raise _BrokeOffError("the server sent other bytes than it was asked for")


def _partials(incoming: Path) -> list[Path]:
    """What gdown keeps of a broken transfer: the name, eight letters, `.part`."""
    start = incoming.name
    return [
        path
        for path in incoming.parent.iterdir()
        if path.name.startswith(start) and len(path.name) == len(start) + len("12345678.part")
    ]


def _drive_says(message: str) -> str:
    """Of gdown's message, what Google said: its indented lines before the advice."""
    said = message.partition("You may still")[0].partition("\n")[2]
    return " ".join(said.split()).removesuffix(".")


class _Bar:
    """The progress of a transfer, and the check that it has room, once its size is known."""

    def __init__(self, file: Source, incoming: Path) -> None:
        self.file, self.folder = file, incoming.parent
        self.stack = ExitStack()
        self.meter: Meter | None = None
        self.shown = 0

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def show(self, done: int, total: int | None) -> None:
        """`done` bytes of `total` are here."""
        whole = total or self.file.bytes
        if self.meter is None and whole is not None:
            self._refuse_full_disk(whole - done, whole)
            label = f"download {self.file.name} (MB)"
            self.shown = done // MB
            self.meter = self.stack.enter_context(progress(label, whole // MB, self.shown, shown=whole > LARGE))
        if self.meter and done // MB > self.shown:
            self.meter.update(done // MB - self.shown)
            self.shown = done // MB

    def _refuse_full_disk(self, needed: int, whole: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise UserError(
                f"{self.file.name} has {whole / 1e9:.2f} GB, of which {needed / 1e9:.2f} GB are still to come, and "
                f"{self.folder} has {free / 1e9:.2f} GB free. Make room and run again: what has come is kept."
            )
