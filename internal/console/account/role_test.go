package account

import (
	"slices"
	"strings"
	"testing"
)

// table is who may do what: one line an action, one column a role, in the
// order of Roles. It is written by hand and read by people: policy.cedar must
// agree with it.
const table = `
              viewer operator csirt officer auditor entrustee authority
see           x      x        x     x       x       x         x
ask           x      x        x     x       x       -         x
bundle        -      -        x     x       x       -         x
look          -      -        x     x       -       -         -
wrong         x      x        x     x       -       x         -
work          -      -        x     x       -       -         -
contain       -      x        x     x       -       -         -
release       -      -        x     x       -       -         -
scan          -      x        x     -       -       -         -
verify        -      x        x     x       x       -         x
policy        -      x        -     -       -       -         -
publish       -      x        x     x       -       -         -
grant-request -      x        x     -       -       -         -
grant-decide  -      -        x     x       -       -         -
gates         -      x        -     -       -       -         -
destroy       -      -        -     x       -       -         -
users         -      -        -     x       -       -         -
token         x      x        x     x       x       -         -
`

// TestEveryRoleActionTenant: every set of one or two roles, every action, the
// own tenant and others.
func TestEveryRoleActionTenant(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(table), "\n")
	may := map[Action]map[Role]bool{}
	heads := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		may[Action(cells[0])] = map[Role]bool{}
		for i, cell := range cells[1:] {
			may[Action(cells[0])][Role(heads[i])] = cell == "x"
		}
	}
	if len(may) != len(Actions) || len(heads) != len(Roles) {
		t.Fatalf("the table has %d actions of %d roles, the package %d of %d", len(may), len(heads), len(Actions), len(Roles))
	}
	tenants := []string{"agency", "other", "agency/x", ""}
	checked := 0
	for _, a := range Roles {
		for _, b := range append([]Role{""}, Roles...) {
			for _, home := range tenants[:2] {
				grants := []Grant{{"agency", a}}
				if b != "" {
					grants = append(grants, Grant{home, b})
				}
				for _, do := range Actions {
					for _, tenant := range tenants {
						want := tenant == "agency" && may[do][a] || b != "" && tenant == home && may[do][b]
						if got := May("ayame", grants, false, do, tenant); got != want {
							t.Errorf("%v does %s at %q: %v, want %v", grants, do, tenant, got, want)
						}
						if May("ayame", grants, true, do, tenant) {
							t.Errorf("disabled %v does %s at %q", grants, do, tenant)
						}
						checked++
					}
				}
			}
		}
	}
	for _, do := range Actions {
		for _, tenant := range tenants {
			if May("ayame", nil, false, do, tenant) {
				t.Errorf("nobody does %s at %q", do, tenant)
			}
		}
	}
	if May("ayame", []Grant{{"agency", Officer}}, false, "fly", "agency") {
		t.Error("an unknown action is allowed")
	}
	t.Logf("%d combinations", checked)
}

func TestParseGrants(t *testing.T) {
	got := parseGrants([]string{"a/b/officer", "x/king", "/viewer", "viewer", "agency/viewer"})
	if want := []Grant{{"a/b", Officer}, {"agency", Viewer}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func BenchmarkMay(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		May("ayame", []Grant{{"agency", CSIRT}, {"agency", Operator}}, false, Release, "agency")
	}
}
