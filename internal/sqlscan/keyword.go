package sqlscan

const (
	useReserved uint8 = 1 << iota // cannot be an unquoted name
	useOperand                    // may stand before an expression: a string after it is no typed literal
	useModified                   // a built-in type name that takes modifiers in parentheses
)

func (k keyword) use(u uint8) bool { return keywords[k].use&u != 0 }

const keywordSlots = 2048

// keywordTable is an open-addressed hash table over keywords, never changed.
var keywordTable, longestKeyword = buildKeywordTable()

func buildKeywordTable() (table [keywordSlots]keyword, longest int) {
	for k := range keywords {
		text := keywords[k].text
		if text == "" {
			continue
		}
		longest = max(longest, len(text))
		slot := keywordHash([]byte(text))
		for table[slot] != kwNone {
			slot = (slot + 1) % keywordSlots
		}
		table[slot] = keyword(k)
	}
	return table, longest
}

// keywordHash mixes the length and four folded characters.
func keywordHash(b []byte) uint32 {
	n := len(b)
	h := uint32(n)
	h = h*131 + uint32(lower(b[0]))
	h = h*131 + uint32(lower(b[n/2]))
	h = h*131 + uint32(lower(b[n-1]))
	h = h*131 + uint32(lower(b[n/3]))
	return (h ^ h>>11) % keywordSlots
}

// lookup returns the keyword that word is, whatever its case.
func lookup(word []byte) keyword {
	if len(word) > longestKeyword || len(word) < 2 {
		return kwNone
	}
	for slot := keywordHash(word); ; slot = (slot + 1) % keywordSlots {
		k := keywordTable[slot]
		if k == kwNone || equalFold(word, keywords[k].text) {
			return k
		}
	}
}

// equalFold compares word with a text in lower case.
func equalFold(word []byte, text string) bool {
	if len(word) != len(text) {
		return false
	}
	for i := range len(text) {
		if lower(word[i]) != text[i] {
			return false
		}
	}
	return true
}
