package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"sekisho/demo/story"
	"sekisho/internal/control"
)

// insides are the machines behind the exits, one after the other. The source
// (JTB, 2016) names routes 1 and 4; four is our assumption, and so is who goes out
// where.
var insides = []string{"office", "office", "web", "results"}

// incident is what of the lab the story asks.
type incident struct {
	*lab
	seen    *story.Routes
	outside *actor
	hosts   []*actor // the malware on three machines
	cut     []string // ids of the one command
}

// play is the incident. On the day of the alarm one command cuts every exit,
// with a receipt from each; the file is not made to leave, and no way is left for
// it. An exit that is in no list is found, and so is who goes around a gate. At
// last what happened in the source: one route is closed, and the file leaves over
// another. What is other than it must be is in the figures; an error is a network
// that does not work.
func (l *lab) play(ctx context.Context) (*story.Routes, error) {
	i := &incident{lab: l, seen: &story.Routes{Exits: len(insides)}}
	for _, act := range []func(context.Context) error{i.company, i.gates, i.infect, i.alarm, i.unlisted, i.oneRoute, i.nothingAllowed} {
		if err := act(ctx); err != nil {
			return nil, err
		}
	}
	var err error
	i.seen.Ledgers = len(l.serving)
	i.seen.Verified, err = l.down(ctx)
	return i.seen, err
}

// company builds the network: each exit has a line to the internet, one to the
// hub and one inside.
func (i *incident) company(ctx context.Context) error {
	for _, name := range []string{"internet", "hq", "office", "web", "results"} {
		if err := i.machine(ctx, name); err != nil {
			return err
		}
	}
	if err := errors.Join(i.ip(ctx, "internet", "address add "+attacker+"/32 dev lo"), i.ip(ctx, "hq", "address add 10.9.0.1/32 dev lo")); err != nil {
		return err
	}
	for at, inside := range insides {
		k := at + 1
		exit := exitName(k)
		if err := i.machine(ctx, exit); err != nil {
			return err
		}
		for _, ends := range [][2]string{
			{fmt.Sprintf("%s wan 11.0.%d.1/24", exit, k), fmt.Sprintf("internet w%d 11.0.%d.254/24", k, k)},
			{fmt.Sprintf("%s hub 10.9.%d.2/24", exit, k), fmt.Sprintf("hq h%d 10.9.%d.1/24", k, k)},
			{fmt.Sprintf("%s lan 10.1.%d.1/24", exit, k), fmt.Sprintf("%s e%d 10.1.%d.2/24", inside, k, k)},
		} {
			if err := i.link(ctx, ends[0], ends[1]); err != nil {
				return err
			}
		}
		if err := errors.Join(
			i.ip(ctx, exit, fmt.Sprintf("route add default via 11.0.%d.254", k), fmt.Sprintf("route add 10.9.0.1 via 10.9.%d.1", k)),
			i.ip(ctx, "internet", fmt.Sprintf("route add 10.1.%d.0/24 via 11.0.%d.1", k, k)),
		); err != nil {
			return err
		}
		if inside != "office" { // servers know of no proxy
			if err := i.ip(ctx, inside, fmt.Sprintf("route add default via 10.1.%d.1", k)); err != nil {
				return err
			}
		}
	}
	return nil
}

func exitName(k int) string { return fmt.Sprintf("exit%d", k) }

// settings makes the files, keys and ledger of a machine.
func (i *incident) settings(ctx context.Context, machine, config, policy string) error {
	_, err := i.write(filepath.Join(machine, "sekisho.yaml"), "data: ./data\nkeys: ./keys\n"+config)
	_, err2 := i.write(filepath.Join(machine, "exit.yaml"), policy)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	_, err = i.sekisho(ctx, machine, "init")
	return err
}

// policy lets malware find its way, as it did, or nothing.
func policy(generation int, allow string) string {
	return fmt.Sprintf("generation: %d\nroles:\n  - name: inside\n    addresses: [10.1.0.0/16]\n%s", generation, allow)
}

const everything = "    allow:\n      - {name: web, names: [\"*\"], ports: [\"443\"]}\n"

