package disclosure

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
)

// tables whose rows depend only on the events, each with an order.
var dumped = []struct{ table, order string }{
	{"name", "id"}, {"client", "id"}, {"session", "id"}, {"statement", "id"}, {"series", "id"},
	{"page", "hour, part"}, {"spill", "first, data"}, {"roll", "level, block, dim, key"},
	{"intent", "source, worker, seq"}, {"known", "tbl"}, {"scan", "id"}, {"scan_set", "scan, part, idx"},
	{"change", "id"}, {"taint", "idx"}, {"run", "source, n"}, {"mark", "n"}, {"sign", "fixed, source, run, at, idx"},
	{"vital", "source"}, {"due", "site"}, {"destroyed", "key"}, {"watermark", "at"},
}

// Dump implements view.Fold: every row of every table as text, blobs in
// hexadecimal. Sets are canonical, so equal states have equal dumps.
func (v *View) Dump(ctx context.Context, w io.Writer) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := bufio.NewWriter(w)
	for _, d := range dumped {
		err := query(ctx, v.db.Read, "SELECT * FROM "+d.table+" ORDER BY "+d.order, func(r *sql.Rows) error {
			columns, err := r.Columns()
			if err != nil {
				return err
			}
			row := make([]any, len(columns))
			for i := range row {
				row[i] = new(any)
			}
			if err := r.Scan(row...); err != nil {
				return err
			}
			fmt.Fprint(out, d.table)
			for _, p := range row {
				switch x := (*p.(*any)).(type) {
				case []byte:
					fmt.Fprintf(out, " %x", x)
				case string:
					fmt.Fprintf(out, " %q", x)
				default:
					fmt.Fprintf(out, " %v", x)
				}
			}
			fmt.Fprintln(out)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return out.Flush()
}
