package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"sekisho/demo/plant"
	"sekisho/demo/story"
	"sekisho/internal/event"
	"sekisho/internal/pgserver"
	"sekisho/proof/scope"
)

// watchedFolders is the part of a configuration for folders of the same name.
func watchedFolders(folders ...string) string {
	var text strings.Builder
	text.WriteString("files:\n")
	for _, f := range folders {
		fmt.Fprintf(&text, "  - {name: %[1]s, folder: ./%[1]s, watch: true, every: 1m}\n", f)
	}
	return text.String()
}

// putFile writes a file and the folders above it.
func putFile(name string, body func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return writeFile(name, body)
}

// Moves implements story.Office.
func (o *office) Moves(ctx context.Context, files []story.CardFile) (out story.Moved, err error) {
	dir := filepath.Join(o.dir, "moves")
	var folders []string
	from := 0
	for _, f := range files {
		name, _, _ := strings.Cut(f.Path, "/")
		moved, _, _ := strings.Cut(f.To, "/")
		for _, folder := range []string{name, moved} {
			if folder != "" && !slices.Contains(folders, folder) {
				folders = append(folders, folder)
				if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
					return out, err
				}
			}
		}
		if err := putFile(filepath.Join(dir, filepath.FromSlash(f.Path)), func(w io.Writer) error { return plant.Cards(w, from, f.Cards) }); err != nil {
			return out, err
		}
		from += f.Cards
	}
	y, err := openPlay(ctx, dir, watchedFolders(folders...), (*process).startView, filesPart)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, y.close()) }()
	all := func(done func(f story.CardFile, held map[event.Place]*rests) bool) func() (bool, error) {
		return func() (bool, error) {
			held, err := y.resting(ctx)
			return err == nil && !slices.ContainsFunc(files, func(f story.CardFile) bool { return !done(f, held) }), err
		}
	}
	if err := y.await(ctx, "the reading of the files", all(func(f story.CardFile, held map[event.Place]*rests) bool {
		x := held[event.Place(f.Path)]
		return x != nil && x.subjects > 0
	})); err != nil {
		return out, err
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Path))
		if f.To == "" {
			err = os.Remove(name)
		} else {
			to := filepath.Join(dir, filepath.FromSlash(f.To))
			err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.Rename(name, to))
		}
		if err != nil {
			return out, err
		}
	}
	if err := y.await(ctx, "the end of the files", all(func(f story.CardFile, held map[event.Place]*rests) bool {
		at, to := held[event.Place(f.Path)], held[event.Place(f.To)]
		return at.gone && (f.To == "" || to != nil && to.subjects > 0 && to.like != "")
	})); err != nil {
		return out, err
	}
	held, err := y.resting(ctx)
	if err != nil {
		return out, err
	}
	out.Held = map[string]uint64{}
	for _, f := range files {
		if f.To != "" && held[event.Place(f.To)].like == event.Place(f.Path) {
			out.Recognised++
		}
	}
	for _, folder := range folders {
		if out.Held[folder], err = y.cards(ctx, folder); err != nil {
			return out, err
		}
	}
	out.All, err = y.cards(ctx, folders...)
	return out, err
}

// cards asks how many subjects' card numbers were ever held at places.
func (y *play) cards(ctx context.Context, places ...string) (uint64, error) {
	r, err := y.scope(ctx, scope.Query{Places: places})
	if err != nil {
		return 0, err
	}
	return r.EverHeld.Elements["card.pan"], nil
}

// List implements story.Office.
func (o *office) List(ctx context.Context, rows int) (out story.List, err error) {
	dir := filepath.Join(o.dir, "list")
	if err := os.MkdirAll(filepath.Join(dir, "www"), 0o700); err != nil {
		return out, err
	}
	y, err := openPlay(ctx, dir, watchedFolders("www"), (*process).startView, filesPart)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, y.close()) }()
	const place = event.Place("www/2016.csv")
	name := filepath.Join(dir, filepath.FromSlash(string(place)))
	var list bytes.Buffer
	list.WriteString("email\n")
	for i := range rows {
		fmt.Fprintf(&list, "person%d@example.jp\n", i)
	}
	if err := os.WriteFile(name, list.Bytes(), 0o600); err != nil {
		return out, err
	}
	see := func(done func(x *rests) bool) func() (bool, error) {
		return func() (bool, error) {
			held, err := y.resting(ctx)
			return err == nil && held[place] != nil && done(held[place]), err
		}
	}
	if err := y.await(ctx, "the list", see(func(x *rests) bool { return x.subjects > 0 })); err != nil {
		return out, err
	}
	if err := os.Remove(name); err != nil {
		return out, err
	}
	if err := y.await(ctx, "the end of the list", see(func(x *rests) bool { return x.gone })); err != nil {
		return out, err
	}
	r, err := y.scope(ctx, scope.Query{Places: []string{string(place)}})
	if err != nil {
		return out, err
	}
	return story.List{Held: r.EverHeld.Subjects, Gone: true}, nil
}

const (
	notesName = "clubgets"
	notesScan = "notes_scan"
	notesSeed = 203
)

