"""The command `read`: what a table file holds."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path

from chengshu.exchange.files import TableFile, describe, write_table
from chengshu.main.render import progress_of_rows, say, show_table


def read(table: TableFile, to: Path | None, json: bool) -> None:
    """Read a table to its end, write it clean if asked, and say what was found."""
    if to is not None:
        write_table(table, to)
    else:
        with progress_of_rows(table.path.name) as tell:
            for _ in table.batches():
                tell(table.rows)
    found = describe(table)
    if json:
        sys.stdout.write(json_text.dumps(found, ensure_ascii=False) + "\n")
        return
    for name in ("encoding", "delimiter", "quote", "rows"):
        shown = repr(found[name]) if name in ("delimiter", "quote") and found[name] else found[name]
        say(f"{name:<10} {'·' if shown is None else shown}")
    say(f"{'header':<10} {', '.join(found['header'])}")
    say("")
    if found["findings"]:
        rows = [[f["line"], f["code"], f["message"]] for f in found["findings"][:50]]
        show_table(f"{len(found['findings'])} findings", ("line", "code", "message"), rows)
    else:
        say("no findings")
    if to is not None:
        say(f"written to {to}")
