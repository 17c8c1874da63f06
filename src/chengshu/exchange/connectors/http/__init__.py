"""A paged HTTP API: everything is read into the spool first, then landed from there."""

from chengshu.exchange.connectors.http.delivery import find_http

__all__ = ["find_http"]
