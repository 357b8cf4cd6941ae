package prove

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// canary is a string that stands for personal data: it may be in the database
// and with the client, and nowhere else.
const canary = "Kanarienvogel"

// TestNoPersonalValueStays reads canaries in every way, refused and failing
// ways too, and looks for them in everything that the program wrote.
func TestNoPersonalValueStays(t *testing.T) {
	for _, mode := range []string{"observe", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			server, metrics := startServer(t), freePort(t)
			must(t, server.Exec(t.Context(), "postgres", fmt.Sprintf(`CREATE TABLE customers (id text PRIMARY KEY, name text NOT NULL, email text UNIQUE, points int CHECK (points < 1000));
INSERT INTO customers SELECT '%[1]s-' || i, '%[1]s name ' || i, '%[1]s' || i || '@mail.example', i FROM generate_series(1, 300) i;
GRANT ALL ON customers TO app; GRANT SELECT ON customers TO watch; GRANT CREATE ON SCHEMA public TO app`, canary)))
			h := install(t, server, "postgres", `    protect:
      - table: public.customers
        key: id
        columns: {name: name, email: email}
        identifiers: [email]
`, fmt.Sprintf("    mode: %s\nmetrics: {listen: '127.0.0.1:%d'}\n", mode, metrics))
			h.up()
			database := endpoint{network: "tcp", address: h.addr(), user: application, database: "postgres"}
			for _, sql := range []string{
				"SELECT * FROM customers", "SELECT name FROM customers WHERE id = '%[1]s-7'", "SELECT id FROM customers WHERE email = '%[1]s9@mail.example'",
				"SELECT name /* %[1]s */ FROM customers WHERE name LIKE '%[1]s%%' -- %[1]s", "SELECT email::int FROM customers", "SELECT '%[1]s'::int", "SELECT \"%[1]s\" FROM customers",
				"INSERT INTO customers VALUES ('%[1]s-7', '%[1]s', 'x', 1)", "INSERT INTO customers VALUES ('%[1]s-new', NULL, '%[1]s', 1)", "UPDATE customers SET points = 5000 WHERE id = '%[1]s-3'",
				"COPY customers TO STDOUT", "COPY (SELECT name FROM customers WHERE name > '%[1]s') TO STDOUT", "SELECT set_config('application_name', '%[1]s', false)", "SELECT set_config('a.b', max(name), false) FROM customers",
				"DO $$BEGIN RAISE NOTICE '%%', (SELECT max(name) FROM customers); END$$", "DO $$BEGIN RAISE EXCEPTION '%[1]s'; END$$", "SELECT pg_notify('ch', '%[1]s')",
				"CREATE TABLE copy AS SELECT * FROM customers", "SELECT * FROM copy", "PREPARE p AS SELECT name FROM customers WHERE id = $1", "EXECUTE p ('%[1]s-5')", "DECLARE c CURSOR FOR SELECT * FROM customers",
				"SELECT $tag$%[1]s$tag$", "SELECT U&'%[1]s', E'%[1]s\\n', N'%[1]s'", "SELECT count(*) FROM customers WHERE name = '%[1]s name 4'", "DELETE FROM customers WHERE id = '%[1]s-299'", "syntax '%[1]s error",
			} {
				sql = fmt.Sprintf(sql, canary)
				e := episode{steps: []step{simple("%s", sql), prepared(sql, true, false), prepared("SELECT name FROM customers WHERE id = $1 AND $2 <> ''", false, false, canary+"-11", canary)}}
				if _, err := play(t.Context(), database, e); err != nil && mode == "observe" {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			for _, wrong := range []endpoint{{"tcp", h.addr(), canary, "postgres", nil, nil}, {"tcp", h.addr(), application, canary, nil, nil}} {
				if c, err := dial(t.Context(), wrong.network, wrong.address, wrong.user, wrong.database); err == nil {
					c.close()
				}
			}
			var shown bytes.Buffer
			for _, args := range [][]string{{"events", "--json"}, {"events"}, {"status", "--json"}, {"gate", "sessions", "--json"}, {"scope", "--json"}, {"scope"}} {
				shown.Write(h.run(args...))
			}
			resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", metrics))
			must(t, err)
			page, err := io.ReadAll(resp.Body)
			must(t, errors.Join(err, resp.Body.Close()))
			if !bytes.Contains(page, []byte("sekisho_")) {
				t.Errorf("no metrics: %s", page)
			}
			search(t, "the metrics", page)
			bundle := filepath.Join(t.TempDir(), "answer.zip")
			h.run("scope", "--bundle", bundle)
			searchZip(t, bundle)
			output := h.out
			h.stop()
			search(t, "what the commands show", shown.Bytes())
			search(t, "the program's log", output.Bytes())
			searchTree(t, h.dir)
		})
	}
}