// gates starts the attacker's server, the hub, and a gate at each exit, which
// joins the hub.
func (i *incident) gates(ctx context.Context) (err error) {
	if i.outside, err = i.actor(ctx, "internet", "outside"); err != nil {
		return err
	}
	if _, err := i.outside.ask("counts"); err != nil { // it serves
		return err
	}
	if err := i.settings(ctx, "hq", "hub: {listen: '0.0.0.0:9443', url: 'https://10.9.0.1:9443', wait: 30s, policy_file: exit.yaml}\n", policy(2, everything)); err != nil {
		return err
	}
	if err := i.up(ctx, "hq"); err != nil {
		return err
	}
	for k := range insides {
		if err := i.exit(ctx, k+1); err != nil {
			return err
		}
	}
	return errors.Join(i.lead(ctx, exitName(3)), i.lead(ctx, exitName(4)))
}

// exit starts a gate of the hub.
func (i *incident) exit(ctx context.Context, k int) error {
	name := exitName(k)
	if err := i.settings(ctx, name, fmt.Sprintf(`exit_canary: http://%[2]s:8081/
exits:
  - {name: line-%[1]d, interface: wan, next: 11.0.%[1]d.254, outside: 11.0.%[1]d.1, owner: network team}
egress:
  policy_file: exit.yaml
  gates:
    - {name: out, listen: '10.1.%[1]d.1:3128', transparent: '0.0.0.0:3129'}
`, k, attacker), policy(1, everything)); err != nil {
		return err
	}
	var join control.HubToken
	text, err := i.sekisho(ctx, "hq", "--json", "hub", "token", name)
	if err == nil {
		err = json.Unmarshal([]byte(text), &join)
	}
	if err == nil {
		_, err = i.sekisho(ctx, name, "gate", "join", join.Token)
	}
	if err != nil {
		return err
	}
	return i.up(ctx, name)
}

// lead gives connections to the transparent gate, as the program says itself.
func (i *incident) lead(ctx context.Context, exit string) error {
	if err := within(i.machines[exit], forward); err != nil {
		return err
	}
	rules, err := i.sekisho(ctx, exit, "egress", "setup", "--interface", "lan", "--print")
	if err != nil {
		return err
	}
	return i.rules(ctx, exit, rules)
}

// proxies are the exits that the office PC is told of.
var proxies = []string{"proxy:10.1.1.1:3128", "proxy:10.1.2.1:3128"}

// infect puts malware on three machines; each has a session with the attacker
// over every way it knows.
func (i *incident) infect(ctx context.Context) error {
	for _, h := range [][]string{append([]string{"office", "malware"}, proxies...), {"web", "malware", "direct"}, {"results", "malware", "direct"}} {
		a, err := i.actor(ctx, h[0], h[1:]...)
		if err != nil {
			return err
		}
		i.hosts = append(i.hosts, a)
	}
	var err error
	if i.seen.Before, err = i.standing("open"); err == nil {
		_, err = i.standing("beacon")
	}
	return err
}

// standing asks all malware, and counts the ways.
func (i *incident) standing(what string) (n int, err error) {
	for _, h := range i.hosts {
		ways, err := h.ask(what)
		if err != nil {
			return n, err
		}
		n += len(ways)
	}
	return n, nil
}

// received is how often the attacker has the file, by his own count.
func (i *incident) received() (n int, err error) {
	counts, err := i.outside.ask("counts")
	for what, times := range counts {
		if strings.HasPrefix(what, "csv ") {
			n += times
		}
	}
	return n, err
}

// alarm is 19 March: one command, and what is left of the sessions. On 21 March
// the file would be made: there is no way for it.
func (i *incident) alarm(ctx context.Context) error {
	var cut control.Cuts
	text, err := i.sekisho(ctx, "hq", "--json", "cut", "--all", "--case", "jtb-2016", "--reason", "alarm of 19 March")
	if err == nil {
		err = json.Unmarshal([]byte(text), &cut)
	}
	if err != nil {
		return err
	}
	for _, g := range cut.Gates {
		if !g.Red {
			i.seen.Receipts++
		}
		i.seen.Ended += int(g.Closed)
	}
	if i.seen.After, err = i.standing("beacon"); err != nil {
		return err
	}
	if i.seen.Ways, err = i.standing("csv"); err != nil {
		return err
	}
	if i.seen.Received, err = i.received(); err != nil {
		return err
	}
	i.cut = cut.Added
	return nil
}

