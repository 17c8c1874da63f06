"""Read a table file exactly as a department delivered it, never guessing silently."""

from chengshu.exchange.files.model import Finding, TableFile, describe
from chengshu.exchange.files.opening import open_table
from chengshu.exchange.files.write import write_table

__all__ = ["Finding", "TableFile", "describe", "open_table", "write_table"]
