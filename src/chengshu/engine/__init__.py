"""The port to a relational engine and its lake tables, and its adapters."""

from chengshu.engine.port import DataFile, Engine, Row, Scan, Session, Upkeep

__all__ = ["DataFile", "Engine", "Row", "Scan", "Session", "Upkeep"]
