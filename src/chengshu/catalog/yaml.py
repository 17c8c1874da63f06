"""Read YAML that means what it says: every scalar stays text, and errors name the line."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from chengshu.kernel.errors import DeclarationError, Where

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain] | None"
Model = TypeVar("Model", bound=BaseModel)


def load_model(model: type[Model], path: Path, shown: str) -> Model:
    """Return the declaration in the file ``path``.

    Args:
        model: A closed pydantic model.
        path: The file; one YAML document, UTF-8.
        shown: The path as messages name it.

    Raises:
        DeclarationError: The file is missing, is not YAML, or not such a declaration; names the
            line, and for a misspelt key what is known.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as err:
        raise DeclarationError(Where(shown), "there is no such file") from err
    except OSError as err:
        raise DeclarationError(Where(shown), "the file cannot be read") from err
    except UnicodeDecodeError as err:
        raise DeclarationError(Where(shown), "the file is not UTF-8 text") from err
    return parse_model(model, text, shown)


def parse_model(model: type[Model], text: str, shown: str) -> Model:
    """Return the declaration that ``text`` holds (see `load_model`)."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as err:
        line = err.problem_mark.line + 1 if err.problem_mark else None
        raise DeclarationError(Where(shown, line), f"not YAML: {err.problem}") from err
    except yaml.YAMLError as err:
        raise DeclarationError(Where(shown), "not YAML: a character that may not stand") from err
    except RecursionError as err:
        raise DeclarationError(Where(shown), "not YAML that people wrote: nested too deep") from err
    if node is None:
        raise DeclarationError(Where(shown), "the file is empty")
    plain = _plain(node, shown, set())
    try:
        return model.model_validate(plain)
    except ValidationError as err:
        # A misspelt key also makes the right one missing: the misspelling is what to mend.
        first = min(err.errors(), key=lambda found: found["type"] != "extra_forbidden")
        loc = tuple(part for part in first["loc"] if _names_a_place(node, part))
        at = ".".join(str(part) for part in first["loc"]) or model.__name__.lower()
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = "not a known key"
            known = _known_keys(model, first["loc"])
            raise DeclarationError(
                Where(shown, _line(node, loc)), f"{at}: {message}", known
            ) from err
        raise DeclarationError(Where(shown, _line(node, loc)), f"{at}: {message}") from err


def find_line(path: Path, loc: tuple[int | str, ...]) -> int | None:
    """Return the line of a place in a declaration that was read before; None if it is gone."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return None if node is None else _line(node, loc)


def _plain(node: yaml.Node, shown: str, seen: set[int]) -> Plain:
    """Return the node as text, None, lists and dicts only.

    YAML's own guesses (NO is false, 010101 is octal) would corrupt code values, so every scalar
    stays text and the declared model decides what it means. Only an empty place is None. Aliases
    are refused: a reader would have to look elsewhere, and a few lines could say a billion things.
    """
    if id(node) in seen:
        where = Where(shown, node.start_mark.line + 1)
        raise DeclarationError(where, "an alias repeats this; write it out where it is meant")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Plain] = {}
        for key, value in node.value:
            where = Where(shown, key.start_mark.line + 1)
            if not isinstance(key, yaml.ScalarNode):
                raise DeclarationError(where, "a key must be plain text")
            if key.value in out:
                raise DeclarationError(where, f"{key.value!r} is given twice")
            out[key.value] = _plain(value, shown, seen)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, shown, seen) for item in node.value]
    if node.value == "" and getattr(node, "style", None) is None:
        return None
    return str(node.value)


def _names_a_place(root: yaml.Node, part: int | str) -> bool:
    """Tell whether a part of an error's location can stand in the file at all.

    Pydantic adds the names of union members (``function-after[…]``, tags), which are not places.
    """
    return isinstance(part, int) or part in _keys(root)


def _keys(node: yaml.Node) -> set[str]:
    if isinstance(node, yaml.MappingNode):
        own = {str(key.value) for key, _ in node.value}
        return own.union(*(_keys(value) for _, value in node.value)) if node.value else own
    if isinstance(node, yaml.SequenceNode):
        return set().union(*(_keys(item) for item in node.value))
    return set()


def _line(node: yaml.Node, loc: tuple[int | str, ...]) -> int:
    """Return the line of the innermost part of ``loc`` that the file has."""
    line = int(node.start_mark.line) + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == part]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            pairs = [(item, item) for item in node.value[part : part + 1]]
        else:
            pairs = []
        if not pairs:
            break
        line, node = int(pairs[0][0].start_mark.line) + 1, pairs[0][1]
    return line


def _known_keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the model at ``loc`` would have accepted."""
    schema = model.model_json_schema()
    place = schema
    for part in loc[:-1]:
        # Of models that are told apart by a word, a location names the one by its word.
        options = [_resolved(schema, option) for option in _options(_resolved(schema, place))]
        kinds: dict[object, str] = {}
        for option in [_resolved(schema, place), *options]:
            kinds |= option.get("discriminator", {}).get("mapping", {})
        if part in kinds:
            place = {"$ref": kinds[part]}
            continue
        step: dict[str, object] = {}
        for option in options:
            if isinstance(part, int) and "items" in option:
                step = option["items"]
            elif isinstance(part, str) and part in option.get("properties", {}):
                step = option["properties"][part]
            elif isinstance(part, str) and option.get("additionalProperties"):
                step = option["additionalProperties"]
        if step:
            place = step
    keys: set[str] = set()
    for option in _options(_resolved(schema, place)):
        keys |= set(_resolved(schema, option).get("properties", {}))
    return sorted(keys)


def _options(place: dict[str, object]) -> list[dict]:  # type: ignore[type-arg]
    options = place.get("anyOf") or place.get("oneOf") or [place]
    assert isinstance(options, list)  # noqa: S101 - what JSON Schema says
    return options


def _resolved(schema: dict, place: dict) -> dict:  # type: ignore[type-arg]
    while "$ref" in place:
        place = schema["$defs"][place["$ref"].rsplit("/", 1)[1]]
    return place
