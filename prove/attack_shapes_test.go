package prove

import "strings"

// attackShapes ask in the rarer forms of SQL. None of them may miss anybody.
func attackShapes() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	return []kind{
		{"attack: shapes that read", false, func(g *gen) episode {
			k := g.subject()
			return one(g.either(strings.ReplaceAll(g.pick(
				"SELECT id FROM customers WHERE (points, email) >= (100, 'u5') ORDER BY id FOR UPDATE SKIP LOCKED", "SELECT ROW(id, email) > ROW(@, 'm') FROM customers ORDER BY 1",
				"SELECT grouping(name), count(*) FROM customers GROUP BY GROUPING SETS ((name), ()) ORDER BY 1, 2", "SELECT count(*) FROM customers GROUP BY CUBE (points, phone IS NULL) ORDER BY 1",
				"SELECT xmlagg(xmlelement(name e, email) ORDER BY id)::text FROM customers", "SELECT xmlforest(name, email)::text FROM customers WHERE id = @", "SELECT range_agg(int4range(points, points + 1))::text FROM customers",
				"SELECT jsonb_path_query_array(jsonb_agg(to_jsonb(c) ORDER BY id), '$[*].email') FROM customers c", "SELECT json_object_agg(id, email ORDER BY id) FROM customers",
				"SELECT t.id, l.x FROM tours t, LATERAL (SELECT max(points) AS x FROM customers WHERE points / 100 = t.id) l ORDER BY 1", "SELECT id FROM customers c WHERE c = (SELECT d FROM customers d WHERE id = @)",
				"SELECT x.email FROM json_to_recordset((SELECT json_agg(c ORDER BY id) FROM customers c)) AS x(email text)", "SELECT m FROM ROWS FROM (unnest((SELECT array_agg(email ORDER BY id) FROM customers))) AS r(m)",
				"SELECT id FROM customers ORDER BY email USING > LIMIT 2", "SELECT id FROM customers ORDER BY points FETCH FIRST 2 ROWS WITH TIES", "SELECT width_bucket(points, 0, 500, 3), count(*) FROM customers GROUP BY 1 ORDER BY 1",
				"SELECT mode() WITHIN GROUP (ORDER BY points), percentile_disc(0.5) WITHIN GROUP (ORDER BY email) FROM customers", "SELECT rank('u5') WITHIN GROUP (ORDER BY email) FROM customers",
				"SELECT count(*) FROM customers TABLESAMPLE system (100) WHERE email LIKE 'u%'", "SELECT (SELECT c FROM customers c WHERE id = @)::text", "SELECT id, first_value(email) OVER (ORDER BY id GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) FROM customers ORDER BY id",
				"VALUES ((SELECT max(email) FROM customers)), ('x')", "SELECT DISTINCT ON (name) id FROM customers ORDER BY name, points, id", "SELECT a.id FROM customers a NATURAL JOIN (SELECT email FROM customers WHERE id <> @) b ORDER BY 1",
				"SELECT CASE WHEN EXISTS (SELECT FROM customers WHERE email = (SELECT min(email) FROM customers)) THEN 1 END", "SELECT generate_series(1, (SELECT count(*) FROM customers WHERE points > 100))", "SELECT 'x' WHERE 'u1' < ANY (SELECT email FROM customers)",
				"SELECT 1 / (SELECT count(*) FROM customers WHERE points > 9000)", "SELECT corr(points, length(email)), regr_count(points, 1) FROM customers", "SELECT email IS NOT DISTINCT FROM lag(email) OVER (ORDER BY id) FROM customers",
			), "@", k)))
		}},
		{"attack: shapes that keep", false, func(g *gen) episode {
			t := g.name("t")
			return w(simple("%s", strings.ReplaceAll(g.pick("SELECT email INTO TEMP @ FROM customers", "SELECT email INTO @ FROM customers", "CREATE TEMP TABLE @ (email text); INSERT INTO @ SELECT email FROM customers", "CREATE UNLOGGED TABLE @ AS TABLE customers",
				"CREATE TABLE @ (email text); MERGE INTO @ USING customers c ON false WHEN NOT MATCHED THEN INSERT VALUES (c.email)", "CREATE TABLE @ (n int, email text); INSERT INTO @ VALUES (1, 'x'); INSERT INTO @ SELECT 1, max(email) FROM customers; UPDATE @ SET n = 2 WHERE email <> 'x'",
				"CREATE TABLE @ (email text GENERATED ALWAYS AS (upper(m)) STORED, m text); INSERT INTO @ (m) SELECT email FROM customers", "BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT email FROM customers; COMMIT; CREATE TABLE @ (email text)"), "@", t)),
				settle(), g.either("SELECT email FROM "+t), g.either("SELECT count(*) FROM "+t+" WHERE email > 'u5'"), simple("FETCH ALL FROM h"), simple("DROP TABLE %s", t))
		}},
		{"attack: shapes across sessions", false, func(g *gen) episode {
			s := g.name("s")
			return one(simple("PREPARE %s AS SELECT name || '' AS n FROM customers WHERE id <> %s ORDER BY 1", s, g.subject()), simple("SET search_path = other, public"), simple("EXECUTE %s", s), simple("SET search_path = public, other"), simple("EXECUTE %s", s),
				simple("CREATE TEMP TABLE customers AS SELECT * FROM other.customers"), simple("EXECUTE %s", s), simple("DROP TABLE pg_temp.customers"), simple("EXECUTE %s", s), g.either("SELECT name FROM customers ORDER BY 1"))
		}},
	}
}
