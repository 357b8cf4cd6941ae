package match

import (
	"sekisho/internal/person/record"
)

// Field is one comparison of two records.
type Field uint8

// The fields, in the order of a pattern.
const (
	Family Field = iota
	Given
	Sex
	Birth
	Email
	Place
	Phone
	Document
	Extra1
	Extra2
	fieldCount
)

var fieldNames = [fieldCount]string{"family", "given", "sex", "birthdate", "email", "address", "phone", "passport", "extra", "extra2"}

// String returns the name that --json uses.
func (f Field) String() string { return fieldNames[f] }

// Level says how alike one field of two records is. 0 means that one of them
// lacks it and 1 that they differ; from 2 on the meaning is the field's.
type Level uint8

// The levels.
const (
	Missing Level = 0
	Differs Level = 1

	FamilyAlike Level = 2 // one edit, or Jaro-Winkler of 0.9
	FamilySound Level = 3 // the same romaji
	FamilySame  Level = 4 // the same kanji

	GivenEdit  Level = 2 // one edit
	GivenAlike Level = 3 // Jaro-Winkler of 0.9
	GivenSound Level = 4
	GivenSame  Level = 5

	SexSame Level = 2

	BirthParts  Level = 2 // two of year, month and day, or one digit off
	BirthTurned Level = 3 // day and month exchanged
	BirthSame   Level = 4

	EmailLocal Level = 2 // the part before the @
	EmailSame  Level = 3

	PlaceTown Level = 2 // town or postal code
	PlaceSame Level = 3

	PhoneDigit Level = 2 // one digit off
	PhoneSame  Level = 3

	DocumentAlike Level = 2 // one character off
	DocumentSame  Level = 3

	ExtraSame Level = 2
)

// levels is how many levels each field has.
var levels = [fieldCount]int{5, 6, 3, 5, 4, 4, 4, 4, 3, 3}

// stride is what one level of a field adds to a pattern.
var stride = func() (s [fieldCount]Pattern) {
	n := Pattern(1)
	for f := range s {
		s[f] = n
		n *= Pattern(levels[f])
	}
	return s
}()

// patterns is how many patterns there are.
const patterns = 5 * 6 * 3 * 5 * 4 * 4 * 4 * 4 * 3 * 3

// Pattern is the levels of all fields in one number.
type Pattern uint32

// Level returns that of one field.
func (p Pattern) Level(f Field) Level { return Level(p / stride[f] % Pattern(levels[f])) }

func (p Pattern) with(f Field, l Level) Pattern { return p + Pattern(l)*stride[f] }

// Compare compares two records. It is symmetric.
func Compare(names *record.Names, a, b *record.Record) Pattern {
	family, given := compareNames(names, a, b)
	p := Pattern(0).with(Family, family).with(Given, given)
	if a.Sex != 0 && b.Sex != 0 {
		p = p.with(Sex, same(a.Sex == b.Sex, SexSame))
	}
	if a.Birth != 0 && b.Birth != 0 {
		p = p.with(Birth, compareBirth(a.Birth, b.Birth))
	}
	shared := a.Flags | b.Flags
	if a.Email != 0 && b.Email != 0 && shared&record.EmailShared == 0 {
		switch {
		case a.Email == b.Email:
			p = p.with(Email, EmailSame)
		case a.Local == b.Local:
			p = p.with(Email, EmailLocal)
		default:
			p = p.with(Email, Differs)
		}
	}
	p = p.with(Place, comparePlace(names, a, b))
	if a.Phone != 0 && b.Phone != 0 && shared&record.PhoneShared == 0 {
		switch {
		case a.Phone == b.Phone:
			p = p.with(Phone, PhoneSame)
		case oneDigit(a.Phone, b.Phone):
			p = p.with(Phone, PhoneDigit)
		default:
			p = p.with(Phone, Differs)
		}
	}
	if a.Document != 0 && b.Document != 0 {
		switch {
		case a.Document == b.Document:
			p = p.with(Document, DocumentSame)
		case oneCharacter(a.Document, b.Document):
			p = p.with(Document, DocumentAlike)
		default:
			p = p.with(Document, Differs)
		}
	}
	for i, f := range [...]Field{Extra1, Extra2} {
		if a.Extra[i] != 0 && b.Extra[i] != 0 {
			p = p.with(f, same(a.Extra[i] == b.Extra[i], ExtraSame))
		}
	}
	return p
}

