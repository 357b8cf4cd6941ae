package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sekisho/demo/story"
	"sekisho/internal/event"
)

// exits are the ways out of the firm, each a gate of its own, and somebody
// outside who waits for connections.
type exits struct {
	gates   []*exitGate
	proxies []string // addresses
	outside *http.Server
	address string // of the outside, host:port
	held    net.Conn
}

// exitSection is the part of the configuration for n exits that let everything
// pass to the ports named: what closes them is a cut.
func exitSection(n int) string {
	if n == 0 {
		return ""
	}
	var out strings.Builder
	out.WriteString("egress:\n  policy_file: exit.yaml\n  gates:\n")
	for i := range n {
		fmt.Fprintf(&out, "    - {name: exit-%d, listen: '127.0.0.1:0'}\n", i+1)
	}
	return out.String()
}

// writeExitPolicy lets the outside be reached.
func (o *office) writeExitPolicy() error {
	_, port, err := net.SplitHostPort(o.out.address)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.dir, "exit.yaml"), []byte(fmt.Sprintf(`generation: 1
segments:
  - {name: outside, networks: [127.0.0.0/8]}
roles:
  - name: servers
    addresses: [127.0.0.1]
    allow:
      - {name: everything, segments: [outside], ports: ["%s"]}
`, port)), 0o600)
}

// openOutside is who waits beyond the exits.
func (o *office) openOutside() error {
	url, err := o.serve(&o.out.outside, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "taken") })
	o.out.address = strings.TrimPrefix(url, "http://")
	return err
}

// openExits starts the gates, as `sekisho up` does.
func (o *office) openExits(ctx context.Context) error {
	if err := o.p.firstExitPolicy(ctx); err != nil {
		return err
	}
	for i := range o.p.cfg.Egress.Gates {
		g, err := o.p.newExitGate(&o.p.cfg.Egress.Gates[i], nil, fmt.Sprintf("egress.gates[%d]", i))
		if err != nil {
			return err
		}
		if _, err := g.rec.Record(ctx, event.Durable, &event.SourceStart{Start: g.start, Version: version, Places: g.places(), Mode: "egress"}); err != nil {
			return err
		}
		if err := o.p.addCutter(ctx, g.cfg.Name, g.server); err != nil {
			return err
		}
		o.out.gates, o.out.proxies = append(o.out.gates, g), append(o.out.proxies, g.listener.Addr().String())
		o.stage.run("egress gate "+g.cfg.Name, g.server.Run)
	}
	return nil
}

// Leave implements story.Office.
func (o *office) Leave(ctx context.Context, exit int) (int, string, error) {
	proxy := &url.URL{Scheme: "http", Host: o.out.proxies[exit]}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.out.address+"/", nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, refusalCode.FindString(string(page)), err
}

// Hold implements story.Office.
func (o *office) Hold(ctx context.Context, exit int) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", o.out.proxies[exit])
	if err != nil {
		return err
	}
	o.out.held = conn
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", o.out.address, o.out.address); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the exit answers %s", resp.Status)
	}
	return nil
}

// heldFor bounds how long Held waits for the end of a connection that stands.
const heldFor = 10 * time.Second

// Held implements story.Office.
func (o *office) Held() bool {
	if err := o.out.held.SetReadDeadline(time.Now().Add(heldFor)); err != nil {
		return false
	}
	_, err := o.out.held.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// playRoutes plays the ways out in a network of namespaces, with files in an
// empty directory: see network.Play.
type playRoutes func(ctx context.Context, dir string) (*story.Routes, error)

// Routes implements story.Office.
func (o *office) Routes(ctx context.Context) (*story.Routes, error) {
	if o.routes == nil {
		return nil, &story.NoNetwork{Why: "unasked"}
	}
	dir := filepath.Join(o.dir, "network")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return o.routes(ctx, dir)
}

// closeExits ends what the exits hold.
func (o *office) closeExits() (err error) {
	if o.out.held != nil {
		err = o.out.held.Close()
	}
	if o.out.outside != nil {
		err = errors.Join(err, o.out.outside.Close())
	}
	return err
}
