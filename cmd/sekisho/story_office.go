package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"sekisho/demo/story"
	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/keyring"
	"sekisho/internal/lang"
	"sekisho/internal/ledger"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/roster"
	"sekisho/proof"
	"sekisho/proof/scope"
)

// office is a firm with a process of this program whose clock is ours: ledger,
// views, cases, desk, messages and the web gate are those of `sekisho up`.
type office struct {
	p    *process
	dir  string
	lang lang.Language
	keys map[string]string // of the people, by id

	hooks *http.Server // where messages to people arrive
	shop  *http.Server // the site behind the web gate
	goods shelf        // what it serves
	web   *webGate
	out   exits
	stage *stage
	// routes plays in a network of namespaces; nil when nobody wants that.
	routes playRoutes
	beats  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	now   time.Time
	calls []story.Called
}

var _ story.Office = (*office)(nil)

// refusalCode finds the code on the page of a refused request.
var refusalCode = regexp.MustCompile(`SK[0-9]{4}`)

// lawOf is the day whose law the stories are told with: "as if today's".
var lawOf = time.Date(2026, 11, 22, 12, 0, 0, 0, rule.Tokyo)

// officePeople are on duty: ren does not work on holidays, mio stands in.
var officePeople = []roster.Person{
	{ID: "sora", Name: "当番", Rank: "duty"}, {ID: "ren", Name: "CSIRT", Rank: "csirt", Weekdays: true, Deputy: "mio"},
	{ID: "mio", Name: "CSIRT代行", Rank: "csirt"}, {ID: "aoi", Name: "CISO", Rank: "ciso"}, {ID: "rin", Name: "役員", Rank: "officer"},
}

// openOffice makes a firm with the parts that a story needs in an empty
// directory, with its clock at begin.
func openOffice(ctx context.Context, dir string, begin time.Time, parts story.Parts, l lang.Language) (*office, error) {
	o := &office{dir: dir, lang: l, keys: map[string]string{}, now: begin, stage: newStage(context.WithoutCancel(ctx))}
	o.stage.failed = make(chan error, 1)
	if err := o.open(ctx, parts); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *office) open(ctx context.Context, parts story.Parts) error {
	hooks, err := o.serve(&o.hooks, o.hear)
	if err != nil {
		return err
	}
	shop, err := o.serve(&o.shop, o.goods.ServeHTTP)
	if err != nil {
		return err
	}
	if parts.Exits > 0 {
		if err := o.openOutside(); err != nil {
			return err
		}
		if err := o.writeExitPolicy(); err != nil {
			return err
		}
	}
	if err := o.write(hooks, shop, parts); err != nil {
		return err
	}
	l, err := config.Load(filepath.Join(o.dir, "sekisho.yaml"))
	if err != nil {
		return err
	}
	if err := initKeys(l.Config); err != nil {
		return err
	}
	if err := os.MkdirAll(viewDir(l.Config), 0o700); err != nil {
		return err
	}
	if err := ledger.Init(ctx, ledgerConfig(l.Config)); err != nil {
		return err
	}
	p := &process{file: l.File, cfg: l, log: slog.New(slog.DiscardHandler), now: o.Now}
	o.p = p
	if err := p.open(ctx, func(uint64, uint64) {}); err != nil {
		return err
	}
	if err := p.openView(ctx); err != nil {
		return err
	}
	if err := p.openCases(ctx, false); err != nil {
		return err
	}
	p.cases.desk.Firm.AsOf = lawOf
	if o.web, err = p.newWeb(&l.Web[0], "web[0].listen"); err != nil {
		return err
	}
	if _, err := o.web.rec.Record(ctx, event.Durable, &event.SourceStart{Start: o.web.start, Version: version, Places: o.web.places(), Mode: "web"}); err != nil {
		return err
	}
	o.stage.run("web gate", o.web.server.Run)
	if parts.Exits == 0 {
		return nil
	}
	if err := o.p.startCuts(ctx, o.stage); err != nil {
		return err
	}
	return o.openExits(ctx)
}

// serve answers on a free port of this machine and returns the address.
func (o *office) serve(s **http.Server, f http.HandlerFunc) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	*s = &http.Server{Handler: f, ReadHeaderTimeout: 5 * time.Second}
	o.beats.Go(func() { _ = (*s).Serve(l) }) // ends with Close
	return "http://" + l.Addr().String(), nil
}

