package main

import (
	"fmt"
	"net/netip"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/fault"
)

type egressSetupCmd struct {
	Gate      string   `help:"help_egress_gate"`
	Interface []string `required:"" help:"help_egress_interface"`
	Print     bool     `default:"true" help:"help_egress_print"`
}

// Run prints what the network needs to lead connections to a transparent gate.
// It changes nothing: the person who does knows what else is on that machine.
func (c egressSetupCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	g, err := transparentGate(l, c.Gate)
	if err != nil {
		return err
	}
	for _, name := range c.Interface {
		if name == "" || len(name) > 15 || strings.ContainsAny(name, "\"\\ \n\t/{};") { // IFNAMSIZ - 1
			return fault.New(fault.Usage, "problem", fmt.Sprintf("%q is no interface", name), "hint", "eth1")
		}
	}
	fmt.Fprint(a.env.stdout, nftables(g, c.Interface))
	return nil
}

// transparentGate is the gate of that name, or the only one.
func transparentGate(l *config.Loaded, name string) (*config.EgressGate, error) {
	if l.Egress != nil {
		for i := range l.Egress.Gates {
			if g := &l.Egress.Gates[i]; g.Transparent != "" && (name == "" || g.Name == name) {
				return g, nil
			}
		}
	}
	return nil, fault.New(fault.ConfigMissing, "key", `"transparent"`, "hint", "write the address to listen on, such as 127.0.0.1:3129").At(l.File, 0, "egress.gates")
}

// nftTable is the table of the ruleset, bypassCounter what counts in it what goes
// around the gate.
const (
	nftTable      = "sekisho"
	bypassCounter = "bypass"
)

// nftables is a ruleset (nft -f) for a machine that routes the clients'
// packets: TCP of the web goes to the gate, DNS, DNS over TLS and QUIC of
// clients are dropped, and everything else that is forwarded is counted, so
// that what bypasses the gate shows: the watch of the ways out reads the counter.
func nftables(g *config.EgressGate, interfaces []string) string {
	address := netip.MustParseAddrPort(g.Transparent) // the configuration was checked
	quoted := make([]string, len(interfaces))
	for i, name := range interfaces {
		quoted[i] = `"` + name + `"`
	}
	from := "{ " + strings.Join(quoted, ", ") + " }"
	forward := ""
	if address.Addr().IsLoopback() {
		forward = "# The gate listens on loopback: let redirected packets go there.\n# sysctl -w net.ipv4.conf.all.route_localnet=1\n"
	}
	to := fmt.Sprintf("redirect to :%d", address.Port())
	if address.Addr().IsLoopback() {
		to = fmt.Sprintf("dnat ip to 127.0.0.1:%d", address.Port())
	}
	return fmt.Sprintf(`# nft -f FILE
# Connections of clients at %[1]s are led to gate %[2]s.
%[3]stable inet sekisho
delete table inet sekisho
table inet sekisho {
	counter redirected { }
	counter quic { }
	counter resolvers { }
	counter bypass { }
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname %[1]s tcp dport { 80, 443 } counter name redirected %[4]s
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname %[1]s udp dport 443 counter name quic reject
		iifname %[1]s meta l4proto { tcp, udp } th dport { 53, 853 } counter name resolvers reject
		iifname %[1]s ct state new counter name bypass
	}
}
`, from, g.Name, forward, to)
}
