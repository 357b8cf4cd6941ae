package demo

import (
	"fmt"
	"math/rand/v2"

	"sekisho/demo/shop"
	"sekisho/internal/element"
)

// call is one question of the intruder. One answer comes back.
type call struct {
	SQL  string   `json:"sql"`
	Args []string `json:"args,omitempty"` // extended query when there are any
	Copy bool     `json:"copy,omitempty"`
	Text string   `json:"-"` // shown instead of SQL when that is long

	fields []field // of the answer's columns; nil when no rows are expected
}

// way is one way of reading: its name in texts.yaml and its questions.
type way struct {
	name  string
	calls []call
	// exact says that the gate must tell every person who was read.
	exact bool
}

// traveller picks whom the intruder reads.
type traveller struct {
	r *rand.Rand
	d *shop.Data
}

// readable is the part of the customers that intruders read; who leaves the
// shop during the demo is among the others.
const readable = 0.9

// span returns first and last key of n neighbouring customers.
func (t *traveller) span(n int) (first, last int64) {
	i := t.r.IntN(int(float64(len(t.d.Customers))*readable) - n)
	return t.d.Customers[i].ID, t.d.Customers[i+n-1].ID
}

// some draws a number between lo and hi.
func (t *traveller) some(lo, hi int) int { return lo + t.r.IntN(hi-lo+1) }

// ways returns what the intruder does, in an order of the seed's; the bulk
// export is the last.
func ways(seed uint64, d *shop.Data) []way {
	t := &traveller{rand.New(rand.NewPCG(seed, 0x696e747275646572)), d}
	list := []way{
		t.plainSelect(), t.byKey(), t.selfJoin(), t.view(), t.joinedView(), t.cursor(),
		t.copy(), t.emailOnly(), t.materialised(), t.notes(), t.aggregate(),
	}
	t.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return append(list, t.export())
}

func (t *traveller) plainSelect() way {
	first, last := t.span(t.some(30, 90))
	sql := fmt.Sprintf("SELECT id, name, kana, birth_date FROM customers WHERE id BETWEEN %d AND %d", first, last)
	fields := []field{key(), of(0, element.Name), of(0, element.Kana), of(0, element.BirthDate)}
	if t.r.IntN(2) == 0 {
		sql = fmt.Sprintf("SELECT c.postal_code, c.address, c.id FROM public.customers AS c WHERE c.id >= %d AND c.id <= %d ORDER BY c.id", first, last)
		fields = []field{of(2, element.PostalCode), of(2, element.Address), key()}
	}
	return way{name: "select", exact: true, calls: []call{{SQL: sql, fields: fields}}}
}

// byKey is the commonest question there is: the key is in the question, not
// in the answer.
func (t *traveller) byKey() way {
	w := way{name: "by_key", exact: true}
	for range t.some(4, 9) {
		id, _ := t.span(1)
		c := call{
			SQL: "SELECT name, email, phone FROM customers WHERE id = $1", Args: []string{fmt.Sprint(id)},
			fields: []field{of(1, element.Name), email(), of(1, element.Phone)},
		}
		if t.r.IntN(2) == 0 {
			c.SQL, c.Args = fmt.Sprintf("SELECT name, email, phone FROM customers WHERE id = %d", id), nil
		}
		w.calls = append(w.calls, c)
	}
	return w
}

// selfJoin puts two persons into every row, from one table.
func (t *traveller) selfJoin() way {
	first, last := t.span(t.some(20, 60))
	gap := t.some(1, 5)
	sql := fmt.Sprintf("SELECT a.id, a.name, b.id, b.email FROM customers a JOIN customers b ON b.id = a.id + %d WHERE a.id BETWEEN %d AND %d", gap, first, last)
	fields := []field{key(), of(0, element.Name), key(), email()}
	if t.r.IntN(2) == 0 { // the number of one person beside the address of another
		sql = fmt.Sprintf("SELECT a.id, b.email FROM customers a JOIN customers b ON b.id = a.id + %d WHERE a.id BETWEEN %d AND %d", gap, first, last)
		fields = []field{key(), email()}
	}
	return way{name: "self_join", exact: true, calls: []call{{SQL: sql, fields: fields}}}
}

