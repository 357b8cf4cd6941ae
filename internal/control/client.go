package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"

	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// Client asks a running process: over its socket, or over the API of its
// console. It implements Operator.
type Client struct {
	base  string // what names of calls are appended to
	token string // of the API; empty for a socket
	http  http.Client
	gone  func(cause error) error // the fault when nobody answers
}

var _ Operator = (*Client)(nil)

// NewClient returns a client for the socket; config is named in the advice
// when nothing runs. It connects with the first call.
func NewClient(socket, config string) *Client {
	c := &Client{base: "http://control/v1/", gone: func(cause error) error {
		return fault.New(fault.NotRunning, "socket", socket, "file", config).Because(cause)
	}}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}
	return c
}

// ask makes one call. An answer larger than MaxAnswer is an AnswerLarge fault.
func ask[Q, A any](ctx context.Context, c *Client, name string, q Q) (A, error) {
	var a A
	resp, err := c.post(ctx, name, q)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, problemIn(resp)
	}
	return decoded[A](ctx, c, name, resp.Body)
}

func (c *Client) post(ctx context.Context, name string, q any) (*http.Response, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+name, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.notRunning(ctx, err)
	}
	return resp, nil
}

func (c *Client) notRunning(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return c.gone(err)
}

// Status implements Operator.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return ask[struct{}, Status](ctx, c, "status", struct{}{})
}

// Sessions implements Operator.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	return ask[struct{}, []Session](ctx, c, "sessions", struct{}{})
}

// Cut implements Operator.
func (c *Client) Cut(ctx context.Context, r CutRequest) (CutReceipt, error) {
	return ask[CutRequest, CutReceipt](ctx, c, "cut", r)
}

// ReloadPolicy implements Operator.
func (c *Client) ReloadPolicy(ctx context.Context) (PolicyStatus, error) {
	return ask[struct{}, PolicyStatus](ctx, c, "policy/reload", struct{}{})
}

// Upgrade implements Operator.
func (c *Client) Upgrade(ctx context.Context, r UpgradeRequest) (Upgrade, error) {
	return ask[UpgradeRequest, Upgrade](ctx, c, "upgrade", r)
}

// Bypass implements Operator.
func (c *Client) Bypass(ctx context.Context, r BypassRequest) (BypassStatus, error) {
	return ask[BypassRequest, BypassStatus](ctx, c, "bypass", r)
}

// Clear implements Operator.
func (c *Client) Clear(ctx context.Context, r ClearRequest) (ClearReceipt, error) {
	return ask[ClearRequest, ClearReceipt](ctx, c, "clear", r)
}

// Web implements Operator.
func (c *Client) Web(ctx context.Context, r WebRequest) (WebStatus, error) {
	return ask[WebRequest, WebStatus](ctx, c, "web", r)
}

// Grants implements Operator.
func (c *Client) Grants(ctx context.Context) ([]Grant, error) {
	return ask[struct{}, []Grant](ctx, c, "grants", struct{}{})
}

// RequestGrant implements Operator.
func (c *Client) RequestGrant(ctx context.Context, r GrantRequest) (Grant, error) {
	return ask[GrantRequest, Grant](ctx, c, "grants/request", r)
}

// DecideGrant implements Operator.
func (c *Client) DecideGrant(ctx context.Context, r GrantDecision) (Grant, error) {
	return ask[GrantDecision, Grant](ctx, c, "grants/decide", r)
}

// Scan implements Operator.
func (c *Client) Scan(ctx context.Context, database string) ([]ScanResult, error) {
	return ask[string, []ScanResult](ctx, c, "scan", database)
}

// Database implements Operator.
func (c *Client) Database(ctx context.Context, r DatabaseQuery) (json.RawMessage, error) {
	return ask[DatabaseQuery, json.RawMessage](ctx, c, "database", r)
}

// DestroyKey implements Operator.
func (c *Client) DestroyKey(ctx context.Context, r KeyRequest) error {
	_, err := ask[KeyRequest, struct{}](ctx, c, "keys/destroy", r)
	return err
}

// ApplyRetention implements Operator.
func (c *Client) ApplyRetention(ctx context.Context, r RetentionRequest) (event.Retention, error) {
	return ask[RetentionRequest, event.Retention](ctx, c, "retention", r)
}

// RecordCase implements Operator.
func (c *Client) RecordCase(ctx context.Context, r CaseRequest) (CaseReceipt, error) {
	return ask[CaseRequest, CaseReceipt](ctx, c, "case/record", r)
}

// Draft implements Operator.
func (c *Client) Draft(ctx context.Context, r DraftQuery) (DraftAnswer, error) {
	return ask[DraftQuery, DraftAnswer](ctx, c, "case/draft", r)
}

// Concentrate implements Operator.
func (c *Client) Concentrate(ctx context.Context, r ConcentrateRequest) (CaseReceipt, error) {
	return ask[ConcentrateRequest, CaseReceipt](ctx, c, "case/concentrate", r)
}

// Misuse implements Operator.
func (c *Client) Misuse(ctx context.Context, r MisuseRequest) (CaseReceipt, error) {
	return ask[MisuseRequest, CaseReceipt](ctx, c, "case/misuse", r)
}

// RecordHost implements Operator.
func (c *Client) RecordHost(ctx context.Context, r HostRequest) (CaseReceipt, error) {
	return ask[HostRequest, CaseReceipt](ctx, c, "host", r)
}

// TestCall implements Operator.
func (c *Client) TestCall(ctx context.Context, r TestRequest) (TestAnswer, error) {
	return ask[TestRequest, TestAnswer](ctx, c, "case/test-call", r)
}

// Case implements Operator.
func (c *Client) Case(ctx context.Context, r CaseQuery) (json.RawMessage, error) {
	return ask[CaseQuery, json.RawMessage](ctx, c, "case", r)
}

// Scope implements Operator.
func (c *Client) Scope(ctx context.Context, r ScopeRequest, w io.Writer) error {
	return c.stream(ctx, "scope", r, w)
}

// Backup implements Operator. An answer that breaks off is an error.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.stream(ctx, "backup", struct{}{}, w)
}

// stream makes a call whose answer may have any size.
func (c *Client) stream(ctx context.Context, name string, q any, w io.Writer) error {
	resp, err := c.post(ctx, name, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problemIn(resp)
	}
	in := &answer{r: resp.Body, left: math.MaxInt}
	if _, err = io.Copy(w, in); in.err != nil { // it broke off
		err = c.notRunning(ctx, in.err)
	}
	return err
}
