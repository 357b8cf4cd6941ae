package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"sekisho/internal/fault"
)

// Hub is where remote gates connect. The connection has certificates of the
// hub's own authority on both sides.
type Hub struct {
	Listen string   `yaml:"listen" doc:"Address ip:port where remote gates connect. Required, unique."`
	URL    string   `yaml:"url,omitempty" doc:"Address https://host:port under which remote gates reach it. Default: https:// and listen."`
	Hosts  []string `yaml:"hosts,omitempty" doc:"Names and addresses under which remote gates reach it, for its certificate. Default: the host of url."`
	// PolicyFile is compiled when it is read to be pushed.
	PolicyFile string   `yaml:"policy_file,omitempty" doc:"File with who may reach what, which remote gates have in the place of their own (docs/guide/cut.md). Reloaded on SIGHUP and on sekisho policy reload. Default: each keeps its own."`
	Wait       Duration `yaml:"wait,omitempty" doc:"How long an order of a cut waits for the receipts of gates that are connected, from 100ms to 30s. Default: 2s."`
}

func (k *checker) hub(h *Hub, listens map[string]string) {
	if k.require("hub.listen", h.Listen, "write the address to listen on, such as 0.0.0.0:9443") {
		k.listen("hub.listen", h.Listen, listens)
	}
	if h.URL != "" && httpsHost(h.URL) == "" {
		k.value("hub.url", h.URL, "it is not https://host:port", "write for example https://hub.example.jp:9443")
	}
	if h.URL == "" && len(h.Hosts) == 0 && unspecified(h.Listen) {
		k.add("hub.listen", fault.New(fault.ConfigConflict, "problem", "nobody can tell from "+h.Listen+" under which name gates reach the hub",
			"hint", "set hub.url, such as https://hub.example.jp:9443"))
	}
	for i, name := range h.Hosts {
		k.require(fmt.Sprintf("hub.hosts[%d]", i), name, "write a name or an address")
	}
	k.within("hub.wait", h.Wait, 100*time.Millisecond, 30*time.Second)
}

// httpsHost is the host of https://host:port, empty for anything else.
func httpsHost(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Path != "" || u.User != nil || u.RawQuery != "" {
		return ""
	}
	return u.Hostname()
}

func unspecified(address string) bool {
	a, err := netip.ParseAddrPort(address)
	return err == nil && a.Addr().IsUnspecified()
}

// Address is the address that tokens carry, and the names of the certificate.
func (h *Hub) Address() (address string, hosts []string) {
	address = h.URL
	if address == "" {
		address = "https://" + h.Listen
		if unspecified(h.Listen) {
			a := netip.MustParseAddrPort(h.Listen)
			address = fmt.Sprintf("https://%s:%d", h.Hosts[0], a.Port())
		}
	}
	if hosts = h.Hosts; len(hosts) == 0 {
		hosts = []string{httpsHost(address)}
	}
	return address, hosts
}
