package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/wfe"

	"sekisho/internal/certificate/certificatetest"
)

const name = "shop.example.jp"

// authority is one for a gate at a port.
func authority(t *testing.T, tlsPort int) *httptest.Server {
	t.Helper()
	return certificatetest.New(t, tlsPort, uint64((90 * 24 * time.Hour).Seconds())).Server()
}

// gate is a listener whose handshakes the keeper answers.
type gate struct {
	net.Listener
	keep chan *Keeper // holds the one that answers
}

func newGate(t *testing.T) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Listener: l, keep: make(chan *Keeper, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			k := <-g.keep
			g.keep <- k
			secure := tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.Certificate, NextProtos: []string{"http/1.1", ChallengeProtocol}})
			_ = secure.SetDeadline(time.Now().Add(time.Minute))
			_ = secure.Handshake() // the client sees what was wrong
			_ = secure.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return g
}

func (g *gate) port(t *testing.T) int {
	t.Helper()
	_, text, err := net.SplitHostPort(g.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// shown returns the certificate that a browser is shown, once there is one: that
// it was issued is told before it is served.
func (g *gate) shown(t *testing.T) *x509.Certificate {
	t.Helper()
	for {
		conn, err := tls.Dial("tcp", g.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true}) // who issued it is not what is asked
		if err == nil {
			defer conn.Close()
			return conn.ConnectionState().PeerCertificates[0]
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

// keeper is one before a gate; its attempts come through the channel.
func (g *gate) keeper(t *testing.T, dir string, from *httptest.Server, directory string) (*Keeper, chan Attempt) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(from.Certificate())
	told := make(chan Attempt, 100)
	k, err := New(Config{Dir: dir, Directory: directory, Email: "operator@example.jp", Roots: roots, Listen: g.Addr().String(), Told: func(a Attempt) {
		select {
		case told <- a:
		default: // nobody asks any more
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-g.keep:
	default:
	}
	g.keep <- k
	return k, told
}

// A name is proved, its certificate served, kept where only we read, used again
// after a restart, and renewed in time.
func TestKeep(t *testing.T) {
	g := newGate(t)
	server := authority(t, g.port(t))
	dir := filepath.Join(t.TempDir(), "acme")
	k, told := g.keeper(t, dir, server, server.URL+wfe.DirectoryPath)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := k.Keep(ctx, []string{name}); err != nil {
		t.Fatal(err)
	}
	if a := <-told; a.Err != nil || a.Name != name || a.Renewal {
		t.Fatalf("told %+v", a)
	}
	first := g.shown(t)
	if err := first.VerifyHostname(name); err != nil {
		t.Error(err)
	}
	private(t, dir)
	k.Stop()

	again, told := g.keeper(t, dir, server, server.URL+wfe.DirectoryPath)
	if err := again.Keep(ctx, []string{name}); err != nil {
		t.Fatal(err)
	}
	if second := g.shown(t); !second.Equal(first) {
		t.Error("after a restart it is another certificate")
	}
	select {
	case a := <-told:
		t.Errorf("after a restart: %+v", a)
	default: // it has one, and was asked for it
	}
	again.Stop()
}

// A renewed certificate is told as such, and is the one that is kept.
func TestRenewed(t *testing.T) {
	g := newGate(t)
	server := authority(t, g.port(t))
	dir := filepath.Join(t.TempDir(), "acme")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k, told := g.keeper(t, dir, server, server.URL+wfe.DirectoryPath)
	if err := k.Keep(ctx, []string{name}); err != nil {
		t.Fatal(err)
	}
	if a := <-told; a.Err != nil {
		t.Fatal(a.Err)
	}
	first := g.shown(t)
	if err := k.magic.RenewCertSync(ctx, name, true); err != nil { // as its maintenance does in time
		t.Fatal(err)
	}
	if a := <-told; a.Err != nil || !a.Renewal {
		t.Errorf("told %+v", a)
	}
	k.Stop()
	again, _ := g.keeper(t, dir, server, server.URL+wfe.DirectoryPath)
	defer again.Stop()
	if err := again.Keep(ctx, []string{name}); err != nil {
		t.Fatal(err)
	}
	if second := g.shown(t); second.Equal(first) {
		t.Error("the old certificate is kept")
	}
}

// An authority that cannot be reached is told, and asked again by whoever keeps.
func TestUnreachable(t *testing.T) {
	g := newGate(t)
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	k, told := g.keeper(t, filepath.Join(t.TempDir(), "acme"), server, server.URL+"/nothing")
	defer k.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := k.Keep(ctx, []string{name}); err != nil {
		t.Fatal(err)
	}
	if a := <-told; a.Err == nil || a.Name != name {
		t.Errorf("told %+v", a)
	}
	conn, err := tls.Dial("tcp", g.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err == nil {
		_ = conn.Close()
		t.Error("a certificate out of nowhere")
	}
}

// Names that come are asked for, those that go are no longer, and those that come
// back are served at once.
func TestOtherNames(t *testing.T) {
	g := newGate(t)
	server := authority(t, g.port(t))
	k, told := g.keeper(t, filepath.Join(t.TempDir(), "acme"), server, server.URL+wfe.DirectoryPath)
	defer k.Stop()
	served := func(name string) bool {
		conn, err := tls.Dial("tcp", g.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true}) // that there is one is what is asked
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	const club = "club.example.jp"
	for _, step := range []struct {
		names        []string
		asked        string // for which there is no certificate yet
		shop, second bool
	}{
		{[]string{name}, name, true, false},
		{[]string{name, club}, club, true, true},
		{[]string{club}, "", false, true},
		{[]string{name, club}, "", true, true},
	} {
		if err := k.Keep(t.Context(), step.names); err != nil {
			t.Fatal(err)
		}
		if step.asked != "" {
			if a := <-told; a.Err != nil || a.Name != step.asked {
				t.Fatalf("told %+v, want %s", a, step.asked)
			}
		}
		for served(name) != step.shop || served(club) != step.second {
			select {
			case <-time.After(10 * time.Millisecond): // certificates are served after they are told
			case <-t.Context().Done():
				t.Fatalf("%v: shop %t, club %t", step.names, served(name), served(club))
			}
		}
	}
	select {
	case a := <-told:
		t.Errorf("asked again: %+v", a)
	default:
	}
}

// What nobody asks for any more fails in silence.
func TestNoLongerAsked(t *testing.T) {
	var told []Attempt
	tell := func(a Attempt) { told = append(told, a) }
	k, err := New(Config{Dir: t.TempDir(), Listen: "127.0.0.1:1", Directory: "https://127.0.0.1:1/"})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Stop()
	failed := map[string]any{"identifier": name, "error": errors.New("no answer")}
	for _, gone := range []bool{false, true} {
		k.dropped[name] = gone
		told = nil
		k.tell(tell, "cert_failed", failed)
		if (len(told) == 0) != gone {
			t.Errorf("no longer asked for: %t, told %+v", gone, told)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, listen := range []string{"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:0"} {
		if k, err := New(Config{Dir: t.TempDir(), Listen: listen}); err == nil {
			k.Stop()
			t.Errorf("%q is taken for an address", listen)
		}
	}
}

// private checks that nobody else may read what is in a folder.
func private(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !d.IsDir() {
			files++
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, %v", files, err)
	}
}
