package checkout

import (
	"slices"
	"strings"
)

// Rules are what a page that leads to payment may hold.
type Rules struct {
	// Self are the names of the site, Providers those of its payment providers,
	// each with every name under it.
	Self, Providers []string
	// Authorised reports whether somebody has said that an item belongs there.
	// nil: nobody has said anything yet, and everything is only noted.
	Authorised func(*Item) bool
}

// Problem is why an item may not be on the page.
type Problem struct {
	Item
	// Why is "host" (it goes to a host that is not allowed), "card" (a form asks for
	// card data) or "unauthorised".
	Why string
}

// Judge returns what is wrong with a page, hosts and card fields first.
func (r *Rules) Judge(items []Item) []Problem {
	var hard, soft []Problem
	for _, i := range items {
		known := r.Authorised != nil && r.Authorised(&i)
		switch {
		case i.Card && !r.provider(i.Host): // the site may not ask for a card, whoever says so
			hard = append(hard, Problem{i, "card"})
		case i.Host != "" && !r.allowed(i.Host) && !(known && i.Kind == Script):
			hard = append(hard, Problem{i, "host"})
		case r.Authorised != nil && !known && i.Kind != Redirect:
			soft = append(soft, Problem{i, "unauthorised"})
		}
	}
	return append(hard, soft...)
}

func (r *Rules) provider(host string) bool { return under(host, r.Providers) }

func (r *Rules) allowed(host string) bool { return r.provider(host) || slices.Contains(r.Self, host) }

// under reports whether a host is one of names or under one.
func under(host string, names []string) bool {
	return host != "" && slices.ContainsFunc(names, func(n string) bool { return host == n || strings.HasSuffix(host, "."+n) })
}

// CSP is the policy that lets a browser run and reach what was judged good, and
// report the rest to an address of the site (Content Security Policy Level 3).
func (r *Rules) CSP(items []Item, report string) string {
	hosts := make([]string, 0, len(r.Providers))
	for _, p := range r.Providers {
		hosts = append(hosts, "https://"+p, "https://*."+p)
	}
	scripts, handlers := slices.Clone(hosts), false
	for _, i := range items {
		if r.Authorised != nil && !r.Authorised(&i) {
			continue
		}
		switch i.Kind {
		case Script:
			if i.Host != "" && !r.provider(i.Host) {
				scripts = append(scripts, "https://"+i.Host)
			}
		case Handler:
			handlers = true
			scripts = append(scripts, "'sha256-"+i.Exact+"'")
		case Inline:
			scripts = append(scripts, "'sha256-"+i.Exact+"'")
		}
	}
	if handlers {
		scripts = append(scripts, "'unsafe-hashes'")
	}
	slices.Sort(scripts)
	scripts = slices.Compact(scripts)
	join := func(name string, list []string) string {
		return strings.TrimSpace(name + " 'self' " + strings.Join(list, " "))
	}
	return strings.Join([]string{join("script-src", scripts), join("form-action", hosts), join("frame-src", hosts), join("connect-src", hosts),
		"object-src 'none'", "base-uri 'self'", "report-uri " + report}, "; ")
}
