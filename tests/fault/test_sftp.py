"""An SFTP server that changes or is silent, and a pull that is killed: nothing half taken."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from chengshu.exchange.connectors.sftp import find_sftp
from chengshu.exchange.port import Past, Surroundings
from chengshu.kernel.errors import ExternalError
from tests.support.commands import kill
from tests.support.home import CITY, TestHome, make_test_home, same_stores
from tests.support.proxy import Fault, proxy_to
from tests.support.sshd import SshServer, ssh_server

pytestmark = pytest.mark.fault
ROWS = "code,name,opened\na,甲街,2001-02-03\nb,乙街,2002-02-02\n"
PAD_BYTES = 4 << 20


@pytest.fixture(scope="module")
def running() -> Iterator[SshServer]:
    with ssh_server() as server:
        yield server


@pytest.fixture
def server(running: SshServer) -> SshServer:
    """The server with an empty folder."""
    return running.emptied()


def put_big(server: SshServer) -> None:
    """Deliver an archive of small tables and much that is none."""
    with tarfile.open(server.files / "street_20260101.tar", "w") as archive:
        for name, text in {"a.csv": ROWS, "b.csv": ROWS + "c,丙街,2003-03-03\n"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
        info = tarfile.TarInfo("scan.bin")
        info.size = PAD_BYTES
        with open("/dev/zero", "rb") as zeros:
            archive.addfile(info, zeros)
    os.utime(server.files / "street_20260101.tar", (1_700_000_000,) * 2)


def make_home(folder: Path, server: SshServer, port: int) -> TestHome:
    declared = yaml.safe_load(CITY["resources/office/street.yaml"])
    declared["source"] = server.declared(
        pattern="street_*.tar",
        members="*.csv",
        as_of=r"street_(\d{8})",
        port=port,
        timeout="60 seconds",
    )
    text = yaml.safe_dump(declared, allow_unicode=True)
    files = {path: CITY[path] for path in ("city.yaml", "departments.yaml")}
    home = make_test_home(folder, {**files, "resources/office/street.yaml": text})
    done = home.call("secret", "front", given=server.key)
    assert done.code == 0, done
    return home


def fetched(home: TestHome) -> int:
    """Return how many bytes of a file that is being fetched have come."""
    try:
        return max(path.stat().st_size for path in (home.root / "spool").rglob(".part-*"))
    except (ValueError, FileNotFoundError):
        return 0


def test_a_run_that_is_killed_in_a_fetch_ends_as_if_it_was_not(tmp_path: Path, server: SshServer):
    put_big(server)
    with proxy_to(server.port) as proxy:
        undisturbed = make_home(tmp_path / "undisturbed", server, proxy.port)
        undisturbed.run()
        home = make_home(tmp_path / "home", server, proxy.port)
        proxy.always = Fault("stall", after=PAD_BYTES // 2)
        run, until = home.start("run"), time.monotonic() + 60
        while fetched(home) < 1 << 20:
            assert run.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)

        kill(run)
        proxy.mend()
        cut = fetched(home)
        home.run()

    assert 0 < cut < PAD_BYTES
    same_stores(undisturbed.snapshot(times=False), home.snapshot(times=False))
    spool = [path.name for path in (home.root / "spool").rglob("*") if path.is_file()]
    assert sorted(spool) == ["members.json", "notes.json"]
    assert [line["closed"] for line in home.balances()] == [True, True]


def test_a_file_that_is_written_to_is_left_until_it_is_done(tmp_path: Path, server: SshServer):
    path, done = server.files / "a.csv", threading.Event()
    path.write_text(ROWS, encoding="utf-8")

    def write() -> None:
        while not done.wait(0.05):
            with path.open("a", encoding="utf-8") as stream:
                stream.write("x,新街,2001-01-01\n")

    around = Surroundings(Path(), "UTC", lambda _: server.key, tmp_path, tmp_path)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(ExternalError, match="1 files are there, none is complete"):
            find_sftp(server.source(), Past("run"), around)
    finally:
        done.set()
        writer.join()
    (incoming,) = find_sftp(server.source(), Past("run"), around)

    rows = sum(batch.num_rows for batch in incoming.batches())
    assert rows == path.read_text(encoding="utf-8").count("\n") - 1


def test_a_server_that_changed_its_key_is_refused(tmp_path: Path, server: SshServer):
    put_big(server)
    source = server.source(pattern="*.tar", members="*.csv")
    server.stop()
    server.make_host_keys()
    server.start()
    around = Surroundings(Path(), "UTC", lambda _: server.key, tmp_path, tmp_path)

    with pytest.raises(ExternalError) as caught:
        find_sftp(source, Past("run"), around)

    assert f"is not {source.host_key}, it offers {server.fingerprint()}" in str(caught.value)
    assert not caught.value.retryable


def test_a_server_that_never_answers_ends_in_an_error(tmp_path: Path, server: SshServer):
    around = Surroundings(Path(), "UTC", lambda _: server.key, tmp_path, tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        source = server.source(port=silent.getsockname()[1], timeout="1 second")

        started = time.monotonic()
        with pytest.raises(ExternalError) as caught:
            find_sftp(source, Past("run"), around)

    assert time.monotonic() - started < 10
    assert caught.value.retryable
    assert "silent for 1 second" in str(caught.value)


def test_a_full_disk_is_told(tmp_path: Path, server: SshServer):
    (server.files / "a.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "spool").write_text("a file where a folder belongs")
    around = Surroundings(Path(), "UTC", lambda _: server.key, tmp_path / "spool", tmp_path)

    with pytest.raises(ExternalError, match="a file cannot be written there"):
        find_sftp(server.source(), Past("run"), around)
