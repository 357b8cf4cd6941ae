package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/demo/plant"
)

// plantFiles writes what a replay has to find.
//
//	plant cards FILE FROM COUNT    made-up cards, a row each
//	plant notes DIR ROWS CARDS     remarks of operators: DIR/notes.csv without a header,
//	                               DIR/notes.xlsx, DIR/app.log; beside DIR, in
//	                               planted.keys and planted.digits, which hold a number
func plantFiles(ts *testscript.TestScript, _ bool, args []string) {
	number := func(i int) int {
		n, err := strconv.Atoi(args[i])
		ts.Check(err)
		return n
	}
	write := func(name string, body func(w io.Writer) error) {
		name = ts.MkAbs(name)
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o700))
		f, err := os.Create(name)
		ts.Check(err)
		w := bufio.NewWriter(f)
		ts.Check(body(w))
		ts.Check(w.Flush())
		ts.Check(f.Close())
	}
	if args[0] == "cards" {
		write(args[1], func(w io.Writer) error { return plant.Cards(w, number(2), number(3)) })
		return
	}
	all := plant.Notes(rand.New(rand.NewPCG(15, 203)), number(2), number(3))
	line := func(name, format string, only bool, values func(n plant.Note) []any) {
		write(name, func(w io.Writer) error {
			for _, n := range all {
				if n.Card || !only {
					fmt.Fprintf(w, format, values(n)...) // errors show in Flush
				}
			}
			return nil
		})
	}
	line(args[1]+"/notes.csv", "%d,\"%s\"\n", false, func(n plant.Note) []any { return []any{n.ID, n.Text} })
	line("planted.keys", "%d\n", true, func(n plant.Note) []any { return []any{n.ID} })
	line("planted.digits", "%s\n", true, func(n plant.Note) []any { return []any{n.Digits} })
	write(args[1]+"/app.log", func(w io.Writer) error { return plant.Log(w, all) })
	write(args[1]+"/notes.xlsx", func(w io.Writer) error { return plant.Workbook(w, all) })
}

// sameRows compares the rows in which a report found card numbers with those that were
// planted.
//
//	reported REPORT OBJECT             rows of OBJECT are keys
//	reported REPORT OBJECT FIRST STEP  key K stands in row FIRST + (K - 500000) / STEP
//	reported REPORT OBJECT dump FILE   row N is the Nth of the COPY in the dump FILE: a
//	                                   server dumps rows in the order of its pages
func sameRows(ts *testscript.TestScript, _ bool, args []string) {
	var report struct {
		Objects []struct {
			Path     string
			Elements []struct {
				Element string
				Places  []struct{ Row, Line int }
			}
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &report))
	var want, got []int
	for text := range strings.Lines(ts.ReadFile("planted.keys")) {
		key, err := strconv.Atoi(strings.TrimSpace(text))
		ts.Check(err)
		if dumped := len(args) > 2 && args[2] == "dump"; dumped {
			key = rowOf(ts, args[3], key)
		} else if len(args) > 2 {
			first, err := strconv.Atoi(args[2])
			ts.Check(err)
			step, err := strconv.Atoi(args[3])
			ts.Check(err)
			key = first + (key-500_000)/step
		}
		want = append(want, key)
	}
	for _, o := range report.Objects {
		if o.Path != args[1] {
			continue
		}
		for _, e := range o.Elements {
			if e.Element == "card.pan" {
				for _, p := range e.Places {
					got = append(got, p.Row+p.Line)
				}
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(want, got) {
		ts.Fatalf("%s: %d rows were planted, %d reported; missed %v, wrong %v", args[1], len(want), len(got), without(want, got), without(got, want))
	}
}

// rowOf returns which row of the first COPY of a dump begins with a key.
func rowOf(ts *testscript.TestScript, dump string, key int) int {
	_, rows, ok := strings.Cut(ts.ReadFile(dump), " FROM stdin;\n")
	if !ok {
		ts.Fatalf("%s holds no COPY", dump)
	}
	before, _, ok := strings.Cut("\n"+rows, "\n"+strconv.Itoa(key)+"\t")
	if !ok {
		ts.Fatalf("%s has no row %d", dump, key)
	}
	return 1 + strings.Count(before, "\n")
}

func without(a, b []int) []int {
	return slices.DeleteFunc(slices.Clone(a), func(x int) bool { return slices.Contains(b, x) })
}

// nowhere fails when a planted number, or the middle of one, is in any of the files.
//
//	nowhere FILE-OR-FOLDER…
func nowhere(ts *testscript.TestScript, _ bool, args []string) {
	var numbers [][]byte
	for text := range strings.Lines(ts.ReadFile("planted.digits")) {
		d := strings.TrimSpace(text)
		numbers = append(numbers, []byte(d), []byte(d[:4]+"-"+d[4:8]+"-"), []byte(d[:4]+" "+d[4:8]+" "))
	}
	for _, root := range args {
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, n := range numbers {
				if bytes.Contains(text, n) {
					return fmt.Errorf("a planted number is in %s", name)
				}
			}
			return nil
		}))
	}
}

// awaitRead waits until that many files of a tree have been recorded.
//
//	awaitread TREE FILES
func awaitRead(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	awaitLines(ts, `"k":26,`, 1)
	awaitLines(ts, `"b":{"place":"`+args[0]+`/`, n)
}

// received checks that the intruder's process got so many rows, each with the right name.
//
//	received ROWS
func received(ts *testscript.TestScript, _ bool, args []string) {
	n := 0
	for row := range strings.Lines(ts.ReadFile("received")) {
		id, name, ok := strings.Cut(strings.TrimSpace(row), "|")
		if !ok || name != "name "+id {
			ts.Fatalf("row %d of what was received is none of the orders", n+1)
		}
		n++
	}
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d rows were received", n)
	}
}

