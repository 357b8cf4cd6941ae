package match

import (
	"slices"

	"sekisho/internal/person/record"
)

// Rule is a way of finding candidates: records with the same key are compared.
type Rule struct {
	Name string
	// Person says that whoever shares the key is likely one person, so the
	// model may learn from its pairs. E-mail, telephone and postal code are
	// shared by families and teach the wrong thing.
	Person bool
	// Probe says that the pairs are only looked at, to see whether the records
	// have families in them.
	Probe bool
	Wide  bool    // knows a name alone
	given []Field // what the key already says: not learned from its pairs
	key   func(n *record.Names, r *record.Record) uint64
}

// probes show whether the records hold families.
var probes = []Rule{
	{"family+street", false, true, false, nil, func(n *record.Names, r *record.Record) uint64 {
		return key(14, n.Latin.HashOf(r.Family)^n.Kanji.HashOf(r.KanjiFamily), r.Street)
	}},
	{"family+email", false, true, false, nil, func(n *record.Names, r *record.Record) uint64 {
		return key(15, n.Latin.HashOf(r.Family)^n.Kanji.HashOf(r.KanjiFamily), r.Email)
	}},
	{"family+phone", false, true, false, nil, func(n *record.Names, r *record.Record) uint64 {
		return key(16, n.Latin.HashOf(r.Family)^n.Kanji.HashOf(r.KanjiFamily), r.Phone)
	}},
}

// rules in the order of reports. A rule with a key of one shared contact has a
// finer one behind it, which rescues what its cap skips.
var rules = []Rule{
	{"passport", true, false, false, []Field{Document}, func(_ *record.Names, r *record.Record) uint64 { return key(1, r.Document, 1) }},
	{"birthdate+given", true, false, false, []Field{Birth, Given}, func(n *record.Names, r *record.Record) uint64 {
		return key(2, n.Latin.HashOf(r.Given), uint64(r.Birth))
	}},
	{"birthdate+family", true, false, false, []Field{Birth, Family}, func(n *record.Names, r *record.Record) uint64 {
		return key(3, n.Latin.HashOf(r.Family), uint64(r.Birth))
	}},
	{"birthdate+kanji", true, false, false, []Field{Birth, Given, Family}, func(n *record.Names, r *record.Record) uint64 {
		return key(4, n.Kanji.HashOf(r.KanjiGiven), uint64(r.Birth))
	}},
	{"birthdate+postal", false, false, false, []Field{Birth, Place}, func(_ *record.Names, r *record.Record) uint64 { return key(5, uint64(r.Postal), uint64(r.Birth)) }},
	{"email", false, false, false, []Field{Email}, func(_ *record.Names, r *record.Record) uint64 {
		if r.Flags&record.EmailShared != 0 {
			return 0
		}
		return key(6, r.Email, 1)
	}},
	{"phone", false, false, false, []Field{Phone}, func(_ *record.Names, r *record.Record) uint64 {
		if r.Flags&record.PhoneShared != 0 {
			return 0
		}
		return key(7, r.Phone, 1)
	}},
	{"given+postal", false, false, false, []Field{Given, Place}, func(n *record.Names, r *record.Record) uint64 {
		return key(8, n.Latin.HashOf(r.Given), uint64(r.Postal))
	}},
	{"kanji+town", false, false, false, []Field{Given, Place}, func(n *record.Names, r *record.Record) uint64 {
		return key(9, n.Kanji.HashOf(r.KanjiGiven), n.Towns.HashOf(r.Town))
	}},
	{"email+given", false, false, false, []Field{Email, Given}, func(n *record.Names, r *record.Record) uint64 { return key(10, n.Latin.HashOf(r.Given), r.Email) }},
	{"phone+given", false, false, false, []Field{Phone, Given}, func(n *record.Names, r *record.Record) uint64 { return key(11, n.Latin.HashOf(r.Given), r.Phone) }},
	{"family+given", false, false, true, []Field{Family, Given}, func(n *record.Names, r *record.Record) uint64 {
		return key(12, n.Latin.HashOf(r.Family), n.Latin.HashOf(r.Given))
	}},
	{"kanji-name", false, false, true, []Field{Family, Given}, func(n *record.Names, r *record.Record) uint64 {
		return key(13, n.Kanji.HashOf(r.KanjiFamily), n.Kanji.HashOf(r.KanjiGiven))
	}},
}

// wideRules are for small tables and for records without families in them:
// elsewhere their groups are families, colonies of one house and people of one
// birthday.
var wideRules = []Rule{
	{"birthdate", false, false, false, []Field{Birth}, func(_ *record.Names, r *record.Record) uint64 { return key(17, uint64(r.Birth), 1) }},
	{"street", false, false, false, []Field{Place}, func(_ *record.Names, r *record.Record) uint64 { return key(18, r.Street, 1) }},
	{"family+postal", false, false, false, []Field{Family, Place}, func(n *record.Names, r *record.Record) uint64 {
		return key(19, n.Latin.HashOf(r.Family), uint64(r.Postal))
	}},
	{"town", false, false, false, []Field{Place}, func(n *record.Names, r *record.Record) uint64 { return key(21, n.Towns.HashOf(r.Town), 1) }},
}

// SmallTable is the number of rows up to which wide rules always run.
const SmallTable = 100_000

// key mixes the parts of a rule's key; 0 when one of them is missing.
func key(rule, a, b uint64) uint64 {
	if a == 0 || b == 0 {
		return 0
	}
	h := (a^rule*0x9E3779B97F4A7C15)*0xBF58476D1CE4E5B9 ^ b*0x94D049BB133111EB
	h ^= h >> 29
	h *= 0xD6E8FEB86659FD93
	h ^= h >> 32
	return max(h, 1)
}

// RulesOf names the rules whose key two records share.
func RulesOf(names *record.Names, a, b *record.Record) (out []string) {
	for _, r := range slices.Concat(rules, wideRules) {
		if k := r.key(names, a); k != 0 && k == r.key(names, b) {
			out = append(out, r.Name)
		}
	}
	return out
}

// Fields returns all fields, in the order of a pattern.
func Fields() []Field {
	var out []Field
	for f := range fieldCount {
		out = append(out, f)
	}
	return out
}