// hear takes a message to a person on duty.
func (o *office) hear(w http.ResponseWriter, r *http.Request) {
	var m struct{ Subject, Text string }
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := story.Called{At: o.now, To: strings.TrimPrefix(r.URL.Path, "/"), Text: m.Text}
	for _, p := range officePeople {
		if p.ID == c.To {
			c.Rank = p.Rank
		}
	}
	o.calls = append(o.calls, c)
}

// write makes the files of the firm.
func (o *office) write(hooks, shop string, parts story.Parts) error {
	file := func(name, text string) error {
		return os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600)
	}
	people, channels := []roster.Person{}, []map[string]string{}
	for _, p := range officePeople {
		o.keys[p.ID] = "key of " + p.ID
		p.KeySHA256, p.Reach = roster.KeySum(o.keys[p.ID]), []string{p.ID}
		people = append(people, p)
		channels = append(channels, map[string]string{"name": p.ID, "kind": "generic", "url_file": p.ID + ".url"})
		if err := file(p.ID+".url", hooks+"/"+p.ID); err != nil {
			return err
		}
	}
	firm, err := json.Marshal(map[string]any{"company": map[string]any{"name": "見本旅行", "facts": []string{"travel"}}, "people": people, "channels": channels}) // JSON is YAML
	if err != nil {
		return err
	}
	if err := file("cases.yaml", string(firm)); err != nil {
		return err
	}
	pages, rules := checkoutSection(parts)
	return file("sekisho.yaml", fmt.Sprintf(`data: ./data
keys: ./keys
cases: cases.yaml
ledger: {sync: 10ms}
web:
  - name: shop-web
    listen: 127.0.0.1:0
    sites: [{hosts: [shop.example.jp], upstream: '%s', firewall: enforce, cards: enforce%s}]
%s%s`, shop, pages, rules, exitSection(parts.Exits)))
}

// close stops everything.
func (o *office) close() error {
	errs := []error{o.stage.stop(), o.closeExits()}
	if o.p != nil {
		errs = append(errs, o.p.close())
		o.p = nil
	}
	for _, s := range []*http.Server{o.hooks, o.shop} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	o.beats.Wait()
	return errors.Join(errs...)
}

// Now implements story.Office.
func (o *office) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) set(t time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = t
}

// Until implements story.Office.
func (o *office) Until(ctx context.Context, t time.Time) error {
	if t.Before(o.Now()) {
		return fmt.Errorf("the clock does not go back from %s to %s", o.Now(), t)
	}
	for {
		next, err := o.p.cases.desk.Tick(ctx)
		if err != nil {
			return err
		}
		if next.IsZero() || next.After(t) {
			o.set(t)
			_, err := o.p.cases.desk.Tick(ctx)
			return err
		}
		if !next.After(o.Now()) { // a call that still waits: the process looks again every half minute
			next = o.Now().Add(timerPace)
		}
		o.set(next)
	}
}

// tick makes the calls that are due now.
func (o *office) tick(ctx context.Context) error {
	_, err := o.p.cases.desk.Tick(ctx)
	return err
}

// Do implements story.Office.
func (o *office) Do(ctx context.Context, body event.Cased) (string, error) {
	by, _ := casefile.Author(body)
	out, err := o.p.recordCase(ctx, body, roster.Caller{Key: o.keys[by]})
	if err != nil {
		return out.Case, err
	}
	return out.Case, o.tick(ctx)
}

// Boot implements story.Office.
func (o *office) Boot(ctx context.Context, b *event.HostBoot) (string, error) {
	out, err := o.p.RecordHost(ctx, control.HostRequest{Boot: b, Lang: string(o.lang)})
	if err != nil {
		return "", err
	}
	return out.Case, o.tick(ctx)
}

// Observe implements story.Office.
func (o *office) Observe(ctx context.Context, source event.Source, bodies ...event.Body) error {
	_, err := o.p.ledger.Recorder(source, 0).Record(ctx, event.Durable, bodies...)
	return err
}

// Customers implements story.Office.
func (o *office) Customers(ctx context.Context, source event.SubjectSource, n int) (uint32, error) {
	keys, numbers := make([]int64, n), make([]uint32, n)
	for i := range keys {
		keys[i] = int64(i + 1)
	}
	err := o.p.dict.Source(source).AssignInts(ctx, keys, numbers)
	if err == nil && int(numbers[n-1]-numbers[0]) != n-1 {
		err = fmt.Errorf("the customers of %s have no numbers in a row", source)
	}
	return numbers[0], err
}

