package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"time"

	"sekisho/internal/fault"
)

// asker puts questions to a person and reads one line for each.
type asker struct {
	app   *app
	lines *bufio.Reader
}

func newAsker(a *app) *asker { return &asker{a, bufio.NewReader(a.env.stdin)} }

// line asks once. An empty answer takes the proposal.
func (q *asker) line(key, proposal string, args ...any) (string, error) {
	shown := ""
	if proposal != "" {
		shown = " [" + proposal + "]"
	}
	fmt.Fprint(q.app.env.stdout, q.app.say.Text(key, args...)+shown+": ")
	text, err := q.lines.ReadString('\n')
	if err != nil && text == "" {
		fmt.Fprintln(q.app.env.stdout)
		return "", fault.New(fault.SetupAnswer)
	}
	return cmp.Or(strings.TrimSpace(text), proposal), nil
}

// until asks until check takes the answer; check returns the key of what is
// wrong with it.
func (q *asker) until(key, proposal string, check func(string) string, args ...any) (string, error) {
	for {
		answer, err := q.line(key, proposal, args...)
		if err != nil {
			return "", err
		}
		bad := check(answer)
		if bad == "" {
			return answer, nil
		}
		q.app.print(bad, "answer", answer)
	}
}

// yes asks for yes or no.
func (q *asker) yes(key string, proposal bool, args ...any) (bool, error) {
	yes, no := q.app.say.Text("ask_yes"), q.app.say.Text("ask_no")
	word := no
	if proposal {
		word = yes
	}
	answer, err := q.until(key, word, func(s string) string {
		switch strings.ToLower(s) {
		case "y", "yes", "n", "no", yes, no:
			return ""
		}
		return "ask_yes_or_no"
	}, args...)
	answer = strings.ToLower(answer)
	return answer == yes || answer == "y" || answer == "yes", err
}

// password asks without showing what is typed, where the system can.
func (q *asker) password(key string, args ...any) (string, error) {
	if f, ok := q.app.env.stdin.(*os.File); ok && isTerminal(f) {
		defer hideTyping(f)()
		defer fmt.Fprintln(q.app.env.stdout)
	}
	return q.line(key, "", args...)
}

// Checks of answers: the key of what is wrong, or nothing.

func isFilled(s string) string {
	if s == "" {
		return "ask_empty"
	}
	return ""
}

func isHostPort(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || port == "" {
		return "ask_host_port"
	}
	return ""
}

func isMail(s string) string {
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return "ask_mail_form"
	}
	return ""
}

func isHook(s string) string {
	if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" {
		return "ask_hook_form"
	}
	return ""
}

// nearby are addresses of PostgreSQL servers on this machine: what answers an
// SSLRequest with one byte S or N (PostgreSQL protocol, "SSL Session
// Encryption").
func nearby(ctx context.Context, environment string) []string {
	var out []string
	seen := map[string]bool{}
	for _, address := range []string{environment, "127.0.0.1:5432", "127.0.0.1:5433", "127.0.0.1:5434"} {
		if address != "" && !seen[address] && speaksPostgres(ctx, address) {
			out = append(out, address)
		}
		seen[address] = true
	}
	return out
}

// greetTime bounds one knock at a port.
const greetTime = 2 * time.Second

func speaksPostgres(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	if c.SetDeadline(deadline) != nil {
		return false
	}
	// Length 8 and the code of an SSLRequest, 1234.5679.
	if _, err := c.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return false
	}
	var answer [1]byte
	n, err := c.Read(answer[:])
	return err == nil && n == 1 && (answer[0] == 'S' || answer[0] == 'N')
}
