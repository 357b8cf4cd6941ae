package main

import (
	"context"
	"fmt"
	"slices"

	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/hub/frame"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
	"sekisho/internal/subject"
	"sekisho/internal/view/casefile"
)

// history is what a start needs to know of the past. It comes from the ledger
// alone.
type history struct {
	starts     map[event.Source]uint32 // runs of each source
	generation uint64                  // of the last policy that was loaded
	digest     string
	exit       exitPast
	grants     []*event.BreakGlass           // in order
	taints     []*event.Taint                // in order
	shown      map[event.Place][]event.Place // which databases each site shows
	relations  map[event.Place]relations
	suspected  map[event.Place]map[event.Source]bool // databases where code may have copied data anywhere, and who says so
	bypasses   []*event.Bypass
	stops      map[siteStop]bool // sites that an operator stopped
	testCall   *desk.TestOrder   // that was ordered and is not done
	keys       map[string]bool   // announced
	scanned    map[event.Place]bool
	filled     map[event.Place]bool // materialised views whose taint was recorded
	objects    []*event.Object      // whose content is known, or that are gone
	first      int64                // UTC ns of the oldest event; 0: there is none
	last       int64                // UTC ns of the last event
	drifts     map[event.Place]*event.Drift
	cuts       hub.Past
	// held are the sources of subjects at each place that its last scan found.
	held map[event.Place]map[event.SubjectSource]bool
}

// replay feeds the ledger to the dictionary, finishes key destructions that a
// crash interrupted, and returns what the rest of the process needs.
func replay(ctx context.Context, r *ledger.Reader, d *subject.Dictionary, ring *keyring.Ring, member string, progress func(event.Index)) (*history, error) {
	h := &history{starts: map[event.Source]uint32{}, stops: map[siteStop]bool{}, keys: map[string]bool{}, relations: map[event.Place]relations{}, suspected: map[event.Place]map[event.Source]bool{}, scanned: map[event.Place]bool{}, filled: map[event.Place]bool{}, drifts: map[event.Place]*event.Drift{}}
	err := r.ScanEventsOf(ctx, 0, builtOn, func(index event.Index, e *event.Event) error {
		if progress != nil && index%65536 == 0 {
			progress(index)
		}
		if at := e.At.UnixNano(); h.first == 0 || at < h.first {
			h.first = at
		}
		h.last = max(h.last, e.At.UnixNano())
		if e.Body == nil {
			return nil
		}
		if site := frame.SiteOf(string(e.Source)); hub.Ships(string(e.Source), site) && site != member {
			return nil // a remote gate's, shipped here: no state of this process
		}
		if err := d.Apply(e); err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		return h.fold(e, ring)
	})
	return h, err
}

// builtOn are the kinds from which a start learns something: all but the many that
// tell what passes.
func builtOn(k event.Kind) bool {
	switch k {
	case event.KindHeartbeat, event.KindStatement, event.KindIntent, event.KindSessionOpen, event.KindSessionClose, event.KindDecision,
		event.KindExchange, event.KindExchangeEnd,
		event.KindFlow, event.KindFlowBytes, event.KindFlowEnd, event.KindLookup, event.KindLookups:
		return false
	}
	return true
}

func (h *history) fold(e *event.Event, ring *keyring.Ring) error {
	h.cuts.Fold(e.Body)
	switch b := e.Body.(type) {
	case *event.SourceStart:
		h.starts[e.Source] = max(h.starts[e.Source], b.Start)
	case *event.PolicyLoaded:
		h.generation, h.digest = b.Generation, b.Policy
	case *event.ExitPolicy:
		h.exit = exitPast{b.Generation, b.Policy}
	case *event.BreakGlass:
		h.grants = append(h.grants, b)
	case *event.Taint:
		if b.Shown {
			h.show(b)
			return nil
		}
		h.taints = append(h.taints, b)
		if b.Reason == filledBefore {
			h.filled[b.Table] = true
		}
		if slices.Equal(b.From, []event.Place{b.Table}) { // of a whole database
			if h.suspected[b.Table] == nil {
				h.suspected[b.Table] = map[event.Source]bool{}
			}
			h.suspected[b.Table][e.Source] = true
		}
	case *event.Relation:
		h.relationsOf(b.Database).fold(b)
	case *event.Cleared:
		for _, place := range b.Places {
			if b.By != "" {
				delete(h.suspected, place)
			} else { // the gate takes back its own
				delete(h.suspected[place], e.Source)
			}
		}
	case *event.Bypass:
		h.bypasses = append(h.bypasses, b)
	case *event.SiteStop:
		h.stop(b)
	case *event.Act, *event.CaseNotice:
		h.called(e)
	case *event.KeyCreated:
		h.keys[b.KeyID] = true
	case *event.Object:
		if b.Content != "" || b.Gone {
			h.objects = append(h.objects, b)
		}
	case *event.Drift:
		h.drifts[b.Database] = b
	case *event.HoldingScan:
		h.scanned[b.Table] = true
		h.hold(b)
	case *event.KeyDestroyed:
		return ring.Erase(b.KeyID)
	}
	return nil
}

// called follows test calls.
func (h *history) called(e *event.Event) {
	switch b := e.Body.(type) {
	case *event.Act:
		switch {
		case b.Do != desk.TestCalling:
		case b.Result == "ordered":
			h.testCall = &desk.TestOrder{By: b.By, Proved: b.Detail, At: e.At, Told: map[string]bool{}}
		default:
			h.testCall = nil
		}
	case *event.CaseNotice:
		if h.testCall != nil && b.Case == casefile.TestCase && (b.Step == "sent" || b.Step == "failed") {
			h.testCall.Told[b.To] = true
		}
	}
}

// relationsOf returns what is known of the relations of a database.
func (h *history) relationsOf(db event.Place) relations {
	if h.relations[db] == nil {
		h.relations[db] = relations{}
	}
	return h.relations[db]
}

// hold notes whether a scan found anybody; its first part tells.
func (h *history) hold(b *event.HoldingScan) {
	if b.Part != 1 {
		return
	}
	sources := h.held[b.Table]
	if h.held == nil {
		h.held = map[event.Place]map[event.SubjectSource]bool{}
	}
	if sources == nil {
		sources = map[event.SubjectSource]bool{}
		h.held[b.Table] = sources
	}
	if sources[b.Source] = true; len(b.Subjects) == 0 && b.Unknown == 0 {
		delete(sources, b.Source)
	}
}

// show notes that a site shows places.
func (h *history) show(b *event.Taint) {
	if h.shown == nil {
		h.shown = map[event.Place][]event.Place{}
	}
	h.shown[b.Table] = append(h.shown[b.Table], b.From...)
}