// Token implements story.Office.
func (o *office) Token(customer int) (string, error) {
	key, err := o.p.ring.Current(event.Tenant(o.p.cfg.Tenant), keyring.Identifier)
	if err != nil {
		return "", err
	}
	return desk.Token(key.Hasher(), strconv.Itoa(customer)), nil
}

// Web implements story.Office.
func (o *office) Web(ctx context.Context, method, path, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+o.web.addr()+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Host = "shop.example.jp"
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, refusalCode.FindString(string(page)), err
}

// Kept implements story.Office: a sign of life of the gate that waits for the
// disk, so that what it wrote before is there too.
func (o *office) Kept(ctx context.Context) error {
	_, err := o.web.rec.Record(ctx, event.Durable, &event.Heartbeat{Places: o.web.places()})
	return err
}

// Case implements story.Office.
func (o *office) Case(ctx context.Context, id string) (*desk.Answer, error) {
	text, err := o.p.Case(ctx, control.CaseQuery{ID: id})
	if err != nil {
		return nil, err
	}
	var a desk.Answer
	return &a, json.Unmarshal(text, &a)
}

// Open implements story.Office.
func (o *office) Open(ctx context.Context) ([]casefile.Line, error) {
	text, err := o.p.Case(ctx, control.CaseQuery{Limit: 100})
	if err != nil {
		return nil, err
	}
	var lines []casefile.Line
	return lines, json.Unmarshal(text, &lines)
}

// Draft implements story.Office.
func (o *office) Draft(ctx context.Context, id, kind string) (*desk.Document, error) {
	return o.p.cases.desk.Draft(ctx, id, kind, nil, lang.Japanese)
}

// Calls implements story.Office.
func (o *office) Calls() []story.Called {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls[:len(o.calls):len(o.calls)]
}

// Scope implements story.Office.
func (o *office) Scope(ctx context.Context, q scope.Query) (*scope.Result, error) {
	var text bytes.Buffer
	if _, err := o.p.askScope(ctx, control.ScopeRequest{Query: q, Form: control.FormResult, By: "sora"}, &text); err != nil {
		return nil, err
	}
	var r scope.Result
	return &r, json.Unmarshal(text.Bytes(), &r)
}

// Bundle implements story.Office.
func (o *office) Bundle(ctx context.Context, q scope.Query) (int, error) {
	var text bytes.Buffer
	if _, err := o.p.askScope(ctx, control.ScopeRequest{Query: q, Form: control.FormBundle, By: "sora"}, &text); err != nil {
		return 0, err
	}
	b, err := proof.ReadBundle(bytes.NewReader(text.Bytes()), int64(text.Len()))
	if err != nil {
		return 0, err
	}
	checked, err := b.Check(proof.Keys{Log: b.Evidence.Key})
	if err != nil {
		return 0, err
	}
	return len(checked.Lines), sameAgain(b, checked)
}

// Finish implements story.Office.
func (o *office) Finish(ctx context.Context) (out story.Finished, err error) {
	file := o.p.file
	if err := errors.Join(o.stage.stop(), o.p.close()); err != nil {
		return out, err
	}
	o.p = nil
	r, err := ledger.Verify(ctx, filepath.Join(o.dir, "data", "ledger"), ledger.VerifyOptions{})
	if err != nil {
		return out, err
	}
	out.Verified = r.OK()
	before := len(o.Calls())
	quiet := &app{env: environment{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}, ctx: ctx, config: file, lang: o.lang, say: texts.In(o.lang)}
	if err := (rebuildCmd{Check: true}).Run(quiet); err != nil {
		return out, err
	}
	if err := (rebuildCmd{}).Run(quiet); err != nil {
		return out, err
	}
	out.Same, out.Sent = true, len(o.Calls())-before
	return out, nil
}

// tellStory tells a story in an office of its own, which is gone afterwards.
func tellStory(ctx context.Context, name string, l lang.Language, routes playRoutes) (told *story.Told, err error) {
	dir, err := os.MkdirTemp("", "sekisho-story-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return tellStoryIn(ctx, dir, name, l, routes)
}

// tellStoryIn tells a story in an office whose ledger stays in a directory, which
// must be empty.
func tellStoryIn(ctx context.Context, dir, name string, l lang.Language, routes playRoutes) (told *story.Told, err error) {
	begin, err := story.Begin(name)
	if err != nil {
		return nil, err
	}
	o, err := openOffice(ctx, dir, begin, story.Needs(name), l)
	if err != nil {
		return nil, err
	}
	o.routes = routes
	defer func() { err = errors.Join(err, o.close()) }()
	return story.Tell(ctx, name, o)
}
