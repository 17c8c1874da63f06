SELECT
  id AS _id, 'S33' || lpad(CAST(id AS VARCHAR), 8, '0') AS cert_no, citizen_id AS id_card, name, sex_of(sex) AS sex, died AS death_date,
  ['医院', '医院', '医院', '家中', '家中', '家中', '其他'][1 + pick('place', id, 7)] AS place,
  CASE WHEN year(died) - year < 45 THEN word_of('V09 V89 W19 W69 C22 C50 C92 I46 G40 X61', 'cause', id)
    ELSE word_of('I21 I25 I61 I63 I64 I50 C34 C16 C22 C18 C25 J44 J18 E11 N18 G30 W19 I10 K74 C61', 'cause', id) END AS cause,
  issued_on AS issue_date
FROM (SELECT *, died + CAST(pick('death told', id, 3) AS INTEGER) AS issued_on FROM person WHERE died IS NOT NULL)
WHERE comes(issued_on)
ORDER BY issued_on, id
