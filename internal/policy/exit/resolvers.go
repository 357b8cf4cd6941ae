package exit

import (
	"net/netip"
	"strings"
)

// resolverNames are well-known public resolvers that answer over HTTPS or TLS
// (the operators' own documentation, read 2026-11): asked by name they hide
// from our resolver what is looked up. Firefox's canary is among them: an
// answer of no such name makes it use the system's resolver.
var resolverNames = map[string]bool{
	"dns.google": true, "dns.google.com": true, "dns64.dns.google": true,
	"cloudflare-dns.com": true, "one.one.one.one": true, "1dot1dot1dot1.cloudflare-dns.com": true,
	"mozilla.cloudflare-dns.com": true, "chrome.cloudflare-dns.com": true, "use-application-dns.net": true,
	"dns.quad9.net": true, "dns9.quad9.net": true, "dns10.quad9.net": true, "dns11.quad9.net": true,
	"doh.opendns.com": true, "dns.opendns.com": true, "doh.familyshield.opendns.com": true,
	"dns.adguard-dns.com": true, "dns.adguard.com": true, "unfiltered.adguard-dns.com": true, "family.adguard-dns.com": true,
	"dns.nextdns.io": true, "firefox.dns.nextdns.io": true, "chromium.dns.nextdns.io": true, "anycast.dns.nextdns.io": true,
	"doh.cleanbrowsing.org": true, "dns.mullvad.net": true, "doh.mullvad.net": true, "base.dns.mullvad.net": true,
	"public.dns.iij.jp": true, "dns.controld.com": true, "freedns.controld.com": true, "doh.dns.sb": true, "dot.sb": true,
	"dns.alidns.com": true, "doh.pub": true, "dot.pub": true, "dns.digitale-gesellschaft.ch": true, "doh.libredns.gr": true,
	"dns.switch.ch": true, "doh.applied-privacy.net": true, "odvr.nic.cz": true, "doh.360.cn": true, "dns.twnic.tw": true,
	"mask.icloud.com": true, "mask-h2.icloud.com": true, "doh.dns.apple.com": true,
}

// resolverNetworks are the addresses of the same.
var resolverNetworks = func() (all []netip.Prefix) {
	for _, text := range strings.Fields(`8.8.8.8/32 8.8.4.4/32 1.1.1.1/32 1.0.0.1/32 1.1.1.2/31 1.0.0.2/31 9.9.9.9/32 149.112.112.112/32
		9.9.9.10/31 208.67.222.222/32 208.67.220.220/32 208.67.222.123/32 208.67.220.123/32 94.140.14.14/31 94.140.15.15/32
		45.90.28.0/22 185.228.168.0/23 194.242.2.0/24 103.2.57.5/32 103.2.57.6/32 76.76.2.0/24 76.76.10.0/24 223.5.5.5/32 223.6.6.6/32
		2001:4860:4860::8888/128 2001:4860:4860::8844/128 2606:4700:4700::1111/128 2606:4700:4700::1001/128 2620:fe::fe/128 2620:fe::9/128`) {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}()

// OutsideResolver reports whether a destination is a resolver that is not
// ours: a port of DNS, or a well-known public resolver.
func OutsideResolver(t Target) bool {
	switch {
	case t.Port == 53 || t.Port == 853:
		return true
	case resolverNames[t.Name]:
		return true
	case t.Address.IsValid():
		for _, p := range resolverNetworks {
			if p.Contains(t.Address) {
				return true
			}
		}
	}
	for rest := t.Name; rest != ""; { // names under a provider's, such as ID.dns.nextdns.io
		_, above, found := strings.Cut(rest, ".")
		if !found {
			return false
		}
		if resolverNames[above] {
			return true
		}
		rest = above
	}
	return false
}
