"""The resource that most benchmarks use: five million persons, 12 fields, 12 rules."""

from __future__ import annotations

from pathlib import Path

from chengshu.catalog import Pack, usable_pack
from chengshu.standards.codes import load_code_set, load_divisions
from chengshu.standards.types.citizen_id import check_character_sql

FIELDS = (
    "citizen_id", "name", "sex", "birth_date", "ethnicity", "marital_status",
    "division", "address", "phone", "registered_on", "left_on", "updated_at",
)  # fmt: skip
PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63"
FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玉华建文辉力"
STREETS = "中山解放人民建设文化和平胜利新华光明环城学府滨江"
BAD_KINDS = 12

DECLARATION = """\
name: person
label: 人口
owner: office
sharing: conditional
condition: 测试
update: monthly
key: [citizen_id]
fields:
  - {{name: citizen_id,     label: 公民身份号码, type: citizen_id,  required: true}}
  - {{name: name,           label: 姓名,         type: person_name, required: true}}
  - {{name: sex,            label: 性别,         type: code, codes: gb2261_1, required: true}}
  - {{name: birth_date,     label: 出生日期,     type: date,        required: true}}
  - {{name: ethnicity,      label: 民族,         type: code, codes: gb3304, required: true}}
  - {{name: marital_status, label: 婚姻状况,     type: code, codes: gb2261_2, required: true}}
  - {{name: division,       label: 行政区划,     type: division,    required: true}}
  - {{name: address,        label: 地址,         type: address}}
  - {{name: phone,          label: 电话,         type: phone,       required: true}}
  - {{name: registered_on,  label: 登记日期,     type: date,        required: true}}
  - {{name: left_on,        label: 迁出日期,     type: date}}
  - {{name: updated_at,     label: 更新时间,     type: datetime}}
rules:
  - {{name: sex_fits_id,    where_bad: "sex <> sex_of(citizen_id)"}}
  - {{name: birth_fits_id,  where_bad: "birth_date <> birth_date(citizen_id)"}}
  - {{name: leaves_later,   where_bad: "left_on < registered_on"}}
source: {source}
"""


def make_pack(root: Path, source: str) -> Pack:
    """Write a pack of the one resource ``office/person`` with that source, and read it."""
    files = {
        "city.yaml": "name: bench\nlabel: 测试市\ndivision: 330200\n",
        "departments.yaml": "departments:\n  office: {label: 办公室}\n",
        "resources/office/person.yaml": DECLARATION.format(source=source),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return usable_pack(root)


def make_people(path: Path, rows: int, *, changed: int = 0) -> Path:
    """Write persons to Parquet, all text, the same rows for the same arguments.

    About 1.5 % of the rows are bad, in `BAD_KINDS` ways. With ``changed``, one row in that many
    has moved since: another address and a later ``updated_at``.
    """
    import duckdb

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as con:
            con.execute("SET enable_progress_bar = false")
            con.execute(f"COPY ({people_sql(rows, changed)}) TO '{path}.new' (FORMAT parquet)")
        path.with_name(path.name + ".new").rename(path)
    return path


def people_sql(rows: int, changed: int) -> str:
    """Return SQL of the persons."""
    provinces = PROVINCES.split()
    days, count = 29_220, len(provinces)
    codes = sorted(load_code_set("gb3304").codes)[:56]
    divisions = sorted(d.code for d in load_divisions().values() if d.is_current)[:3000:7]
    moved = f"i % {changed} = 7" if changed else "FALSE"
    person = (
        f"SELECT i, hash(i) AS h, hash(i, 1) AS g, {moved} AS moved, "
        f"{_pick(provinces, f'i % {count}')} AS province, "
        f"DATE '1946-01-01' + CAST((i // {count}) * 7919 % {days} AS INTEGER) AS born, "
        f"100 + (i // {count * days}) * 20 + CAST(hash(i, 2) % 20 AS BIGINT) AS sequence "
        f"FROM range({rows}) AS t(i)"
    )
    numbered = (
        "SELECT *, province || '0000' || strftime(born, '%Y%m%d') || sequence AS body, "
        f"CASE WHEN h % 800 < {BAD_KINDS} THEN CAST(h % 800 AS INTEGER) ELSE 99 END AS bad, "
        f"born + CAST(g % 9000 AS INTEGER) AS registered FROM ({person}) AS person"
    )
    check = check_character_sql("CAST(body AS BIGINT)")
    home = "CASE WHEN moved THEN (i + 1) ELSE i END"
    return f"""
        SELECT CASE bad WHEN 0 THEN body || CASE {check} WHEN '1' THEN '2' ELSE '1' END
            WHEN 1 THEN NULL ELSE body || {check} END AS citizen_id,
        CASE bad WHEN 2 THEN '张3' ELSE {_letter(FAMILY, "h // 7")} || {_letter(GIVEN, "g")}
            || CASE WHEN g % 3 = 0 THEN '' ELSE {_letter(GIVEN, "g // 31")} END END AS name,
        CASE bad WHEN 3 THEN '7' WHEN 4 THEN CAST(1 + sequence % 2 AS VARCHAR)
            ELSE CAST(2 - sequence % 2 AS VARCHAR) END AS sex,
        CASE bad WHEN 5 THEN '2024-02-30' WHEN 6 THEN '1900-01-01'
            ELSE strftime(born, '%Y-%m-%d') END AS birth_date,
        CASE bad WHEN 7 THEN '98' ELSE CASE WHEN g % 10 < 9 THEN '01'
            ELSE {_pick(codes, f"CAST(g % {len(codes)} AS BIGINT)")} END END AS ethnicity,
        CASE bad WHEN 8 THEN '77' ELSE {_pick(["10", "20", "30", "40"], "g % 4")} END
            AS marital_status,
        CASE bad WHEN 9 THEN '999999'
            ELSE {_pick(divisions, f"h // 11 % {len(divisions)}")} END AS division,
        '浙江省宁波市海曙区' || {_letter(STREETS, f"{home} // 5")} || '路'
            || ({home} * 17 % 900 + 1)
            || '号' || ({home} % 30 + 1) || '幢' || ({home} // 3 % 2000 + 101) || '室' AS address,
        CASE bad WHEN 10 THEN '12345' ELSE '160' || lpad(CAST(h % 100000000 AS VARCHAR), 8, '0')
            END AS phone,
        strftime(registered, '%Y-%m-%d') AS registered_on,
        CASE WHEN bad = 11 THEN strftime(registered - 30, '%Y-%m-%d')
            WHEN g % 20 = 0 THEN strftime(registered + 400, '%Y-%m-%d') END AS left_on,
        strftime(CASE WHEN moved THEN TIMESTAMP '2026-02-01' + to_seconds(i // {max(changed, 1)})
            ELSE TIMESTAMP '2020-01-01' + to_seconds(CAST(g % 180000000 AS BIGINT)) END,
            '%Y-%m-%d %H:%M:%S') AS updated_at
        FROM ({numbered}) AS numbered
    """


def _pick(values: list[str], index: str) -> str:
    texts = ", ".join(f"'{value}'" for value in values)
    return f"([{texts}])[CAST({index} AS BIGINT) + 1]"


def _letter(letters: str, number: str) -> str:
    return f"substr('{letters}', CAST({number} % {len(letters)} AS BIGINT) + 1, 1)"
