package wayout

import (
	"net/netip"
	"os/exec"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var compare = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

const route4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
tun0	00000000	00000000	0001	0	0	0	00000080	0	0	0
tun0	00000080	00000000	0001	0	0	0	00000080	0	0	0
eth1	00000000	010200C0	0002	0	0	100	00000000	0	0	0
`

const route6 = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0
20000000000000000000000000000000 03 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001 wwan0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo
`

const conntrack = `ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=203.0.113.9 sport=4711 dport=443 src=203.0.113.9 dst=192.0.2.7 sport=443 dport=4711 [ASSURED] mark=0 use=1
ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=203.0.113.10 sport=4712 dport=443 src=203.0.113.10 dst=192.0.2.7 sport=443 dport=4712
ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=203.0.113.9 sport=1 dport=443 src=203.0.113.9 dst=10.0.0.1 sport=443 dport=1
ipv4     2 udp      17 10 src=10.0.0.6 dst=10.0.0.1 sport=53 dport=53
ipv4     2 tcp      6 10 src=198.51.100.4 dst=10.0.0.9 sport=1 dport=443
ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.8 dst=203.0.113.9 sport=9 dport=443 src=10.0.0.1 dst=10.0.0.8 sport=3129 dport=9 [ASSURED]
`

func TestRead(t *testing.T) {
	four, err := Routes4([]byte(route4))
	if err != nil {
		t.Fatal(err)
	}
	six, err := Routes6([]byte(route6))
	if err != nil {
		t.Fatal(err)
	}
	eth0 := Way{Kind: "route", Interface: "eth0", Next: netip.MustParseAddr("192.0.2.1")}
	want := []Way{eth0, {Kind: "route", Interface: "tun0"}, {Kind: "route", Interface: "eth0", Next: netip.MustParseAddr("fe80::1")}, {Kind: "route", Interface: "wwan0"}}
	all := append(four, six...)
	if diff := cmp.Diff(want, all, compare); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	around := Forwarded([]byte(conntrack), []netip.Addr{netip.MustParseAddr("10.0.0.1")})
	if diff := cmp.Diff([]Way{{Kind: "forwarded", Host: netip.MustParseAddr("10.0.0.5"), Dest: netip.MustParseAddr("203.0.113.9")}}, around, compare); diff != "" {
		t.Errorf("forwarded (-want +got):\n%s", diff)
	}
	known := []Exit{{Interface: "eth0"}, {Interface: "wwan0", Next: netip.MustParseAddr("192.0.2.9")}}
	if diff := cmp.Diff([]Way{want[1], want[3], around[0]}, Unknown(append(all, around...), known), compare); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"head\neth0\t00000000\n", "head\neth0 zz 010200C0 0003 0 0 100 00000000\n"} {
		if w, err := Routes4([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, w)
		}
	}
	if w, err := Routes6([]byte("00 00 lo\n")); err == nil {
		t.Errorf("read as %v", w)
	}
}

// TestNamespace: a second way out that somebody plugs in is found, in a network
// of its own.
func TestNamespace(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: network namespaces are Linux's")
	}
	out, err := exec.CommandContext(t.Context(), "unshare", "-rn", "sh", "-c", `
		ip tuntap add dev known0 mode tun && ip addr add 192.0.2.2/24 dev known0 && ip link set known0 up && ip route add default via 192.0.2.1 &&
		ip tuntap add dev phone0 mode tun && ip addr add 198.51.100.2/24 dev phone0 && ip link set phone0 up && ip route add default via 198.51.100.1 metric 700 &&
		cat /proc/net/route`).Output()
	if err != nil {
		t.Skipf("SKIPPED: no network namespaces here (unshare and ip are needed): %v", err)
	}
	ways, err := Routes4(out)
	if err != nil {
		t.Fatal(err)
	}
	got := Unknown(ways, []Exit{{Interface: "known0", Next: netip.MustParseAddr("192.0.2.1")}})
	if diff := cmp.Diff([]Way{{Kind: "route", Interface: "phone0", Next: netip.MustParseAddr("198.51.100.1")}}, got, compare); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(route4))
	f.Add([]byte(route6))
	f.Add([]byte(conntrack))
	f.Fuzz(func(_ *testing.T, text []byte) {
		_, _ = Routes4(text)
		_, _ = Routes6(text)
		Forwarded(text, nil)
		_, _ = Counters(text)
	})
}

// TestCounters: what nft says, and the way that an address tells.
func TestCounters(t *testing.T) {
	got, err := Counters([]byte("table inet sekisho {\n\tcounter redirected {\n\t\tpackets 12 bytes 720\n\t}\n\tcounter bypass {\n\t\tpackets 3 bytes 180\n\t}\n}\n"))
	if diff := cmp.Diff(map[string]uint64{"redirected": 12, "bypass": 3}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"counter bypass {\npackets\n}", "counter bypass {\npackets -1 bytes 2\n}"} {
		if got, err := Counters([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
	exits := []Exit{{Interface: "eth0", Outside: netip.MustParseAddr("203.0.113.9")}}
	for address, want := range map[string]int{"203.0.113.9": 0, "::ffff:203.0.113.9": 0, "198.51.100.7": 1, "2001:db8::7": 1, "10.0.0.7": 0, "127.0.0.1": 0} {
		var unknown []Way
		if w, ok := Outside(netip.MustParseAddr(address), exits); ok {
			unknown = Unknown([]Way{w}, exits)
		}
		if len(unknown) != want {
			t.Errorf("%s: %v, want %d", address, unknown, want)
		}
	}
	if w, ok := Outside(netip.MustParseAddr("198.51.100.7"), []Exit{{Interface: "eth0"}}); ok {
		t.Errorf("exits do not tell their addresses, and %v is unknown", w)
	}
}
