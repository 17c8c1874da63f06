"""What a MariaDB server refuses or lacks, and whom it is believed to be."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from chengshu.catalog.back import MysqlBack
from chengshu.exchange.back import Parcel, Receipt, deliver
from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.port import Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError
from tests.support.back import emptied, fetched, receipts_in
from tests.support.mariadb import DATABASE, MariadbServer, mariadb_server
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


def test_the_servers_certificate_is_checked(server: MariadbServer, tmp_path: Path):
    right = make_certificate(server.folder, "right")
    other = make_certificate(server.folder, "other")
    server.execute(
        "CREATE OR REPLACE VIEW ciphered AS SELECT VARIABLE_VALUE AS v "
        "FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_version'"
    )

    def delivered(**more: str) -> int:
        return deliver_some(server, tmp_path, **more).rows

    def version(**more: str) -> str | None:
        (row,), _ = pull(source(server, "ciphered", **more))
        return row["v"]

    try:
        restart(server, right)
        assert version() == version(tls="true") == version(tls="true", ca=str(right)) == "TLSv1.3"
        assert delivered(tls="true") == delivered(tls="true", ca=str(right)) == 3
        for refused in (version, delivered):
            with pytest.raises(ExternalError, match="no TLS connection as declared"):
                refused(tls="true", ca=str(other))
    finally:
        restart(server)
    assert version() == ""
    with pytest.raises(ExternalError, match="no TLS connection as declared"):
        delivered(tls="true")


ROW = (
    "CREATE TABLE chengshu_findings (resource varchar(191) CHARACTER SET {1}, more int {2}, "
    "batch bigint, number bigint, code {0} CHARACTER SET {1}) ENGINE={3}"
)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (ROW.format("text", "utf8mb4", "", "MyISAM"), "is of engine MyISAM, which keeps"),
        ("CREATE VIEW chengshu_findings AS SELECT 1 AS id", "is a view"),
        (ROW.format("text", "gbk", "", "InnoDB"), "findings.resource is in gbk, which lacks"),
        (ROW.replace("code {0} CHARACTER SET {1}", "code blob").format("", "utf8mb4", "", "InnoDB"),
         r"other columns \(chengshu_findings.code\)"),
        (ROW.replace(", code {0} CHARACTER SET {1}", "").format("", "utf8mb4", "", "InnoDB"),
         r"other columns \(chengshu_findings.code\)"),
        (ROW.format("text", "utf8mb4", "NOT NULL", "InnoDB"), "tables there have other columns"),
        (ROW.format("varchar(1)", "utf8mb4", "", "InnoDB"), "its columns are too narrow"),
    ],
)  # fmt: skip
def test_a_table_of_our_name_that_would_lose_something_is_told(
    server: MariadbServer, tmp_path: Path, made: str, told: str
):
    server.execute("DROP TABLE IF EXISTS chengshu_findings, chengshu_receipts", made)

    with pytest.raises(ExternalError, match=told):
        deliver_some(server, tmp_path)

    assert receipts_in(server) == []
    if "VIEW" not in made:
        assert server.execute("SELECT COUNT(*) FROM chengshu_findings") == [["0"]]
    server.execute("DROP VIEW IF EXISTS chengshu_findings")


def test_texts_of_any_characters_arrive_whatever_the_server_is_set_to(
    server: MariadbServer, tmp_path: Path
):
    emptied(server).execute("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
                            "SET GLOBAL character_set_server = latin1")  # fmt: skip
    rows = ["𠮷", "a'b\"c\\d\n%s", "", "x" * 2_000_000]
    try:
        deliver_some(server, tmp_path, rows)
    finally:
        server.execute("SET GLOBAL sql_mode = DEFAULT", "SET GLOBAL character_set_server = DEFAULT")

    assert fetched(server, "SELECT code FROM chengshu_findings ORDER BY number") == [
        (row,) for row in rows
    ]


def test_rows_without_their_receipt_are_told(server: MariadbServer, tmp_path: Path):
    deliver_some(emptied(server), tmp_path)
    server.execute("DELETE FROM chengshu_receipts")

    with pytest.raises(ExternalError, match="rows of this batch without their receipt"):
        deliver_some(server, tmp_path)


def test_a_server_that_writes_to_its_disk_later_is_waited_for(
    server: MariadbServer, tmp_path: Path
):
    emptied(server).execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")

    deliver_some(server, tmp_path)
    server.stop(signal.SIGKILL)
    server.start()

    assert receipts_in(server) == [(1, 3)]


def test_a_server_that_is_silent_is_left_and_nothing_is_there_twice(
    server: MariadbServer, tmp_path: Path
):
    deliver_some(emptied(server), tmp_path)
    server.execute("CREATE TRIGGER slow BEFORE INSERT ON chengshu_receipts FOR EACH ROW "
                   "SET @slow = SLEEP(3)", "DELETE FROM chengshu_findings",
                   "DELETE FROM chengshu_receipts")  # fmt: skip
    with pytest.raises(ExternalError, match=r"was silent for 1 s, in the middle\. The next run"):
        deliver_some(server, tmp_path, silence_s="1")
    server.execute("DROP TRIGGER slow")

    # The try before is still ending: it is waited for.
    assert deliver_some(server, tmp_path).rows == 3
    assert server.execute("SELECT COUNT(*) FROM chengshu_findings") == [["3"]]


def deliver_some(
    server: MariadbServer, folder: Path, rows: Sequence[str] = ("a", "b", "cd"), **more: str
) -> Receipt:
    back = MysqlBack.model_validate({
        "kind": "mysql", "host": "127.0.0.1", "port": str(server.port), "user": USER,
        "database": DATABASE, "secret": "front", **more,
    })  # fmt: skip
    parcel = Parcel("office/street", "office__street", 1, "findings", {"code": "TEXT"},
                    lambda: iter([[row] for row in rows]), len(rows), "digest")  # fmt: skip
    return deliver(back, parcel, Surroundings(folder, "UTC", lambda _: PASSWORD, folder, folder))


def restart(server: MariadbServer, certificate: Path | None = None) -> None:
    server.stop(signal.SIGTERM)
    more = [f"--ssl-cert={certificate}", f"--ssl-key={certificate.with_suffix('.key')}"] \
        if certificate else []  # fmt: skip
    server.start(*more)
