// Package indicator keeps lists of destinations that are known to be bad:
// names, addresses and URLs, each with an end. It reads plain text, CSV and the
// indicators of STIX 2.1 bundles, and answers whether a name, an address or a
// URL is listed at a time.
//
// It is pure: it reads bytes that it is given, fetches nothing and knows no
// clock. It refuses and raises nothing: gates and `sekisho egress hunt` do.
package indicator