func (t *traveller) view() way {
	first, last := t.span(t.some(20, 80))
	return way{name: "view", exact: true, calls: []call{{
		SQL:    fmt.Sprintf("SELECT * FROM customer_contact WHERE id BETWEEN %d AND %d", first, last),
		fields: []field{key(), of(0, element.Name), of(0, element.Kana), email(), of(0, element.Phone)},
	}}}
}

func (t *traveller) joinedView() way {
	i := t.r.IntN(len(t.d.Bookings) * 8 / 10)
	first := t.d.Bookings[i].ID
	return way{name: "joined_view", exact: true, calls: []call{{
		SQL: fmt.Sprintf("SELECT customer_id, name, phone, tour, departs_on FROM traveller WHERE booking_id BETWEEN %d AND %d",
			first, first+int64(t.some(20, 60))),
		fields: []field{key(), of(0, element.Name), of(0, element.Phone), plain(), of(0, element.Booking)},
	}}}
}

// cursor reads passports in three bites and leaves the rest.
func (t *traveller) cursor() way {
	first, _ := t.span(2000)
	step := t.some(10, 30)
	w := way{name: "cursor", exact: true, calls: []call{
		{SQL: "BEGIN"},
		{SQL: fmt.Sprintf("DECLARE trip CURSOR FOR SELECT customer_id, number, romaji FROM passports WHERE customer_id >= %d ORDER BY customer_id", first)},
	}}
	for range 3 {
		w.calls = append(w.calls, call{
			SQL:    fmt.Sprintf("FETCH FORWARD %d FROM trip", step),
			fields: []field{key(), passportNumber(), of(0, element.Name)},
		})
	}
	w.calls = append(w.calls, call{SQL: "CLOSE trip"}, call{SQL: "COMMIT"})
	return w
}

func (t *traveller) copy() way {
	first, last := t.span(t.some(40, 120))
	return way{name: "copy", exact: true, calls: []call{{
		SQL:    fmt.Sprintf("COPY (SELECT id, email, sex, birth_date FROM customers WHERE id BETWEEN %d AND %d) TO STDOUT", first, last),
		Copy:   true,
		fields: []field{key(), email(), of(0, element.Sex), of(0, element.BirthDate)},
	}}}
}

// emailOnly leaves every key away.
func (t *traveller) emailOnly() way {
	first, last := t.span(t.some(30, 80))
	return way{name: "email_only", exact: true, calls: []call{{
		SQL:    fmt.Sprintf("SELECT email FROM customers WHERE id BETWEEN %d AND %d", first, last),
		fields: []field{email()},
	}}}
}

// materialised reads a copy of protected data outside the protected tables.
func (t *traveller) materialised() way {
	i := t.r.IntN(len(t.d.Bookings) * 3 / 10)
	first := t.d.Bookings[i].ID
	return way{name: "materialised", exact: true, calls: []call{{
		SQL: fmt.Sprintf("SELECT customer_id, name, passport_number, departs_on FROM departure_list WHERE booking_id BETWEEN %d AND %d",
			first, first+int64(t.some(20_000, 40_000))),
		fields: []field{key(), of(0, element.Name), passportNumber(), of(0, element.Booking)},
	}}}
}

func (t *traveller) notes() way {
	first, last := t.span(t.some(200, 500))
	return way{name: "notes", exact: true, calls: []call{{
		SQL:    fmt.Sprintf("SELECT customer_id, body FROM operator_notes WHERE customer_id BETWEEN %d AND %d", first, last),
		fields: []field{key(), of(0, element.Note)},
	}}}
}

// aggregate reads about everybody and about nobody in particular.
func (t *traveller) aggregate() way {
	return way{name: "aggregate", calls: []call{{
		SQL:    "SELECT count(*), min(birth_date), max(birth_date) FROM customers",
		fields: []field{figure(), figure(), figure()},
	}}}
}

// export wants the whole table; the policy lets nobody have it.
func (t *traveller) export() way {
	return way{name: "export", exact: true, calls: []call{{
		SQL: "COPY customers TO STDOUT", Copy: true,
		fields: []field{key(), of(0, element.Name), of(0, element.Kana), of(0, element.PostalCode), of(0, element.Address),
			of(0, element.Address), of(0, element.Phone), email(), of(0, element.BirthDate), of(0, element.Sex), plain()},
	}}}
}
