"""The port to a relational engine and its lake tables, and its adapters."""

from chengshu.engine.port import Engine, Row, Session

__all__ = ["Engine", "Row", "Session"]
