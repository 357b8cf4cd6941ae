package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// lab is both sides' processes and the servers behind them.
type lab struct {
	dir                  string
	ours, squid, dnsmasq *process
	server               net.Listener // behind the proxies
	names                *dns.Server  // behind the resolvers
	upstream             string       // its address
	hello                []byte       // what a TLS client says first
	long                 chan int     // MiB that the next connection is sent, beyond the first KiB
}

// process is a proxy or resolver that is measured.
type process struct {
	cmd    *exec.Cmd
	proxy  string // address of the proxy
	dns    string // address of the resolver
	stderr *bytes.Buffer
	done   chan error
}

func newLab(ctx context.Context) (l *lab, err error) {
	l = &lab{long: make(chan int, 1)}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.dir, err = os.MkdirTemp("", "bench-egress"); err != nil {
		return l, err
	}
	if err = os.Chmod(l.dir, 0o777); err != nil { // Squid gives up root
		return l, err
	}
	if l.hello, err = clientHello(); err != nil {
		return l, err
	}
	if l.server, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return l, err
	}
	go l.serve()
	upstream, err := l.serveNames()
	if err != nil {
		return l, err
	}
	l.upstream = upstream
	if l.ours, err = l.sekisho(ctx, "ours"); err != nil {
		return l, err
	}
	if l.squid, err = l.startSquid(ctx); err != nil {
		return l, err
	}
	l.dnsmasq, err = l.startDnsmasq(ctx, upstream)
	return l, err
}

func (l *lab) close() {
	for _, p := range []*process{l.ours, l.squid, l.dnsmasq} {
		if p != nil {
			p.stop()
		}
	}
	if l.server != nil {
		_ = l.server.Close()
	}
	if l.names != nil {
		_ = l.names.Shutdown()
	}
	_ = os.RemoveAll(l.dir) // a temporary directory that stays is no failure of the measurement
}

// clientHello is what crypto/tls says first.
func clientHello() ([]byte, error) {
	client, server := net.Pipe()
	defer server.Close()
	go func() { _ = tls.Client(client, &tls.Config{ServerName: "www.example.jp"}).Handshake(); client.Close() }()
	head := make([]byte, 5)
	if _, err := io.ReadFull(server, head); err != nil {
		return nil, err
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	_, err := io.ReadFull(server, body)
	return append(head, body...), err
}

// serve answers a hello with 1 KiB, and with more when it was asked for.
func (l *lab) serve() {
	block := make([]byte, 1<<20)
	for {
		conn, err := l.server.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			in := make([]byte, len(l.hello))
			if _, err := io.ReadFull(conn, in); err != nil {
				return
			}
			if _, err := conn.Write(block[:1024]); err != nil {
				return
			}
			select {
			case n := <-l.long:
				for range n {
					if _, err := conn.Write(block); err != nil {
						return
					}
				}
			default:
				echo(conn) // until the client ends
			}
		}()
	}
}

// echo sends back what comes; io.Copy would hold two more files for each.
func echo(conn net.Conn) {
	var b [64]byte
	for {
		n, err := conn.Read(b[:])
		if err != nil {
			return
		}
		if _, err := conn.Write(b[:n]); err != nil {
			return
		}
	}
}

// serveNames answers every question for an address, for an hour.
func (l *lab) serveNames() (string, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	l.names = &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 3600}, A: net.IPv4(199, 5, 26, 7)}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = l.names.ActivateAndServe() }()
	return conn.LocalAddr().String(), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (l *lab) write(name, text string) (string, error) {
	file := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// sekisho starts a process of ours in a directory of its own.
func (l *lab) sekisho(ctx context.Context, dir string) (*process, error) {
	proxy, err := freePort()
	port, err2 := freePort()
	if err = errors.Join(err, err2); err != nil {
		return nil, err
	}
	if _, err := l.write(dir+"/policy.yaml", `generation: 1
segments: [{name: here, networks: [127.0.0.0/8]}]
roles:
  - name: office
    addresses: [127.0.0.1]
    allow:
      - {name: web, names: ["*.example.jp"]}
      - {name: here, segments: [here], ports: ["1-65535"]}
`); err != nil {
		return nil, err
	}
	file, err := l.write(dir+"/sekisho.yaml", fmt.Sprintf(`data: ./data
keys: ./keys
egress:
  policy_file: policy.yaml
  gates:
    - name: out
      listen: 127.0.0.1:%d
      limits: {connections: 20000, per_client: 20000}
  resolvers:
    - name: dns
      listen: 127.0.0.1:%d
      upstreams: [{address: %s}]
`, proxy, port, l.upstream))
	if err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "bin/sekisho", "-c", file, "init").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("sekisho init: %w\n%s", err, out)
	}
	p := &process{cmd: exec.CommandContext(ctx, "bin/sekisho", "-c", file, "up"), proxy: local(proxy), dns: local(port)}
	return p, p.start()
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// startSquid starts Squid as bench/peers says: one worker, access log on, no
// cache.
func (l *lab) startSquid(ctx context.Context) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	file, err := l.write("squid.conf", fmt.Sprintf(`http_port 127.0.0.1:%d
workers 1
http_access allow all
cache deny all
cache_mem 8 MB
access_log stdio:%[2]s/access.log squid
cache_log %[2]s/cache.log
pid_filename %[2]s/squid.pid
coredump_dir %[2]s
max_filedescriptors 65536
shutdown_lifetime 1 second
`, port, l.dir))
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, "squid", "-N", "-f", file), proxy: local(port)}
	return p, p.start()
}

// startDnsmasq starts dnsmasq with its cache on and its log off.
func (l *lab) startDnsmasq(ctx context.Context, upstream string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, "dnsmasq", "-k", "-C", "/dev/null", "-p", strconv.Itoa(port), "--listen-address=127.0.0.1", "--bind-interfaces",
		"--no-resolv", "--no-hosts", "--cache-size=10000", "--user=root", "--pid-file=", "--server="+strings.Replace(upstream, ":", "#", 1)), dns: local(port)}
	return p, p.start()
}

// start runs the process and waits until it answers.
func (p *process) start() error {
	p.stderr, p.done = new(bytes.Buffer), make(chan error, 1)
	p.cmd.Stdout, p.cmd.Stderr = p.stderr, p.stderr
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() { p.done <- p.cmd.Wait() }()
	address := p.proxy
	if address == "" {
		address = p.dns // also over TCP
	}
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case err := <-p.done:
			p.done <- err
			return fmt.Errorf("%s has ended: %w\n%s", p.cmd.Path, err, p.stderr)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not answer\n%s", p.cmd.Path, p.stderr)
}

func (p *process) stop() {
	if p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is what we want
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// cpu is the CPU time of all threads of the process: the clock of
// clock_getcpuclockid(3).
func (p *process) cpu() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|2), &ts); err != nil {
		return 0, fmt.Errorf("cpu clock: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// rss is the resident memory of the process in MiB.
func (p *process) rss() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(string(text), "VmRSS:")
	if !found {
		return 0, errors.New("no VmRSS")
	}
	n, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	return n / 1024, err
}
