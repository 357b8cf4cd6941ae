package required

import "strings"

// Coarse returns a formula that every text satisfies which satisfies f, with
// less to look for: where one of several things will do, of those that are
// nothing but single letters the rarest letter has to do. It is for a first
// sieve in front of a finer one.
func (f *Formula) Coarse() *Formula {
	switch f.Op {
	case And:
		var subs []*Formula
		for _, sub := range f.Subs {
			subs = append(subs, sub.Coarse())
		}
		return concat(subs)
	case Or:
		var subs []*Formula
		for _, sub := range f.Subs {
			if sub.Op == And && sub.letters() {
				sub = sub.rarest()
			}
			subs = append(subs, sub.Coarse())
		}
		return either(subs)
	}
	return f
}

// letters reports whether a formula asks for single bytes only.
func (f *Formula) letters() bool {
	if f.Op == Literal {
		return len(f.Text) == 1
	}
	for _, sub := range f.Subs {
		if !sub.letters() {
			return false
		}
	}
	return f.Op != Any
}

// frequent are the letters, those that texts hold most often first.
const frequent = "etaoinshrdlcumwfgypbvkjxqz"

// rarest returns the part of an And that the fewest texts satisfy.
func (f *Formula) rarest() *Formula {
	best, rank := f.Subs[0], -1
	for _, sub := range f.Subs {
		if sub.Op != Literal {
			continue
		}
		n := strings.Index(frequent, sub.Text)
		if n < 0 {
			n = len(frequent) // a sign
		}
		if n > rank {
			best, rank = sub, n
		}
	}
	return best
}
