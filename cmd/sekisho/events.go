package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
)

// reader opens the ledger of the configuration for reading only; it needs no
// running process and disturbs none.
func (a *app) reader() (*ledger.Reader, string, error) {
	l, err := a.load()
	if err != nil {
		return nil, "", err
	}
	dir := ledgerDir(l.Config)
	r, err := ledger.OpenReader(dir)
	if err != nil {
		return nil, dir, ledgerFault(dir, a.config, err)
	}
	return r, dir, nil
}

// ledgerFault says to a person why a ledger does not open.
func ledgerFault(dir, config string, err error) error {
	switch {
	case errors.Is(err, ledger.ErrNotLedger):
		return fault.New(fault.LedgerMissing, "dir", dir, "file", config)
	case errors.Is(err, ledger.ErrLocked):
		return fault.New(fault.LedgerLocked, "dir", dir)
	case diskFull(err):
		return fault.New(fault.LedgerFull, "dir", dir).Because(err)
	}
	return fault.New(fault.LedgerOpen, "dir", dir).Because(err)
}

// keysFault says to a person why a keyring does not open.
func keysFault(dir, config string, err error) error {
	if errors.Is(err, keyring.ErrNoRing) {
		return fault.New(fault.KeysMissing, "dir", dir, "file", config)
	}
	return fault.New(fault.KeysOpen, "dir", dir).Because(err)
}

type eventsCmd struct {
	Kind    []string `help:"help_kind"`
	Source  string   `help:"help_source"`
	Session uint64   `help:"help_session"`
	Trace   string   `placeholder:"ID" help:"help_trace"`
	From    string   `help:"help_from"`
	To      string   `help:"help_to"`
	Last    int      `short:"n" default:"-1" help:"help_last"`
	Follow  bool     `short:"f" help:"help_follow"`
}

// kinds are the names that --kind knows.
var kinds = map[string]event.Kind{
	"source-start": event.KindSourceStart, "source-stop": event.KindSourceStop, "heartbeat": event.KindHeartbeat, "places-changed": event.KindPlacesChanged,
	"gap": event.KindGap, "session-open": event.KindSessionOpen, "session-close": event.KindSessionClose,
	"statement": event.KindStatement, "intent": event.KindIntent, "crossing": event.KindCrossing,
	"decision": event.KindDecision, "holding-scan": event.KindHoldingScan, "holding-change": event.KindHoldingChange,
	"taint": event.KindTaint, "cleared": event.KindCleared, "relation": event.KindRelation, "coverage": event.KindCoverage, "finding": event.KindFinding,
	"subjects": event.KindSubjects, "key-created": event.KindKeyCreated, "key-destroyed": event.KindKeyDestroyed,
	"policy-loaded": event.KindPolicyLoaded, "policy-rejected": event.KindPolicyRejected, "bypass": event.KindBypass,
	"break-glass": event.KindBreakGlass, "scope-frozen": event.KindScopeFrozen, "retention": event.KindRetention,
	"witness": event.KindWitness, "object": event.KindObject, "drift": event.KindDrift, "copied": event.KindCopied,
	"flow": event.KindFlow, "flow-bytes": event.KindFlowBytes, "flow-end": event.KindFlowEnd, "lookup": event.KindLookup, "lookups": event.KindLookups,
	"exit-policy": event.KindExitPolicy,
	"case-sign":   event.KindCaseSign, "case-fact": event.KindCaseFact, "case-move": event.KindCaseMove, "case-task": event.KindCaseTask,
	"case-evidence": event.KindCaseEvidence, "case-action": event.KindCaseAction, "case-scope": event.KindCaseScope, "case-misuse": event.KindCaseMisuse, "case-common": event.KindCaseCommon, "case-text": event.KindCaseText,
	"case-report": event.KindCaseReport, "case-decision": event.KindCaseDecision, "case-clock": event.KindCaseClock,
	"cut": event.KindCutOrdered, "cut-receipt": event.KindCutReceipt, "gate-enrolled": event.KindGateEnrolled, "gate-link": event.KindGateLink, "record-due": event.KindRecordDue,
	"detection": event.KindDetection, "exception": event.KindException, "exit-seen": event.KindExitSeen,
	"account": event.KindAccount, "login": event.KindLogin, "look": event.KindLook, "act": event.KindAct,
	"case-draft": event.KindCaseDraft, "case-notice": event.KindCaseNotice, "case-agree": event.KindCaseAgree,
	"exchange": event.KindExchange, "exchange-end": event.KindExchangeEnd, "site-rules": event.KindSiteRules, "site-stop": event.KindSiteStop,
	"site-guard": event.KindSiteGuard, "page-item": event.KindPageItem, "canary": event.KindCanary, "site-login": event.KindSiteLogin,
	"person-decision": event.KindPersonDecision, "person-run": event.KindPersonRun, "person-change": event.KindPersonChange, "person-notices": event.KindPersonNotices,
	"host-boot": event.KindHostBoot, "host-plan": event.KindHostPlan,
}

func kindNames() []string { return slices.Sorted(maps.Keys(kinds)) }

func kindName(k event.Kind) string {
	for name, kind := range kinds {
		if kind == k {
			return name
		}
	}
	return fmt.Sprintf("kind-%d", k)
}

