package canary

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// shop is a checkout of three steps; changes say how it is broken.
func shop(to string, takesCards bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plans/1", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "cart", Value: "one", Path: "/"})
	})
	mux.HandleFunc("POST /checkout/", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("cart"); err != nil || c.Value != "one" || r.FormValue("n") != "2" {
			http.Error(w, "the cart is empty", http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, "/checkout/go", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /checkout/go", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(to, "http") {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, to)
	})
	mux.HandleFunc("POST /contact", func(w http.ResponseWriter, r *http.Request) {
		if !takesCards && strings.Contains(r.FormValue("note"), "4111") {
			http.Error(w, "SK3402", http.StatusForbidden)
		}
	})
	return mux
}

func TestWalk(t *testing.T) {
	for _, c := range []struct {
		name, to string
		takes    bool
		want     Result
	}{
		{"redirect", "https://link.pay.example.com/?o=1", false, Result{Reached: "link.pay.example.com", Refused: true}},
		{"form", `<form action="https://pay.example.com/link">`, false, Result{Reached: "pay.example.com", Refused: true}},
		{"another host", "https://pay.example.net/", false, Result{Problem: "step 2: it is sent to a host that is no payment provider"}},
		{"own form", `<form action="/card">`, false, Result{Refused: true, Problem: "the checkout does not lead to a payment provider"}},
		{"cards are taken", "https://pay.example.com/", true, Result{Reached: "pay.example.com", Problem: "the test card number was not refused"}},
		{"a loop", "http://shop.example.jp/checkout/go", false, Result{Problem: "step 2: it is sent on and on"}},
	} {
		s := httptest.NewServer(shop(c.to, c.takes))
		got := Walk(t.Context(), Config{Address: s.Listener.Addr().String(), Host: "shop.example.jp", Steps: []string{"GET /plans/1", "POST /checkout/ n=2"},
			Card: "/contact", Providers: []string{"pay.example.com"}, Refused: "SK3402"})
		s.Close()
		if got != c.want || got.OK() != (c.want.Problem == "") {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	gone := Walk(t.Context(), Config{Address: "127.0.0.1:1", Host: "shop.example.jp", Steps: []string{"GET /"}, Card: "/"})
	if gone.OK() || gone.Problem != "step 1: the site does not answer" {
		t.Errorf("%+v", gone)
	}
	if Check([]string{"GET /", "PUT /x"}) == nil || Check([]string{"POST / a=b c"}) != nil {
		t.Error("steps are checked")
	}
}
