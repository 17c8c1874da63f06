"""Platform state: metadata, and one transaction for each request or step."""

from chengshu.state.database import METADATA, Database

__all__ = ["METADATA", "Database"]
