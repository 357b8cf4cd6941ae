package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// leakyShop is an application of the kind that the incidents had: it puts what
// it is sent into its SQL, and shows any booking to anybody. It asks its database
// through the gate of the script.
func leakyShop(e *testscript.Env) (string, error) {
	query := func(ctx context.Context, sql string) (out []string, err error) {
		c, err := pgx.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%s user=app dbname=%s sslmode=disable", e.Getenv("PGPORT"), e.Getenv("PGDATABASE")))
		if err != nil {
			return nil, err
		}
		defer c.Close(context.WithoutCancel(ctx))
		results, err := c.PgConn().Exec(ctx, sql).ReadAll()
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			for _, row := range r.Rows {
				var cells []string
				for _, cell := range row {
					cells = append(cells, string(cell))
				}
				out = append(out, strings.Join(cells, " "))
			}
		}
		return out, nil
	}
	show := func(w http.ResponseWriter, lines []string, err error) {
		if err != nil {
			http.Error(w, "error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<ul><li>%s</li></ul>", strings.Join(lines, "</li>\n<li>"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tours", func(w http.ResponseWriter, r *http.Request) {
		lines, err := query(r.Context(), "SELECT title FROM tours WHERE title LIKE '"+r.FormValue("q")+"%'")
		show(w, lines, err)
	})
	mux.HandleFunc("GET /bookings/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		lines, err := query(r.Context(), fmt.Sprintf("SELECT c.id, c.email FROM bookings b JOIN customers c ON c.id = b.customer_id WHERE b.id = %d /*route='%s',traceparent='%s'*/",
			id, url.PathEscape("/bookings/{id}"), url.PathEscape(r.Header.Get("Traceparent"))))
		show(w, lines, err)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("password") == "right" {
			http.Redirect(w, r, "/tours", http.StatusSeeOther)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	})
	checkout(mux)
	s := httptest.NewServer(mux)
	e.Defer(s.Close)
	return s.URL, nil
}

var shopMail = regexp.MustCompile(`\bm([0-9]+)@example\.jp`)

// leak asks a port of this machine for targets, one line of a file each, and
// writes the list that a scope of exactly the bytes received has into received.txt.
func leak(ts *testscript.TestScript, _ bool, args []string) {
	seen := map[int]bool{}
	for target := range strings.Lines(ts.ReadFile(args[1])) {
		path, query, _ := strings.Cut(strings.TrimSpace(target), "?")
		if query != "" {
			query = "?q=" + url.QueryEscape(strings.TrimPrefix(query, "q="))
		}
		r, err := http.NewRequest("GET", "http://127.0.0.1:"+args[0]+path+query, nil)
		ts.Check(err)
		r.Host = "shop.example.jp"
		a, err := http.DefaultClient.Do(r)
		ts.Check(err)
		body, err := io.ReadAll(a.Body)
		ts.Check(err)
		ts.Check(a.Body.Close())
		for _, m := range shopMail.FindAllStringSubmatch(string(body), -1) {
			id, err := strconv.Atoi(m[1])
			ts.Check(err)
			seen[id] = true
		}
	}
	var ids []int
	for id := range seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	fmt.Fprintln(ts.Stdout(), len(ids), "received")
	for _, id := range ids {
		fmt.Fprintf(ts.Stdout(), "confirmed\tshop.customers\t%d\n", id)
	}
}

// sameConfirmed compares the confirmed subjects of two lists.
func sameConfirmed(ts *testscript.TestScript, _ bool, args []string) {
	var lists [2][]string
	for i := range lists {
		for line := range strings.Lines(ts.ReadFile(args[i])) {
			if strings.HasPrefix(line, "confirmed") {
				lists[i] = append(lists[i], strings.TrimSpace(line))
			}
		}
		slices.Sort(lists[i])
	}
	if !slices.Equal(lists[0], lists[1]) {
		ts.Fatalf("%s and %s differ:\n%v\n%v", args[0], args[1], lists[0], lists[1])
	}
}

// checkout is a shop that leads to a payment provider; ?broken sends the form of
// payment to itself, as in the incident of 2017.
func checkout(mux *http.ServeMux) {
	broken := false
	mux.HandleFunc("GET /plans/1", func(w http.ResponseWriter, r *http.Request) {
		broken = broken || r.URL.Query().Has("broken")
	})
	mux.HandleFunc("POST /checkout/", func(w http.ResponseWriter, _ *http.Request) {
		action := "https://pay.example.com/link"
		if broken {
			action = "/checkout/card"
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<form action="%s" method="post"><input name="order" value="7"></form><script>document.forms[0].submit()</script>`, action)
	})
	mux.HandleFunc("POST /contact", func(http.ResponseWriter, *http.Request) {})
	scriptedCheckout(mux)
}

// scriptedCheckout is a checkout that a script sends on; ?moved has its API name
// another host.
func scriptedCheckout(mux *http.ServeMux) {
	provider := "https://pay.example.com/order/8"
	mux.HandleFunc("GET /app", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("moved") {
			provider = "https://pay.example.com.example.net/order/8"
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<meta name="csrf-token" content="t-55"><script src="/app.js"></script>`)
	})
	mux.HandleFunc("POST /api/orders", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-CSRF-Token") != "t-55" || string(body) != `{"plan": 1}` {
			http.Error(w, "{}", http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"order":{"id":8}}`)
	})
	mux.HandleFunc("POST /api/orders/8/pay", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"redirectUrl":%q}`, provider)
	})
}

// pageIDs keeps the ids that sekisho web pages --json printed last in $ITEMS.
func pageIDs(ts *testscript.TestScript, _ bool, _ []string) {
	var ids []string
	for _, m := range regexp.MustCompile(`"item": "([0-9a-f]{16})"`).FindAllStringSubmatch(ts.ReadFile("stdout"), -1) {
		ids = append(ids, m[1])
	}
	if len(ids) != 2 {
		ts.Fatalf("%d items", len(ids))
	}
	ts.Setenv("ITEMS", ids[0])
	ts.Setenv("ITEM2", ids[1])
}

// evidenceKey keeps the public key that was printed last in $EVIDENCEKEY.
func evidenceKey(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(`sekisho\.card/\S+\+[0-9a-f]{8}\+\S+`).FindString(ts.ReadFile(args[0]))
	if m == "" {
		ts.Fatalf("no key was printed")
	}
	ts.Setenv("EVIDENCEKEY", m)
}
