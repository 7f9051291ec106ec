"""The manifest: a changed byte shows, a forged manifest does not pass, and a key is nowhere but where it was."""

import hashlib
import hmac
import json
import subprocess
from pathlib import Path

import pytest

from regrowth.core.errors import DataError, MissingExtra, SettingsError
from regrowth.reports.publishing import manifest
from regrowth.reports.publishing.manifest import Key, check, load_key

WORDS = "correct horse battery staple"
KEY = load_key(None, {manifest.VARIABLE: WORDS})
OTHER = load_key(None, {manifest.VARIABLE: WORDS + "!"})


def written(folder: Path, key: Key | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "report.html").write_text("<p>page</p>")
    (folder / "cards").mkdir(exist_ok=True)
    (folder / "cards" / "README.md").write_text("# card")
    inputs = [manifest.described(folder / "report.html", "real")]
    return manifest.write(folder, [folder / "report.html", folder / "cards" / "README.md"], inputs=inputs, key=key)


def test_the_sums_are_those_of_the_files(tmp_path: Path) -> None:
    made = json.loads(written(tmp_path).read_text("utf-8"))
    page = hashlib.sha256(b"<p>page</p>").hexdigest()
    assert made["files"]["report.html"] == {"sha256": page, "bytes": 11}
    assert list(made["files"]) == ["cards/README.md", "report.html"]
    assert made["inputs"] == [{"role": "real", "name": "report.html", "sha256": page, "bytes": 11}]
    assert made["signature"] == "unsigned"


def test_what_nobody_touched_passes_unsigned_and_signed(tmp_path: Path) -> None:
    written(tmp_path)
    assert check(tmp_path) == (2, (), (), "unsigned")
    assert check(tmp_path).passed
    written(tmp_path, KEY)
    assert check(tmp_path, KEY).signature == "valid"
    assert check(tmp_path, KEY).passed


def test_the_signature_is_an_hmac_that_anybody_can_compute_again(tmp_path: Path) -> None:
    made = json.loads(written(tmp_path, KEY).read_text("utf-8"))
    signature = made.pop("signature")
    plain = json.dumps(made, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    message = f"regrowth manifest 1\n{plain}".encode()
    assert signature["value"] == hmac.new(WORDS.encode(), message, hashlib.sha256).hexdigest()
    assert signature["method"] == "HMAC-SHA256"


def test_a_changed_byte_and_a_lost_file_are_named(tmp_path: Path) -> None:
    written(tmp_path, KEY)
    (tmp_path / "report.html").write_text("<p>Page</p>")
    (tmp_path / "cards" / "README.md").unlink()
    found = check(tmp_path, KEY)
    assert found.changed == ("report.html",)
    assert found.missing == ("cards/README.md",)
    assert not found.passed


@pytest.mark.parametrize("part", ["files", "inputs", "made_by", "value"])
def test_a_forged_manifest_does_not_pass(tmp_path: Path, part: str) -> None:
    path = written(tmp_path, KEY)
    made = json.loads(path.read_text("utf-8"))
    if part == "files":
        (tmp_path / "report.html").write_text("<p>evil</p>")
        made["files"]["report.html"]["sha256"] = hashlib.sha256(b"<p>evil</p>").hexdigest()
    elif part == "inputs":
        made["inputs"] = []
    elif part == "value":
        made["signature"]["value"] = "0" * 64
    else:
        made["made_by"] = "somebody"
    path.write_text(json.dumps(made), "utf-8")
    assert check(tmp_path, KEY).signature == "wrong"
    assert not check(tmp_path, KEY).passed


def test_another_key_is_told_from_a_forged_manifest_and_no_key_is_no_pass(tmp_path: Path) -> None:
    written(tmp_path, KEY)
    assert check(tmp_path, OTHER).signature == "another key"
    assert check(tmp_path).signature == "not checked"
    assert not check(tmp_path).passed


def test_taking_the_signature_away_does_not_help(tmp_path: Path) -> None:
    path = written(tmp_path, KEY)
    made = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**made, "signature": "unsigned"}), "utf-8")
    with pytest.raises(DataError, match="unsigned, though a key was brought"):
        check(tmp_path, KEY)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": "other"}',
        '{"format": "regrowth manifest 1", "files": {}, "signature": null}',
        '{"format": "regrowth manifest 1", "files": {"../secret": {}}, "signature": "unsigned"}',
        '{"format": "regrowth manifest 1", "files": {"/etc/passwd": {}}, "signature": "unsigned"}',
    ],
)
def test_what_is_no_manifest_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / manifest.FILE).write_text(text)
    with pytest.raises(DataError, match=r"report\.manifest\.json"):
        check(tmp_path)


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Name the folder that a report was written to"):
        check(tmp_path)


def test_sums_that_are_known_are_not_read_again_and_checked_all_the_same(tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    part.write_bytes(b"rows")
    manifest.write(tmp_path, [], known={part: hashlib.sha256(b"rows").hexdigest()})
    assert check(tmp_path).passed
    part.write_bytes(b"rowz")
    assert check(tmp_path).changed == ("part.parquet",)


def test_a_key_comes_from_a_file_before_the_environment_and_line_ends_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(WORDS + "\n")
    assert KEY is not None
    assert OTHER is not None
    found = load_key(file, {manifest.VARIABLE: WORDS + "!"})
    assert found is not None
    assert found.name == KEY.name != OTHER.name
    assert load_key(None, {}) is None


def test_a_poor_key_is_refused_and_no_message_holds_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="14 bytes are too few") as refused:
        load_key(None, {manifest.VARIABLE: "hunter2hunter2"})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_key(tmp_path / "absent", {})


def test_a_key_is_in_no_file_and_no_repr(tmp_path: Path) -> None:
    written(tmp_path, KEY)
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert WORDS.encode() not in held
    assert WORDS.encode().hex().encode() not in held
    assert WORDS not in repr(KEY)


def test_equal_folders_have_equal_manifests(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a", KEY), written(tmp_path / "b", KEY)
    assert one.read_bytes() == other.read_bytes()


# Ed25519 ----------------------------------------------------------------------------------------------------------


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, purpose: str, *, extra: str) -> None:
        raise MissingExtra(f"{purpose} needs cryptography: pip install 'regrowth[{extra}]'")

    monkeypatch.setattr(manifest, "library", absent)
    with pytest.raises(MissingExtra, match=r"regrowth\[sign\]"):
        load_key(None, {manifest.VARIABLE: "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----"})


def test_a_private_key_signs_and_the_public_one_checks(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="Ed25519 keys need the extra `sign`")
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(private)], check=True)
    subprocess.run(["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)], check=True)
    folder = tmp_path / "report"
    written(folder, load_key(private, {}))
    assert check(folder, load_key(public, {})).signature == "valid"
    assert check(folder, load_key(private, {})).signature == "valid"
    assert check(folder, KEY).signature == "another key"
    with pytest.raises(SettingsError, match="public one"):
        written(folder, load_key(public, {}))
    (folder / manifest.FILE).write_text((folder / manifest.FILE).read_text().replace("regrowth 0", "regrowth 9"))
    assert check(folder, load_key(public, {})).signature == "wrong"