// search fails when data holds the canary in clear, in UTF-16 or in base64.
func search(t *testing.T, where string, data []byte) {
	t.Helper()
	for _, form := range canaryForms() {
		if i := bytes.Index(data, form); i >= 0 {
			t.Errorf("%s holds a personal value at byte %d: …%q…", where, i, data[max(0, i-80):min(len(data), i+60)])
			return
		}
	}
}

func canaryForms() [][]byte {
	wide := make([]byte, 0, 2*len(canary))
	for _, c := range []byte(canary) {
		wide = append(wide, c, 0)
	}
	// The login names of wrong logins are names of accounts, not of persons:
	// they are recorded. Values are followed by a digit, a dash or a space.
	var forms [][]byte
	for _, after := range []string{"-", " name", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		forms = append(forms, []byte(canary+after))
	}
	forms = append(forms, wide)
	for shift := range 3 { // the middle of the value in base64, whatever stands before it
		inner := canary[3-shift:]
		forms = append(forms, []byte(base64Inner(inner)))
	}
	return forms
}

// base64Inner is the base64 text of s without the last, incomplete group.
func base64Inner(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b strings.Builder
	for ; len(s) >= 3; s = s[3:] {
		n := uint32(s[0])<<16 | uint32(s[1])<<8 | uint32(s[2])
		for shift := 18; shift >= 0; shift -= 6 {
			b.WriteByte(alphabet[n>>shift&63])
		}
	}
	return b.String()
}

// searchZip searches every file of an archive.
func searchZip(t *testing.T, path string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	must(t, err)
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		data, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		search(t, "the bundle's "+f.Name, data)
	}
	if len(z.File) == 0 {
		t.Error("the bundle is empty")
	}
}

// searchTree searches every file below dir, compressed ones decompressed.
func searchTree(t *testing.T, dir string) {
	t.Helper()
	seen := 0
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type()&fs.ModeSocket != 0 {
			return err
		}
		data := read(t, path)
		switch {
		case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			data = unzstd(t, path)
		case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
			r, err := gzip.NewReader(bytes.NewReader(data))
			must(t, err)
			data, err = io.ReadAll(r)
			must(t, err)
		}
		seen++
		search(t, strings.TrimPrefix(path, dir), data)
		return nil
	}))
	if seen < 5 {
		t.Errorf("only %d files were searched", seen)
	}
}

