package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds of the disk's state. Below the least, sealing a segment may fail.
const (
	leastFree   = 1 << 30  // bytes: bad
	littleFree  = 10 << 30 // bytes: worth a look, when it is also under littleShare
	littleShare = 10       // percent
)

// disk looks at the room left where data and keys are.
func (d *doctor) disk() {
	seen := map[string]bool{}
	for _, dir := range []string{d.l.Data, d.l.Keys} {
		for !exists(dir) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
		}
		free, all, device, ok := diskFree(dir)
		if !ok || seen[device] {
			continue
		}
		seen[device] = true
		args := []any{"dir", dir, "free", fmt.Sprintf("%.1f GiB", float64(free)/(1<<30)), "percent", free * 100 / max(all, 1)}
		mend := d.a.self("retention apply")
		if d.l.Ledger.Retention.Keep == 0 {
			mend = d.a.say.Text("doctor_disk_mend", "dir", dir)
		}
		switch {
		case free < leastFree:
			d.bad("disk", mend, "doctor_disk", args...)
		case free < littleFree && free*100/max(all, 1) < littleShare:
			d.warn("disk", mend, "doctor_disk", args...)
		default:
			d.ok("disk", "doctor_disk", args...)
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// clock asks the system whether its clock is set by others.
func (d *doctor) clock() {
	synced, bound, ok := clockState()
	configured := time.Duration(d.l.Ledger.ClockErr)
	switch {
	case !ok:
	case !synced:
		d.warn("clock", "timedatectl set-ntp true", "doctor_clock_free", "bound", configured)
	case bound > configured:
		d.warn("clock", d.a.say.Text("doctor_clock_mend", "bound", bound.Round(time.Millisecond), "file", d.a.config), "doctor_clock_wide", "measured", bound.Round(time.Millisecond), "bound", configured)
	default:
		d.ok("clock", "doctor_clock", "measured", bound.Round(time.Millisecond))
	}
}

// knockTime bounds one look at an address.
const knockTime = 3 * time.Second

// address is somewhere the configuration listens.
type address struct{ at, path string }

func (d *doctor) addresses() []address {
	var all []address
	add := func(at, path string) {
		if at != "" {
			all = append(all, address{at, path})
		}
	}
	for _, g := range d.l.Gates {
		add(g.Listen, "gates."+g.Name)
	}
	for _, w := range d.l.Web {
		add(w.Listen, "web."+w.Name)
	}
	if e := d.l.Egress; e != nil {
		for _, g := range e.Gates {
			add(g.Listen, "egress."+g.Name)
		}
	}
	if d.l.Metrics != nil {
		add(d.l.Metrics.Listen, "metrics")
	}
	if d.l.Console != nil {
		add(d.l.Console.Listen, "console")
	}
	if d.l.Hub != nil {
		add(d.l.Hub.Listen, "hub")
	}
	return all
}

// ports asks every address that the configuration listens on: with a running
// process it must answer, without one it must be free.
func (d *doctor) ports() {
	if d.hangs { // it has them, and was said
		return
	}
	begin := len(d.found)
	var silent []string
	for _, x := range d.addresses() {
		_, port, err := net.SplitHostPort(x.at)
		if err != nil || port == "0" {
			continue
		}
		if d.status != nil {
			if !answers(d.a.ctx, x.at) {
				silent = append(silent, x.at+" ("+x.path+")")
			}
			continue
		}
		l, err := net.Listen("tcp", x.at)
		if err == nil {
			err = l.Close()
		}
		d.taken(x, err)
	}
	if len(silent) > 0 {
		d.bad("ports", d.restart(), "doctor_ports_silent", "list", strings.Join(silent, ", "))
	}
	if len(d.found) == begin {
		d.ok("ports", "doctor_ports", "n", len(d.addresses()))
	}
}

// taken says why an address cannot be listened on.
func (d *doctor) taken(x address, err error) {
	host, port, _ := net.SplitHostPort(x.at)
	free := func(at string) string {
		return "sed -i " + shellWord("s/"+strings.ReplaceAll(x.at, ".", `\.`)+"/"+at+"/") + " " + shellWord(d.a.config)
	}
	switch {
	case err == nil:
	case errors.Is(err, syscall.EACCES):
		if d.packaged() { // the unit may
			return
		}
		program, err := os.Executable()
		if err != nil {
			program = "sekisho"
		}
		d.bad("ports", "sudo setcap cap_net_bind_service=+ep "+shellWord(program), "doctor_ports_low", "address", x.at, "path", x.path)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		d.bad("ports", free("127.0.0.1:"+port), "doctor_ports_foreign", "address", x.at, "path", x.path)
	default:
		number, _ := strconv.Atoi(port)
		d.bad("ports", free(freeAddress(host, number+1)), "doctor_ports_taken", "address", x.at, "path", x.path, "command", "ss -ltnp 'sport = :"+port+"'")
	}
}

// answers reports whether something takes a connection. An address of all
// interfaces is asked on loopback.
func answers(ctx context.Context, at string) bool {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	var dial net.Dialer
	c, err := dial.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	return err == nil && c.Close() == nil
}

// console asks the login page.
func (d *doctor) console() {
	c := d.l.Console
	switch {
	case c == nil:
		d.warn("console", d.a.say.Text("doctor_console_mend", "file", d.a.config), "doctor_console_none")
		return
	case d.status == nil || strings.HasSuffix(c.Listen, ":0"):
		return // ports said it already, or nobody knows the port
	}
	origin := c.Address
	if origin == "" {
		_, port, _ := net.SplitHostPort(c.Listen)
		scheme := "http"
		if c.Cert != "" {
			scheme = "https"
		}
		origin = scheme + "://localhost:" + port
	}
	ctx, cancel := context.WithTimeout(d.a.ctx, knockTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/login", nil)
	if err == nil {
		var resp *http.Response
		if resp, err = http.DefaultClient.Do(r); err == nil {
			err = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				err = errors.Join(err, errors.New(resp.Status))
			}
		}
	}
	if err != nil {
		d.bad("console", d.restart(), "doctor_console_bad", "address", origin, "cause", err)
		return
	}
	d.ok("console", "doctor_console", "address", origin)
}

// certSoon is how long before its end a certificate is worth a look.
const certSoon = 30 * 24 * time.Hour

// certificates reads every certificate that is named, and its key.
func (d *doctor) certificates() {
	type pair struct{ cert, key string }
	var all []pair
	for _, g := range d.l.Gates {
		all = append(all, pair{g.TLS.Cert, g.TLS.Key}, pair{cert: g.TLS.ClientCA})
	}
	for _, w := range d.l.Web {
		all = append(all, pair{w.TLS.Cert, w.TLS.Key})
	}
	if e := d.l.Egress; e != nil {
		for _, g := range e.Gates {
			all = append(all, pair{g.TLS.Cert, g.TLS.Key}, pair{cert: g.TLS.ClientCA})
		}
		for _, r := range e.Resolvers {
			all = append(all, pair{r.TLS.Cert, r.TLS.Key})
		}
	}
	if c := d.l.Console; c != nil {
		all = append(all, pair{c.Cert, c.Key})
	}
	if m := d.l.Metrics; m != nil {
		all = append(all, pair{m.Cert, m.Key})
	}
	for _, x := range d.l.Databases {
		all = append(all, pair{cert: x.TLS.CA})
	}
	all = slices.DeleteFunc(all, func(p pair) bool { return p.cert == "" })
	slices.SortFunc(all, func(a, b pair) int { return strings.Compare(a.cert, b.cert) })
	for _, p := range slices.Compact(all) {
		d.certificate(p.cert, p.key)
	}
}

func (d *doctor) certificate(cert, key string) {
	until, err := certEnd(cert, key)
	renew := d.a.say.Text("doctor_cert_mend", "file", cert, "command", d.restart())
	switch left := until.Sub(d.now()); {
	case err != nil:
		d.bad("certificates", renew, "doctor_cert_bad", "file", cert, "cause", err)
	case left <= 0:
		d.bad("certificates", renew, "doctor_cert_over", "file", cert, "until", until.UTC().Format(time.DateOnly))
	case left < certSoon:
		d.warn("certificates", renew, "doctor_cert_soon", "file", cert, "until", until.UTC().Format(time.DateOnly), "days", int(left.Hours()/24))
	default:
		d.ok("certificates", "doctor_cert", "file", cert, "until", until.UTC().Format(time.DateOnly))
	}
}

// errNoCertificate is returned for a PEM file without one.
var errNoCertificate = errors.New("no certificate in it")

// certEnd returns when the first certificate of a PEM file to end ends. With a
// key, that must be the certificate's.
func certEnd(cert, key string) (time.Time, error) {
	text, err := os.ReadFile(cert)
	if err != nil {
		return time.Time{}, err
	}
	if key != "" {
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			return time.Time{}, err
		}
	}
	var end time.Time
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, err
		}
		if end.IsZero() || c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	if end.IsZero() {
		return end, errNoCertificate
	}
	return end, nil
}
