"""Platform state: metadata, and one transaction for each request or step."""

from chengshu.state.database import METADATA, Database, told_database

__all__ = ["METADATA", "Database", "told_database"]