// TestGarbage feeds the gate what no client should send: it answers or hangs
// up, keeps its memory, and serves the next client.
func TestGarbage(t *testing.T) {
	server := startServer(t)
	must(t, server.Exec(t.Context(), "postgres", "CREATE TABLE customers (id int PRIMARY KEY, name text, email text); INSERT INTO customers VALUES (1, 'a', 'b'); GRANT SELECT ON customers TO app, watch"))
	h := install(t, server, "postgres", crashProtect, "    mode: enforce\n")
	h.up()
	before := resident(t, h)
	startup := append(binary.BigEndian.AppendUint32(nil, 8+len32("user\x00app\x00database\x00postgres\x00\x00")), "\x00\x03\x00\x00user\x00app\x00database\x00postgres\x00\x00"...)
	then := func(b ...byte) []byte { return slices.Concat(startup, b) }
	huge := func(kind byte) []byte { return then(kind, 0x40, 0, 0, 0, 'x') }
	noise := make([]byte, 4096)
	_, err := rand.Read(noise)
	must(t, err)
	noise[0] |= 0x80 // a length that no start-up packet has, whatever the rest is
	// What is answered with an error of the protocol; then what the server or the
	// policy refuses; then half messages.
	answered := [][]byte{
		noise, {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0}, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f, 0x16, 3, 1}, {0x16, 3, 1, 0xff, 0xff, 1},
		huge('Q'), huge('P'), huge('B'), huge('d'), then('Q', 0, 0, 0, 3), then('Z', 0, 0, 0, 5, 'I'), then('X', 0xff, 0xff, 0xff, 0xff),
	}
	silent := [][]byte{
		then('F', 0, 0, 0, 4), then('B', 0, 0, 0, 12, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), then('D', 0, 0, 0, 6, 'X', 0), then('Q', 0, 0, 0, 6, 0xff, 0xfe),
		startup[:5], then(noise...), then('P', 0, 0, 1, 0, 'a'), {0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 2},
	}
	var wg sync.WaitGroup
	for range 5 {
		for _, c := range answered {
			wg.Go(func() {
				answer, err := garbage(h.addr(), c)
				if !bytes.Contains(answer, []byte("\x00C08P01\x00")) {
					t.Errorf("%.60q: no clear error: %v %.300q", c, err, answer)
				}
			})
		}
		for _, c := range silent {
			wg.Go(func() {
				if conn, err := net.Dial("tcp", h.addr()); err == nil {
					_, _ = conn.Write(c) // and goes away
					_ = conn.Close()
				}
			})
		}
		wg.Wait()
	}
	out, err := play(t.Context(), endpoint{network: "tcp", address: h.addr(), user: application, database: "postgres"}, one(simple("SELECT id FROM customers")))
	if err != nil || !bytes.Contains(out, []byte("SELECT 1")) {
		t.Errorf("the gate does not serve after garbage: %v %q", err, out)
	}
	if after := resident(t, h); after > before+200<<20 {
		t.Errorf("resident memory went from %d to %d MiB", before>>20, after>>20)
	}
	h.stop() // it writes until then
	if bytes.Contains(h.out.Bytes(), []byte("panic")) {
		t.Errorf("the program panicked:\n%s", h.out)
	}
}

// garbage sends c and returns what is answered, up to the first error or the
// end of the connection.
func garbage(addr string, c []byte) (answer []byte, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		return nil, err
	}
	_, _ = conn.Write(c) // the gate may hang up first
	buf := make([]byte, 4096)
	for !bytes.Contains(answer, []byte("\x00C08P01\x00")) {
		n, err := conn.Read(buf)
		if answer = append(answer, buf[:n]...); err != nil {
			return answer, err
		}
	}
	return answer, nil
}

func len32(s string) uint32 { return uint32(len(s)) }

// resident returns the resident memory of the program in bytes.
func resident(t *testing.T, h *house) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", h.cmd.Process.Pid))
	if err != nil {
		t.Skipf("SKIPPED: no /proc: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	must(t, err)
	return pages * os.Getpagesize()
}

// TestCanaryIsFound holds that the search finds what it is to find.
func TestCanaryIsFound(t *testing.T) {
	var wide []byte
	for _, c := range []byte(canary) {
		wide = append(wide, c, 0)
	}
	for _, planted := range []string{
		"x " + canary + "-7", canary + " name 12", canary + "9@mail.example", string(wide),
		base64.StdEncoding.EncodeToString([]byte("a" + canary)), base64.StdEncoding.EncodeToString([]byte("ab" + canary)), base64.StdEncoding.EncodeToString([]byte(canary)),
	} {
		found := false
		for _, form := range canaryForms() {
			found = found || bytes.Contains([]byte(planted), form)
		}
		if !found {
			t.Errorf("%q is not found", planted)
		}
	}
}
