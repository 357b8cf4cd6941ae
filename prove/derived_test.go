package prove

import (
	"context"
	"slices"

	"sekisho/internal/datamap"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/lineage"
)

func (h *insideHouse) owns(place event.Place) bool {
	return slices.ContainsFunc(h.own, func(t datamap.Table) bool { return t.Place == place })
}

// scan reads all holdings. What was made meanwhile may be closed to the scans:
// the map says so.
func (h *insideHouse) scan(ctx context.Context) error {
	for _, t := range h.holdings.Tables() {
		if err := h.holdings.Scan(ctx, t.Place); err != nil && h.owns(t.Place) {
			return err
		}
	}
	return nil
}

// tainted makes a tainted relation protected and has it scanned, as cmd/sekisho
// does.
func (h *insideHouse) tainted(ctx context.Context, taint pgproxy.Taint) error {
	if _, err := h.lineage.Refresh(ctx); err != nil {
		return err
	}
	cat, err := h.lineage.Catalog(ctx)
	if err != nil {
		return err
	}
	table, ok := taint.Protection(cat)
	if !ok {
		return nil
	}
	own := h.owns(taint.Table)
	if !own {
		table.From = nil
	}
	if err := h.lineage.Protect(ctx, table); err != nil {
		return err
	}
	if !own {
		h.holdings.Add(scanOf(taint.Table, &table))
	}
	return nil
}

// scanDerived makes the materialised views over protected tables part of the
// holdings before anybody reads them, as cmd/sekisho does when it starts.
func (h *insideHouse) scanDerived(ctx context.Context) error {
	added, err := h.holdDerived(ctx, nil)
	if err != nil {
		return err
	}
	for _, place := range added {
		if err := h.holdings.Scan(ctx, place); err != nil {
			return err
		}
	}
	return nil
}

// followDerived adds the materialised views that the last look showed too.
func (h *insideHouse) followDerived(ctx context.Context) error {
	if _, err := h.holdDerived(ctx, h.seen); err != nil {
		return err
	}
	cat, err := h.lineage.Catalog(ctx)
	if err != nil {
		return err
	}
	clear(h.seen)
	for _, d := range cat.Derived() {
		h.seen[d.Place] = true
	}
	return nil
}

func (h *insideHouse) holdDerived(ctx context.Context, seen map[event.Place]bool) (added []event.Place, err error) {
	cat, err := h.lineage.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	mapped := h.holdings.Tables()
	for _, d := range cat.Derived() {
		known := slices.ContainsFunc(mapped, func(t datamap.Table) bool { return t.Place == d.Place })
		if known || seen != nil && !seen[d.Place] {
			continue
		}
		elements := element.Mask(0)
		for _, m := range d.Table.Columns {
			elements |= m
		}
		filled := &event.Taint{Table: d.Place, From: d.From, Source: d.Table.Source, Elements: elements, Reason: "filled unseen", Own: d.Table.Key != ""}
		if _, err := h.rec.Record(ctx, event.Durable, filled); err != nil {
			return added, err
		}
		h.holdings.Add(scanOf(d.Place, &d.Table))
		added = append(added, d.Place)
	}
	return added, nil
}

// scanOf is how a derived relation is scanned, in cmd/sekisho too.
func scanOf(place event.Place, t *lineage.Table) datamap.Table {
	return datamap.Table{Place: place, Schema: t.Schema, Name: t.Name, Source: t.Source, Key: t.Key}.Holding(t.Columns)
}
