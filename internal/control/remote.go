package control

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"sekisho/internal/fault"
)

// API is where the console serves the calls, below its address.
const API = "/api/v1/"

// NewRemote returns a client for the console at an address
// ("https://sekisho.example.jp"), which asks with a token of an account there.
// It connects with the first call. A HubAddress fault: the address is none, or
// the token would travel unprotected.
func NewRemote(address, token string, conf *tls.Config) (*Client, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "":
		return nil, fault.New(fault.HubAddress, "problem", "this is no address of a console", "hint", "https://sekisho.example.jp")
	case u.Scheme == "http" && loopback(u.Hostname()), u.Scheme == "https":
	default:
		return nil, fault.New(fault.HubAddress, "problem", "the token would travel unprotected", "hint", "use https; http is for this machine only")
	}
	c := &Client{base: u.Scheme + "://" + u.Host + API, token: token, gone: func(cause error) error {
		return fault.New(fault.HubSilent, "hub", u.Scheme+"://"+u.Host).Because(cause)
	}}
	c.http.Transport = &http.Transport{
		TLSClientConfig: conf, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}
	// A redirect would carry the token to another place.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// loopback reports whether a host name leads to this machine for certain.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Ask makes a call of the API that is no Operator's: events, map, ledger ….
func Ask[Q, A any](ctx context.Context, c *Client, name string, q Q) (A, error) {
	return ask[Q, A](ctx, c, name, q)
}
