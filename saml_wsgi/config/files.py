"""Files and folders that options name."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from saml_wsgi.config.convert import NO_INLINE_COMMENTS, Place, Unfit, has_comment, line, shown

#: Nothing that is read whole is longer: keys, certificates and passwords have a few KiB.
_LARGEST_FILE: Final = 256 * 1024
_LONGEST_NAME: Final = 300
#: Opening a pipe waits for whoever writes into it. Windows knows only the last of these.
_WITHOUT_WAITING: Final = sum(
    (os.O_RDONLY, *(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")))
)
_VARIABLE: Final = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\})"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that an option names.

    Attributes:
        path: Absolute.
        name: What messages call it: as written where it holds variables, since one of those may hold
            a secret by mistake (``file:$TOKEN`` for ``env:TOKEN``).
    """

    path: str
    name: str

    def read(self) -> str:
        """The text.

        Raises:
            Unfit: It is missing, unreadable, too large, empty, or not UTF-8. The content is never shown.
        """
        try:
            with self._opened() as file:
                content = file.read(_LARGEST_FILE + 1)
        except (OSError, ValueError) as error:
            raise self.unreadable(error) from None
        wrong = "Is it the right file?"
        if len(content) > _LARGEST_FILE:
            raise Unfit(f"the file {self.name} is larger than {_LARGEST_FILE // 1024} KiB.", wrong)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Unfit(f"the file {self.name} isn't text in UTF-8.", wrong) from None
        if not text.strip():
            raise Unfit(f"the file {self.name} is empty.", wrong)
        return text

    def check(self) -> None:
        """Make sure that it can be read and isn't empty; how much is in it doesn't matter.

        Raises:
            Unfit: It is missing, no regular file, unreadable or empty.
        """
        try:
            with self._opened() as file:
                empty = not file.read(1)
        except (OSError, ValueError) as error:
            raise self.unreadable(error) from None
        if empty:
            raise Unfit(f"the file {self.name} is empty.", "Is it the right file?")

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """The file, if it is one: a pipe, a device or a socket could keep the start waiting for ever."""
        handle = os.open(self.path, _WITHOUT_WAITING)
        try:
            mode = os.fstat(handle).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError
            if not stat.S_ISREG(mode):
                raise Unfit(f"{self.name} isn't a file, but a pipe or a device.", "Name a file.")
            with os.fdopen(handle, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(handle)

    def unreadable(self, error: OSError | ValueError) -> Unfit:
        """Why it can't be read, and what to do about it."""
        if isinstance(error, FileNotFoundError):
            cure = "Check the path; a relative one begins at the ini file."
            return Unfit(f"the file {self.name} doesn't exist.", cure)
        if isinstance(error, PermissionError):
            return Unfit(
                f"the file {self.name} may not be read.", "Let the user that runs this process read it."
            )
        if isinstance(error, IsADirectoryError):
            return Unfit(f"{self.name} is a folder.", "Name a file in it.")
        if isinstance(error, OSError) and error.errno == errno.ENXIO:
            return Unfit(f"{self.name} isn't a file, but a socket or a device.", "Name a file.")
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return Unfit(f"the file {self.name} can't be read: {reason}.", "Check the path.")


def named_file(reference: str, here: str | None) -> File:
    """What ``file:PATH`` means; ``$NAME`` in it is an environment variable.

    Raises:
        Unfit: The path is relative to nothing, or a variable isn't set.
    """
    written = reference.removeprefix("file:").strip()
    path, variables = _VARIABLE.subn(_expanded, written)
    if not path or "\x00" in path or "\n" in path:
        raise Unfit("what follows file: can't be a path.", "Write file:PATH.")
    if has_comment(path):
        raise Unfit(f"it is {shown(reference)}.", NO_INLINE_COMMENTS)
    if path.startswith("//"):
        raise Unfit(f"it is {shown(reference)}, and file: takes a path, not a URL.", "Write file:/path.")
    if path.startswith("~"):
        raise Unfit(f"it is {shown(reference)}, and ~ isn't expanded.", "Write the whole path.")
    if variables and not Path(path).is_absolute():
        raise Unfit(
            f"{shown(written)} means a relative path.", "Variables in a path must hold an absolute one."
        )
    path = absolute(path, here)
    name = written if variables else path
    return File(path, name if name.isprintable() and len(name) <= _LONGEST_NAME else shown(name))


def absolute(path: str, here: str | None) -> str:
    """The path, joined to the folder of the ini file where it is relative.

    Raises:
        Unfit: It is relative, and there is no such folder.
    """
    if Path(path).is_absolute():
        return path
    if here is None:
        raise Unfit(
            f"the path {shown(path)} is relative, and there is no ini file beside which to look for it.",
            "Write an absolute path, or pass the folder as here=.",
        )
    return str(Path(here) / path)


def is_folder(path: str) -> bool:
    """Whether it is a folder; False for a name that can't be one, too."""
    return os.path.isdir(path)  # noqa: PTH112 (pathlib raises where a name is too long)


def _expanded(found: re.Match[str]) -> str:
    name = found["bare"] or found["braced"]
    value = os.environ.get(name)
    if not value:
        cure = "Set it for the process of the server."
        if name == "CREDENTIALS_DIRECTORY":
            cure = "systemd sets it where the unit has LoadCredential=."
        raise Unfit(f"the environment variable {name}, which the path names, isn't set.", cure)
    return value


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that exists; ``file:`` in front of it is understood."""

    kind: str = "folder"

    def __call__(self, value: object, place: Place, /) -> str:
        folder = named_file(line(value, longest=4096), place.here)
        if not is_folder(folder.path):
            cure = "Name a folder; a relative path begins at the ini file."
            raise Unfit(f"{folder.name} isn't a folder, or doesn't exist.", cure)
        if not os.access(folder.path, os.R_OK | os.X_OK):
            cure = "Let the user that runs this process read it."
            raise Unfit(f"the folder {folder.name} may not be read.", cure)
        return folder.path
