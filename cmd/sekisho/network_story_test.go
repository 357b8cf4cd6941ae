package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// lines is how many ways out the company has. The source (JTB, 2016) names
// routes 1 and 4; four is our assumption.
const lines = 4

// TestStoryNetwork is JTB's incident in a network of namespaces: an office PC, a
// web server and a server of results, four exits with a gate each, one hub.
// Malware calls home over all of them. On the day of the alarm one command cuts
// every exit, with a receipt from each; the file is not made to leave, and no
// way is left for it. An exit that is in no list is found, and so is who goes
// around a gate. At last what happened in the source: one route is closed, and
// the file leaves over another.
func TestStoryNetwork(t *testing.T) {
	n := newNetwork(t)
	attacker, hosts := company(n)
	n.up("hq")
	for i := 1; i <= lines; i++ {
		join := struct{ Token string }{}
		name := fmt.Sprintf("exit%d", i)
		if err := json.Unmarshal([]byte(n.mustSekisho("hq", "--json", "hub", "token", name)), &join); err != nil {
			t.Fatal(err)
		}
		n.mustSekisho(name, "gate", "join", join.Token)
		n.up(name)
	}
	lead(n, "exit3")
	lead(n, "exit4")

	// The malware is in: every machine has a session with the attacker.
	standing := func(what string) (n int) {
		for _, h := range hosts {
			n += len(h.ask(what))
		}
		return n
	}
	if got := standing("open"); got != lines {
		t.Fatalf("%d sessions stand before the alarm, want %d", got, lines)
	}
	for _, h := range hosts {
		h.ask("beacon")
	}

	// 19 March: the alarm, one command.
	cutAll := func() (answered, closed int) {
		t.Helper()
		var r struct {
			Gates []struct {
				Gate   string
				Red    bool
				Closed int
			}
		}
		out := n.mustSekisho("hq", "--json", "cut", "--all", "--case", "jtb-2016", "--reason", "alarm of 19 March")
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, g := range r.Gates {
			if !g.Red {
				answered++
			}
			closed += g.Closed
		}
		return answered, closed
	}
	answered, closed := cutAll()
	if answered != lines || closed != lines {
		t.Fatalf("%d of %d receipts, %d sessions closed", answered, lines, closed)
	}
	t.Logf("19 March: %d of %d receipts, %d sessions closed", answered, lines, closed)
	if got := standing("beacon"); got != 0 {
		t.Errorf("%d sessions live after the receipts", got)
	}
	// 21 March: the file would be made now. There is no way for it.
	if got := standing("csv"); got != 0 {
		t.Errorf("the file left over %d ways", got)
	}
	if counts := attacker.ask("counts"); sum(counts, "csv ") != 0 {
		t.Errorf("the attacker has the file: %v", counts)
	}

	unlisted(n)

	// What happened: the route that was known is closed, the others are not.
	n.mustSekisho("hq", "uncut", "cut-1-1", "--reason", "the counterfactual")
	n.in("exit1", "ip", "link", "set", "wan", "down")
	if got := standing("open"); got != lines-1 {
		t.Fatalf("%d sessions stand with one route closed, want %d", got, lines-1)
	}
	if got := standing("csv"); got != lines-1 {
		t.Errorf("the file left over %d ways, want %d", got, lines-1)
	}
	counts := attacker.ask("counts")
	if sum(counts, "csv ") != lines-1 || counts["csv 11.0.1.1"] != 0 {
		t.Errorf("the attacker counts %v", counts)
	}
	t.Logf("with one route closed the file leaves: %v", counts)

	// One policy for all gates, from the hub: nothing is allowed any more.
	n.write("hq/exit.yaml", "generation: 3\nroles:\n  - {name: inside, addresses: [10.1.0.0/16]}\n")
	n.mustSekisho("hq", "policy", "reload")
	n.await("the hub's policy at each gate", time.Minute, func() bool {
		for i := 1; i <= lines; i++ {
			if !strings.Contains(n.mustSekisho(fmt.Sprintf("exit%d", i), "events", "--kind", "exit-policy", "--json"), `"generation":3`) {
				return false
			}
		}
		return true
	})
	if again := n.actor("office", "malware", "proxy:10.1.1.1:3128", "proxy:10.1.2.1:3128").ask("open"); len(again) != 0 {
		t.Errorf("new sessions under a policy that allows nothing: %v", again)
	}
}

func sum(counts map[string]int, prefix string) (n int) {
	for k, v := range counts {
		if strings.HasPrefix(k, prefix) {
			n += v
		}
	}
	return n
}

