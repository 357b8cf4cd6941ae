package arch

import "strings"

// allowed is the import table: package → the packages of this module that it
// may import, tests left out. A package that is not here may not exist. A line
// is a decision, not a repair: see docs/design/overview.md for the direction of
// flow. cmd/sekisho and demo may import everything; nothing imports cmd.
var allowed = map[string][]string{
	// pure: the vocabulary and the engines
	"internal/element":          {},
	"internal/event":            {"internal/element"},
	"internal/lineage":          {"internal/element", "internal/event", "internal/lineage/nodetree", "internal/sqlscan"},
	"internal/lineage/nodetree": {},
	"internal/policy":           {"internal/element", "internal/strictyaml"},
	"internal/policy/cut":       {},
	"internal/policy/site":      {},
	"internal/policy/openapi":   {"internal/policy/site"},
	"internal/policy/visit":     {},
	"internal/policy/checkout":  {},
	"internal/leaked":           {},
	"internal/certificate":      {},
	"internal/canary":           {"internal/policy/checkout"},
	"internal/cardproof":        {"internal/event", "proof/scope"},
	"internal/policy/exit":      {"internal/policy/cut", "internal/strictyaml"},
	"internal/roll":             {},
	"internal/concentration":    {"internal/event"},
	"internal/rule":             {},
	"internal/notify":           {},
	"internal/desk":             {"internal/element", "internal/event", "internal/lang", "internal/notify", "internal/strictyaml", "internal/view/casefile", "internal/view/casefile/draft", "internal/view/casefile/playbook", "internal/view/casefile/roster"},
	"internal/sqlscan":          {},
	"internal/strictyaml":       {},
	"internal/traceparent":      {},
	"internal/waf":              {"internal/waf/automaton", "internal/waf/crs", "internal/waf/required", "internal/waf/seclang", "internal/waf/shape", "internal/waf/sieve", "internal/waf/transform"},
	"internal/waf/automaton":    {},
	"internal/waf/crs":          {"internal/waf/required", "internal/waf/seclang", "internal/waf/transform"},
	"internal/waf/crs/gen":      {"internal/waf/crs"},
	"internal/waf/required":     {},
	"internal/waf/seclang":      {},
	"internal/waf/shape":        {"internal/waf/required", "internal/waf/seclang", "internal/waf/transform"},
	"internal/waf/sieve":        {"internal/waf/required", "internal/waf/transform"},
	"internal/waf/transform":    {},
	"internal/waf/traffic":      {"internal/waf"},
	"internal/waf/regression":   {"internal/waf", "internal/waf/crs"},
	"internal/wire/coding":      {},
	"internal/wire/http1":       {},
	"internal/wire/myclient":    {},
	"internal/wire/pgcopy":      {},
	"internal/wire/pgwire":      {},
	"internal/wire/tlshello":    {},
	"internal/wire/tlsrecord":   {},

	// words for people
	"internal/lang":  {},
	"internal/fault": {"internal/lang"},

	// keys and numbers
	"internal/durable": {},
	"internal/exitca":  {"internal/durable"},
	"internal/keyring": {"internal/event"},
	"internal/subject": {"internal/element", "internal/event", "internal/keyring", "internal/person/canon"},

	// the gate
	"internal/gate/cutting":  {"internal/policy/cut"},
	"internal/gate/netloop":  {"internal/wire/tlsrecord"},
	"internal/gate/underway": {},
	"internal/gate/pgproxy": {
		"internal/element", "internal/event", "internal/gate/cutting", "internal/gate/netloop", "internal/gate/pgproxy/pglogin", "internal/lineage",
		"internal/policy", "internal/policy/cut", "internal/roll", "internal/sqlscan", "internal/subject", "internal/traceparent",
		"internal/wire/pgcopy", "internal/wire/pgwire",
	},
	"internal/gate/revproxy": {
		"internal/element", "internal/event", "internal/gate/cutting", "internal/gate/netloop", "internal/gate/underway", "internal/policy/checkout", "internal/policy/cut", "internal/policy/site",
		"internal/policy/visit", "internal/traceparent", "internal/waf", "internal/wire/coding", "internal/wire/http1", "internal/wire/tlsrecord"},
	"internal/gate/egress": {
		"internal/element", "internal/event", "internal/gate/cutting", "internal/gate/netloop", "internal/gate/underway", "internal/policy/cut", "internal/policy/exit",
		"internal/wire/coding", "internal/wire/tlshello", "internal/wire/tlsrecord",
	},
	"internal/gate/resolver":        {"internal/event", "internal/gate/cutting", "internal/policy/cut", "internal/policy/exit"},
	"internal/gate/pgproxy/pglogin": {"internal/gate/netloop", "internal/wire/pgwire", "internal/wire/tlsrecord"},

	// what is cut everywhere, and remote gates
	"internal/policy/order": {"internal/policy/cut"},
	"internal/hub": {"internal/durable", "internal/event", "internal/hub/answer", "internal/hub/frame", "internal/hub/pki",
		"internal/policy/cut", "internal/policy/order"},
	"internal/hub/answer": {"internal/policy/cut", "internal/policy/order"},
	"internal/hub/frame":  {},
	"internal/hub/pki":    {"internal/durable"},
	"internal/hub/site":   {"internal/durable", "internal/event", "internal/hub/answer", "internal/hub/frame", "internal/hub/pki", "internal/policy/order"},

	// what is suspicious in what leaves
	"internal/detect":      {"internal/event"},
	"internal/detect/feed": {"internal/detect", "internal/event", "internal/indicator"},
	"internal/detect/town": {"internal/detect"},
	"internal/indicator":   {},
	"internal/wayout":      {},

	// the ledger
	"proof":                   {},
	"proof/scope":             {},
	"internal/ledger/witness": {"internal/durable", "internal/ledger", "proof"},
	"internal/ledger":         {"internal/durable", "internal/event", "internal/ledger/segment", "internal/ledger/tiles", "proof"},
	"internal/ledger/segment": {"internal/event", "proof"},
	"internal/ledger/tiles":   {"proof"},

	// the views
	"internal/view":                   {"internal/event"},
	"internal/viewdb":                 {},
	"internal/view/casefile":          {"internal/event", "internal/lang", "internal/rule", "internal/view", "internal/view/casefile/playbook", "internal/view/casefile/roster", "internal/viewdb"},
	"internal/view/casefile/draft":    {"internal/event", "internal/lang", "internal/rule", "internal/view/casefile"},
	"internal/view/casefile/playbook": {},
	"internal/view/casefile/roster":   {"internal/rule"},
	"internal/view/leaving":           {"internal/event", "internal/view", "internal/viewdb", "proof/scope"},
	"internal/view/disclosure":        {"internal/element", "internal/event", "internal/view", "internal/viewdb", "proof/scope"},

	// the console
	"internal/console/account": {"internal/event"},
	"internal/console/httpapi": {"internal/cardproof", "internal/console/account", "internal/console/office", "internal/control", "internal/event", "internal/fault", "internal/lang", "proof/scope"},
	"internal/console/office":  {"internal/cardproof", "internal/control", "internal/datamap/propose", "internal/datamap/risk", "internal/event", "internal/view/casefile/draft", "proof/scope"},
	"internal/console/webui": {
		"internal/console/account", "internal/console/office", "internal/control", "internal/desk", "internal/element", "internal/event",
		"internal/fault", "internal/lang", "internal/rule", "internal/view/casefile", "internal/view/casefile/draft",
		"internal/view/casefile/playbook", "proof/scope",
	},

	// scans
	"internal/datamap": {"internal/datamap/sqliteread", "internal/datamap/sqltype", "internal/element", "internal/event", "internal/roll", "internal/subject", "internal/wire/myclient"},

	// persons
	"internal/agefile":               {},
	"internal/person":                {"internal/datamap/document", "internal/element", "internal/person/cluster", "internal/person/match", "internal/person/record", "internal/person/rowfile"},
	"internal/person/canon":          {},
	"internal/person/canon/variants": {},
	"internal/person/cluster":        {"internal/person/match", "internal/person/record"},
	"internal/person/dbrows":         {"internal/wire/myclient"},
	"internal/person/match":          {"internal/person/record"},
	"internal/person/record":         {"internal/person/canon"},
	"internal/person/rowfile":        {},
	"internal/datamap/document":      {"internal/datamap/sqliteread", "internal/element"},
	"internal/datamap/propose":       {"internal/datamap/sqliteread", "internal/datamap/sqltype", "internal/element", "internal/wire/myclient"},
	"internal/datamap/sqltype":       {},
	"internal/datamap/sqliteread":    {},
	"internal/setup":                 {"internal/datamap/propose"},
	"internal/vendorpack":            {},
	"internal/datamap/risk":          {"internal/element"},
	"internal/datamap/filescan":      {"internal/datamap/document", "internal/datamap/risk", "internal/element"},
	"internal/datamap/filewatch":     {},
	"internal/datamap/tablestore":    {"internal/datamap/document", "internal/datamap/sqliteread", "internal/wire/myclient"},
	"internal/datamap/bucket":        {"internal/datamap/document"},
	"internal/datamap/filehold":      {"internal/datamap/document", "internal/datamap/filescan", "internal/datamap/filewatch", "internal/element", "internal/event", "internal/subject"},

	// releases
	"packaging":          {},
	"packaging/disttool": {},

	// outwards
	"internal/config":  {"internal/canary", "internal/element", "internal/fault", "internal/policy", "internal/policy/exit", "internal/policy/site", "internal/strictyaml"},
	"internal/control": {"internal/event", "internal/fault", "internal/policy/site", "proof/scope"},
	"internal/metrics": {"internal/event"},

	// where random tests begin
	"internal/seed": {},

	// servers of our own, for the demonstration, tests and benchmarks
	"internal/pgserver": {},
	"demo/shop":         {"internal/pgserver"},
	"demo/plant":        {},
	"demo/wiretap":      {},
	"demo/columns":      {},
	"demo/network":      {"demo/story", "internal/control"},
	"demo/story":        {"demo/columns", "internal/desk", "internal/element", "internal/event", "internal/lang", "internal/rule", "internal/view/casefile", "internal/view/casefile/draft", "proof/scope"},

	"arch":  {},
	"prove": {},
}

// Everything may be imported by these: they are where the parts meet.
var meeting = map[string]bool{"cmd/sekisho": true, "demo": true}

// bench and prove measure and try what the others do: no product code imports
// them, and they may import everything.
func isOutside(pkg string) bool {
	return strings.HasPrefix(pkg, "bench/") || pkg == "prove" || strings.HasPrefix(pkg, "prove/")
}

// stages never import one another; they share event and meet in cmd/sekisho.
// console → view is the one exception.
var stages = []string{"internal/gate/", "internal/ledger", "internal/view", "internal/console"}
