package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/datamap/filescan"
	"sekisho/internal/lang"
)

//go:embed scan_page.html
var scanPageText string

// scanPageTemplate is the page without its words.
var scanPageTemplate = template.Must(template.New("scan").Funcs(template.FuncMap{
	"count": lang.Count,
}).Parse(scanPageText))

// shownFiles bounds the files in the text; the page has more, --json all.
const shownFiles = 15

// scanView is a report in the words of one language.
type scanView struct {
	Say      map[string]string
	Lang     string
	Title    string
	Headline string
	Notes    []string
	Files    []scanFileView
	More     string
	Unread   []scanUnreadView
	Clean    bool
}

type scanFileView struct {
	Path, What, Why, Do string
	Advice              string // for the style
	Places              []string
}

type scanUnreadView struct {
	What, Do string
	Serious  bool
	Paths    []string
}

// viewOf puts a report into words. Files and places are bounded by limits.
func viewOf(say lang.Printer, r *filescan.Report, files, places int) scanView {
	v := scanView{Lang: string(say.Language()), Title: say.Text("scan_title", "folder", r.Root), Say: map[string]string{}}
	for _, key := range []string{"scan_first", "scan_why", "scan_do", "scan_unread", "scan_where"} {
		v.Say[key] = say.Text(key)
	}
	v.Headline = headline(say, r)
	v.Notes = append(v.Notes, say.Text("scan_read", "files", lang.Count(r.Files), "size", sizeOf(r.Bytes), "time", r.Finished.Sub(r.Started).Round(time.Second/10)))
	if r.DryRun {
		v.Notes = append(v.Notes, say.Text("scan_dry"))
	}
	if r.Stopped {
		v.Notes = append(v.Notes, say.Text("scan_stopped"))
	}
	for _, dir := range r.LeftOut {
		v.Notes = append(v.Notes, say.Text("scan_left_out", "folder", dir))
	}
	for i, o := range r.Objects {
		if i == files {
			break
		}
		v.Files = append(v.Files, fileView(say, o, places))
	}
	if n := uint64(len(r.Objects)-len(v.Files)) + r.More; n > 0 {
		v.More = say.Text("scan_more", "n", lang.Count(n))
	}
	for _, u := range r.Unread {
		x := scanUnreadView{What: say.Text("scan_trouble_"+u.Name, "n", lang.Count(u.Count)), Do: say.Text("scan_trydo_" + u.Name), Serious: u.Serious}
		if u.Serious {
			x.Paths = u.Paths[:min(len(u.Paths), places)]
			if rest := u.Count - uint64(len(x.Paths)); rest > 0 {
				x.Paths = append(x.Paths, say.Text("scan_more", "n", lang.Count(rest)))
			}
		}
		v.Unread = append(v.Unread, x)
	}
	v.Clean = len(r.Objects) == 0
	return v
}

// headline is the answer in one line: カード番号 203 件 (12 ファイル)、….
func headline(say lang.Printer, r *filescan.Report) string {
	if r.DryRun {
		return say.Text("scan_would", "files", lang.Count(r.Files), "size", sizeOf(r.Bytes))
	}
	var all []string
	for _, t := range r.Totals {
		all = append(all, say.Text("scan_total", "element", elementName(say, t.Name), "n", lang.Count(t.Count), "files", lang.Count(t.Files)))
	}
	if len(all) > 0 {
		return strings.Join(all, say.Text("scan_comma"))
	}
	for _, u := range r.Unread {
		if u.Serious {
			return say.Text("scan_nothing_but")
		}
	}
	return say.Text("scan_nothing")
}

func fileView(say lang.Printer, o *filescan.Object, places int) scanFileView {
	v := scanFileView{Path: o.Path, Advice: string(o.Rank.Advice), Do: say.Text("scan_advice_" + string(o.Rank.Advice))}
	var what, why []string
	for _, f := range o.Elements {
		what = append(what, say.Text("scan_part", "element", elementName(say, f.Name), "n", lang.Count(f.Count)))
	}
	for _, reason := range o.Rank.Reasons {
		why = append(why, say.Text("scan_reason_"+reason, "copy", o.CopyOf, "year", o.Modified.Year()))
	}
	for _, f := range o.Elements {
		for _, p := range f.Places {
			if len(v.Places) < places {
				v.Places = append(v.Places, elementName(say, f.Name)+": "+scanPlace(say, p))
			}
		}
	}
	comma := say.Text("scan_comma")
	v.What, v.Why = strings.Join(what, comma), strings.Join(why, comma)
	return v
}

// scanPlace writes where a value stands.
func scanPlace(say lang.Printer, p filescan.Place) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	add(p.Part)
	switch {
	case p.Key != "":
		add(p.Key + " = " + strconv.FormatInt(p.Row, 10))
	case p.Row > 0:
		add(say.Text("scan_row", "n", lang.Count(uint64(p.Row))))
	}
	add(p.Column)
	if p.Line > 0 {
		add(say.Text("scan_line", "n", lang.Count(uint64(p.Line))))
	}
	add(p.Mask)
	return strings.Join(parts, " / ")
}

func sizeOf(n uint64) string {
	const unit = 1024
	f, names := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for f >= unit && i < len(names)-1 {
		f, i = f/unit, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, names[i])
}

// scanText writes the report as text.
func scanText(w io.Writer, say lang.Printer, r *filescan.Report) {
	v := viewOf(say, r, shownFiles, 3)
	line := func(s ...string) { fmt.Fprintln(w, strings.Join(s, "")) }
	line(v.Title)
	line()
	line("  ", v.Headline)
	line()
	for _, n := range v.Notes {
		line(n)
	}
	if len(v.Files) > 0 {
		line()
		line(v.Say["scan_first"])
	}
	for i, f := range v.Files {
		line()
		line(fmt.Sprintf("%3d  ", i+1), f.Path)
		line("     ", f.What)
		line("     ", v.Say["scan_why"], " ", f.Why)
		line("     ", v.Say["scan_do"], " ", f.Do)
		for _, p := range f.Places {
			line("       ", p)
		}
	}
	if v.More != "" {
		line()
		line("     ", v.More)
	}
	if len(v.Unread) > 0 {
		line()
		line(v.Say["scan_unread"])
	}
	for _, u := range v.Unread {
		line("  ", u.What)
		if u.Serious {
			line("     ", v.Say["scan_do"], " ", u.Do)
		}
		for _, p := range u.Paths {
			line("       ", p)
		}
	}
}

// scanPage writes the report as one page that needs nothing from elsewhere.
func scanPage(w io.Writer, say lang.Printer, r *filescan.Report) error {
	return scanPageTemplate.Execute(w, viewOf(say, r, 1000, 50))
}