// Notes implements story.Office.
func (o *office) Notes(ctx context.Context, rows, cards int) (out story.Notes, err error) {
	s, err := pgserver.Start(ctx, pgserver.Config{})
	if errors.Is(err, pgserver.ErrMissing) {
		return out, story.ErrNoDatabase
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	dir := filepath.Join(o.dir, "notes")
	all := plant.Notes(rand.New(rand.NewPCG(15, notesSeed)), rows, cards)
	dump, err := plantNotes(ctx, s, filepath.Join(dir, "www"), all)
	if err != nil {
		return out, err
	}
	store := s.DSN(notesScan, notesName)
	for _, from := range []string{store, filepath.Join(dir, "www")} {
		if err := o.reported(ctx, from, filepath.Join(dir, "state"), all, dump, &out); err != nil {
			return out, err
		}
	}
	y, err := openPlay(ctx, dir, fmt.Sprintf("stores:\n  - {name: shop, address: '%s'}\n", store)+watchedFolders("www"), (*process).startView, filesPart)
	if err != nil {
		return out, err
	}
	places := []event.Place{"shop/public.notes", "www/shop.sql", "www/notes.xlsx", "www/app.log"}
	err = y.await(ctx, "the reading of the notes", func() (bool, error) {
		held, err := y.resting(ctx)
		return err == nil && !slices.ContainsFunc(places, func(p event.Place) bool { return held[p] == nil || held[p].subjects == 0 }), err
	})
	for _, p := range places {
		if err == nil {
			var n uint64
			n, err = y.cards(ctx, string(p))
			out.Held = append(out.Held, n)
		}
	}
	if err := errors.Join(err, y.close()); err != nil {
		return out, err
	}
	for _, own := range []string{"state", "data"} { // keys hold none by their make
		n, err := holding(filepath.Join(dir, own), all)
		if err != nil {
			return out, err
		}
		out.Kept += n
	}
	return out, nil
}

// plantNotes puts the notes into a database and copies of it, and returns which
// row of the dump each note is, by its key.
func plantNotes(ctx context.Context, s *pgserver.Server, dir string, all []plant.Note) (map[int]int, error) {
	if err := s.Exec(ctx, "postgres", "CREATE ROLE "+notesScan+" LOGIN"); err != nil {
		return nil, err
	}
	if err := s.CreateDatabase(ctx, notesName); err != nil {
		return nil, err
	}
	if err := s.Exec(ctx, notesName, "CREATE TABLE notes (id int PRIMARY KEY, remark text); GRANT SELECT ON notes TO "+notesScan); err != nil {
		return nil, err
	}
	var rows bytes.Buffer
	for _, n := range all {
		fmt.Fprintf(&rows, "%d\t%s\n", n.ID, n.Text)
	}
	if _, err := s.Load(ctx, notesName, "notes", nil, &rows); err != nil {
		return nil, err
	}
	dump, err := s.Command(ctx, "pg_dump", "-t", "notes", notesName).Output()
	if err != nil {
		return nil, fmt.Errorf("pg_dump: %w", err)
	}
	byKey := map[int]int{}
	_, lines, _ := bytes.Cut(dump, []byte(" FROM stdin;\n"))
	row := 0
	for line := range bytes.Lines(lines) {
		var key int
		if _, err := fmt.Fscan(bytes.NewReader(line), &key); err != nil {
			break
		}
		row++
		byKey[key] = row
	}
	return byKey, errors.Join(
		putFile(filepath.Join(dir, "shop.sql"), func(w io.Writer) error { _, err := w.Write(dump); return err }),
		putFile(filepath.Join(dir, "notes.xlsx"), func(w io.Writer) error { return plant.Workbook(w, all) }),
		putFile(filepath.Join(dir, "app.log"), func(w io.Writer) error { return plant.Log(w, all) }))
}

// reported scans as `sekisho scan --json` does and compares the rows with those
// that were planted.
func (o *office) reported(ctx context.Context, from, state string, all []plant.Note, dump map[int]int, out *story.Notes) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1)) // the command sets its own
	var text bytes.Buffer
	a := &app{env: environment{stdout: &text, stderr: io.Discard, getenv: func(string) string { return "" }}, ctx: ctx, lang: o.lang, say: texts.In(o.lang), json: true}
	if err := (scanCmd{Folder: from, State: state}).Run(a); err != nil {
		return err
	}
	var report struct {
		Objects []struct {
			Path     string
			Elements []struct {
				Element string
				Places  []struct{ Row, Line int }
			}
		}
	}
	if err := json.Unmarshal(text.Bytes(), &report); err != nil {
		return err
	}
	for _, object := range report.Objects {
		var want, got []int
		for i, n := range all {
			if !n.Card {
				continue
			}
			at := n.ID // of the database
			switch object.Path {
			case "shop.sql":
				at = dump[n.ID]
			case "notes.xlsx":
				at = i + 2
			case "app.log":
				at = i + 1
			}
			want = append(want, at)
		}
		for _, e := range object.Elements {
			for _, p := range e.Places {
				if e.Element == "card.pan" {
					got = append(got, p.Row+p.Line)
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		out.Reported = append(out.Reported, len(got))
		if !slices.Equal(want, got) {
			out.Wrong = append(out.Wrong, object.Path)
		}
	}
	n, err := count(bufio.NewReader(&text), all)
	out.Kept += n
	return err
}

// holding counts the planted numbers in the files of a folder.
func holding(dir string, all []plant.Note) (n int, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close() // of a reader
		found, err := count(f, all)
		n += found
		return err
	})
	return n, err
}

// count counts the planted numbers in a text, as they are and in groups.
func count(r io.Reader, all []plant.Note) (n int, err error) {
	text, err := io.ReadAll(r)
	for _, note := range all {
		if d := note.Digits; note.Card {
			for _, form := range []string{d, d[:4] + "-" + d[4:8] + "-", d[:4] + " " + d[4:8] + " "} {
				n += bytes.Count(text, []byte(form))
			}
		}
	}
	return n, err
}
