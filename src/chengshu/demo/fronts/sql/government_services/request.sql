WITH worded AS (
  SELECT *
  FROM call JOIN topic ON topic.slot = call.topic
  WHERE called_on <= getvariable('today') AND (getvariable('day') = 0 OR getvariable('today') IN (called_on, taken_on, closed_on))
)
SELECT
  worded.id AS _id, 'RX' || strftime(called_on, '%Y%m%d') || lpad(CAST((worded.id - 1) % getvariable('requests') + 1 AS VARCHAR), 6, '0') AS "requestNo",
  if(chance('anonymous', worded.id) < 0.06, NULL, person.name) AS "callerName", coalesce(phone, mobile(person.id)) AS "callerPhone",
  strftime(CAST(called_on AS TIMESTAMP) + to_seconds(second), '%Y-%m-%d %H:%M:%S') AS "callTime", category AS "categoryCode",
  word_of(opening, 'opening', worded.id)
    || replace(replace(replace(replace(replace(content,
      '{处}', road || house_no || '号' || word_of('附近 门口 旁边 对面 路口', 'spot', worded.id)),
      '{区}', word_of('江畔花园 望潮苑 云栖里 长风小区 锦帆公寓 明月新村 书香府 听涛阁 海棠苑 金色家园 翠湖名邸 丽景湾 阳光城 桃源居 和润园 万象里', 'estate', worded.home)),
      '{时}', word_of('昨晚 今天早上 最近一周 连续三天 上个月起 这两天 每天晚上十点以后 周末 前天下午 一直', 'when', worded.id)),
      '{数}', CAST(2 + pick('number', worded.id, 8) AS VARCHAR)),
      '{店}', shop.name)
    || word_of(ending, 'ending', worded.id) AS content,
  address, code AS "communityCode", handler,
  CASE WHEN known(closed_on) THEN '办结' WHEN known(taken_on) THEN '办理' ELSE '受理' END AS state,
  if(known(closed_on), time_on(closed_on, 'closed', worded.id), NULL) AS "closeTime",
  if(known(closed_on) AND chance('answers', worded.id) < 0.7, [5, 5, 5, 4, 4, 4, 3, 2, 1][1 + pick('satisfaction', worded.id, 9)], NULL) AS satisfaction,
  CASE WHEN known(closed_on) THEN time_on(closed_on, 'closed', worded.id) WHEN known(taken_on) THEN time_on(taken_on, 'taken', worded.id)
    ELSE strftime(CAST(called_on AS TIMESTAMP) + to_seconds(second), '%Y-%m-%d %H:%M:%S') END AS "updateTime"
FROM worded
JOIN person ON person.id = caller
JOIN firm AS shop ON shop.id = worded.shop
JOIN address ON address.id = worded.home
JOIN community ON community.id = community
ORDER BY worded.id
