SELECT 1
SELECT -1, - 1, +1, -2147483648, 2147483648, -9223372036854775808, 9223372036854775807, 9223372036854775808, 1.5, -1.5, .5, 1., 1e5, 1.5e-3
SELECT 'a', E'a\nb', U&'d\0061t\+000061', U&'d!0061' UESCAPE '!', $$a'b$$, $t$a$$b$t$, B'101', X'1FF', N'abc', 'it''s'
SELECT 'a'⏎'b', 'a' -- comment⏎ 'b', E'x'⏎  '\ty'
SELECT/**/1--x
SELECT * FROM customers WHERE id = 5
SELECT * FROM customers WHERE id = -5
SELECT * FROM customers WHERE id = 5::bigint
SELECT * FROM customers WHERE id = '5'
SELECT * FROM customers WHERE id = $1
SELECT * FROM customers WHERE id = $1 AND email = 'a@b.example' AND n > $2
SELECT * FROM customers WHERE id IN (1, 2, 3)
SELECT * FROM customers WHERE email IN ('a', 'b', $1)
SELECT id, email FROM customers ORDER BY 1, 2 DESC LIMIT 10 OFFSET 20
SELECT id, email FROM customers ORDER BY (1), name DESC NULLS LAST LIMIT 10
SELECT id % 10, count(*) FROM customers GROUP BY 1 HAVING count(*) > 5 ORDER BY 1
SELECT id % 10, n + 1, count(*) FROM customers GROUP BY (1), 2
SELECT n, small, count(*) FROM customers GROUP BY GROUPING SETS ((1), (1, 2), ())
SELECT n, small, count(*) FROM customers GROUP BY ROLLUP (1, 2)
SELECT n, small, count(*) FROM customers GROUP BY CUBE (1, small)
SELECT DISTINCT ON (1) n, email FROM customers ORDER BY 1, 2
SELECT DISTINCT ON (n, 2) n, email FROM customers
SELECT id FROM customers ORDER BY n + 1, id * 2
SELECT id FROM customers ORDER BY CASE WHEN id IN (5, 6) THEN 1 ELSE 2 END
SELECT id FROM customers ORDER BY id = 7, n <> 8
SELECT array_agg(n ORDER BY 1) FROM customers
SELECT row_number() OVER (PARTITION BY 1 ORDER BY 2), sum(n) OVER (ORDER BY n ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING) FROM customers
SELECT sum(n) OVER (ORDER BY birth RANGE BETWEEN '1 day' PRECEDING AND '1 day' FOLLOWING) FROM customers
SELECT sum(n) OVER w FROM customers WINDOW w AS (PARTITION BY id % 5 ORDER BY n ROWS 2 PRECEDING)
SELECT date '2020-01-01', time '10:00', timestamp '2020-01-01', interval '1 day', timestamptz '2020-01-01 00:00:00+00'
SELECT timestamp with time zone '2020-01-01', timestamp without time zone '2020-01-01', time with time zone '10:00+00'
SELECT timestamp(3) '2020-01-01', timestamp(3) with time zone '2020-01-01', interval(3) '1 day', numeric(5,2) '1.5', varchar(3) 'abc', char(3) 'abc'
SELECT char 'abc', character 'abc', bpchar 'abc', nchar 'abc', national character 'abc', character varying 'abc', national character varying (5) 'abc', bit '101', bit(3) '101', bit varying '101'
SELECT int '5', integer '5', bigint '5', smallint '5', real '1.5', double precision '1.5', float '1.5', boolean 't', bool 'f', numeric '1', dec '2', decimal '3'
SELECT text 'abc', name 'abc', xml '<a/>', json '{"a": 1}', jsonb '{"a": 1}', uuid '00000000-0000-0000-0000-000000000001', inet '10.0.0.1', point '(1,2)'
SELECT pg_catalog.text 'abc', pg_catalog.int4 '7', "text" 'q', pg_catalog."text" 'r'
SELECT interval '1' day, interval '1-2' year to month, interval '10:20' hour to minute, interval '5' second
SELECT '1'::int, '1'::pg_catalog.int4, '2020-01-01'::date, '1'::numeric(8,2), 'abc'::varchar(10), 'abc'::char(2), 'x'::bpchar, '101'::bit(3), '{1,2}'::int[], '{1,2}'::int[3], '1 day'::interval(3), '10:00'::time(3) with time zone
SELECT 5::text, 5.5::int, (-5)::text, -5::int8, 5::numeric(8,2), n::varchar(20), id::text || 'x' FROM customers
SELECT CAST('1' AS int), CAST(5 AS numeric(8,2)), CAST('a' AS varchar(10)), CAST(name AS char(3)), CAST('x' AS pg_catalog.varchar), CAST('{1}' AS int ARRAY[4]) FROM customers
SELECT float8 '1.5', float(10) '1.5', timetz '10:00+00'
SELECT email FROM customers WHERE email LIKE 'a%' ESCAPE '!' AND name ILIKE '%b' AND name NOT LIKE 'c' AND kana SIMILAR TO 'x%' ESCAPE '#'
SELECT email FROM customers WHERE name ~ '^a' AND name !~* 'b' AND email ~~ 'c%'
SELECT * FROM customers WHERE birth BETWEEN '1990-01-01' AND '2000-12-31'
SELECT * FROM customers WHERE birth BETWEEN SYMMETRIC date '1990-01-01' AND date '2000-12-31'
SELECT * FROM customers WHERE created AT TIME ZONE 'Asia/Tokyo' > '2020-01-01' AND created > now() - interval '3 days'
SELECT extract(year FROM created), extract('month' FROM created), date_part('day', created), date_trunc('month', created) FROM customers
SELECT substring(name FROM 1 FOR 3), substring(name FROM 'a(.*)b'), substring(name, 2, 3), substring(name SIMILAR 'a#"b#"c' ESCAPE '#') FROM customers
SELECT position('a' IN name), overlay(name PLACING 'xx' FROM 2 FOR 3), trim(both 'x' FROM name), trim(leading FROM name), trim('y' FROM name), ltrim(name, 'a') FROM customers
SELECT coalesce(email, 'none'), nullif(email, ''), greatest(n, 1, 2), least(n, 3) FROM customers
SELECT CASE WHEN n > 5 THEN 'big' WHEN n > 1 THEN 'mid' ELSE 'small' END, CASE n WHEN 1 THEN 'x' ELSE 'y' END, CASE 'a' WHEN 'a' THEN 1 END FROM customers
SELECT payload->>'email', payload->'a'->0->>'b', payload#>>'{a,b}', payload @> '{"a":1}', payload ? 'k' FROM customers
SELECT json_build_object('id', id, 'email', email, 'n', 5), jsonb_build_array('a', 1, 2.5, true, null), format('%s-%s', 'a', 5), concat('a', n, 'b') FROM customers
SELECT row_to_json(c), to_jsonb(c) - 'email', json_agg(c), jsonb_object_agg(name, 'v') FROM customers c GROUP BY c.id
SELECT 'x' IS NULL, 'y' IS DISTINCT FROM 'z', 5 IS NOT NULL, (name = 'a') IS TRUE FROM customers
SELECT ARRAY[1, 2, 3], ARRAY['a', 'b'], ARRAY[]::int[], tags[1], tags[1:2], (ARRAY[1,2,3])[2], 'a' = ANY (tags), 5 = ANY ('{1,2}'::int[]), n = ALL (ARRAY[1, 2]) FROM customers
SELECT ROW(1, 'a'), (1, 'b'), ROW(1, 'x')::pair, (ROW(1, 'x')::pair).a FROM customers
SELECT c.* FROM customers c JOIN bookings b ON b.customer_id = c.id AND b.note = 'vip' LEFT JOIN shadow s USING (id) WHERE c.n > 3 AND b.price >= 99.95
SELECT a.id, b.email FROM customers a JOIN customers b ON b.id = a.id + 1
SELECT * FROM customers c, LATERAL (SELECT * FROM bookings b WHERE b.customer_id = c.id LIMIT 3) x
SELECT * FROM (SELECT id, email FROM customers WHERE n = 1 UNION ALL SELECT id, v FROM shadow WHERE v <> 'q') u WHERE u.id < 100
SELECT id, 'c' AS src FROM customers UNION SELECT id, 's' FROM shadow ORDER BY 1 LIMIT 5
(SELECT id FROM customers WHERE n = 1) UNION ALL (SELECT id FROM shadow ORDER BY 1 LIMIT 2) EXCEPT SELECT 7
((SELECT 1))
SELECT 'a' UNION SELECT 'b' INTERSECT SELECT 'c'
WITH x AS (SELECT id FROM customers WHERE email = 'a'), y AS MATERIALIZED (SELECT 1 AS one) SELECT * FROM x, y WHERE x.id = 3
WITH x(a) AS NOT MATERIALIZED (SELECT 5) SELECT a FROM x
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t
WITH RECURSIVE t(id, parent) AS (SELECT id, parent FROM tree WHERE parent = 1 UNION ALL SELECT c.id, c.parent FROM tree c JOIN t ON c.parent = t.id) SEARCH DEPTH FIRST BY id SET ord SELECT * FROM t WHERE id <> 9 ORDER BY ord
WITH RECURSIVE t(id, parent) AS (SELECT id, parent FROM tree WHERE parent = 1 UNION ALL SELECT c.id, c.parent FROM tree c JOIN t ON c.parent = t.id) CYCLE id SET loop TO 'Y' DEFAULT 'N' USING path SELECT * FROM t WHERE id = 8
WITH d AS (DELETE FROM shadow WHERE id = 3 RETURNING *) SELECT * FROM d WHERE v = 'x'
WITH d AS (DELETE FROM shadow WHERE id = 3 RETURNING *) INSERT INTO shadow SELECT id + 1, 'moved' FROM d
WITH x AS (SELECT 1) (SELECT * FROM x)
WITH x AS (SELECT 5 AS id) UPDATE customers SET n = 6 FROM x WHERE customers.id = x.id
WITH x AS (SELECT 5 AS id) DELETE FROM customers USING x WHERE customers.id = x.id AND name = 'n'
VALUES (1, 'a'), (2, 'b')
VALUES ('a'), (NULL), ('2020-01-01')
TABLE customers
TABLE customers LIMIT 5
INSERT INTO customers (id, name, email, birth, score, active, tags, payload) VALUES (1, 'a', 'b', '2020-01-01', 1.5, true, '{a}', '{"a": 1}')
INSERT INTO customers (id, name) VALUES (1, 'a'), (2, 'b'), (3, NULL) ON CONFLICT (id) DO UPDATE SET name = 'c', n = customers.n + 1 WHERE customers.n < 5 RETURNING id, 'done'
INSERT INTO customers (id, name, n) SELECT id, 'x', 5 FROM shadow WHERE v = 'q'
INSERT INTO customers AS c (id) VALUES (DEFAULT) ON CONFLICT DO NOTHING
INSERT INTO shadow DEFAULT VALUES
INSERT INTO shadow (id, v) VALUES (DEFAULT, 'z')
INSERT INTO customers (id, created, token, code, small) VALUES (1, 'now', '00000000-0000-0000-0000-000000000001', 'ab', 7)
INSERT INTO bookings (id, span, flags, vflags) VALUES (1, '3 days', B'1010', B'11'), (2, interval '1' hour, '1010', X'F')
UPDATE customers SET name = 'x', n = n + 1, birth = '2000-01-01', score = 5, tags[2] = 'q' WHERE id = 7
UPDATE customers SET (name, n) = ('x', 5) WHERE id = 7 RETURNING *
UPDATE ONLY customers c SET email = lower('X') FROM bookings b WHERE b.customer_id = c.id AND b.note LIKE 'q%'
DELETE FROM customers WHERE id = 9
DELETE FROM customers USING bookings WHERE bookings.customer_id = customers.id AND bookings.price > 10.5 RETURNING email
MERGE INTO shadow s USING customers c ON s.id = c.id AND c.n = 5 WHEN MATCHED AND s.v = 'x' THEN UPDATE SET v = 'y' WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (c.id, 'new')
SELECT * FROM customers FOR UPDATE
SELECT * FROM customers WHERE id = 3 FOR NO KEY UPDATE SKIP LOCKED
SELECT * FROM customers FETCH FIRST 5 ROWS ONLY
SELECT * FROM customers ORDER BY n OFFSET 2 ROWS FETCH NEXT 3 ROWS WITH TIES
SELECT * FROM customers TABLESAMPLE SYSTEM (5) REPEATABLE (42)
SELECT * FROM generate_series(1, 10) g(n) WHERE n > 3
SELECT * FROM generate_series('2020-01-01'::date, '2020-02-01', '1 day') d
SELECT * FROM unnest(ARRAY['a','b']) WITH ORDINALITY AS u(v, k) WHERE v = 'a'
SELECT * FROM json_to_recordset('[{"a":1}]') AS x(a int, b varchar(10), c numeric(8,2))
SELECT * FROM ROWS FROM (generate_series(1, 2), unnest('{a,b}'::text[])) AS r(a, b)
SELECT label(a => 'x', b => 'y'), label('x', b := 'z'), twice(5), twice(x => 7)
SELECT label(VARIADIC 'x') FROM shadow
SELECT xmlelement(name foo, xmlattributes('a' AS b), 'content'), xmlparse(DOCUMENT '<a/>'), xmlparse(CONTENT 'x'), xmlserialize(CONTENT '<a/>'::xml AS varchar(20)), xmlpi(name php, 'echo'), xmlexists('//a' PASSING BY REF '<a/>')
SELECT * FROM xmltable('/r' PASSING '<r><c>1</c></r>' COLUMNS c int PATH 'c' DEFAULT '5', d varchar(10) PATH 'd')
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n), string_agg(name, ',' ORDER BY name), count(*) FILTER (WHERE n > 5), count('x') FROM customers
SELECT EXISTS (SELECT 1 FROM customers WHERE n = 5), id IN (SELECT customer_id FROM bookings WHERE price = 1.25), (SELECT max(n) FROM customers WHERE id < 10) FROM customers
SELECT name COLLATE "C" FROM customers WHERE name > 'a' COLLATE "C" ORDER BY name COLLATE "C"
SELECT '%' || 'a' || name, 'a' || 5, 1 + '2', '1' + 2, 2 ^ 3, 5 / 2, 7 % 3, @ -5, |/ 4, ~ 1, 1 << 2, - n FROM customers
SELECT 1=-1, n=-5, n<-3, 5-3, 5 -3, n-3, (n)-3, -(3), - -3, +-3, 3*-2 FROM customers
SELECT TRUE, FALSE, NULL, current_date - 5, current_timestamp, localtime(3), current_timestamp(2), current_user = 'x'
SELECT now() - '1 day'::interval, created + interval '1 day' * 3, age('2020-01-01', birth) FROM customers
SELECT ('a', 5) = (name, n), (1, 2) < (3, 4), (id, n) IN ((1, 2), (3, 4)), (created, '1 day'::interval) OVERLAPS (now(), '2 days'::interval) FROM customers
SELECT OPERATOR(pg_catalog.-) 5, 3 OPERATOR(pg_catalog.+) 4
SELECT 'a' AS "select", 1 AS "A b", 2 one, 3 AS end, 4 AS case FROM customers
SELECT U&"\0069d", U&"!0069d" UESCAPE '!' FROM customers
SELECT "id", "customers"."email", public.customers.name, "public"."customers".n FROM public.customers WHERE "id" = 5
select ID, EMAIL from CUSTOMERS where Id=5 and eMail='x'
SELECT nextval('seq'), currval('seq'::regclass), setval('seq', 5), 'customers'::regclass
SELECT pg_typeof('x'), pg_typeof(5), quote_literal('x'), length('é'), to_char(5, '999'), to_date('2020', 'YYYY'), regexp_replace(name, 'a', 'b', 'g'), md5('x'), encode('x'::bytea, 'hex'), convert_from('\x61', 'UTF8') FROM customers
SELECT id FROM customers WHERE id = ANY('{1,2,3}') OR id = ANY($1) OR tags && ARRAY['x'] OR tags @> '{y}'
SELECT id FROM customers WHERE (n, name) = (5, 'a') AND NOT (active) AND active IS NOT TRUE AND score NOT BETWEEN 1 AND 2.5
SELECT * FROM customers WHERE token = '00000000-0000-0000-0000-000000000001' AND code = 'ab' AND small = 3 AND f = 1.5 AND score = 2
SELECT * FROM v_customers WHERE id = 3 AND email <> 'x'
SELECT * FROM mv WHERE id = 3
SELECT email FROM customers WHERE id = (SELECT 5)
SELECT email FROM customers LIMIT ALL
SELECT email FROM customers LIMIT NULL OFFSET 0
SELECT $1::int, $2::text, $3 || 'x', 5 + $4
SELECT id FROM customers WHERE email = $1 OR email = $2 OR $3 = 'x'
SELECT 1;
;
;;SELECT 1;;
SELECT 1; SELECT 2
SELECT ';'; SELECT $$;$$; SELECT $a$;$b$;$a$; SELECT E'\';'; SELECT ";" FROM (SELECT 1 AS ";") x
SELECT 1 /* ; /* ; */ ; */; SELECT 2 -- ;⏎; SELECT 3
BEGIN; SELECT 1; COMMIT
CREATE FUNCTION f1() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 ELSE 2 END; END; SELECT 5
CREATE OR REPLACE FUNCTION f2(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1 AS end; SELECT x AS case; END
CREATE PROCEDURE p1(a int) BEGIN ATOMIC INSERT INTO shadow VALUES (a, 'x'); DELETE FROM shadow WHERE id = 5; END; CALL p1(5)
CREATE FUNCTION f3() RETURNS int RETURN CASE WHEN true THEN 1 END; SELECT 1
CREATE FUNCTION f4(begin int, atomic text) RETURNS int LANGUAGE sql AS 'select 1'; SELECT 2
CREATE FUNCTION f5() RETURNS void BEGIN ATOMIC END; SELECT 2
CREATE RULE r1 AS ON INSERT TO shadow DO ALSO (SELECT 1; SELECT 2); SELECT 3
CREATE RULE r2 AS ON UPDATE TO shadow DO INSTEAD (INSERT INTO tree VALUES (1, 2, 'x'); DELETE FROM tree WHERE id = 1;)
DO $$ BEGIN PERFORM 1; END $$; SELECT 1
CREATE FUNCTION f6() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN RETURN 1; END; $body$; SELECT f6()
COPY customers TO STDOUT
COPY customers (id, email) TO STDOUT WITH (FORMAT csv, DELIMITER ';', HEADER, QUOTE '''', NULL 'nil')
COPY (SELECT id, email FROM customers WHERE n = 5 AND name = 'x' ORDER BY 1) TO STDOUT
COPY (WITH x AS (SELECT 5 AS a) SELECT * FROM x) TO STDOUT CSV HEADER
COPY public.customers FROM STDIN
COPY customers FROM '/tmp/file' WHERE id > 5
COPY customers TO PROGRAM 'cat'
DECLARE c CURSOR FOR SELECT * FROM customers WHERE id = 5
DECLARE "C x" BINARY NO SCROLL CURSOR WITH HOLD FOR SELECT email FROM customers WHERE name = 'a'
FETCH 5 FROM c
FETCH FORWARD ALL IN c
FETCH c
MOVE ABSOLUTE -5 FROM c
CLOSE c
CLOSE ALL
PREPARE p AS SELECT * FROM customers WHERE id = $1 AND name = 'x'
PREPARE p (bigint, varchar(5)) AS INSERT INTO customers (id, kana, n) VALUES ($1, $2, 5)
EXECUTE p(5, 'x', now(), NULL, -3)
EXECUTE p
DEALLOCATE p
DEALLOCATE PREPARE ALL
SET search_path = public, pg_catalog
SET LOCAL statement_timeout TO '5s'
SET SESSION a.b = 'x'
SET TIME ZONE 'Asia/Tokyo'
SET SESSION AUTHORIZATION DEFAULT
SET ROLE postgres
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
SET CONSTRAINTS ALL DEFERRED
SET NAMES 'UTF8'
RESET search_path
RESET ALL
RESET SESSION AUTHORIZATION
SHOW search_path
SHOW ALL
SHOW TRANSACTION ISOLATION LEVEL
BEGIN
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
START TRANSACTION
COMMIT
END
COMMIT AND CHAIN
ROLLBACK
ABORT
SAVEPOINT s1
RELEASE SAVEPOINT s1
RELEASE s1
ROLLBACK TO SAVEPOINT s1
ROLLBACK WORK TO s1
PREPARE TRANSACTION 'x'
COMMIT PREPARED 'x'
ROLLBACK PREPARED 'x'
CREATE TABLE t1 AS SELECT * FROM customers WHERE id = 5
CREATE TEMP TABLE IF NOT EXISTS t2 (a, b) ON COMMIT DROP AS SELECT id, 'x' FROM customers WITH NO DATA
CREATE TABLE t3 AS EXECUTE p(5, 'x')
CREATE UNLOGGED TABLE t4 (id int PRIMARY KEY, a varchar(10) DEFAULT 'x', b numeric(8,2) CHECK (b > 5), c int GENERATED ALWAYS AS (id * 2) STORED)
SELECT id, 'x' AS v INTO t5 FROM customers WHERE n = 5
SELECT id INTO TEMP t6 FROM customers WHERE name = 'a' ORDER BY 1
SELECT id INTO UNLOGGED TABLE public.t7 FROM customers
CREATE VIEW v2 AS SELECT * FROM customers WHERE name = 'x' WITH LOCAL CHECK OPTION
CREATE OR REPLACE TEMP VIEW v3 (a) AS SELECT 5
CREATE RECURSIVE VIEW v4 (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM v4 WHERE n < 5
CREATE MATERIALIZED VIEW IF NOT EXISTS mv2 AS SELECT id FROM customers WHERE n = 5 WITH DATA
REFRESH MATERIALIZED VIEW CONCURRENTLY mv
CREATE INDEX i1 ON customers (lower(email)) WHERE n > 5
CREATE SEQUENCE s2 START 5
CREATE TEMP SEQUENCE s3
CREATE TRIGGER tr BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION f('a', 5)
CREATE TABLE part (id int) PARTITION BY RANGE (id)
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (1) TO (100)
CREATE ROLE r LOGIN PASSWORD 'secret'
CREATE SCHEMA s CREATE TABLE x (a int) CREATE VIEW y AS SELECT 5
ALTER TABLE customers ADD COLUMN z varchar(5) DEFAULT 'q'
ALTER SYSTEM SET work_mem = '64MB'
DROP TABLE IF EXISTS nothing CASCADE
COMMENT ON TABLE customers IS 'people'
TRUNCATE TABLE ONLY shadow
TRUNCATE shadow, tree RESTART IDENTITY
CALL noop(5, 'x')
EXPLAIN SELECT * FROM customers WHERE id = 5
EXPLAIN ANALYZE VERBOSE SELECT * FROM customers WHERE name = 'x'
EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1
EXPLAIN (ANALYZE off, COSTS false) UPDATE customers SET n = 5
EXPLAIN (SELECT 1)
EXPLAIN EXECUTE p(5)
EXPLAIN ANALYZE CREATE TABLE t8 AS SELECT 5 AS a
EXPLAIN DECLARE c CURSOR FOR SELECT 5
LISTEN ch
UNLISTEN *
UNLISTEN ch
NOTIFY ch, 'payload'
LOCK TABLE customers IN ACCESS EXCLUSIVE MODE
VACUUM ANALYZE customers
VACUUM (FULL, VERBOSE) shadow
ANALYZE customers (id, name)
CLUSTER customers USING customers_pkey
REINDEX TABLE customers
DISCARD ALL
DISCARD TEMP
GRANT SELECT ON customers TO PUBLIC
REVOKE ALL ON customers FROM PUBLIC
REASSIGN OWNED BY a TO b
CHECKPOINT
LOAD 'auto_explain'
SECURITY LABEL ON TABLE customers IS 'x'
IMPORT FOREIGN SCHEMA s FROM SERVER f INTO public
SELECT a FROM (VALUES (1, 'a'), (2, 'b')) AS t(a, b) WHERE b = 'a'
SELECT count(*) FROM customers WHERE created >= '2020-01-01' AND created < '2021-01-01' GROUP BY n ORDER BY count(*) DESC, 1
SELECT n FROM customers GROUP BY n, 1
SELECT name FROM customers WHERE (payload->>'age')::int > 20 AND payload->'x' = '5'
SELECT $1 + 1, 'a' || $2::text
SELECT name, n FROM customers WHERE n = 0x1F
SELECT 'foo'⏎⏎ -- c⏎ 'bar' , E'\\''', e'\'', U&'\\', 'a\'
SELECT id::numeric(10,2), (id + 5)::varchar(10), '5'::int + 5 FROM customers
SELECT id FROM customers WHERE name BETWEEN 'a' AND 'b' OR name NOT BETWEEN 'c' AND 'd' OR n BETWEEN -5 AND -1
SELECT a.*, 'lit' FROM customers a CROSS JOIN LATERAL jsonb_to_record(a.payload) AS j(x int, y varchar(5)) WHERE j.y = 'q' AND j.x = 9
SELECT max(score) - 10.5, avg(n)::numeric(10,3), sum(n) FILTER (WHERE name = 'x') FROM customers HAVING max(n) > 100
SELECT lower('X') LIKE 'x' AND 'a' = 'a' AND 'b' <> $1
SELECT id FROM customers WHERE birth = date'1990-01-01' OR birth>date '1991-01-01'AND n=5OR n=6
INSERT INTO customers (id, birth, created) SELECT 5, '2020-01-01', 'now'
SELECT c.*, 'q' FROM customers c JOIN bookings b ON b.customer_id = c.id AND b.note = 'vip' LEFT JOIN shadow s ON s.id = c.id WHERE c.n > 3 AND b.price >= 99.95
SELECT -(3), - -3, -(-3), - - n FROM customers
SELECT id, name FROM customers WHERE id > 5 ORDER BY email, 2, n + 5, 'x' || name, (2), -n
SELECT u.int4, u."?column?" FROM (SELECT 5, 5::int) u
SELECT sum(5) OVER (), rank() OVER (ORDER BY n DESC, 2), ntile(4) OVER w FROM customers WINDOW w AS (ORDER BY id, 1)
SELECT n, count(*) FROM customers GROUP BY DISTINCT 1
SELECT n, small FROM customers GROUP BY n, small, GROUPING SETS ((n), (2))
SELECT string_agg(DISTINCT name, ', ' ORDER BY name) FROM customers
SELECT (SELECT id FROM customers ORDER BY 1 LIMIT 1), ARRAY(SELECT n FROM customers ORDER BY 1 DESC), EXISTS (SELECT 7)