// hostileFiles writes what makes a scan take memory: a file of 100 GB that is nearly all
// hole, a bomb of nested archives, and a workbook with 96 MiB of shared strings.
//
//	hostile DIR
func hostileFiles(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	sparse, err := os.Create(filepath.Join(dir, "sparse.log"))
	ts.Check(err)
	_, err = sparse.WriteString("card 4111 1111 1111 1111\n")
	ts.Check(err)
	_, err = sparse.WriteAt([]byte("\ncard 5555 5555 5555 4444\n"), 100_000_000_000)
	ts.Check(err)
	ts.Check(sparse.Close())

	zeros := make([]byte, 1<<20)
	pack := func(name string, body func(io.Writer) error) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.Create(name)
		ts.Check(err)
		ts.Check(body(w))
		ts.Check(z.Close())
		return b.Bytes()
	}
	bomb := pack("zeros.txt", func(w io.Writer) error {
		for range 512 {
			if _, err := w.Write(zeros); err != nil {
				return err
			}
		}
		return nil
	})
	bomb = pack("inner.zip", func(w io.Writer) error {
		_, err := w.Write(bomb)
		return err
	})
	ts.Check(os.WriteFile(filepath.Join(dir, "bomb.zip"), bomb, 0o600))

	f, err := os.Create(filepath.Join(dir, "huge.xlsx"))
	ts.Check(err)
	z := zip.NewWriter(f)
	for _, p := range []string{"[Content_Types].xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"} {
		w, err := z.Create(p)
		ts.Check(err)
		out := bufio.NewWriter(w)
		switch p {
		case "xl/workbook.xml":
			fmt.Fprint(out, `<workbook><sheets><sheet name="a" r:id="r1"/></sheets></workbook>`)
		case "xl/sharedStrings.xml":
			fmt.Fprint(out, "<sst>")
			for i := range 1_000_000 {
				fmt.Fprintf(out, "<si><t>%d %s</t></si>", i*1_000_003, "remarks of the operator on duty, nothing to see here in this row, %d of many")
			}
			fmt.Fprint(out, "</sst>")
		case "xl/worksheets/sheet1.xml":
			fmt.Fprint(out, `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>7</v></c></row></sheetData></worksheet>`)
		default:
			fmt.Fprint(out, "<Types/>")
		}
		ts.Check(out.Flush())
	}
	ts.Check(z.Close())
	ts.Check(f.Close())
}

// within runs a command and fails when its memory (resident, at its peak) was more than
// so many MiB.
//
//	within MIB FILE COMMAND…    FILE takes its output
func within(ts *testscript.TestScript, _ bool, args []string) {
	limit, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := ours(ts, args[2:])
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		ts.Fatalf("%v: %v\n%s", args[2:], err, stderr.Bytes())
	}
	limit *= raceMemory
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o600))
	peak, ok := peakMemory(cmd.ProcessState)
	if !ok {
		ts.Logf("SKIPPED ALOUD: this system does not tell the memory of a process")
		return
	}
	ts.Logf("%d MiB at its peak", peak>>20)
	if peak > int64(limit)<<20 {
		ts.Fatalf("%v took %d MiB, more than %d", args[2:], peak>>20, limit)
	}
}

// ours is a command of the script's path.
func ours(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"), "HOME="+ts.Getenv("WORK"))
	if path, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), ":")[0], args[0])); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	return cmd
}

// killed runs a command and kills it (SIGKILL) as soon as something is in a folder, if it
// has not ended by then.
//
//	killed FOLDER COMMAND…
func killed(ts *testscript.TestScript, _ bool, args []string) {
	cmd := ours(ts, args[1:])
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // that it was killed is no news
		close(ended)
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if list, err := os.ReadDir(ts.MkAbs(args[0])); err == nil && len(list) > 0 {
			cmd.Process.Kill() // or it ended just now
			<-ended
			return
		}
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
}

// sqliteFile runs the statements of a file in a SQLite database.
//
//	sqlite DATABASE FILE
func sqliteFile(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(ts.ReadFile(args[1]))
	ts.Check(errors.Join(err, db.Close()))
}

// baseControl writes what tells a base backup of the server: its control file, as
// pg_basebackup copies it. FILE says where the server's data is.
//
//	basecontrol FILE DIR
func baseControl(ts *testscript.TestScript, _ bool, args []string) {
	control, err := os.ReadFile(filepath.Join(strings.TrimSpace(ts.ReadFile(args[0])), "global", "pg_control"))
	ts.Check(err)
	dir := filepath.Join(ts.MkAbs(args[1]), "global")
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, "pg_control"), control, 0o600))
}

// mapWatch runs `map watch` on a folder, copies a file into it, and waits until the
// command tells of it what a line must hold.
//
//	mapwatch DIR FILE PART…
func mapWatch(ts *testscript.TestScript, _ bool, args []string) {
	cmd := ours(ts, []string{"sekisho", "map", "watch", args[0]})
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	defer cmd.Wait() // it was interrupted
	defer cmd.Process.Signal(os.Interrupt)
	defer time.AfterFunc(90*time.Second, func() { cmd.Process.Kill() }).Stop()
	if _, err := bufio.NewReader(stderr).ReadString('\n'); err != nil { // "watching …"
		ts.Fatalf("map watch never began: %v", err)
	}
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), filepath.Base(args[1])), []byte(ts.ReadFile(args[1])), 0o600))
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if line := lines.Text(); !slices.ContainsFunc(args[2:], func(part string) bool { return !strings.Contains(line, part) }) {
			return
		}
	}
	ts.Fatalf("map watch ended without telling of %s", args[1])
}
