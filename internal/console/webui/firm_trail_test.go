package webui

import (
	"context"
	"fmt"

	"sekisho/internal/console/office"
	"sekisho/proof/scope"
)

func (f *firm) Trails(context.Context, scope.Query) (*office.Trails, error) {
	out := &office.Trails{More: 3, List: []office.Trail{{Gate: nasty, Session: 7, User: nasty, Address: nasty, Statement: nasty, Table: nasty, Class: "exact", Elements: []string{"email"}, From: f.now, To: f.now, Rows: 900, Times: 2},
		{Gate: "gate/shop-db", Session: 8, Table: "shop/t", Class: "bounded", Reason: nasty, From: f.now, To: f.now, Rows: 5, Times: 1}}}
	for i := range 12 {
		out.List = append(out.List, office.Trail{Gate: "gate/shop-db", Session: uint64(10 + i), User: fmt.Sprintf("u%02d", i), Address: "192.0.2.1", Table: "shop/t", Class: "exact", From: f.now, To: f.now, Rows: uint64(100 - i), Times: 1})
	}
	return out, f.fail()
}
