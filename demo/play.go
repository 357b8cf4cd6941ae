package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sekisho/demo/columns"
	"sekisho/demo/shop"
	"sekisho/demo/wiretap"
	"sekisho/internal/element"
	"sekisho/internal/pgserver"
)

// stranger is where the intruder comes from: another address of this machine.
var stranger = netip.MustParseAddr("127.0.0.66")

// play is one telling of the story.
type play struct {
	o     Options
	dir   string
	begun time.Time
	stage stage

	data     *shop.Data
	server   *pgserver.Server
	guard    *guard
	visitors *visitors
	ways     []way
	from, to time.Time // the window that is asked about
	facts    facts
	answers  int   // of the intruder's process
	bytes    int64 // that it received
	answer   *answer
	elements map[element.Kind][]int64 // confirmed, by element
	compared *comparison
}

// run plays all scenes.
func (p *play) run(ctx context.Context) error {
	p.stage.title(p.o.Seed)
	for _, scene := range []func(context.Context) error{
		p.openShop, p.raiseGate, p.ordinaryDay, p.strangerComes, p.ask, p.findTruth, p.goAround, p.prove, p.judge, p.thenAndNow,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
		if p.stage.err != nil {
			return p.stage.err
		}
	}
	return nil
}

// end stops whatever runs.
func (p *play) end() error {
	var errs []error
	if p.guard != nil {
		errs = append(errs, p.guard.stop())
	}
	if p.server != nil {
		errs = append(errs, p.server.Stop())
	}
	return errors.Join(errs...)
}

// pause lets a person read.
func (p *play) pause(ctx context.Context) error {
	if p.o.Check || p.o.In == nil {
		return ctx.Err()
	}
	return sleep(ctx, 1500*time.Millisecond)
}

func (p *play) openShop(ctx context.Context) (err error) {
	p.stage.scene("scene_shop")
	p.server, err = pgserver.Start(ctx, pgserver.Config{
		Dir: filepath.Join(p.dir, "pg"),
		HBA: []string{"host all " + shop.AppRole + "," + shop.ScanRole + " 127.0.0.0/8 scram-sha-256"},
	})
	if err != nil {
		return err
	}
	p.stage.line("shop_server", "addr", p.server.Addr())
	p.data = shop.Generate(p.o.Seed, p.o.Customers)
	if err := shop.Load(ctx, p.server, p.data); err != nil {
		return err
	}
	d := p.data
	p.stage.line("shop_data", "customers", count(len(d.Customers)), "bookings", count(len(d.Bookings)),
		"passports", count(len(d.Passports)), "notes", count(len(d.Notes)), "payments", count(len(d.Payments)))
	p.stage.line("shop_cards")
	return p.pause(ctx)
}

func (p *play) raiseGate(ctx context.Context) error {
	p.stage.scene("scene_gate")
	p.guard = &guard{program: p.o.Program, dir: filepath.Join(p.dir, "sekisho"), lang: string(p.o.Lang)}
	if err := p.guard.prepare(ctx, p.server); err != nil {
		return err
	}
	p.stage.command(shown("up", "-c", "sekisho.yaml"))
	begin := time.Now()
	if err := p.guard.start(ctx); err != nil {
		return err
	}
	p.stage.line("gate_up", "addr", p.guard.gate, "rows", count(rowsAllowed))
	p.stage.line("gate_held", "subjects", count(len(p.data.Customers)), "tables", 6, "took", seconds(time.Since(begin)))
	return p.pause(ctx)
}

func (p *play) port() string {
	_, port, _ := net.SplitHostPort(p.guard.gate) // up said where it listens
	return port
}

func (p *play) ordinaryDay(ctx context.Context) error {
	p.stage.scene("scene_day")
	u := url.URL{Scheme: "postgres", User: url.UserPassword(shop.AppRole, shop.AppPassword), Host: p.guard.gate,
		Path: shop.Database, RawQuery: "sslmode=disable&application_name=webapp"}
	p.visitors = &visitors{dsn: u.String(), seed: p.o.Seed, data: p.data, think: 120 * time.Millisecond}
	if err := p.visitors.start(ctx); err != nil {
		return errors.Join(err, p.visitors.end())
	}
	p.stage.line("day_sessions", "n", visitorCount, "user", shop.AppRole)
	return sleep(ctx, 2*time.Second)
}

