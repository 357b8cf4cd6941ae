package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sekisho/internal/fault"
)

// large answers with so many bytes of JSON.
type large struct {
	Operator
	bytes int
}

func (l large) Case(context.Context, CaseQuery) (json.RawMessage, error) {
	return append(append([]byte{'"'}, bytes.Repeat([]byte("x"), l.bytes-3)...), '"'), nil // a line feed follows
}

// TestLargeAnswer: an answer of the most bytes arrives, one of more is a fault that
// says so, and nothing of it is sent.
func TestLargeAnswer(t *testing.T) {
	c, _ := start(t, large{bytes: MaxAnswer})
	if text, err := c.Case(t.Context(), CaseQuery{}); err != nil || len(text) != MaxAnswer-1 {
		t.Errorf("the largest answer: %d bytes, %v", len(text), err)
	}
	c, path := start(t, large{bytes: MaxAnswer + 1})
	_, err := c.Case(t.Context(), CaseQuery{})
	if f := fault.Faults(err)[0]; f.Code != fault.AnswerLarge || len(f.Args) != 4 || f.Args[1] != "case" {
		t.Errorf("one byte more: %v", err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/case HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(conn); err != nil || len(said) > 1000 || !bytes.HasPrefix(said, []byte("HTTP/1.1 409 ")) {
		t.Errorf("%d bytes are sent: %.80q, %v", len(said), said, err)
	}
}

// TestOddAnswers: what is no answer has a code: one that goes on and on, one that
// breaks off, one that is something else.
func TestOddAnswers(t *testing.T) {
	for what, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   fault.Code
	}{
		"of a version without a bound": {func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `"`) // the client goes away
			for range MaxAnswer>>20 + 1 {
				_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
			}
			_, _ = io.WriteString(w, `"`)
		}, fault.AnswerLarge},
		"breaks off": {func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, fault.HubSilent},
		"a page of something else": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>sign in") }, fault.ControlRefused},
		"half":                     {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"id":`) }, fault.ControlRefused},
	} {
		hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }))
		client, err := NewRemote(hub.URL, "sekisho_x", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Case(t.Context(), CaseQuery{}); fault.Faults(err)[0].Code != c.want {
			t.Errorf("%s: %v", what, err)
		}
		if what == "breaks off" {
			if err := client.Scope(t.Context(), ScopeRequest{}, io.Discard); fault.Faults(err)[0].Code != c.want {
				t.Errorf("a stream that breaks off: %v", err)
			}
		}
		client.http.CloseIdleConnections()
		hub.Close()
	}
}
