"""The truth of the demo city holds together: each check is a query for what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chengshu.demo.world import make_world, open_world
from chengshu.standards.types import citizen_id, uscc

SIZE, DAYS = 20_000, 30


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    con = open_world(tmp_path_factory.mktemp("world"))
    make_world(con, SIZE, 7, DAYS)
    yield con
    con.close()


NOBODY = {
    "has another's number": "SELECT citizen_id FROM person GROUP BY 1 HAVING count(*) > 1",
    "has a number of another birthday or sex": """FROM person
        WHERE substr(citizen_id, 7, 8) <> strftime(born, '%Y%m%d')
            OR CAST(substr(citizen_id, 17, 1) AS INTEGER) % 2 <> sex % 2""",
    "has a number that may be somebody's": "FROM person WHERE substr(citizen_id, 3, 4) <> '0000'",
    "is married to two at once": """FROM wedding AS one JOIN wedding AS other
        ON one.id < other.id AND (one.man = other.man OR one.woman = other.woman)
        AND one.married_on < coalesce(other.ended_on, DATE '2100-01-01')
        AND other.married_on < coalesce(one.ended_on, DATE '2100-01-01')""",
    "is married to their own sex, as the law has it": """FROM wedding
        JOIN person AS man ON man.id = man JOIN person AS woman ON woman.id = woman
        WHERE man.sex <> 1 OR woman.sex <> 2""",
    "is married under age": """FROM wedding
        JOIN person AS man ON man.id = man JOIN person AS woman ON woman.id = woman
        WHERE married_on < birthday(man.born, 22) OR married_on < birthday(woman.born, 20)""",
    "is divorced before the wedding": "FROM wedding WHERE ended_on <= married_on",
    "has a mother of an age at which none bears": """FROM person AS child
        JOIN person AS mother ON mother.id = child.mother
        WHERE year(child.born) - year(mother.born) NOT BETWEEN 15 AND 49 OR mother.sex <> 2""",
    "has a mother who was dead": """FROM person AS child
        JOIN person AS mother ON mother.id = child.mother WHERE mother.died < child.born""",
    "has a father who was a child, or long dead": """FROM person AS child
        JOIN person AS father ON father.id = child.father
        WHERE father.born > child.born - 15 * 365 OR father.died < child.born - 280""",
    "has siblings of half a year": """FROM person AS one JOIN person AS other
        ON one.mother = other.mother AND one.id <> other.id
        AND other.born BETWEEN one.born AND one.born + 200""",
    "is a child of a household of their own": """FROM person
        WHERE household0 = id AND year(born) > 2009 AND crowd = 'resident'""",
    "lives in a household with two heads": """SELECT household0 FROM person
        WHERE relation0 = '02' AND crowd = 'resident' AND died IS NULL
        GROUP BY 1 HAVING count(*) > 1""",
    "dies before birth, or lives after death": """FROM person
        WHERE died < born OR registered_on > died + 30 OR left_on > died""",
    "works for an enterprise that is not there": """FROM job LEFT JOIN firm ON firm.id = job.firm
        WHERE firm.id IS NULL OR started_on < established_on""",
    "works as a child": "FROM job JOIN person USING (id) WHERE started_on < birthday(born, 16)",
    "works after death": "FROM job JOIN person USING (id) WHERE ended_on > died",
    "is paid for long after death": """FROM job JOIN person USING (id)
        WHERE died IS NOT NULL AND state = 'works'
            AND (end_known IS NULL OR end_known > died + 60)""",
    "works where all is closed": """FROM job JOIN firm ON firm.id = job.firm
        WHERE state = 'works' AND ended_on IS NULL AND cancelled_on <= last_day()""",
    "leads an enterprise as a child": """FROM firm JOIN person ON person.id = owner
        WHERE established_on < birthday(born, 18)""",
    "leads one enterprise beside another": """SELECT firm FROM office
        WHERE position = '1' AND ended_on IS NULL GROUP BY 1 HAVING count(*) > 1""",
    "holds more or less than all of a company": """SELECT firm FROM holding
        GROUP BY 1 HAVING sum(ratio) <> 100 OR min(ratio) <= 0""",
    "holds themselves": "FROM holding WHERE company = firm",
    "is an enterprise of another's code": "SELECT uscc FROM firm GROUP BY 1 HAVING count(*) > 1",
    "is a company of another's name": """SELECT name FROM firm WHERE NOT is_shop
        GROUP BY 1 HAVING count(*) > 2""",
    "is closed before it is founded": """FROM firm
        WHERE least(cancelled_on, revoked_on) < established_on""",
    "calls from nowhere": """FROM call LEFT JOIN person ON person.id = caller
        LEFT JOIN address ON address.id = home WHERE person.id IS NULL OR address.id IS NULL""",
}


@pytest.mark.parametrize("what", NOBODY)
def test_nobody_in_the_city(world: Any, what: str):
    query = NOBODY[what]
    query = query if query.startswith("SELECT") else f"SELECT 1 {query}"

    (bad,) = world.execute(f"SELECT count(*) FROM ({query})").fetchone()

    assert bad == 0


SHARES = {
    "people of a household": (2.4, 2.8, """SELECT count(*) / count(DISTINCT household0)
        FROM person WHERE crowd = 'resident'"""),
    "households of one": (0.2, 0.32, """SELECT avg(CAST(n = 1 AS INTEGER)) FROM
        (SELECT count(*) AS n FROM person WHERE crowd = 'resident' GROUP BY household0)"""),
    "boys to girls of the years 2000 to 2009": (1.05, 1.3, """SELECT count(*) FILTER (sex = 1)
        / count(*) FILTER (sex = 2) FROM person
        WHERE year BETWEEN 2000 AND 2009 AND crowd = 'resident'"""),
    "born 1987 to born 2024": (2.2, 3.6, """SELECT count(*) FILTER (year = 1987)
        / count(*) FILTER (year = 2024) FROM person WHERE crowd = 'resident'"""),
    "of 65 and more": (0.13, 0.18, """SELECT avg(CAST(year <= 1960 AS INTEGER))
        FROM person WHERE crowd = 'resident'"""),
    "years by which husbands are older": (1.2, 3, """
        SELECT avg(woman.born - man.born) / 365 FROM wedding
        JOIN person AS man ON man.id = man JOIN person AS woman ON woman.id = woman"""),
    "named 王 or 李": (0.15, 0.22, """
        SELECT avg(CAST(name[1] IN ('王', '李') AS INTEGER)) FROM person"""),
    "deaths in the month to residents": (0.0004, 0.0014, f"""SELECT count(*) / {SIZE}
        FROM person WHERE died > first_day()"""),
    "with a job to residents": (0.35, 0.55, f"SELECT count(*) / {SIZE} FROM job"),
    "staff of the largest tenth to all staff": (0.45, 0.9, """
        SELECT sum(staff) FILTER (rank <= 0.1) / sum(staff)
        FROM (SELECT staff, percent_rank() OVER (ORDER BY staff DESC, id) AS rank FROM firm)"""),
}  # fmt: skip


@pytest.mark.parametrize("what", SHARES)
def test_the_city_is_like_a_city(world: Any, what: str):
    least, most, query = SHARES[what]

    (found,) = world.execute(query).fetchone()

    assert least <= found <= most


def test_numbers_pass_the_standards_own_checks(world: Any):
    people = world.execute(
        "SELECT citizen_id FROM person USING SAMPLE 300 (reservoir, 1)"
    ).fetchall()
    firms = world.execute("SELECT uscc FROM firm USING SAMPLE 300 (reservoir, 1)").fetchall()

    assert {citizen_id.check_character(x[:17]) == x[17] for (x,) in people} == {True}
    assert {uscc.find_problem(x) for (x,) in firms} == {None}


def test_polygons_fill_the_city_without_overlap(world: Any):
    # Areas by the corners, in square degrees: the cells make the whole box, and so do communities.
    sums = world.execute(
        """WITH step AS (
            SELECT kind, id, lon * lead(lat) OVER round - lead(lon) OVER round * lat AS twice
            FROM corner WINDOW round AS (PARTITION BY kind, id ORDER BY spot))
        SELECT kind, sum(twice) / 2, min(least(twice, 9)) FROM
            (SELECT kind, id, sum(twice) AS twice FROM step GROUP BY ALL)
        GROUP BY kind ORDER BY kind"""
    ).fetchall()

    assert [kind for kind, *_ in sums] == ["cell", "community"]
    assert all(area == pytest.approx(0.8 * 0.6, abs=1e-6) and least > 0 for _, area, least in sums)


def test_every_address_lies_in_its_cell(world: Any):
    # Inside a convex polygon that is walked anticlockwise, every edge has the point on its left.
    (outside,) = world.execute(
        """WITH edge AS (
            SELECT id, lon, lat, lead(lon) OVER round AS to_lon, lead(lat) OVER round AS to_lat
            FROM corner WHERE kind = 'cell' WINDOW round AS (PARTITION BY id ORDER BY spot))
        SELECT count(*) FROM address JOIN edge ON edge.id = address.cell
        WHERE (to_lon - edge.lon) * (address.lat - edge.lat)
            <= (to_lat - edge.lat) * (address.lon - edge.lon)"""
    ).fetchone()

    assert outside == 0


def test_another_seed_is_another_city(tmp_path: Path):
    found = []
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        con = open_world(tmp_path / str(seed))
        make_world(con, 2_000, seed, 5)
        found.append(con.execute("SELECT citizen_id FROM person ORDER BY id LIMIT 50").fetchall())
        con.close()

    assert found[0] != found[1]
