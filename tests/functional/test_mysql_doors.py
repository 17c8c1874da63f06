"""What a MariaDB server refuses or lacks, and whom it is believed to be."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.port import Past
from chengshu.kernel.errors import ExternalError, InputError
from tests.support.mariadb import MariadbServer, mariadb_server
from tests.support.mysql_pull import around, pull, source
from tests.support.processes import PASSWORD, USER, give


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"database": "nowhere"}, "does not let us in. Check the user, its right to the database"),
        ({"tls": "true"}, "no TLS connection as declared"),
    ],
)
def test_a_refusal_is_told_and_no_secret_shown(
    server: MariadbServer, given: dict[str, str], message: str
):
    with pytest.raises(ExternalError, match=message) as caught:
        find_mysql(source(server, "awkward", **given), Past("run"), around())

    assert PASSWORD not in str(caught.value)
    assert not caught.value.retryable


def test_a_table_that_may_not_be_seen_is_not_there(server: MariadbServer):
    with pytest.raises(InputError, match=r"no table 'mysql\.global_priv' that user 'front' may"):
        pull(source(server, "mysql.global_priv"))


def test_a_table_that_may_be_seen_but_not_read_is_told(server: MariadbServer):
    server.execute("CREATE DATABASE other", "CREATE TABLE other.closed (id int)",
                   f"GRANT INSERT ON other.closed TO {USER}@'%'")  # fmt: skip
    (incoming,) = find_mysql(source(server, "other.closed"), Past("run"), around())

    with pytest.raises(ExternalError, match=r"'other\.closed' cannot be read"):
        list(incoming.batches())


def test_an_authority_belongs_to_tls(server: MariadbServer):
    with pytest.raises(ValidationError, match="ca belongs to tls"):
        source(server, "awkward", ca="ca.pem")


def make_certificate(folder: Path, name: str) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / f"{name}.key",
         "-out", folder / f"{name}.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    give(folder / f"{name}.key", "mysql")
    return folder / f"{name}.pem"


def test_the_servers_certificate_is_checked(server: MariadbServer):
    right = make_certificate(server.folder, "right")
    other = make_certificate(server.folder, "other")
    server.execute(
        "CREATE OR REPLACE VIEW ciphered AS SELECT VARIABLE_VALUE AS v "
        "FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_version'"
    )

    def version(**more: str) -> str | None:
        (row,), _ = pull(source(server, "ciphered", **more))
        return row["v"]

    try:
        restart(server, right)
        assert version() == version(tls="true") == version(tls="true", ca=str(right)) == "TLSv1.3"
        with pytest.raises(ExternalError, match="no TLS connection as declared"):
            version(tls="true", ca=str(other))
    finally:
        restart(server)
    assert version() == ""


def restart(server: MariadbServer, certificate: Path | None = None) -> None:
    server.stop(signal.SIGTERM)
    more = [f"--ssl-cert={certificate}", f"--ssl-key={certificate.with_suffix('.key')}"] \
        if certificate else []  # fmt: skip
    server.start(*more)
