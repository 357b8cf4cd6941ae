package match

// Mask says which fields two records have to compare: bit f for field f.
type Mask uint16

// Shares is a share for every mask.
type Shares [1 << fieldCount]float64

// Mask returns which fields of a pattern are not missing.
func (p Pattern) Mask() (out Mask) {
	for f := range fieldCount {
		if p.Level(f) != Missing {
			out |= 1 << f
		}
	}
	return out
}

// Levels is how often each level of each field occurs within one person.
type Levels [fieldCount][6]float64

// Found returns, for every mask, how likely two records of one person that have
// those fields to compare are found and reach that score, where fields err
// independently and as often as levels say. allowed says which patterns no guard
// forbids. small says that wide rules ran.
func (m *Model) Found(levelsOf Levels, at Score, small bool, allowed func(Pattern) bool) Shares {
	var found Shares
	for p := range Pattern(patterns) {
		if float64(m.table[p]) < at.Bits() || !meets(p, small) || !allowed(p) {
			continue
		}
		share, mask := 1.0, Mask(0)
		for f, rest := Field(0), p; f < fieldCount; f++ {
			l := rest % Pattern(levels[f])
			rest /= Pattern(levels[f])
			if l != 0 {
				share *= levelsOf[f][l]
				mask |= 1 << f
			}
		}
		found[mask] += share
	}
	return found
}

// meets reports whether records of a pattern share the key of a rule.
func meets(p Pattern, small bool) bool {
	given, family, birth := p.Level(Given) >= GivenSound, p.Level(Family) >= FamilySound, p.Level(Birth) == BirthSame
	town := p.Level(Place) >= PlaceTown
	switch {
	case p.Level(Document) == DocumentSame, p.Level(Email) == EmailSame, p.Level(Phone) == PhoneSame:
		return true
	case birth && (given || family || town), given && town:
		return true
	}
	return small && (birth || town || given && family)
}
