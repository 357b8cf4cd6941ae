package pgproxy

import (
	"context"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy"
	"sekisho/internal/sqlscan"
)

// maxBucket is the longest time that rows gather before their Crossing is
// written (DESIGN §4).
const maxBucket = 100 * time.Millisecond

// newShared makes what the engines of a gate share. spawn runs analyses; ctx
// ends them.
func newShared(ctx context.Context, s Settings, rules *Rules, spawn func(func()), log func(op string, err error)) *shared {
	g := &shared{Settings: s, ctx: ctx, spawn: spawn, log: log, metrics: &Metrics{}}
	if g.Bucket <= 0 || g.Bucket > maxBucket {
		g.Bucket = maxBucket
	}
	if g.Analyses <= 0 {
		g.Analyses = 4
	}
	if g.Now == nil {
		g.Now = time.Now
	}
	numbers := g.Numbers
	g.Numbers = func(src event.SubjectSource) Numbers {
		if numbers != nil {
			if n := numbers(src); n != nil {
				return n
			}
		}
		return noNumbers{}
	}
	if rules == nil {
		rules = &Rules{Policy: policy.Open(), Mode: policy.Observe}
	}
	g.current.Store(rules)
	if g.Common == nil {
		g.Common = new(Common)
	}
	g.reg.Common = g.Common
	g.started = g.Now().UnixNano()
	if s.Laundered {
		g.laundering.done.Store(true)
	}
	g.unknownShape = internalShape("-- a statement the gate does not know")
	g.showPlan = &plan{shape: internalShape("SHOW"), explain: true}
	g.notifyShape = internalShape("-- a notification")
	g.fastpathShape = internalShape("-- a fast-path function call")
	g.loginShape = internalShape("-- settings that the server reported at login")
	g.streamShape = internalShape("-- the replication protocol")
	g.carriedShape = internalShape("-- the rest of a statement that ran over an upgrade")
	return g
}

// internalShape stands for data that no statement text explains.
func internalShape(text string) *shape {
	list, err := sqlscan.Scan([]byte("SELECT '"+text+"'"), sqlscan.Options{StandardConformingStrings: true}, nil)
	if err != nil || len(list) != 1 {
		panic("pgproxy: " + text)
	}
	s := newShape(list[0].Fingerprint^fnv(text), nil, []byte(text))
	return s
}

// fnv is FNV-1a (64 bits), to tell internal shapes apart for good.
func fnv(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
