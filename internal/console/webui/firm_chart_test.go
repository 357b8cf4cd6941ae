package webui

import (
	"context"

	"sekisho/internal/console/office"
)

func (f *firm) Chart(context.Context) (*office.Chart, error) {
	return &office.Chart{Reading: true, More: 1, Places: []office.Rest{{Place: nasty, Subjects: 3, Elements: []string{nasty}, First: f.now, Last: f.now, Gone: f.now, CopyOf: nasty}},
		Risks:  []office.Risk{{Place: nasty, Score: 1, Subjects: 3, Elements: []string{"email"}, Reasons: []string{nasty, "old"}, Advice: nasty, Year: 2016, CopyOf: nasty}},
		Drifts: []office.Drift{{Database: nasty, At: f.now, Count: 1, Items: []office.DriftItem{{Place: nasty, What: nasty, Configured: nasty, Found: nasty}}}}}, f.fail()
}