func (p *play) strangerComes(ctx context.Context) error {
	p.stage.scene("scene_stranger")
	p.stage.line("stranger_login", "user", shop.AppRole, "address", stranger)
	p.ways = ways(p.o.Seed, p.data)
	p.from = time.Now()
	err := p.intrude(ctx)
	if err == nil {
		err = sleep(ctx, time.Second) // the web site goes on, and the last bucket closes
	}
	p.to = time.Now()
	if failed := p.visitors.end(); failed != nil {
		p.facts.trouble = strings.Count(failed.Error(), "\n") + 1
		p.stage.print("     " + p.stage.paint(red, failed.Error()))
	}
	if err != nil {
		return err
	}
	p.stage.line("stranger_day", "statements", count(p.visitors.statements.Load()), "persons", count(p.visitors.persons()))
	return p.pause(ctx)
}

// calls are all questions of the intruder, in order.
func calls(list []way) (all []call) {
	for _, w := range list {
		all = append(all, w.calls...)
	}
	return all
}

func (p *play) capture() string { return filepath.Join(p.dir, "received.bin") }

// intrude runs the intruder's process and tells what it does.
func (p *play) intrude(ctx context.Context) error {
	pause := 150 * time.Millisecond
	if p.o.Check {
		pause = 20 * time.Millisecond
	}
	order, err := json.Marshal(plan{
		Target: p.guard.gate, From: stranger, Database: shop.Database, User: shop.AppRole, Password: shop.AppPassword,
		Capture: p.capture(), Pause: pause, Calls: calls(p.ways),
	})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.o.Intruder[0], p.o.Intruder[1:]...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(order)), &stderr
	told, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = p.narrate(bufio.NewScanner(told))
	if failed := cmd.Wait(); failed != nil {
		return fmt.Errorf("the intruder's process: %w: %s", failed, stderr.String())
	}
	return err
}

// narrate reads what the process tells and says a line for every way.
func (p *play) narrate(in *bufio.Scanner) error {
	in.Buffer(nil, 1<<20)
	at := 0
	for _, w := range p.ways {
		var last step
		rows := 0
		for range w.calls {
			if !in.Scan() {
				return errors.Join(in.Err(), fmt.Errorf("the intruder's process ended at question %d", at))
			}
			if err := json.Unmarshal(in.Bytes(), &last); err != nil {
				return err
			}
			rows, at = rows+last.Rows, at+1
		}
		p.tell(w, rows, last)
		if w.exact && rows == 0 {
			p.facts.idle++
		}
		p.facts.export = last // of the last way, which is the export
	}
	return nil
}

// tell says what one way of reading brought.
func (p *play) tell(w way, rows int, last step) {
	mark, got := p.stage.paint(gold, "•"), p.stage.say.Text("stranger_rows", "rows", count(rows))
	if last.Code != "" {
		mark = p.stage.paint(green, "■")
		got = p.stage.say.Text("stranger_stopped", "rows", count(rows), "code", last.Code, "message", last.Message)
	}
	shown := w.calls[0].SQL
	if i := slices.IndexFunc(w.calls, func(c call) bool { return c.fields != nil }); i > 0 {
		shown = w.calls[i-1].SQL
	}
	p.stage.print(fmt.Sprintf("     %s %s %s", mark, columns.Left(p.stage.say.Text("way_"+w.name), 46), got))
	p.stage.print("       " + p.stage.paint(dim, columns.Cut(shown, 96)))
}

func (p *play) ask(ctx context.Context) (err error) {
	p.stage.scene("scene_question")
	q := question{from: p.from, to: p.to, address: stranger.String()}
	p.stage.command(shown(q.args()...))
	// What rests in the shop is read once more, so that no figure is
	// provisional.
	if _, err := p.guard.run(ctx, "map", "scan"); err != nil {
		return err
	}
	if p.answer, err = p.guard.ask(ctx, q); err != nil {
		return err
	}
	p.stage.line("answered", "took", seconds(p.answer.took))
	p.figures()
	return p.pause(ctx)
}

// figures prints the three figures with their reasons, and the coverage.
func (p *play) figures() {
	s, a := &p.stage, p.answer
	line := func(key string, n uint64, means string) {
		s.print(fmt.Sprintf("     %s %s  %s", columns.Left(s.say.Text(key), 22), s.paint(bold, columns.Right(count(n), 9)), s.paint(dim, means)))
	}
	line("confirmed", a.Confirmed.Subjects, s.say.Text("confirmed_means", "address", stranger))
	line("reachable", a.Reachable.Subjects, s.say.Text("reachable_means", "reasons", p.reasons()))
	if w := a.Reachable.WithoutAggregates; w != nil {
		key := "without_aggregates_means"
		if w.Subjects != a.Confirmed.Subjects {
			key = "without_aggregates_more"
		}
		line("without_aggregates", w.Subjects, s.say.Text(key))
	}
	line("ever_held", a.EverHeld.Subjects, s.say.Text("ever_held_means"))
	s.line("coverage", "reporting", a.Coverage.Reporting, "known", a.Coverage.Known, "holes", len(a.Coverage.Uncovered))
}

