"""The port to a relational engine and its lake tables, and its adapters."""

from chengshu.engine.port import Engine, Row, Scan, Session

__all__ = ["Engine", "Row", "Scan", "Session"]