// raisedWays are how a way out that nobody listed shows, in the fields of events:
// the table of routes, connections that pass by the gate, a counter of nftables,
// and what the canary sees.
var raisedWays = []string{
	`"way":"route","interface":"usb0","next":"11.0.5.254"`,
	`"way":"forwarded","address":"10.1.4.2"`,
	`"way":"counter","interface":"bypass"`,
	`"way":"address","address":"11.0.5.1"`,
}

// notListed is the code of the finding about an exit that nobody listed.
const notListed = "SK3908"

// unlisted opens a fifth way out at the fourth exit and sends something around
// its gate: both are raised within a minute, and the rest of the network is not.
func (i *incident) unlisted(ctx context.Context) error {
	began := time.Now()
	if err := i.link(ctx, "exit4 usb0 11.0.5.1/24", "internet w5 11.0.5.254/24"); err != nil {
		return err
	}
	if err := i.ip(ctx, "exit4", "route add default via 11.0.5.254 metric 50"); err != nil {
		return err
	}
	around, err := i.actor(ctx, "results", "malware", "plain")
	if err != nil {
		return err
	}
	ways, err := around.ask("open")
	if err != nil {
		return err
	}
	if len(ways) != 1 {
		return errors.New("nothing went around the gate")
	}
	if err := i.ip(ctx, "exit4", "route add "+attacker+"/32 via 11.0.5.254"); err != nil { // part of it goes out there
		return err
	}
	err = await(ctx, "the fifth exit", story.RaisedWithin, func() (bool, error) {
		seen, err := i.sekisho(ctx, "exit4", "events", "--kind", "exit-seen", "--json")
		if err != nil {
			return false, err
		}
		found, err := i.sekisho(ctx, "exit4", "events", "--kind", "finding", "--json")
		i.seen.Raised = 0
		for _, way := range raisedWays {
			if strings.Contains(seen+found, way) {
				i.seen.Raised++
			}
		}
		return i.seen.Raised == len(raisedWays) && strings.Contains(found, notListed), err
	})
	i.seen.RaisedAfter = time.Since(began)
	if err != nil && !errors.Is(err, errLate) { // too late is a figure
		return err
	}
	if err := i.ip(ctx, "exit4", "route del "+attacker+"/32 via 11.0.5.254"); err != nil {
		return err
	}
	others, err := i.sekisho(ctx, "exit3", "events", "--json")
	i.seen.Wrong = strings.Count(others, notListed)
	return err
}

// oneRoute is what happened: the route that was known is closed, the others are
// not.
func (i *incident) oneRoute(ctx context.Context) error {
	if _, err := i.sekisho(ctx, "hq", append([]string{"uncut", "--reason", "the counterfactual"}, i.cut...)...); err != nil {
		return err
	}
	err := i.ip(ctx, exitName(1), "link set wan down")
	if err == nil {
		i.seen.OneBefore, err = i.standing("open")
	}
	if err == nil {
		i.seen.OneWays, err = i.standing("csv")
	}
	if err == nil {
		i.seen.OneReceived, err = i.received()
	}
	return err
}

// nothingAllowed is a policy of the hub for all gates under which no new session
// begins.
func (i *incident) nothingAllowed(ctx context.Context) error {
	if _, err := i.write("hq/exit.yaml", policy(3, "")); err != nil {
		return err
	}
	if _, err := i.sekisho(ctx, "hq", "policy", "reload"); err != nil {
		return err
	}
	if err := await(ctx, "the hub's policy at each gate", time.Minute, func() (bool, error) {
		for k := range insides {
			text, err := i.sekisho(ctx, exitName(k+1), "events", "--kind", "exit-policy", "--json")
			if err != nil || !strings.Contains(text, `"generation":3`) {
				return false, err
			}
		}
		return true, nil
	}); err != nil {
		return err
	}
	again, err := i.actor(ctx, "office", append([]string{"malware"}, proxies...)...)
	if err != nil {
		return err
	}
	ways, err := again.ask("open")
	i.seen.Denied = len(proxies) - len(ways)
	i.seen.Asked = len(proxies)
	return err
}
