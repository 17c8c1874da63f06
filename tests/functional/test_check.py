"""The command `check`, and what declarations may not or do say."""

from __future__ import annotations

from pathlib import Path

from chengshu.catalog import load_pack
from tests.support.commands import command
from tests.support.home import STREET, TestHome, make_test_home, write

F = "{name: f, label: f, type: text}"


def declaration(name: str, field: str = F, more: str = "") -> str:
    """Return a declaration whose fields stand on line 7 and ``more`` on line 9."""
    return (
        f"name: {name}\nlabel: x\nowner: office\nsharing: unconditional\nupdate: daily\n"
        f'key: [f]\nfields: [{field}]\nsource: {{kind: file, path: "../../front/*.csv"}}\n{more}'
    )


def broken_pack(root: Path) -> dict[str, tuple[int | None, str]]:
    """Write a pack with one fault a file; return file → line and what must be said of it."""
    write(root / "city.yaml", "name: x\nlabel: NO\ndivision: 330200\ntimezone: Mars/Base\n")
    write(root / "departments.yaml", "departments: {office: {label: NO}}\n")
    write(root / "elements.yaml", "elements:\n  known: {label: k, type: text}\n")
    said: dict[str, tuple[int | None, str]] = {"city.yaml": (4, "timezone")}

    def add(name: str, text: str | bytes, line: int | None, message: str) -> None:
        path = root / "resources" / "office" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        said[str(path.relative_to(root))] = (line, message)

    def ruled(name: str, rule: str, message: str) -> None:
        field = f"{{name: f, label: {name}, type: text}}"
        add(name, declaration(name, field, f"rules: [{{name: r, {rule}}}]\n"), 9, message)

    def fielded(name: str, field: str, line: int | None, message: str) -> None:
        add(name, declaration(name, field), line, message)

    text = declaration("misspelt").replace("label: x", "lable: x")
    add("misspelt", text, 2, "not a known key")
    add("broken", "name: [broken\nlabel: }", 2, "not YAML")
    add("endless", "name: &a [*a]\n", 1, "alias")
    laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
        for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
    )
    add("laughs", laughs, None, "alias")
    add("deep", "name: " + "[" * 20_000, None, "not YAML")
    add("latin", "name: 街道".encode("gb18030"), None, "not UTF-8")
    add("twice", "name: twice\nname: twice\n", 2, "given twice")
    add("empty", "# nothing\n", None, "empty")
    add("sealed", declaration("sealed", more="secret: true\n"), 9, "涉密")
    add("guess", declaration("guess", more="secret: yes\n"), 9, "secret")
    add("other", declaration("another"), None, "is not the file name")
    fielded("own", "{name: _batch, label: x, type: text}", 7, "fields.0.name")
    fielded("helper", "{name: f__why, label: x, type: text}", 7, "fields.0.name")
    fielded(
        "clock",
        "{name: f, label: f, type: text}, {name: as_of, label: x, type: date}",
        None,
        "as_of",
    )
    fielded("mistyped", "{name: f, label: x, type: texts}", 7, "'texts'")
    fielded("parameter", "{name: f, label: x, type: text, unit: wan}", 7, "unit")
    fielded("banana", "{name: f, label: x, type: text, max_length: many}", 7, "many")
    fielded("element", "{name: f, element: unknown}", 7, "unknown element 'unknown'")
    fielded("codeless", "{name: f, label: x, type: code, codes: none_such}", 7, "none_such")
    ruled("subquery", "where_bad: f IN (SELECT f FROM y)", "may not stand in a rule")
    ruled("function", "where_bad: shell(f) = f", "unknown function 'shell'")
    ruled("reader", "where_bad: read_csv(f) = f", "may not stand in a rule")
    ruled("stranger", "where_bad: g = f", "unknown field")
    ruled("typeless", "where_bad: f + 1 + f > DATE '2020-01-01'", "does not run on duckdb")
    ruled("grammar", "where_bad: f = = f", "not an expression")
    ruled("pointer", "reference: office/nowhere, fields: [f], to: [f]", "'office/nowhere'")
    add("nobody", declaration("nobody", more="rules: [{name: r, unique: [zz]}]"), None, "zz")
    (root / "resources" / "office" / "folder.yaml").mkdir()
    write(root / "codes" / "bad.csv", "no,such,columns\n1,2,3\n")
    said["codes/bad.csv"] = (None, "")
    return said


def test_check_names_file_line_and_what_is_known_for_every_fault(tmp_path: Path):
    said = broken_pack(tmp_path / "pack")

    done = command("check", tmp_path / "pack", "--json")

    found = [(p["path"], p["line"], p["problem"], p["known"]) for p in done.lines]
    missed = [
        (path, line, message)
        for path, (line, message) in said.items()
        if not any(
            path == at and line in (None, here) and message in problem
            for at, here, problem, _ in found
        )
    ]
    assert done.code == 2
    assert not missed, found
    known = {path: known for path, _, _, known in found}
    assert "label" in known["resources/office/misspelt.yaml"]
    assert known["resources/office/element.yaml"] == ["known"]


def test_check_of_a_sound_pack_finds_nothing(home: TestHome):
    done = home.call("check")

    assert done.code == 0
    assert "0 problems in 3 resources, 1 rules" in done.out


def test_a_state_secret_is_never_pulled(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    home.mend("resources/office/street.yaml", "update: daily", "update: daily\nsecret: true")

    done = home.call("run", STREET)

    assert done.code == 2
    assert "resources/office/street.yaml" in done.err
    assert "涉密" in done.err
    assert home.snapshot() == {}


def test_code_like_texts_survive_from_declaration_to_store(tmp_path: Path):
    home = make_test_home(tmp_path / "home", {
        "city.yaml": "name: x\nlabel: NO\ndivision: 330200\n",
        "departments.yaml": "departments: {office: {label: NO}}\n",
        "resources/office/odd.yaml": declaration(
            "odd",
            "{name: f, label: NO, type: text, column: 010101}, "
            "{name: g, label: 1_000, type: text, missing: [NO, 1e3]}",
        ),
    })  # fmt: skip
    home.deliver("x", "010101,g", ["010101,NO", "1e3,1_000", "NO,off"])

    home.run()

    odd = load_pack(home.pack).get("odd")
    assert (odd.field("f").column, odd.field("g").missing) == ("010101", ("NO", "1e3"))
    assert home.current("odd", "f", "g") == [("010101", None), ("1e3", "1_000"), ("NO", "off")]