// filter is what events are shown.
type filter struct {
	kinds    map[event.Kind]bool
	source   string
	session  uint64
	trace    *trail // nil: any
	from, to time.Time
}

// Run prints events: with --json the ledger's own lines.
func (c eventsCmd) Run(a *app) error {
	f, err := c.filter()
	if err != nil {
		return err
	}
	if a.hub.address != "" {
		return c.elsewhere(a)
	}
	r, dir, err := a.reader()
	if err != nil {
		return err
	}
	var kept []string
	next := event.Index(0)
	show := func(index event.Index, line []byte) error {
		next = index + 1
		e, err := event.Parse(line)
		if err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		if !f.match(e) {
			return nil
		}
		text := a.eventLine(index, e, line)
		if c.Last < 0 {
			fmt.Fprintln(a.env.stdout, text)
			return nil
		}
		if kept = append(kept, text); len(kept) > c.Last {
			kept = kept[1:]
		}
		return nil
	}
	err = r.Scan(a.ctx, 0, show)
	for _, text := range kept {
		fmt.Fprintln(a.env.stdout, text)
	}
	c.Last = -1
	for err == nil && c.Follow {
		if _, err = r.Wait(a.ctx, next); err == nil {
			err = r.Scan(a.ctx, next, show)
		}
	}
	if err != nil && a.ctx.Err() == nil {
		return ledgerFault(dir, a.config, err)
	}
	return nil
}

func (c eventsCmd) filter() (*filter, error) {
	f := &filter{source: c.Source, session: c.Session, kinds: map[event.Kind]bool{}}
	for _, name := range c.Kind {
		k, ok := kinds[name]
		if !ok {
			return nil, fault.New(fault.Usage, "problem", fmt.Sprintf("%q is no kind of event", name), "hint", strings.Join(kindNames(), ", "))
		}
		f.kinds[k] = true
	}
	var err error
	if c.Trace != "" {
		if f.trace, err = newTrail(c.Trace); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	if f.from, err = parseTime(c.From, now); err != nil {
		return nil, err
	}
	f.to, err = parseTime(c.To, now)
	return f, err
}

func (f *filter) match(e *event.Event) bool {
	if f.trace != nil && !f.trace.match(e.Body) {
		return false
	}
	switch {
	case len(f.kinds) > 0 && !f.kinds[e.Body.Kind()],
		f.source != "" && !strings.HasPrefix(string(e.Source), f.source),
		f.session != 0 && f.session != sessionOf(e.Body),
		!f.from.IsZero() && e.At.Before(f.from),
		!f.to.IsZero() && !e.At.Before(f.to):
		return false
	}
	return true
}

// sessionOf returns the session an event is of; 0 when it is of none.
func sessionOf(b event.Body) uint64 {
	switch b := b.(type) {
	case *event.SessionOpen:
		return uint64(b.Session)
	case *event.SessionClose:
		return uint64(b.Session)
	case *event.Intent:
		return uint64(b.Session)
	case *event.Crossing:
		return uint64(b.Session)
	case *event.Decision:
		return uint64(b.Session)
	case *event.HoldingChange:
		return uint64(b.Session)
	}
	return 0
}

// eventLine is an event in one line. Its body holds no personal data.
func (a *app) eventLine(index event.Index, e *event.Event, line []byte) string {
	if a.json {
		return string(line)
	}
	return fmt.Sprintf("%d %s %s %s %s%s", index, e.At.Format(time.RFC3339Nano), e.Source, kindName(e.Body.Kind()), bodyText(e), a.gloss(e.Body))
}

// bodyText is the body of an event as JSON.
func bodyText(e *event.Event) string {
	text := string(event.Append(nil, &event.Event{Body: e.Body}))
	if i := strings.Index(text, `"b":`); i >= 0 {
		text = strings.TrimSuffix(strings.TrimSpace(text[i+4:]), "}")
	}
	return text
}

// gloss says the program's own reasons in an event in the person's language,
// where that is not the language of the ledger.
func (a *app) gloss(b event.Body) string {
	var said []string
	for _, reason := range reasonsOf(b) {
		if text := reasonIn(a.say, reason); text != reason && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	if len(said) == 0 {
		return ""
	}
	return "  # " + strings.Join(said, "; ")
}

// reasonsOf returns the reasons in an event that the program wrote; what
// persons wrote is not among them.
func reasonsOf(b event.Body) []string {
	switch b := b.(type) {
	case *event.SourceStop:
		return []string{b.Reason}
	case *event.Gap:
		return []string{b.Reason}
	case *event.Coverage:
		return []string{b.Reason}
	case *event.Decision:
		return []string{b.Reason}
	case *event.Taint:
		return []string{b.Reason}
	case *event.SessionClose:
		return []string{b.Reason}
	case *event.Intent:
		return partReasons(b.Parts)
	case *event.Crossing:
		return partReasons(b.Parts)
	}
	return nil
}

func partReasons(parts []event.Part) (out []string) {
	for i := range parts {
		out = append(out, parts[i].Reason)
	}
	return out
}

// parseTime reads a time: RFC 3339, a date, or a length back from now such as
// -24h. Empty is the zero time.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && strings.HasPrefix(text, "-") {
		return now.Add(d), nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.ScopeQuery, "problem", fmt.Sprintf("%q is no time", text),
		"hint", "2026-11-22T02:10:00+09:00, 2026-11-22, -24h")
}
