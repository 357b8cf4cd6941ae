package main

type mapCmd struct {
	Scan mapScanCmd `cmd:"" help:"${help_map_scan}"`
}

type mapScanCmd struct {
	Database string `arg:"" optional:"" help:"${help_database}"`
}

// Run reads the holdings now.
func (c mapScanCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	all, err := op.Scan(a.ctx, c.Database)
	if err != nil {
		return err
	}
	return a.out(all, func() {
		a.table([]string{"col_table", "col_rows", "col_subjects", "col_unknown"}, func(line func(...any)) {
			for _, r := range all {
				line(r.Table, countOf(r.Rows), countOf(r.Subjects), countOf(r.Unknown))
			}
		})
	})
}