// company builds the network, and starts the attacker's server and what it has
// put on three machines.
func company(n *network) (attacker *actor, hosts []*actor) {
	n.machine("internet", "")
	n.in("internet", "ip", "address", "add", c2+"/32", "dev", "lo")
	n.machine("hq", "")
	n.in("hq", "ip", "address", "add", "10.9.0.1/32", "dev", "lo")
	n.write("hq/sekisho.yaml", "data: ./data\nkeys: ./keys\nhub: {listen: '0.0.0.0:9443', url: 'https://10.9.0.1:9443', wait: 30s, policy_file: exit.yaml}\n")
	n.write("hq/exit.yaml", everything(2))
	n.mustSekisho("hq", "init")
	for _, name := range []string{"office", "web", "results"} {
		n.machine(name, "")
	}
	for i, inside := range []string{"office", "office", "web", "results"} {
		exit := fmt.Sprintf("exit%d", i+1)
		n.machine(exit, c2+" c2.example\n")
		n.link(fmt.Sprintf("%s wan 11.0.%d.1/24", exit, i+1), fmt.Sprintf("internet w%d 11.0.%d.254/24", i+1, i+1))
		n.link(fmt.Sprintf("%s hub 10.9.%d.2/24", exit, i+1), fmt.Sprintf("hq h%d 10.9.%d.1/24", i+1, i+1))
		n.link(fmt.Sprintf("%s lan 10.1.%d.1/24", exit, i+1), fmt.Sprintf("%s e%d 10.1.%d.2/24", inside, i+1, i+1))
		n.in(exit, "ip", "route", "add", "default", "via", fmt.Sprintf("11.0.%d.254", i+1))
		n.in(exit, "ip", "route", "add", "10.9.0.1", "via", fmt.Sprintf("10.9.%d.1", i+1))
		n.in("internet", "ip", "route", "add", fmt.Sprintf("10.1.%d.0/24", i+1), "via", fmt.Sprintf("11.0.%d.1", i+1))
		n.write(exit+"/policy.yaml", everything(1))
		n.write(exit+"/sekisho.yaml", fmt.Sprintf(`data: ./data
keys: ./keys
exit_canary: http://%[2]s:8081/
exits:
  - {name: line-%[1]d, interface: wan, next: 11.0.%[1]d.254, outside: 11.0.%[1]d.1, owner: network team}
egress:
  policy_file: policy.yaml
  gates:
    - {name: out, listen: '10.1.%[1]d.1:3128', transparent: '0.0.0.0:3129'}
`, i+1, c2))
		n.mustSekisho(exit, "init")
	}
	for _, i := range []int{3, 4} { // servers know of no proxy
		n.in([]string{3: "web", 4: "results"}[i], "ip", "route", "add", "default", "via", fmt.Sprintf("10.1.%d.1", i))
	}
	attacker = n.actor("internet", "outside")
	hosts = []*actor{n.actor("office", "malware", "proxy:10.1.1.1:3128", "proxy:10.1.2.1:3128"), n.actor("web", "malware", "direct"), n.actor("results", "malware", "direct")}
	n.await("the attacker's server", time.Minute, func() bool { return attacker.ask("counts") != nil })
	return attacker, hosts
}

// everything is a policy under which malware finds its way, as it did.
func everything(generation int) string {
	return fmt.Sprintf(`generation: %d
roles:
  - name: inside
    addresses: [10.1.0.0/16]
    allow:
      - {name: web, names: ["*"], ports: ["443"]}
`, generation)
}

// lead gives connections to the transparent gate, as the program says itself.
func lead(n *network, exit string) {
	n.in(exit, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	file := n.write(exit+"/sekisho.nft", n.mustSekisho(exit, "egress", "setup", "--interface", "lan", "--print"))
	n.in(exit, "nft", "-f", file)
}

// unlisted opens a fifth way out at the fourth exit and sends something around
// its gate: both are raised within a minute, and the rest of the network is not.
func unlisted(n *network) {
	n.t.Helper()
	began := time.Now()
	n.link("exit4 usb0 11.0.5.1/24", "internet w5 11.0.5.254/24")
	n.in("exit4", "ip", "route", "add", "default", "via", "11.0.5.254", "metric", "50")
	around := n.actor("results", "malware", "plain")
	if got := around.ask("open"); len(got) != 1 {
		n.t.Fatalf("nothing went around the gate: %v", got)
	}
	n.in("exit4", "ip", "route", "add", c2+"/32", "via", "11.0.5.254") // part of it goes out there
	text := ""
	defer func() {
		if n.t.Failed() {
			n.t.Log(text)
		}
	}()
	n.await("the fifth exit", time.Minute, func() bool {
		text = n.mustSekisho("exit4", "events", "--kind", "exit-seen", "--json") + n.mustSekisho("exit4", "events", "--kind", "finding", "--json")
		return strings.Contains(text, `"way":"route","interface":"usb0","next":"11.0.5.254"`) && // the table of routes
			strings.Contains(text, `"way":"forwarded","address":"10.1.4.2"`) && // connection tracking
			strings.Contains(text, `"way":"counter","interface":"bypass"`) && // a counter of nftables
			strings.Contains(text, `"way":"address","address":"11.0.5.1"`) // what the canary sees
	})
	n.in("exit4", "ip", "route", "del", c2+"/32", "via", "11.0.5.254")
	if !strings.Contains(text, "SK3908") {
		n.t.Error("no finding was raised")
	}
	n.t.Logf("a fifth exit and who goes around the gate: raised after %.1f s", time.Since(began).Seconds())
	if text := n.mustSekisho("exit3", "events", "--json"); strings.Contains(text, "SK3908") {
		n.t.Error("an exit that is listed was raised")
	}
}
