package lineage

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// Request is one statement as a session is about to run it.
type Request struct {
	// SQL is the original text of one statement, without a final semicolon. For
	// COPY (query), DECLARE CURSOR, PREPARE, EXPLAIN, CREATE TABLE AS and SELECT
	// INTO it is the inner query.
	SQL string
	// Text is SQL with its literals replaced by parameters $n numbered after
	// the client's own; "" when there is none.
	Text string
	// ParamTypes are the types of Text's parameters: the client's own, then the
	// literals'. 0 lets the server infer. Give numbers without a fraction int4
	// (23) or int8 (20), other numbers numeric (1700), strings 0: that is how
	// the server reads the literals.
	ParamTypes []OID
	// ClientParams is how many of ParamTypes are the client's own: those SQL has.
	ClientParams int
	// Fingerprint identifies Text: statements with the same one have the same
	// Text. 0 means none: then Text itself is the cache key.
	Fingerprint uint64
	// SearchPath is the value of SHOW search_path in the session.
	SearchPath string
	// Role is the value of SHOW role ("none" for the session user) and
	// SessionUser that of SHOW session_authorization.
	Role, SessionUser string
	// Encoding is the session's client_encoding; "" is UTF8.
	Encoding string
	// NonStandardStrings says that standard_conforming_strings is off.
	NonStandardStrings bool
	// Partial: the client may take only the first rows (cursor, row limit).
	Partial bool
	// Explain: the statement is explained.
	Explain bool
	// TaintedSettings: an earlier analysis of the session had TaintsSession.
	TaintedSettings bool
	// TempRelations are names of temporary relations the session may have;
	// a statement that names one of them is opaque. TempUnknown says that the
	// names are not known.
	TempRelations []string
	TempUnknown   bool
	// Epoch counts the DDL the gate has seen committed in this database.
	Epoch uint64
}

// Role returns the name privileges are checked against.
func (r *Request) effectiveRole() string {
	if r.Role == "" || r.Role == "none" {
		return r.SessionUser
	}
	return r.Role
}

// cacheKey is comparable and holds no literal: long texts enter as a hash with
// a random seed, 128 bits of it.
type cacheKey struct {
	fingerprint uint64
	text        [2]uint64
	sql         [2]uint64 // only when the text without literals was not used
	path, role  string
	flags       uint8
	types       string
	epoch       uint64
	generation  uint64 // of the catalogue
}

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func sum(text string) [2]uint64 {
	return [2]uint64{maphash.String(seeds[0], text), maphash.String(seeds[1], text)}
}

func (r *Request) key(generation uint64) cacheKey {
	k := cacheKey{
		fingerprint: r.Fingerprint, path: r.SearchPath, role: r.effectiveRole() + "\x00" + r.SessionUser + "\x00" + r.Encoding,
		epoch: r.Epoch, generation: generation, types: fmt.Sprint(r.ClientParams, r.ParamTypes),
	}
	if r.Text == "" {
		k.sql = sum(r.SQL)
	} else if r.Fingerprint == 0 {
		k.text = sum(r.Text)
	}
	for i, b := range []bool{r.Partial, r.Explain, r.TaintedSettings, r.NonStandardStrings, r.TempUnknown} {
		if b {
			k.flags |= 1 << i
		}
	}
	if len(r.TempRelations) > 0 {
		names := slices.Sorted(slices.Values(r.TempRelations))
		k.path += "\x00" + strings.Join(names, "\x00")
	}
	return k
}

// splitPath splits the value of search_path as SplitIdentifierString
// (utils/adt/varlena.c) does.
func splitPath(raw string) ([]string, error) {
	var out []string
	rest := strings.TrimSpace(raw)
	if rest == "" {
		return nil, nil
	}
	for {
		var name string
		if strings.HasPrefix(rest, `"`) {
			i := 1
			for ; ; i++ {
				if i >= len(rest) {
					return nil, fmt.Errorf("search_path: a quoted name does not end")
				}
				if rest[i] != '"' {
					name += rest[i : i+1]
					continue
				}
				if i+1 < len(rest) && rest[i+1] == '"' {
					name += `"`
					i++
					continue
				}
				break
			}
			rest = rest[i+1:]
		} else {
			i := strings.IndexAny(rest, ", \t\n\r\f\v")
			if i < 0 {
				i = len(rest)
			}
			name = strings.ToLower(rest[:i])
			rest = rest[i:]
			if name == "" {
				return nil, fmt.Errorf("search_path: a name is missing")
			}
		}
		out = append(out, truncated(name))
		rest = strings.TrimLeft(rest, " \t\n\r\f\v")
		if rest == "" {
			return out, nil
		}
		if rest[0] != ',' {
			return nil, fmt.Errorf("search_path: a comma is missing")
		}
		rest = strings.TrimLeft(rest[1:], " \t\n\r\f\v")
		if rest == "" {
			return nil, fmt.Errorf("search_path: a name is missing")
		}
	}
}

// truncated cuts a name to NAMEDATALEN-1 bytes, not within a character.
func truncated(name string) string {
	const limit = 63
	if len(name) <= limit {
		return name
	}
	i := limit
	for i > 0 && name[i]&0xc0 == 0x80 {
		i--
	}
	return name[:i]
}

func quoteIdent(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
