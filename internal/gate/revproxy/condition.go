package revproxy

import "strings"

// What stands in conditions over what is in a database.
var (
	// functions tell of a value, and need something that compares.
	functions = setOf("substr substring substring_index mid ascii ord unicode char chr nchar hex unhex left right " +
		"length char_length octet_length bit_length len lower upper lcase ucase concat concat_ws group_concat string_agg " +
		"coalesce ifnull nullif cast convert count min max instr locate position strcmp if iif reverse replace trim ltrim rtrim " +
		"to_char md5 sha1 crc32 conv bitand exists any all version database schema current_user load_file")
	// answers are yes or no, or wait, by themselves.
	answers = setOf("instr locate find_in_set strcmp regexp_like regexp_instr starts_with json_contains sleep benchmark pg_sleep extractvalue updatexml make_set elt iif nullif receive_message randomblob")
	// patterns compare what stands before them with what follows.
	patterns = setOf("like ilike rlike regexp glob binary between in")
)

func setOf(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// condition reports whether a value asks something of a database as SQL does: a
// function or query and what it is compared with. People write brackets,
// quotation marks and the word like, too, so that no word alone says it.
func condition(value string) bool {
	asks, compares, number := false, false, startsAsNumber(value)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '<', '>', '=', '~':
			compares = true
		case '(':
			word, _ := wordBefore(value, i)
			if answers[word] {
				return true
			}
			asks = asks || functions[word] || follows(value, i+1, "select")
			compares = compares || patterns[word] || functions[word] && asksWithin(value, i+1)
		case '\'', '"':
			if _, last := skipBack(value, i); number && strings.IndexByte("<>=~", last) >= 0 && !opensAttribute(value, i) {
				return true
			}
			if word, at := wordBefore(value, i); patterns[word] {
				compares = true
				_, before := skipBack(value, at)
				asks = asks || before == ')'
			}
		case 'c', 'C':
			if follows(value, i, "case") && (i == 0 || !wordByte(value[i-1])) {
				rest := strings.TrimLeft(value[i+len("case"):], " \t\r\n")
				asks = asks || follows(rest, 0, "when")
			}
		case 'b', 'B':
			if follows(value, i, "between") && (i == 0 || !wordByte(value[i-1])) {
				rest := strings.TrimLeft(value[i+len("between"):], " \t\r\n")
				compares = compares || rest != "" && rest[0] >= '0' && rest[0] <= '9'
			}
		}
		if asks && compares {
			return true
		}
	}
	return false
}

// farthestTag is how many bytes before a quotation mark its tag may begin.
const farthestTag = 512

// opensAttribute reports whether the quotation mark at i opens the value of an
// attribute of HTML, as in 2 <img width="20". Only a tag that is no SQL counts: names
// of which each has a value in quotation marks, and white space. A tag that begins
// further back than farthestTag is none, for each mark of a value is asked about.
func opensAttribute(value string, i int) bool {
	back := max(0, i-farthestTag)
	at := strings.LastIndexByte(value[back:i], '<')
	if at < 0 {
		return false
	}
	at += back + 1
	space := func() (any bool) {
		for at < i && value[at] <= ' ' {
			at, any = at+1, true
		}
		return any
	}
	name := func() bool {
		from := at
		for at < i && (wordByte(value[at]) || at > from && value[at] == '-') {
			at++
		}
		return at > from && (value[from] < '0' || value[from] > '9')
	}
	if !name() {
		return false
	}
	for {
		if !space() || !name() {
			return false
		}
		space()
		if at >= i || value[at] != '=' {
			return false
		}
		at++
		space()
		if at == i {
			return true
		}
		quote := value[at]
		end := strings.IndexByte(value[at+1:i], quote)
		if quote != '"' && quote != '\'' || end < 0 {
			return false
		}
		at += end + 2
	}
}

// startsAsNumber reports whether a value begins as what an application expects where
// it puts a number into a statement, or as the end of a text in one.
func startsAsNumber(value string) bool {
	value = strings.TrimLeft(value, " \t\r\n(-+")
	return value != "" && (value[0] >= '0' && value[0] <= '9' || value[0] == '\'' || value[0] == ')')
}

// injected reports whether a value with a condition is one that people do not write:
// it begins as a number or the end of a text, or puts one question into another.
func injected(value string) bool {
	if startsAsNumber(value) {
		return true
	}
	for i := range len(value) {
		if value[i] != '(' {
			continue
		}
		if word, _ := wordBefore(value, i); follows(value, i+1, "select") || functions[word] && asksWithin(value, i+1) {
			return true
		}
	}
	return false
}

// asksWithin reports whether a bracket that was opened before i begins with a query
// or another function, as in ascii(substr(…)): what a letter's number is.
func asksWithin(value string, i int) bool {
	for i < len(value) && (value[i] <= ' ' || value[i] == '(') {
		i++
	}
	end := i
	for end < len(value) && wordByte(value[end]) && end-i <= 16 {
		end++
	}
	word := strings.ToLower(value[i:end])
	for end < len(value) && value[end] <= ' ' {
		end++
	}
	return word == "select" || functions[word] && end < len(value) && value[end] == '('
}

// wordBefore returns the word that ends before i, in lower case, without white
// space and comments between, and where it begins.
func wordBefore(value string, i int) (word string, at int) {
	end, _ := skipBack(value, i)
	at = end
	for at > 0 && wordByte(value[at-1]) && end-at <= 16 {
		at--
	}
	return strings.ToLower(value[at:end]), at
}

// skipBack passes over white space and comments before i; last is the byte that
// it ends at, 0 for none.
func skipBack(value string, i int) (end int, last byte) {
	for i > 0 {
		switch {
		case value[i-1] <= ' ' || value[i-1] == '+':
			i--
			continue
		case strings.HasSuffix(value[:i], "*/"):
			if open := strings.LastIndex(value[:i-2], "/*"); open >= 0 {
				i = open
				continue
			}
		}
		return i, value[i-1]
	}
	return 0, 0
}

// follows reports whether a word in lower case stands at i, after white space.
func follows(value string, i int, word string) bool {
	for i < len(value) && value[i] <= ' ' {
		i++
	}
	return len(value)-i >= len(word) && strings.EqualFold(value[i:i+len(word)], word) && (len(value) == i+len(word) || !wordByte(value[i+len(word)]))
}

func wordByte(c byte) bool { return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }
