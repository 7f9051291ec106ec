"""The signed manifest: which bytes a report stands for, and who says so.

    report.manifest.json
      files       README.md → sha256, bytes          what lies beside it
      inputs      train.csv, real → sha256, bytes    what was read to make it
      signature   "unsigned", or method, key and value

A key is brought, never kept: in the variable REGROWTH_SIGNING_KEY or in a file. Words of 16 bytes and more sign with
HMAC-SHA256, and whoever checks needs the same words. A private Ed25519 key (PEM) signs for everybody who has the
public one; that takes the extra `sign`. Unsigned, the manifest shows accidents, but not forgers.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

from regrowth import __version__
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import told, write_text
from regrowth.extras import library

__all__ = ["FILE", "VARIABLE", "Checked", "Input", "Key", "check", "described", "load_key", "write"]

FILE = "report.manifest.json"
VARIABLE = "REGROWTH_SIGNING_KEY"
FORMAT = "regrowth manifest 1"
UNSIGNED = "unsigned"
LEAST_BYTES = 16
_CHUNK = 1 << 20


class Input(NamedTuple):
    """Name a file that was read: what for, and its bytes."""

    role: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Key:
    """Hold a key; nothing prints it."""

    method: Literal["HMAC-SHA256", "Ed25519"]
    _secret: Any

    def __repr__(self) -> str:
        return f"Key({self.method})"

    @property
    def name(self) -> str:
        """Return 16 digits that tell keys apart and do not give them away."""
        if self.method == "HMAC-SHA256":
            return hmac.new(self._secret, b"regrowth key name", hashlib.sha256).hexdigest()[:16]
        return hashlib.sha256(_public(self._secret).public_bytes_raw()).hexdigest()[:16]

    def sign(self, message: bytes) -> str:
        """Return the signature, in hexadecimal digits.

        Raises:
            SettingsError: this is a public key.
        """
        if self.method == "HMAC-SHA256":
            return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
        if not hasattr(self._secret, "sign"):
            raise SettingsError(
                "The key is a public one: it can check signatures, but not sign. Bring the private key."
            )
        return str(self._secret.sign(message).hex())

    def verifies(self, message: bytes, signature: str) -> bool:
        """Tell whether a signature is of this message and key."""
        if self.method == "HMAC-SHA256":
            return hmac.compare_digest(self.sign(message).encode(), signature.encode())
        invalid = library("cryptography.exceptions", "Checking an Ed25519 signature", extra="sign").InvalidSignature
        try:
            _public(self._secret).verify(bytes.fromhex(signature), message)
        except (invalid, ValueError):
            return False
        return True


def _public(key: Any) -> Any:
    return key.public_key() if hasattr(key, "public_key") else key


def load_key(path: Path | None, environment: Mapping[str, str]) -> Key | None:
    """Return the key of a file, else that of the environment variable, else none.

    Raises:
        SettingsError: the file cannot be read, or what it holds is no key.
    """
    if path is None:
        text = environment.get(VARIABLE, "")
        return _key(text.encode("utf-8", "surrogateescape"), VARIABLE) if text else None
    try:
        held = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"--key {path}: cannot be read ({error.strerror}).") from None
    return _key(held, f"--key {path}")


def _key(held: bytes, place: str) -> Key:
    words = held.strip()
    if words.startswith(b"-----BEGIN "):
        return Key("Ed25519", _pem(words, place))
    if len(words) < LEAST_BYTES:
        raise SettingsError(
            f"{place}: {len(words)} bytes are too few for a key; expected {LEAST_BYTES} at least, "
            "such as those of `openssl rand -hex 32`."
        )
    return Key("HMAC-SHA256", words)


def _pem(words: bytes, place: str) -> Any:
    read = library("cryptography.hazmat.primitives.serialization", "An Ed25519 key", extra="sign")
    try:
        key = (
            read.load_pem_public_key(words)
            if words.startswith(b"-----BEGIN PUBLIC")
            else read.load_pem_private_key(words, password=None)
        )
    except (ValueError, TypeError):
        raise SettingsError(f"{place}: no PEM key without a password. `openssl genpkey -algorithm ed25519`") from None
    if "ed25519" not in type(key).__name__.lower():
        raise SettingsError(f"{place}: expected an Ed25519 key; `openssl genpkey -algorithm ed25519` makes one.")
    return key


def described(path: Path, role: str) -> Input:
    """Return the facts of a file that is read.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return Input(role, path.name, _sha256(path), path.stat().st_size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def write(
    folder: Path,
    files: Sequence[Path],
    *,
    known: Mapping[Path, str] | None = None,
    inputs: Sequence[Input] = (),
    key: Key | None = None,
) -> Path:
    """Write the manifest of files of a folder, and sign it if there is a key.

    Args:
        known: more files, with their sums, which are not read for it.

    Raises:
        StoreError: a file cannot be read, or the folder cannot be written.
    """
    try:
        held = {path: _facts(path) for path in files}
        held |= {path: {"sha256": sum_, "bytes": path.stat().st_size} for path, sum_ in (known or {}).items()}
    except OSError as error:
        raise told(error, folder) from error
    body = {
        "format": FORMAT,
        "made_by": f"regrowth {__version__}",
        "files": {path.relative_to(folder).as_posix(): held[path] for path in sorted(held)},
        "inputs": [one._asdict() for one in inputs],
    }
    signature: Any = UNSIGNED
    if key is not None:
        signature = {"method": key.method, "key": key.name, "value": key.sign(_message(body))}
    text = json.dumps({**body, "signature": signature}, indent=1, ensure_ascii=False)
    write_text(folder / FILE, text + "\n")
    return folder / FILE


class Checked(NamedTuple):
    """Say what became of a folder since its manifest was written."""

    files: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    signature: Literal["valid", "wrong", "another key", "not checked", "unsigned"]
    """`not checked`: signed, but no key was brought."""

    @property
    def passed(self) -> bool:
        """Tell whether every file is as it was, and a signature that is there was found valid."""
        return not (self.changed or self.missing) and self.signature in ("valid", "unsigned")


def check(folder: Path, key: Key | None = None) -> Checked:
    """Compare the files of a folder with its manifest, and the manifest with its signature.

    Raises:
        DataError: there is no manifest, or it is none of ours; a key was brought, but the manifest is unsigned.
    """
    manifest = _read(folder)
    changed, missing = [], []
    for name, facts in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            missing.append(name)
        elif _facts(path) != facts:
            changed.append(name)
    signature = manifest.pop("signature")
    return Checked(len(manifest["files"]), tuple(changed), tuple(missing), _judged(manifest, signature, key, folder))


def _judged(
    body: Mapping[str, Any], signature: Any, key: Key | None, folder: Path
) -> Literal["valid", "wrong", "another key", "not checked", "unsigned"]:
    if signature == UNSIGNED:
        if key is not None:
            raise DataError(f"{folder / FILE}: unsigned, though a key was brought to check it with. Do not trust it.")
        return "unsigned"
    if key is None:
        return "not checked"
    if signature.get("method") != key.method or signature.get("key") != key.name:
        return "another key"
    return "valid" if key.verifies(_message(body), str(signature.get("value", ""))) else "wrong"


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder}: no {FILE} there. Name the folder that a report was written to.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error
    if not _is_ours(manifest):
        raise DataError(f"{path}: not a manifest that this version reads (expected {FORMAT!r}).")
    return dict(manifest)


def _is_ours(manifest: Any) -> bool:
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return False
    files, signature = manifest.get("files"), manifest.get("signature")
    if not isinstance(files, dict) or not (signature == UNSIGNED or isinstance(signature, dict)):
        return False
    # What lies outside of the folder is none of a manifest's business, whoever wrote it.
    return all(not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts for name in files)


def _message(body: Mapping[str, Any]) -> bytes:
    """Return what is signed: the manifest without its signature, in one certain form."""
    plain = json.dumps(body, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{FORMAT}\n{plain}".encode()


def _facts(path: Path) -> dict[str, Any]:
    return {"sha256": _sha256(path), "bytes": path.stat().st_size}


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
