-- All marriages: id, man, woman, when it began, when and how it ended.
CREATE TABLE wedding AS
WITH eldest AS (
  SELECT mother, min(born) AS born FROM parent JOIN soul USING (id) GROUP BY mother
), current AS (
  SELECT
    couple.man, couple.woman, man_died, woman_died,
    greatest(
      birthday(man_born, 22), birthday(woman_born, 20),
      coalesce(eldest.born - 200 - CAST(pick('married', couple.man * 2, 1100) AS INTEGER), birthday(woman_born, 22) + CAST(pick('married', couple.man * 2, 3000) AS INTEGER)),
      coalesce(his.ended_on, DATE '1900-01-01') + 60, coalesce(hers.ended_on, DATE '1900-01-01') + 60
    ) AS married_on
  FROM couple
  LEFT JOIN eldest ON eldest.mother = couple.woman
  LEFT JOIN parted AS his ON his.man = couple.man
  LEFT JOIN parted AS hers ON hers.woman = couple.woman
), free AS (
  SELECT adult.id, adult.sex, row_number() OVER (PARTITION BY adult.sex ORDER BY rank, adult.id) AS place
  FROM adult JOIN soul USING (id)
  WHERE state = 'single' AND crowd = 'resident' AND soul.died IS NULL AND left_on IS NULL
    AND soul.born BETWEEN if(adult.sex = 1, DATE '1981-01-01', DATE '1983-01-01') AND if(adult.sex = 1, DATE '2003-12-31', DATE '2005-12-31')
    AND chance('weds', adult.id) < in_period(if(adult.sex = 1, 0.006, 0.008))
)
SELECT row_number() OVER (ORDER BY man, married_on) AS id, *
FROM (
  SELECT
    man, woman, least(married_on, first_day() - 20) AS married_on,
    CASE WHEN coalesce(man_died, woman_died) IS NULL AND chance('divorces', man) < in_period(0.0007) THEN coming_day('divorced', man)
      ELSE least(man_died, woman_died) END AS ended_on,
    CASE WHEN least(man_died, woman_died) IS NOT NULL THEN '死亡' WHEN chance('divorces', man) < in_period(0.0007) THEN '离婚' END AS end_kind,
    'current' AS kind
  FROM current
  UNION ALL
  SELECT man, woman, married_on, ended_on, '离婚', 'former' FROM parted
  UNION ALL
  SELECT man.id, woman.id, coming_day('weds', man.id * 2), NULL, NULL, 'new' FROM free AS man JOIN free AS woman USING (place)
  WHERE man.sex = 1 AND woman.sex = 2
)
WHERE ended_on IS NULL OR ended_on > married_on;
