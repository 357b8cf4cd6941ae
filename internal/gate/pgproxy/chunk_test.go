package pgproxy

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/policy"
	"sekisho/internal/wire/pgwire"
)

// turn is what one side sends before the other answers.
type turn struct {
	server bool
	bytes  []byte
}

// script is a session for the tests that divide it anew.
type script struct {
	name  string
	by    map[string]*lineage.Analysis
	setup func(*bench)
	turns []turn
}

func client(b ...[]byte) turn { return turn{false, cat(b...)} }
func server(b ...[]byte) turn { return turn{true, cat(b...)} }

func scripts() []script {
	param := "SELECT name FROM customers WHERE id = $1"
	by := map[string]*lineage.Analysis{selectAll: exactByColumn(), param: exactByParam(), "SELECT 1": {Bare: true, Columns: []lineage.Column{{}}}}
	bind := func(v string) []byte {
		return pgwire.AppendBind(nil, nil, []byte("s"), pgwire.BindValues{Values: [][]byte{[]byte(v)}})
	}
	exec, sync := pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)
	parse := pgwire.AppendParse(nil, []byte("s"), []byte(param), nil)
	one := func(v string) []byte { return cat(short('2'), desc(descCustomers[1]), row(v), done("SELECT 1")) }
	return []script{
		{"simple", by, nil, []turn{
			client(q(selectAll)), server(desc(descCustomers...), row("7", "a", "b"), row("8", "c", "NULL"), done("SELECT 2"), ready('I')),
			client(q("BEGIN"), q(selectAll)), server(done("BEGIN"), ready('T'), desc(descCustomers...), row("9", "a", "b"), fails("22P02"), ready('E')),
			client(q("ROLLBACK")), server(done("ROLLBACK"), ready('I')),
		}},
		{"pipeline", by, nil, []turn{
			client(parse, bind("1"), exec, bind("2"), exec, sync, bind("3"), exec, sync),
			server(short('1'), one("a"), one("b"), ready('I'), one("c"), ready('I')),
		}},
		{"pipeline error", by, nil, []turn{
			client(parse, bind("1"), exec, bind("x"), exec, bind("4"), exec, sync, bind("3"), exec, sync),
			server(short('1'), one("a"), fails("22P02"), ready('I'), one("c"), ready('I')),
		}},
		{"suspended", by, nil, []turn{
			client(pgwire.AppendParse(nil, nil, []byte(selectAll), nil), pgwire.AppendBind(nil, []byte("c"), nil, pgwire.BindValues{}), pgwire.AppendExecute(nil, []byte("c"), 1), pgwire.AppendFlush(nil)),
			server(short('1'), short('2'), desc(descCustomers...), row("1", "a", "b"), short('s')),
			client(pgwire.AppendExecute(nil, []byte("c"), 1), sync), server(row("2", "a", "b"), short('s'), ready('I')),
		}},
		{"refused", by, func(b *bench) { b.deny(policy.Enforce) }, []turn{
			client(q(selectAll)), server(fails("42601"), ready('I')),
			client(q("SELECT 1")), server(desc(pgwire.Field{Name: []byte("x"), Type: 23}), row("1"), done("SELECT 1"), ready('I')),
		}},
		{"copy in", by, nil, []turn{
			client(q("COPY goods FROM STDIN")), server(pgwire.AppendMessage(nil, 'G', []byte{0, 0, 1, 0, 0})),
			client(pgwire.AppendMessage(nil, 'd', []byte("1\n2\n")), pgwire.AppendMessage(nil, 'c', nil)), server(done("COPY 2"), ready('I')),
		}},
	}
}

// play runs a script with turns cut at the places that cut gives, and returns
// everything that came of it.
func play(t testing.TB, s *script, cut func(n int) int) string {
	b := newBench(t, nil)
	b.an.by = s.by
	if s.setup != nil {
		s.setup(b)
	}
	var out strings.Builder
	var toServer, toClient []byte
	for _, turn := range s.turns {
		toServer, toClient = nil, nil
		for rest := turn.bytes; len(rest) > 0; {
			n := cut(len(rest))
			// A copy, which is overwritten afterwards: nothing may be borrowed for longer.
			piece := bytes.Clone(rest[:n])
			if turn.server {
				toClient = append(toClient, b.server(piece)...)
				toServer = append(toServer, b.drain(&b.e.toServer)...)
			} else {
				toServer = append(toServer, b.client(piece)...)
				toClient = append(toClient, b.drain(&b.e.toClient)...)
			}
			for i := range piece {
				piece[i] = 0xee
			}
			rest = rest[n:]
		}
		fmt.Fprintf(&out, "> %q\n< %q\n", toServer, toClient)
	}
	b.tick()
	b.e.close("closed")
	for _, body := range b.rec.bodies {
		line := event.Append(nil, &event.Event{Body: body})
		out.Write(line)
	}
	fmt.Fprintf(&out, "lost %q fatal %v queue %d", b.e.lost, b.e.fatal, b.e.queue.n)
	return out.String()
}

func TestAnyChunkingGivesTheSame(t *testing.T) {
	for _, s := range scripts() {
		t.Run(s.name, func(t *testing.T) {
			want := play(t, &s, func(n int) int { return n })
			if !strings.Contains(want, `lost "" fatal <nil> queue 0`) {
				t.Fatalf("the script does not fit: %s", want)
			}
			if got := play(t, &s, func(int) int { return 1 }); got != want {
				t.Errorf("byte by byte:\n got %s\nwant %s", got, want)
			}
			r := rand.New(rand.NewPCG(1, 2))
			for range 200 {
				if got := play(t, &s, func(n int) int { return 1 + r.IntN(min(n, 40)) }); got != want {
					t.Fatalf("in pieces:\n got %s\nwant %s", got, want)
				}
			}
		})
	}
}

// FuzzSession feeds both directions with anything.
func FuzzSession(f *testing.F) {
	for _, s := range scripts() {
		var all []byte
		for _, turn := range s.turns {
			side := byte(0)
			if turn.server {
				side = 1
			}
			all = append(all, side, byte(len(turn.bytes)>>8), byte(len(turn.bytes)))
			all = append(all, turn.bytes...)
		}
		f.Add(all)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newBench(t, nil)
		b.an.by = scripts()[0].by
		for len(data) >= 3 && b.e.fatal == nil {
			n := min(int(data[1])<<8|int(data[2]), len(data)-3)
			side, piece := data[0], data[3:3+n]
			data = data[3+n:]
			if side&1 == 0 {
				b.client(piece)
			} else {
				b.server(piece)
			}
			b.e.woken()
			if side&2 != 0 {
				b.tick()
			}
			b.drain(&b.e.toClient)
			b.drain(&b.e.toServer)
		}
		b.e.close("closed")
	})
}
