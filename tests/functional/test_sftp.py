"""Pulling from a real OpenSSH server: what is complete is a delivery, once."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from chengshu.exchange.connectors.sftp import find_sftp
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError
from tests.support.sshd import SshServer, ssh_server

TABLE = "number,amount\na,1\n"


@pytest.fixture(scope="module")
def running() -> Iterator[SshServer]:
    with ssh_server() as server:
        yield server


@pytest.fixture
def server(running: SshServer) -> SshServer:
    """The server with an empty folder."""
    return running.emptied()


def put(server: SshServer, name: str, text: str = TABLE, age: float = 100) -> Path:
    path = server.files / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


class Puller:
    """Pulls again and again, with a memory of what has landed."""

    def __init__(self, server: SshServer, spool: Path) -> None:
        self.server, self.spool = server, spool
        self.past: dict[str, list[str]] = {}

    def find(self, **more: Any) -> list[Incoming]:
        around = Surroundings(Path(), "UTC", lambda _: self.server.key, self.spool, self.spool)
        return find_sftp(self.server.source(**more), Past("run", digests=self.past), around)

    def pull(self, **more: Any) -> list[str]:
        """Land what waits; return the names."""
        found = self.find(**more)
        for incoming in found:
            assert sum(batch.num_rows for batch in incoming.batches())
            self.past.setdefault(incoming.source, []).append(str(incoming.digest))
            incoming.landed()
        return [incoming.source for incoming in found]

    def copies(self) -> list[str]:
        return sorted(p.name for p in self.spool.rglob("*") if p.is_file() and p.suffix != ".json")


@pytest.fixture
def puller(server: SshServer, tmp_path: Path) -> Puller:
    return Puller(server, tmp_path / "spool")


def test_each_state_of_a_file_is_one_delivery(server: SshServer, puller: Puller):
    put(server, "a.csv")
    put(server, "b.txt")
    assert puller.pull(pattern="*.csv") == ["a.csv"]
    assert puller.pull(pattern="*.csv") == []
    put(server, "a.csv", TABLE + "b,2\n", age=50)
    assert puller.pull(pattern="*.csv") == ["a.csv"]
    put(server, "a.csv", age=20)
    assert puller.pull(pattern="*.csv") == ["a.csv"]

    assert puller.copies() == []
    assert len(puller.past["a.csv"]) == 3
    assert {p.name for p in server.files.iterdir()} == {"a.csv", "b.txt"}


def test_a_change_that_keeps_size_and_second_is_seen(server: SshServer, puller: Puller):
    path = put(server, "a.csv", age=0)
    assert puller.pull() == ["a.csv"]
    path.write_text(TABLE.replace("1", "2"))

    assert puller.pull() == ["a.csv"]


def test_notes_may_be_lost(server: SshServer, puller: Puller):
    put(server, "a.csv")
    puller.pull()
    (puller.spool / "notes.json").write_text("{ damaged")

    assert puller.pull() == []


def test_a_file_that_is_known_by_size_and_time_is_not_fetched_again(
    server: SshServer, puller: Puller
):
    path = put(server, "a.csv")
    puller.pull()
    before = path.stat()
    path.write_text(TABLE.replace("1", "2"))
    os.utime(path, (before.st_atime, before.st_mtime))

    # Nobody but a program that sets times back does this; a fetch would have seen it.
    assert puller.pull() == []
    (puller.spool / "notes.json").unlink()
    assert puller.pull() == ["a.csv"]


def test_a_delivery_whose_copy_is_lost_is_fetched_again(server: SshServer, puller: Puller):
    put(server, "a.csv")
    assert len(puller.find()) == 1
    shutil.rmtree(puller.spool / "files")

    assert puller.pull() == ["a.csv"]


@pytest.mark.parametrize(
    "name", ["a.csv.part", "a.csv.tmp", "a.csv.filepart", "a.csv~", "~$a.csv", ".a.csv"]
)
def test_names_of_uploads_under_way_are_never_read(server: SshServer, puller: Puller, name: str):
    put(server, "whole.csv")
    put(server, name)

    assert puller.pull() == ["whole.csv"]


@pytest.mark.parametrize("marker", ["a.csv.ok", "a.ok"])
def test_a_file_waits_for_its_done_marker(server: SshServer, puller: Puller, marker: str):
    put(server, "a.csv")
    ready = {"marker": "*.ok"}
    with pytest.raises(ExternalError, match="1 files are there, none is complete"):
        puller.pull(ready=ready)

    put(server, marker, "", age=90)
    assert puller.pull(ready=ready) == ["a.csv"]
    put(server, "a.csv", TABLE + "b,2\n", age=30)
    assert puller.pull(ready=ready) == [], "the marker is of the upload before"
    put(server, marker, "", age=10)
    assert puller.pull(ready=ready) == ["a.csv"]


def test_a_file_waits_until_it_is_old_enough(server: SshServer, puller: Puller):
    put(server, "old.csv", age=200)
    put(server, "young.csv", age=20)

    assert puller.pull(ready={"age": "1 minute"}) == ["old.csv"]


def test_a_file_waits_until_it_is_stable(server: SshServer, puller: Puller):
    put(server, "a.csv", age=0)

    started = time.monotonic()
    assert puller.pull(ready={"stable": "3 seconds"}) == ["a.csv"]
    assert time.monotonic() - started >= 3
    put(server, "a.csv", TABLE + "b,2\n", age=0)
    assert puller.pull(ready={"stable": "2 minutes"}) == []


def test_patterns_reach_into_folders(server: SshServer, puller: Puller):
    for name in ("x.csv", "2026/x.csv", "2026/01/x.csv", "2026/01/y.csv", "2025/x.csv"):
        put(server, name)

    assert puller.find(pattern="2026/*.csv")[0].source == "2026/x.csv"
    assert [i.source for i in puller.find(pattern="2026/**/x.csv")] == [
        "2026/01/x.csv",
        "2026/x.csv",
    ]
    assert len(puller.find(pattern="**/[!y].csv")) == 4


def test_names_in_gb18030_are_read(server: SshServer, puller: Puller):
    raw = os.fsencode(server.files) + b"/" + "街道_20260101.csv".encode("gb18030")
    Path(os.fsdecode(raw)).write_text(TABLE)

    (incoming,) = puller.find(pattern="街道_*.csv", as_of=r"_(\d{8})")

    assert incoming.source == "街道_20260101.csv"
    assert str(incoming.as_of) == "2026-01-01 00:00:00"
    assert len(list(incoming.batches())) == 1


def test_members_of_an_archive_are_deliveries(server: SshServer, puller: Puller):
    with zipfile.ZipFile(server.files / "x.zip", "w") as archive:
        archive.writestr("sub/b.csv", TABLE)
        archive.writestr("a.csv", TABLE)
        archive.writestr("readme.txt", "no table")

    names = puller.pull(members="*.csv")

    assert names == ["x.zip!a.csv", "x.zip!sub/b.csv"]
    assert puller.pull(members="*.csv") == []
    assert puller.copies() == []


@pytest.mark.parametrize("after", ["archive", "delete"])
def test_what_has_landed_leaves_where_that_is_declared(
    server: SshServer, puller: Puller, after: str
):
    ready = {"marker": "*.ok"}
    for name in ("1/a.csv", "1/a.csv.ok", "late.csv"):
        put(server, name, TABLE)
    (incoming,) = puller.find(pattern="**/*.csv", ready=ready, after=after)
    assert (server.files / "1/a.csv").exists()

    # The run is killed between landing and being told: the next pull leaves the file.
    puller.past[incoming.source] = [str(incoming.digest)]
    assert puller.pull(pattern="**/*.csv", ready=ready, after=after) == []

    left = {p.relative_to(server.files).as_posix() for p in server.files.rglob("*") if p.is_file()}
    archived = {"archive/1/a.csv", "archive/1/a.csv.ok"} if after == "archive" else set()
    assert left == {"late.csv", *archived}
    assert puller.pull(pattern="**/*.csv", ready=ready, after=after) == []


def test_a_file_that_changed_since_it_landed_is_not_deleted(server: SshServer, puller: Puller):
    put(server, "a.csv")
    (incoming,) = puller.find(after="delete")
    put(server, "a.csv", TABLE + "b,2\n", age=5)

    incoming.landed()

    assert (server.files / "a.csv").read_text() == TABLE + "b,2\n"


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_any_of_the_servers_keys_may_be_declared(server: SshServer, puller: Puller, kind: str):
    put(server, "a.csv")

    assert puller.pull(host_key=server.fingerprint(kind)) == ["a.csv"]


def test_an_unknown_host_key_is_refused_and_shown(server: SshServer, puller: Puller):
    put(server, "a.csv")
    logins = (server.folder / "log").read_text().count("Accepted")

    with pytest.raises(ExternalError) as caught:
        puller.pull(host_key="SHA256:" + "A" * 43)

    assert server.fingerprint() in str(caught.value)
    assert not caught.value.retryable
    assert logins
    assert (server.folder / "log").read_text().count("Accepted") == logins


def test_what_goes_wrong_is_told(server: SshServer, puller: Puller, tmp_path: Path):
    put(server, "a.csv")
    stranger = tmp_path / "stranger"
    os.system(f"ssh-keygen -q -t ed25519 -N '' -f {stranger}")

    def failure(error: type[Exception] = ExternalError, secret: str = "", **more: Any) -> str:
        around = Surroundings(Path(), "UTC", lambda _: secret or server.key, tmp_path, tmp_path)
        with pytest.raises(error) as caught:
            find_sftp(server.source(**more), Past("run"), around)
        assert "PRIVATE" not in str(caught.value)
        return str(caught.value)

    assert "does not let us in" in failure(secret=stranger.read_text())
    refused = failure(secret="wrong-word", auth="password")
    assert "does not let us in" in refused
    assert "wrong-word" not in refused
    assert "no private key" in failure(InputError, secret="wrong-word")
    assert "it is not there" in failure(folder="/nowhere/at/all")
    assert "no file is there" in failure(pattern="*.xlsx")
    assert "cannot be reached" in failure(port=1)


@contextmanager
def password_server(folder: Path, password: str) -> Iterator[tuple[int, str]]:
    """Run a server that asks for a password, which OpenSSH does only for accounts of the system.

    Yields its port and its key's fingerprint.
    """
    key, loop = asyncssh.generate_private_key("ssh-ed25519"), asyncio.new_event_loop()

    class Door(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            return given == password

    starting = asyncssh.create_server(
        Door, "127.0.0.1", 0, server_host_keys=[key],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(folder)),
    )  # fmt: skip
    server = loop.run_until_complete(starting)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.get_port(), key.get_fingerprint()
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_password_lets_in_and_is_never_shown(server: SshServer, tmp_path: Path):
    put(server, "a.csv")
    with password_server(server.files, "pass'word \\ 密码") as (port, host_key):
        source = server.source(port=port, host_key=host_key, auth="password", folder="/")

        def find(secret: str) -> list[Incoming]:
            around = Surroundings(Path(), "UTC", lambda _: secret, tmp_path, tmp_path)
            return find_sftp(source, Past("run"), around)

        assert [incoming.source for incoming in find("pass'word \\ 密码")] == ["a.csv"]
        with pytest.raises(ExternalError, match="does not let us in") as caught:
            find("wrong-word")

    assert "wrong-word" not in str(caught.value)
