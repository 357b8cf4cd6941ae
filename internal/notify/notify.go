// Package notify delivers short messages to people: mail over SMTP and webhooks
// of Slack, LINE WORKS, Chatwork and any other.
//
// It decides nothing and keeps nothing: who is called and when is the desk's,
// that it was sent is an event. Messages hold no personal data of subjects.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// Message is what is said.
type Message struct {
	Subject string
	Text    string
}

// timeout bounds one delivery.
const timeout = 20 * time.Second

// Mail sends over SMTP (RFC 5321).
type Mail struct {
	Server   string // host:port
	From     string
	User     string // empty: no login
	Password string
	// TLS is "require" (STARTTLS, RFC 3207, the default), "prefer" or "off".
	TLS string
	// Roots are who may vouch for the server; nil: whom the system trusts.
	Roots *x509.CertPool
}

// Send sends to one address. A nil error means that the server took the mail,
// not that somebody read it.
func (m *Mail) Send(ctx context.Context, to string, msg Message) error {
	out := mail.NewMsg()
	if err := errors.Join(out.From(m.From), out.To(to)); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	out.Subject(msg.Subject)
	out.SetBodyString(mail.TypeTextPlain, msg.Text)
	c, err := m.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := c.DialAndSendWithContext(ctx, out); err != nil {
		return fmt.Errorf("mail by %s: %w", m.Server, err)
	}
	return nil
}

// client speaks with the server as the settings say.
func (m *Mail) client(more ...mail.Option) (*mail.Client, error) {
	host, port, err := net.SplitHostPort(m.Server)
	if err != nil {
		return nil, fmt.Errorf("mail server %q: %w", m.Server, err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("mail server %q: %w", m.Server, err)
	}
	policy := mail.TLSMandatory
	switch m.TLS {
	case "prefer":
		policy = mail.TLSOpportunistic
	case "off":
		policy = mail.NoTLS
	}
	options := []mail.Option{mail.WithPort(n), mail.WithTLSPolicy(policy), mail.WithTimeout(timeout)}
	if m.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(m.Password))
	}
	if m.Roots != nil {
		options = append(options, mail.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: m.Roots}))
	}
	c, err := mail.NewClient(host, append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return c, nil
}

// Webhook posts to a chat service.
//
//	slack      {"text": …}                               (Slack incoming webhooks)
//	lineworks  {"title": …, "body": {"text": …}}         (LINE WORKS incoming webhooks; form from memory, not opened)
//	chatwork   form body=…, header X-ChatWorkToken       (Chatwork API v2, POST /rooms/{id}/messages)
//	generic    {"subject": …, "text": …}, header Sekisho-Signature: sha256=HMAC of the body with Token
type Webhook struct {
	Kind   string // slack, lineworks, chatwork, generic
	URL    string // a secret: whoever has it can post
	Token  string
	Client *http.Client // nil: http.DefaultClient
}

// Send posts the message. Any answer but 2xx is an error; the address is not in
// the error.
func (w *Webhook) Send(ctx context.Context, msg Message) error {
	body, kind, err := w.body(msg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("webhook: the address is not valid")
	}
	req.Header.Set("Content-Type", kind)
	switch w.Kind {
	case "chatwork":
		req.Header.Set("X-ChatWorkToken", w.Token)
	case "generic":
		mac := hmac.New(sha256.New, []byte(w.Token))
		mac.Write(body)
		req.Header.Set("Sekisho-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	client := w.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("webhook %s: %w", w.Kind, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return fmt.Errorf("webhook %s: %w", w.Kind, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("webhook %s: answered %s", w.Kind, resp.Status)
	}
	return nil
}

func (w *Webhook) body(msg Message) (body []byte, kind string, err error) {
	both := strings.TrimSpace(msg.Subject + "\n" + msg.Text)
	var v any
	switch w.Kind {
	case "slack":
		v = map[string]string{"text": both}
	case "lineworks":
		v = map[string]any{"title": msg.Subject, "body": map[string]string{"text": msg.Text}}
	case "chatwork":
		return []byte(url.Values{"body": {both}}.Encode()), "application/x-www-form-urlencoded", nil
	case "generic":
		v = map[string]string{"subject": msg.Subject, "text": msg.Text}
	default:
		return nil, "", fmt.Errorf("webhook: %q is no kind", w.Kind)
	}
	body, err = json.Marshal(v)
	return body, "application/json", err
}
