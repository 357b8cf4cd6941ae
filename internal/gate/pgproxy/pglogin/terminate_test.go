package pglogin_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/wire/pgwire"
)

const clientPassword = "for the gate only"

// terminating is a gate that authenticates u_scram itself and logs in as gate_role.
func (w *world) terminating(t *testing.T) pglogin.Config {
	t.Helper()
	v, err := pglogin.NewVerifier(clientPassword)
	if err != nil {
		t.Fatal(err)
	}
	cfg := w.config(w.otherCert)
	cfg.Mode = pglogin.Terminate
	cfg.Users = map[string]pglogin.Verifier{"clerk": v, "u_md5": v, "u_plain": v, "u_few": v, "broken": v, "lonely": v}
	cfg.Logins = map[string]pglogin.Credential{
		"clerk":   {User: "gate_role", Password: "gate own secret"},
		"u_md5":   {Password: password},
		"u_plain": {Password: password},
		"u_few":   {},
		"broken":  {User: "gate_role", Password: "not the secret"},
	}
	cfg.ClientCAs = w.ca.pool()
	cfg.CertUsers = map[string][]string{"u_cert": {"clerk"}}
	return cfg
}

func TestTerminate(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.terminating(t))
	cert := " sslcert=" + filepath.Join(w.dir, "client.crt") + " sslkey=" + filepath.Join(w.dir, "client.key")
	tests := []struct{ user, more, want, method string }{
		{"clerk", "sslmode=disable", "gate_role", "scram-sha-256"},
		{"clerk", "sslmode=require channel_binding=require", "gate_role", "scram-sha-256-plus"}, // the gate's own certificate
		{"clerk", "sslmode=require channel_binding=disable", "gate_role", "scram-sha-256"},
		{"clerk", "max_protocol_version=3.2", "gate_role", "scram-sha-256"},
		{"clerk", "sslmode=require" + cert, "gate_role", "cert"},
		{"u_md5", "sslmode=disable", "u_md5", "scram-sha-256"},
		{"u_plain", "sslmode=disable", "u_plain", "scram-sha-256"},
	}
	for _, tt := range tests {
		t.Run(tt.user+" "+tt.more, func(t *testing.T) {
			dsn := strings.Replace(g.dsn(tt.user, "application_name=shop "+tt.more), password, clientPassword, 1)
			clients := map[string]func() string{"pgx": func() string {
				return ask(dsn, "SELECT current_user || ' ' || current_setting('application_name')")
			}}
			if !strings.Contains(tt.more, "protocol") && tt.method != "cert" { // psql 15; the key file is not its user's
				clients["psql"] = func() string {
					return w.askPsql(t, dsn, "SELECT current_user || ' ' || current_setting('application_name')")
				}
			}
			for name, client := range clients {
				if got := client(); got != tt.want+" shop" {
					t.Fatalf("%s: %s", name, got)
				}
				l := g.login(t)
				if diff := cmp.Diff([]string{tt.user, tt.want, tt.method}, []string{l.User, l.Role, l.Method}); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
				if want := strings.Contains(tt.more, "3.2"); want != (l.Version == pgwire.Version32) {
					t.Errorf("%s: version %#x", name, l.Version)
				}
			}
		})
	}
}

func TestTerminateRefuses(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.terminating(t))
	tests := []struct{ name, user, password, want, cause string }{
		{"wrong password", "clerk", "wrong", `28P01 password authentication failed for user "clerk"`, "proof"},
		{"the gate's own user", "gate_role", "gate own secret", `28P01 password authentication failed for user "gate_role"`, "proof"},
		{"the same user at the server", "u_scram", password, `28P01 password authentication failed for user "u_scram"`, "proof"},
		{"the gate's credential is wrong", "broken", clientPassword, "57P03 the gate's own login at the database server failed", "28P01"},
		{"no credential", "lonely", clientPassword, `28000 the gate has no credential at the server for user "lonely"`, ""},
		{"the server's own refusal", "u_few", clientPassword, `53300 too many connections for role "u_few"`, "53300"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dsn := strings.Replace(g.dsn(tt.user, "sslmode=require"), password, tt.password, 1)
			if got := ask(dsn, "SELECT 1"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if err := g.failure(t); !strings.Contains(err.Error(), tt.cause) {
				t.Errorf("the gate saw %v, want it to say %q", err, tt.cause)
			}
		})
	}
}