// reasons says why somebody is reachable who is not confirmed.
func (p *play) reasons() string {
	var list []string
	for _, b := range p.answer.Coverage.Bounded {
		key := "because_bounded"
		if b.Class == "aggregate" {
			key = "because_aggregate"
		}
		list = append(list, p.stage.say.Text(key, "table", b.Table, "reason", b.Reason))
	}
	for _, u := range p.answer.Coverage.Uncovered {
		list = append(list, p.stage.say.Text("because_uncovered", "place", u.Place, "reason", u.Reason))
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) == 0 {
		return "–"
	}
	return strings.Join(list, ", ")
}

func (p *play) findTruth(ctx context.Context) error {
	p.stage.scene("scene_truth")
	if err := p.readCapture(); err != nil {
		return fmt.Errorf("what the intruder received: %w", err)
	}
	p.stage.line("truth_bytes", "bytes", count(p.bytes), "answers", p.answers, "persons", count(len(p.facts.truth)))
	var err error
	if p.elements, err = p.askElements(ctx); err != nil {
		return err
	}
	p.elementTable(p.elements)
	return p.pause(ctx)
}

// judge holds everything that scope said against everything that was seen.
func (p *play) judge(ctx context.Context) error {
	p.compared = compare(&p.facts, p.answer, p.elements)
	if p.o.Check {
		return nil // the comparison comes last
	}
	p.stage.show(p.compared)
	p.sum(p.compared.differences())
	return p.pause(ctx)
}

// readCapture turns the bytes into persons.
func (p *play) readCapture() error {
	tap, err := os.Open(p.capture())
	if err != nil {
		return err
	}
	defer tap.Close()
	info, err := tap.Stat()
	if err != nil {
		return err
	}
	answers, err := wiretap.Parse(tap)
	if err != nil {
		return err
	}
	if len(answers) == 0 {
		return errors.New("nothing")
	}
	p.bytes, p.answers = info.Size(), len(answers)-1 // the first is the login
	p.facts.truth, err = truth(indexPeople(p.data), calls(p.ways), answers[1:])
	if err != nil {
		return err
	}
	p.gather()
	return nil
}

// truth holds answers against the questions.
func truth(who *people, asked []call, answers []wiretap.Answer) (read, error) {
	if len(answers) > len(asked) {
		return nil, fmt.Errorf("%d answers to %d questions", len(answers), len(asked))
	}
	got := read{}
	for i := range answers {
		rows := rowsOf(&answers[i], len(asked[i].fields))
		if asked[i].fields == nil && len(rows) > 0 {
			return nil, fmt.Errorf("answer %d has rows that nobody asked for", i)
		}
		if err := got.enter(who, asked[i].fields, rows); err != nil {
			return nil, fmt.Errorf("answer %d: %w", i, err)
		}
	}
	return got, nil
}

// gather fills in what follows from the truth and from what the web site did.
func (p *play) gather() {
	for id := range p.visitors.seen {
		if _, hit := p.facts.truth[id]; !hit {
			p.facts.ordinary = append(p.facts.ordinary, id)
		}
	}
	slices.Sort(p.facts.ordinary)
	for i := range p.data.Customers {
		p.facts.everyone = append(p.facts.everyone, p.data.Customers[i].ID)
	}
	p.facts.everyone = append(p.facts.everyone, p.visitors.joined)
}

// askElements asks for the scope of every element that left.
func (p *play) askElements(ctx context.Context) (map[element.Kind][]int64, error) {
	lists := map[element.Kind][]int64{}
	for _, kind := range p.facts.truth.elements().Kinds() {
		a, err := p.guard.ask(ctx, question{p.from, p.to, stranger.String(), kind.String()})
		if err != nil {
			return nil, err
		}
		lists[kind] = a.lists["confirmed"]
	}
	return lists, nil
}

func (p *play) elementTable(said map[element.Kind][]int64) {
	s := &p.stage
	s.print("     " + s.paint(bold, columns.Left(s.say.Text("element_head"), 16)+columns.Right(s.say.Text("truth_head"), 10)+columns.Right(s.say.Text("said_head"), 10)))
	for _, kind := range p.facts.truth.elements().Kinds() {
		name := columns.Left(elementName(s.say, kind.String()), 16)
		s.print("     " + name + columns.Right(count(len(p.facts.truth.with(kind))), 10) + columns.Right(count(len(said[kind])), 10))
	}
}
