package account

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
)

// Role is what somebody is at a tenant.
type Role string

// The roles.
const (
	Viewer    Role = "viewer"
	Operator  Role = "operator"
	CSIRT     Role = "csirt"
	Officer   Role = "officer"
	Auditor   Role = "auditor"
	Entrustee Role = "entrustee"
	Authority Role = "authority"
)

// Roles are all roles.
var Roles = []Role{Viewer, Operator, CSIRT, Officer, Auditor, Entrustee, Authority}

// Action is something that can be done in the console.
type Action string

// The actions.
const (
	See          Action = "see"           // state, coverage, cases, map, policy, ledger
	Ask          Action = "ask"           // figures
	Bundle       Action = "bundle"        // figures with their evidence
	Look         Action = "look"          // who subjects are
	Wrong        Action = "wrong"         // say that something is wrong
	Work         Action = "work"          // on cases: facts, tasks, evidence, drafts
	Contain      Action = "contain"       // cut sessions, shut the direct way
	Release      Action = "release"       // a draft that somebody else wrote; decisions
	Scan         Action = "scan"          // read holdings now
	Verify       Action = "verify"        // check the ledger now
	Reload       Action = "policy"        // put the policy's file in force
	Publish      Action = "publish"       // a policy that somebody else wrote
	GrantRequest Action = "grant-request" // exceptional access
	GrantDecide  Action = "grant-decide"
	Gates        Action = "gates"   // let remote gates join, and leave
	Destroy      Action = "destroy" // keys, and what retention lets go
	Users        Action = "users"   // invite, give roles, disable
	MakeToken    Action = "token"   // for a program of one's own
)

// Actions are all actions.
var Actions = []Action{See, Ask, Bundle, Look, Wrong, Work, Contain, Release, Scan, Verify, Reload, Publish, GrantRequest, GrantDecide, Gates, Destroy, Users, MakeToken}

// Grant is a role at a tenant.
type Grant struct {
	Tenant string `json:"tenant"`
	Role   Role   `json:"role"`
}

// String returns "tenant/role", the form in events.
func (g Grant) String() string { return g.Tenant + "/" + string(g.Role) }

func grantTexts(all []Grant) []string {
	out := make([]string, len(all))
	for i, g := range all {
		out[i] = g.String()
	}
	slices.Sort(out)
	return out
}

// parseGrants reads what grantTexts wrote; what it does not understand gives
// nothing.
func parseGrants(texts []string) []Grant {
	var out []Grant
	for _, t := range texts {
		if i := strings.LastIndexByte(t, '/'); i > 0 && slices.Contains(Roles, Role(t[i+1:])) {
			out = append(out, Grant{t[:i], Role(t[i+1:])})
		}
	}
	return out
}

//go:embed policy.cedar
var cedarText []byte

var rules = mustRules(cedarText)

func mustRules(text []byte) *cedar.PolicySet {
	set, err := cedar.NewPolicySetFromBytes("policy.cedar", text)
	if err != nil {
		panic("account: policy.cedar: " + err.Error()) // it is part of the program
	}
	return set
}

// May says whether somebody with these roles may do something at a tenant.
// What Cedar could not decide is refused.
func May(name string, roles []Grant, disabled bool, do Action, tenant string) bool {
	user := cedar.NewEntityUID("User", cedar.String(name))
	place := cedar.NewEntityUID("Tenant", cedar.String(tenant))
	in := make([]cedar.EntityUID, len(roles))
	for i, g := range roles {
		in[i] = roleID(g)
	}
	has := cedar.RecordMap{}
	for _, r := range Roles {
		has[cedar.String(r)] = roleID(Grant{tenant, r})
	}
	entities := cedar.EntityMap{
		user:  {UID: user, Parents: cedar.NewEntityUIDSet(in...), Attributes: cedar.NewRecord(cedar.RecordMap{"disabled": cedar.Boolean(disabled)})},
		place: {UID: place, Attributes: cedar.NewRecord(has)},
	}
	decision, diagnostic := cedar.Authorize(rules, entities, cedar.Request{
		Principal: user, Action: cedar.NewEntityUID("Action", cedar.String(do)), Resource: place,
	})
	return decision == cedar.Allow && len(diagnostic.Errors) == 0
}

func roleID(g Grant) cedar.EntityUID {
	return cedar.NewEntityUID("Role", cedar.String(g.String()))
}