// TestCertificateOfAnotherUser: a certificate opens the users it is listed for and nobody else's.
func TestCertificateOfAnotherUser(t *testing.T) {
	w := newWorld(t)
	cfg := w.terminating(t)
	cfg.CertUsers = map[string][]string{"u_cert": {"somebody"}}
	g := startGate(t, cfg)
	dsn := strings.Replace(g.dsn("clerk", "sslmode=require sslcert="+filepath.Join(w.dir, "client.crt")+" sslkey="+filepath.Join(w.dir, "client.key")), password, "wrong", 1)
	if got := ask(dsn, "SELECT 1"); got != `28P01 password authentication failed for user "clerk"` {
		t.Error(got)
	}
}

func TestAdmit(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(w.serverCert)
	attempts := make(chan pglogin.Attempt, 10)
	cfg.Admit = func(_ context.Context, a pglogin.Attempt) error {
		attempts <- a
		if a.Replication && a.User != "u_trust" {
			return errors.New("rule 7 says no")
		}
		return nil
	}
	g := startGate(t, cfg)
	if got := ask(g.dsn("u_scram", "replication=database application_name=copier"), "SELECT 1"); got != "28000 the gate does not admit this login" {
		t.Error(got)
	}
	if a := <-attempts; !a.Replication || a.User != "u_scram" || a.Application != "copier" || a.Database != "postgres" {
		t.Errorf("attempt %+v", a)
	}
	if err := g.failure(t); !strings.Contains(err.Error(), "rule 7") {
		t.Errorf("the gate saw %v", err)
	}
	cfg.Admit = nil
	g = startGate(t, cfg)
	if got := ask(g.dsn("u_trust", "replication=true"), "SELECT 1"); got != "28000 replication connections do not pass this gate" {
		t.Error(got)
	}
}

func TestVerifierText(t *testing.T) {
	v, err := pglogin.NewVerifier("foo")
	if err != nil {
		t.Fatal(err)
	}
	again, err := pglogin.ParseVerifier(string(v.Text()))
	if err != nil {
		t.Fatal(err)
	}
	if again.Text() != v.Text() || v.Text().String() != "***" {
		t.Errorf("%v is not %v, or a verifier prints", again, v)
	}
	for _, bad := range []string{"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096$" + strings.Repeat("A", 44)} {
		if _, err := pglogin.ParseVerifier(bad); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestServersVerifier: a verifier copied from pg_authid opens the gate.
func TestServersVerifier(t *testing.T) {
	w := newWorld(t)
	text := ask(w.server.SocketDSN("postgres", "postgres"), "SELECT rolpassword FROM pg_authid WHERE rolname = 'u_scram'")
	dir := t.TempDir()
	file := filepath.Join(dir, "users.txt")
	if err := os.WriteFile(file, []byte("; users\n\n\"u_scram\" \""+text+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	users, err := pglogin.ReadVerifiers(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg := w.terminating(t)
	cfg.Users, cfg.Logins = users, map[string]pglogin.Credential{"*": {Password: password}}
	g := startGate(t, cfg)
	if got := ask(g.dsn("u_scram", ""), "SELECT current_user"); got != "u_scram" {
		t.Error(got)
	}
}

func TestUserFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("# ours\n\"a\"\"b\" \"secret one\"\n\"*\"\t\"secret two\" \"role\"\n", 0o600)
	got, err := pglogin.ReadPasswords(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]pglogin.Credential{`a"b`: {Password: "secret one"}, "*": {User: "role", Password: "secret two"}}, got); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"\"a\" \"secret": file + ":1: a field has no closing double quote",
		"\n\"a\"\n":      file + `:2: want "name" "password", or "name" "password" "name at the server"`,
		"a \"secret\"\n": file + ":1: a field does not begin with a double quote",
	} {
		write(text, 0o600)
		if _, err := pglogin.ReadPasswords(file); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	write("\"a\" \"secret\"\n", 0o640)
	if _, err := pglogin.ReadPasswords(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("mode 640: %v", err)
	}
}
