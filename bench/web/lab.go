package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// page is what the upstream answers: 4 KB of Japanese HTML.
var page = "<!DOCTYPE html><html lang=\"ja\"><head><meta charset=\"utf-8\"><title>ご予約の確認</title></head><body>" +
	strings.Repeat("<p>このたびはご予約いただき、誠にありがとうございます。ご出発の三日前までにお支払いください。</p>\n", 30) + "</body></html>"

// proxy is one of the programs that are measured.
type proxy struct {
	name string
	addr string
	cmd  *exec.Cmd
	pids func() ([]int, error)
}

// lab is the upstream, the programs and their folder.
type lab struct {
	dir      string
	upstream net.Listener
	server   *http.Server
	proxies  []*proxy
}

func newLab(ctx context.Context, ours string, peers bool) (*lab, error) {
	l := &lab{}
	var err error
	if l.dir, err = os.MkdirTemp("", "bench-web-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(l.dir, 0o755); err != nil { // nginx's worker is nobody
		return l, err
	}
	if l.upstream, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return l, err
	}
	l.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(page))) // so that everybody holds and judges it
		_, _ = w.Write([]byte(page))
	})}
	go func() { _ = l.server.Serve(l.upstream) }() // ends with close
	if err := l.startSekisho(ctx, ours); err != nil || !peers {
		return l, err
	}
	if err := l.startNginx(ctx, "modsecurity", "/usr/share/modsecurity-crs/rules", "/etc/modsecurity/crs/crs-setup.conf"); err != nil {
		return l, err
	}
	rules, setup, err := l.shippedRules()
	if err != nil {
		return l, err
	}
	return l, l.startNginx(ctx, "modsecurity_our_crs", rules, setup)
}

func (l *lab) close() {
	for _, p := range l.proxies {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
	if l.server != nil {
		_ = l.server.Close()
	}
	if l.dir != "" {
		_ = os.RemoveAll(l.dir)
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startSekisho runs the real program: gate, ledger and view in one process.
func (l *lab) startSekisho(ctx context.Context, program string) error {
	addr, err := freePort()
	if err != nil {
		return err
	}
	config := filepath.Join(l.dir, "sekisho.yaml")
	text := fmt.Sprintf("data: ./data\nkeys: ./keys\nweb:\n  - name: bench\n    listen: %s\n    sites:\n      - {hosts: [shop.example.jp], upstream: \"http://%s\", firewall: enforce, cards: enforce, persons: {cookies: [sid]}}\n", addr, l.upstream.Addr())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, program, "-c", config, "init").CombinedOutput(); err != nil {
		return fmt.Errorf("init: %w: %s", err, out)
	}
	cmd := exec.CommandContext(ctx, program, "-c", config, "up")
	return l.start(ctx, &proxy{name: "sekisho", addr: addr, cmd: cmd, pids: func() ([]int, error) { return []int{cmd.Process.Pid}, nil }})
}

// shippedRules writes the rule set that the program is built with.
func (l *lab) shippedRules() (rules, setup string, err error) {
	rules = filepath.Join(l.dir, "crs")
	if err := os.Mkdir(rules, 0o755); err != nil {
		return "", "", err
	}
	names, err := fs.Glob(coreruleset.FS, "@owasp_crs/*")
	if err != nil {
		return "", "", err
	}
	for _, name := range names {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			return "", "", err
		}
		if strings.HasSuffix(name, ".conf") {
			// The module has the comments and empty lines taken out; ModSecurity's
			// parser needs an empty line after a rule without actions.
			text = ended.ReplaceAll(text, []byte("$1\n\n"))
		}
		if err := os.WriteFile(filepath.Join(rules, filepath.Base(name)), text, 0o644); err != nil {
			return "", "", err
		}
	}
	text, err := fs.ReadFile(coreruleset.FS, "@crs-setup.conf.example")
	if err != nil {
		return "", "", err
	}
	setup = filepath.Join(l.dir, "crs-setup.conf")
	return rules, setup, os.WriteFile(setup, text, 0o644)
}

// ended is the end of a directive.
var ended = regexp.MustCompile(`([^\\\n])\n`)

const modsecurity = `SecRuleEngine On
SecRequestBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:'200000',phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:'200001',phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 13107200
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml
SecResponseBodyLimit 524288
SecAuditEngine Off
Include %s
Include %s/*.conf
`

// startNginx runs nginx with ModSecurity, one worker.
func (l *lab) startNginx(ctx context.Context, name, rules, setup string) error {
	dir := filepath.Join(l.dir, name)
	for _, d := range []string{"", "logs", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o777); err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(dir, d), 0o777); err != nil {
			return err
		}
	}
	addr, err := freePort()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "modsecurity.conf"), []byte(fmt.Sprintf(modsecurity, setup, rules)), 0o644); err != nil {
		return err
	}
	pid := filepath.Join(dir, "nginx.pid")
	conf := fmt.Sprintf(`load_module /usr/lib/nginx/modules/ngx_http_modsecurity_module.so;
daemon off; worker_processes 1; pid %[1]s; error_log %[2]s/logs/error.log crit;
events { worker_connections 512; }
http {
  access_log %[2]s/logs/access.log;
  client_body_temp_path %[2]s/tmp/body; proxy_temp_path %[2]s/tmp/proxy; fastcgi_temp_path %[2]s/tmp/f; uwsgi_temp_path %[2]s/tmp/u; scgi_temp_path %[2]s/tmp/s;
  client_max_body_size 20m; client_body_buffer_size 1m; keepalive_requests 1000000;
  upstream site { server %[3]s; keepalive 64; keepalive_requests 1000000; }
  server { listen %[4]s; modsecurity on; modsecurity_rules_file %[2]s/modsecurity.conf;
    location / { proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }
}
`, pid, dir, l.upstream.Addr(), addr)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "nginx", "-c", file, "-p", dir)
	return l.start(ctx, &proxy{name: name, addr: addr, cmd: cmd, pids: func() ([]int, error) { return family(cmd.Process.Pid) }})
}

// family returns a process and its children.
func family(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	all := []int{pid}
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		all = append(all, child)
	}
	return all, nil
}

// startTimeout bounds how long a program may take to answer.
const startTimeout = 2 * time.Minute

func (l *lab) start(ctx context.Context, p *proxy) error {
	log, err := os.Create(filepath.Join(l.dir, p.name+".log"))
	if err != nil {
		return err
	}
	p.cmd.Stderr, p.cmd.Stdout = log, log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	if err := p.cmd.Start(); err != nil {
		return err
	}
	l.proxies = append(l.proxies, p)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for wait := time.NewTicker(50 * time.Millisecond); ; {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			wait.Stop()
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(log.Name())
			return errors.Join(fmt.Errorf("%s does not answer: %s", p.name, text), ctx.Err())
		case <-wait.C:
		}
	}
}

// cpu returns the CPU time of a program, user and system.
func (p *proxy) cpu() (time.Duration, error) {
	pids, err := p.pids()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, i := range []int{11, 12} { // utime and stime (proc(5)), in 1/100 s
			ticks, err := strconv.Atoi(fields[i])
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum, nil
}