func same(is bool, l Level) Level {
	if is {
		return l
	}
	return Differs
}

// compareNames compares both parts; a name written the other way round counts,
// with a typing error in it too.
func compareNames(names *record.Names, a, b *record.Record) (family, given Level) {
	family, given = compareFamily(names, a, b), compareGiven(names, a, b)
	if family != Differs || given != Differs || a.Family == 0 || a.Given == 0 || b.Family == 0 || b.Given == 0 {
		return family, given
	}
	x, y := a.Family == b.Given, a.Given == b.Family
	switch {
	case x && y:
		return FamilySound, GivenSound
	case (x || soundsAlike(names, a.Family, b.Given)) && (y || soundsAlike(names, a.Given, b.Family)):
		return FamilyAlike, GivenEdit
	}
	return family, given
}

func soundsAlike(names *record.Names, a, b record.Word) bool {
	x, y := names.Latin.Text(a), names.Latin.Text(b)
	return oneEdit(x, y) || alike(x, y)
}

func compareFamily(names *record.Names, a, b *record.Record) Level {
	kanji := a.KanjiFamily != 0 && b.KanjiFamily != 0
	switch {
	case kanji && a.KanjiFamily == b.KanjiFamily:
		return FamilySame
	case a.Family != 0 && b.Family != 0:
		if a.Family == b.Family {
			return FamilySound
		}
		return same(soundsAlike(names, a.Family, b.Family), FamilyAlike)
	case kanji:
		return same(oneKanji(names.Kanji.Text(a.KanjiFamily), names.Kanji.Text(b.KanjiFamily)), FamilyAlike)
	}
	return Missing
}

func compareGiven(names *record.Names, a, b *record.Record) Level {
	kanji := a.KanjiGiven != 0 && b.KanjiGiven != 0
	switch {
	case kanji && a.KanjiGiven == b.KanjiGiven:
		return GivenSame
	case a.Given != 0 && b.Given != 0:
		if a.Given == b.Given {
			return GivenSound
		}
		x, y := names.Latin.Text(a.Given), names.Latin.Text(b.Given)
		switch {
		case oneEdit(x, y):
			return GivenEdit
		case alike(x, y):
			return GivenAlike
		}
		return Differs
	case kanji:
		return same(oneKanji(names.Kanji.Text(a.KanjiGiven), names.Kanji.Text(b.KanjiGiven)), GivenEdit)
	}
	return Missing
}

// oneKanji reports whether two names of at least two characters differ in one.
func oneKanji(a, b []byte) bool {
	x, y := []rune(string(a)), []rune(string(b))
	if len(x) != len(y) || len(x) < 2 {
		return false
	}
	differ := 0
	for i := range x {
		if x[i] != y[i] {
			differ++
		}
	}
	return differ == 1
}

func compareBirth(a, b uint32) Level {
	if a == b {
		return BirthSame
	}
	ay, am, ad := a/10000, a/100%100, a%100
	by, bm, bd := b/10000, b/100%100, b%100
	if ay == by && am == bd && ad == bm {
		return BirthTurned
	}
	parts := 0
	for _, equal := range [...]bool{ay == by, am == bm, ad == bd} {
		if equal {
			parts++
		}
	}
	return same(parts == 2 || oneDigit(uint64(a), uint64(b)), BirthParts)
}

func comparePlace(names *record.Names, a, b *record.Record) Level {
	towns := a.Town != 0 && b.Town != 0
	postal := a.Postal != 0 && b.Postal != 0
	switch {
	case a.Street != 0 && a.Street == b.Street && (a.Flags|b.Flags)&record.PlaceShared == 0:
		return PlaceSame
	case towns && a.Town == b.Town, postal && a.Postal == b.Postal, towns && lettersAlike(names, a, b):
		return PlaceTown
	case towns || postal:
		return Differs
	}
	return Missing
}

// lettersAlike compares addresses in Latin letters, which stand whole as
// towns. In kanji, likeness of letters says that the city is the same, no more.
func lettersAlike(names *record.Names, a, b *record.Record) bool {
	return a.Flags&b.Flags&record.LatinPlace != 0 && jaroWinkler(names.Towns.Text(a.Town), names.Towns.Text(b.Town)) >= 0.88
}
