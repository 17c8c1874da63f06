"""JSON Schemas of the pack's files, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from chengshu.catalog.city import City
from chengshu.catalog.entity import Entity
from chengshu.catalog.model import Departments, Elements, Resource
from chengshu.catalog.theme import Theme
from chengshu.standards.registry import list_value_types


def render_schemas() -> Mapping[str, dict[str, Any]]:
    """Return file name → JSON Schema, for each kind of file in a pack.

    Editors read YAML with its guesses, so numbers and booleans are allowed where the platform
    itself reads text.
    """
    models: Mapping[str, type[BaseModel]] = {
        "city": City,
        "departments": Departments,
        "elements": Elements,
        "resource": Resource,
        "entity": Entity,
        "theme": Theme,
    }
    schemas = {}
    for name, model in models.items():
        schema = model.model_json_schema()
        for part in [schema, *schema.get("$defs", {}).values()]:
            if "type" in part.get("properties", {}) and part.get("title") in (
                "Element",
                "FieldSpec",
            ):
                part["properties"]["type"] = {"enum": list(list_value_types())}
        schemas[f"{name}.schema.json"] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **schema,
        }
    return schemas
