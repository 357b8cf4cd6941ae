package prove

import "strings"

// oddQuestions ask about customers in ways that a plain reading of the result's
// columns would miss. @K and @L are keys of subjects, @P a condition over
// protected columns.
var oddQuestions = []string{
	"SELECT id, email FROM customers WHERE id = ANY (ARRAY(SELECT id FROM customers WHERE @P))",
	"SELECT c.id, c.email FROM customers c WHERE c.id = (SELECT d.id FROM customers d WHERE d.email > c.email ORDER BY d.email LIMIT 1)",
	"SELECT c.id FROM customers c ORDER BY (SELECT count(*) FROM customers d WHERE d.points > c.points), id",
	"SELECT id FROM customers GROUP BY id, email ORDER BY email",
	"SELECT DISTINCT ON (points) id FROM customers ORDER BY points, id",
	"SELECT count(DISTINCT email) FROM customers WHERE id < @K",
	"SELECT 1 FROM customers HAVING max(points) > 200",
	"SELECT id FROM customers ORDER BY points FETCH FIRST 2 ROWS WITH TIES",
	"SELECT id FROM customers LIMIT (SELECT count(*) FROM customers WHERE @P)",
	"SELECT id FROM customers ORDER BY id OFFSET (SELECT max(points) / 100 FROM customers)",
	"SELECT coalesce(d.id, c.id) FROM customers c LEFT JOIN customers d ON d.points > c.points AND d.id = @K",
	"SELECT c.id, b.other FROM customers c NATURAL JOIN (SELECT name, id AS other FROM customers) b",
	"SELECT t.id, (SELECT bool_or(@P) FROM customers) FROM tours t",
	"SELECT title FROM tours WHERE EXISTS (SELECT FROM customers WHERE @P)",
	"SELECT CASE WHEN EXISTS (SELECT FROM customers WHERE id = @K AND @P) THEN 1 / (SELECT 0) ELSE 1 END",
	"SELECT id FROM customers WHERE CASE WHEN @P THEN 1 / (points - points) = 1 ELSE true END",
	"SELECT pg_sleep(0)::text FROM customers WHERE @P",
	"SELECT pg_column_size(email), octet_length(name) FROM customers",
	"SELECT format('%s', c) FROM customers c",
	"SELECT c.* IS NULL, c = c FROM customers c",
	"SELECT hashtext(email) FROM customers WHERE id = @K",
	"SELECT count(c.phone) FROM customers c WHERE id = @K",
	"SELECT id, email FROM customers c WHERE (SELECT true FROM bookings b WHERE b.customer_id = c.id AND b.price > 3000 LIMIT 1)",
	"SELECT x FROM customers, unnest(string_to_array(email, '.')) x",
	"WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < (SELECT max(points) / 100 FROM customers)) SELECT n FROM t",
	"WITH RECURSIVE t(i) AS (SELECT id FROM customers WHERE id = @K UNION SELECT c.id FROM customers c JOIN t ON c.id > t.i WHERE c.points > 0) SEARCH DEPTH FIRST BY i SET o SELECT i FROM t",
	"SELECT c.id, q.passport FROM customers c JOIN LATERAL (SELECT b.passport FROM bookings b WHERE b.customer_id <> c.id ORDER BY b.id LIMIT 1) q ON true",
	"SELECT id, (SELECT passport FROM bookings b WHERE b.customer_id = c.id ORDER BY b.id LIMIT 1) FROM customers c",
	"SELECT id, (array_agg(email) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING))[1] FROM customers",
	"SELECT min(id::text) FROM customers GROUP BY name",
	"SELECT id FROM customers EXCEPT SELECT id FROM customers WHERE @P",
	"SELECT customer_id, passport FROM bookings UNION ALL SELECT id, email FROM customers",
	"SELECT id, email FROM customers WHERE id = @K OR name = '佐藤一郎'",
	"SELECT (SELECT email FROM customers WHERE id = @K)",
	"SELECT max(email) FROM customers WHERE id = @K",
	"SELECT d.email FROM customers c LEFT JOIN customers d ON d.id = c.id AND d.points > 100 WHERE c.id = @K",
	"SELECT id FROM customers ORDER BY email USING >",
	"SELECT jsonb_path_query(to_jsonb(c), '$.email') FROM customers c",
	"SELECT (q.c).id, (q.c).email FROM (SELECT c FROM customers c) q",
	"SELECT id, lag(id) OVER (ORDER BY email) FROM customers",
	"SELECT a.id, b.email FROM customers a, customers b WHERE a.id::text = b.id::text",
	"SELECT a.id, b.email FROM customers a JOIN customers b ON a.id = b.id AND a.email <> b.name",
	"SELECT id, email FROM (SELECT id, email, points FROM customers OFFSET 0) q WHERE points > 100",
	"SELECT id, name FROM customers WHERE id NOT IN (SELECT customer_id FROM bookings WHERE price > 3000)",
	"SELECT FROM customers WHERE @P",
	"SELECT id FROM customers WHERE (points > 100) IS NOT UNKNOWN",
	"SELECT * FROM generate_series(1, (SELECT count(*) FROM customers WHERE @P)::int)",
	"SELECT * FROM ROWS FROM (unnest(ARRAY(SELECT email FROM customers ORDER BY id)), generate_series(1, 2)) AS r(a, b)",
	"SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY points), mode() WITHIN GROUP (ORDER BY name) FROM customers",
	"SELECT id, email FROM customers WHERE id = (SELECT customer_id FROM bookings ORDER BY passport LIMIT 1)",
	"SELECT 1 WHERE 'u3' < ALL (SELECT coalesce(email, '') FROM customers)",
	"SELECT id, regexp_matches(email, 'u[0-5]') FROM customers",
	"SELECT t.a FROM customers c, XMLTABLE('/r' PASSING xmlelement(name r, xmlelement(name a, email)) COLUMNS a text) t",
	"SELECT json_object_agg(id, email) FROM customers",
	"SELECT row_to_json(contact) FROM contact",
	"TABLE contact ORDER BY email LIMIT 1",
	"SELECT id FROM customers c WHERE NOT EXISTS (SELECT FROM customers d WHERE d.points > c.points)",
	"SELECT c.id, v.memo FROM customers c LEFT JOIN visits v ON v.customer_id = c.id AND c.points > 100",
	"SELECT c.id, v.memo FROM customers c RIGHT JOIN visits v ON v.customer_id = c.id AND v.memo > 'memo 3'",
	"SELECT c.id, count(b.passport) FROM customers c LEFT JOIN bookings b ON b.customer_id = c.id GROUP BY c.id",
	"SELECT b.customer_id, max(b.price) FROM bookings b GROUP BY 1 HAVING max(b.price) > 5000",
	"SELECT DISTINCT name FROM customers WHERE id >= @K",
	"SELECT id, email FROM customers WHERE id IN (@K, @L) AND @P",
	"SELECT a.email FROM customers a JOIN customers b USING (id) WHERE b.id = @K",
	"SELECT id FROM customers INTERSECT ALL SELECT customer_id FROM bookings WHERE price > 3000",
	"SELECT id, CASE WHEN id = @K THEN (SELECT email FROM customers WHERE id = @L) END FROM customers",
	"SELECT c.id, l.n FROM customers c CROSS JOIN LATERAL (SELECT count(*) AS n FROM customers d WHERE d.points = c.points) l",
	"SELECT first_value(id) OVER (ORDER BY points, id) FROM customers",
	"SELECT id FROM (SELECT id, rank() OVER (ORDER BY points DESC) r FROM customers) q WHERE r = 1",
	"SELECT id, email FROM customers WHERE id > ALL (SELECT customer_id FROM bookings WHERE passport < 'TK5')",
	"SELECT id, array_position(ARRAY(SELECT id FROM customers ORDER BY email), id) FROM customers",
	"SELECT id, width_bucket(points, 0, 400, 4), num_nulls(phone, email) FROM customers",
	"COPY (SELECT id FROM customers ORDER BY email) TO STDOUT",
	"COPY (SELECT 1 FROM customers WHERE @P) TO STDOUT",
	"VALUES ((SELECT count(*) FROM customers WHERE @P))",
	"SELECT has_table_privilege('customers', 'SELECT'), (SELECT true FROM customers WHERE id = @K AND @P)",
	"SELECT id, name FROM roll WHERE id IN (SELECT id FROM customers WHERE @P)",
	"SELECT a.mail FROM contact2 a JOIN contact b ON b.id = a.cid WHERE b.id <> @K",
	"SELECT customer_id, tour_id FROM bookings WHERE passport BETWEEN 'TK2' AND 'TK7'",
	"SELECT tour_id, count(*) FROM bookings GROUP BY tour_id ORDER BY max(passport)",
	"SELECT title FROM travel WHERE id = @K AND passport > 'TK3'",
	"SELECT t.title FROM tours t WHERE t.id = (SELECT tour_id FROM bookings WHERE customer_id = @K ORDER BY price LIMIT 1)",
	"SELECT id FROM bookings ORDER BY passport",
	"SELECT string_agg(id::text, ',' ORDER BY email) FROM customers",
	"SELECT array_agg(DISTINCT tour_id) FILTER (WHERE price > 3000) FROM bookings",
}

// attackOdd asks them one after another.
func attackOdd() []kind {
	return []kind{{"attack: odd questions", false, func(g *gen) episode {
		if g.odd == 0 {
			g.odd = g.r.IntN(len(oddQuestions))
		}
		g.odd++
		q := oddQuestions[g.odd%len(oddQuestions)]
		sql := strings.NewReplacer("@K", g.subject(), "@L", g.subject(), "@P", g.predicate("")).Replace(q)
		if strings.HasPrefix(q, "COPY") {
			return one(say(sql))
		}
		return one(g.either(sql))
	}}}
}
