"""One small file for each kind of source, behind one port."""

from collections.abc import Mapping
from typing import Any

from chengshu.exchange.connectors.file import find_files
from chengshu.exchange.connectors.http import find_http
from chengshu.exchange.connectors.mqtt import find_mqtt, receive
from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.connectors.objects import find_objects
from chengshu.exchange.connectors.postgres import find_postgres
from chengshu.exchange.connectors.sftp import find_sftp
from chengshu.exchange.connectors.sqlite import find_sqlite

CONNECTORS: Mapping[str, Any] = {
    "file": find_files,
    "sftp": find_sftp,
    "objects": find_objects,
    "sqlite": find_sqlite,
    "postgres": find_postgres,
    "mysql": find_mysql,
    "http": find_http,
    "mqtt": find_mqtt,
}
# Those that somebody must listen to between pulls.
RECEIVERS: Mapping[str, Any] = {"mqtt": receive}

__all__ = ["CONNECTORS", "RECEIVERS"]
