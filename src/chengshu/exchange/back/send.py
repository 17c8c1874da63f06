"""Send back what has not been sent: the findings of every refined batch, once."""

from __future__ import annotations

from collections.abc import Callable

from chengshu.catalog import Pack, Resource
from chengshu.engine import Engine
from chengshu.exchange.back import deliver
from chengshu.exchange.back.outbox import find_parcel, forget_others, keep_parcel
from chengshu.exchange.back.port import Parcel
from chengshu.exchange.port import Surroundings
from chengshu.kernel.errors import ConflictError
from chengshu.libraries.findings import COLUMNS, list_findings
from chengshu.libraries.report import list_undelivered
from chengshu.libraries.steps import Step, record_step

KIND = "findings"


def send_back(
    engine: Engine,
    pack: Pack,
    resource: Resource,
    around: Surroundings,
    leave: Callable[[Parcel, str], None],
) -> list[int]:
    """Deliver back the findings of every batch that is refined and not delivered, oldest first.

    A batch without findings is delivered, too: a receipt of no rows says that nothing was found.
    ``leave`` is told of each parcel, and where it goes, before anything of it does.

    Returns:
        The batches that were delivered now.

    Raises:
        ExternalError: The front store failed; what was delivered before it stays so.
        ConflictError: The front store has other rows under the same name.
    """
    if resource.back is None:
        return []
    with engine.session() as session:
        batches = [int(line["batch"]) for line in list_undelivered(session, resource)]
    forget_others(around.spool, resource, batches)
    for batch in batches:
        parcel = _parcel(engine, pack, resource, around, batch)
        leave(parcel, f"{resource.back.place}, {resource.back.prefix}_{parcel.kind}")
        receipt = deliver(resource.back, parcel, around)
        note = f"{receipt.rows} rows, digest {receipt.digest}"
        with engine.session() as session:
            done = Step(resource.id, "back", engine.name, batch, note=note)
            record_step(session, done)
    forget_others(around.spool, resource, ())
    return batches


def _parcel(
    engine: Engine, pack: Pack, resource: Resource, around: Surroundings, batch: int
) -> Parcel:
    """Return the batch's parcel, as it was when it was first made."""
    parcel = find_parcel(around.spool, resource, batch, KIND, COLUMNS)
    if parcel is None:
        types = {f.name: pack.type_of(f) for f in resource.fields}
        with engine.session() as session:
            rows = list_findings(session, resource, types, batch)
            keep_parcel(around.spool, resource, batch, KIND, rows)
        parcel = find_parcel(around.spool, resource, batch, KIND, COLUMNS)
    if parcel is None:
        raise ConflictError(f"{resource.id}: the parcel of batch {batch} is gone. Run again.")
    return parcel
