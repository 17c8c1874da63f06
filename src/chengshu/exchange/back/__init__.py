"""Deliver back to a department what is its own: one small file for each kind of front store."""

from collections.abc import Mapping

from chengshu.catalog.back import Back
from chengshu.exchange.back.folder import deliver_folder
from chengshu.exchange.back.mysql import deliver_mysql
from chengshu.exchange.back.port import Deliverer, Parcel, Receipt
from chengshu.exchange.back.postgres import deliver_postgres
from chengshu.exchange.back.sqlite import deliver_sqlite
from chengshu.exchange.port import Surroundings

DELIVERERS: Mapping[str, Deliverer] = {
    "folder": deliver_folder,
    "sqlite": deliver_sqlite,
    "postgres": deliver_postgres,
    "mysql": deliver_mysql,
}


def deliver(back: Back, parcel: Parcel, around: Surroundings) -> Receipt:
    """Deliver a parcel into the front store, once whatever happens (see `Deliverer`)."""
    return DELIVERERS[back.kind](back, parcel, around)


__all__ = ["DELIVERERS", "Parcel", "Receipt", "deliver"]
