package sqlscan

// classifier finds out what a statement is from its first words.
type classifier struct {
	sql  []byte
	toks []token
	st   *Statement
}

// at returns the keyword of token i, kwNone past the end and for other tokens.
func (c *classifier) at(i int) keyword {
	if i < 0 || i >= len(c.toks) {
		return kwNone
	}
	return c.toks[i].kw
}

func (c *classifier) punct(i int, char byte) bool {
	return i >= 0 && i < len(c.toks) && c.toks[i].is(char)
}

func (c *classifier) classify() {
	c.st.Kind = c.statement(0)
}

// query records toks[i:end] as the part that PREPARE takes and returns its kind.
func (c *classifier) query(i, end int) Kind {
	if i >= end {
		return Unknown
	}
	c.st.Query = spanOf(&c.toks[i], &c.toks[end-1])
	return c.mainVerb(i, end)
}

// inner is query for a statement inside another.
func (c *classifier) inner(i, end int) {
	if k := c.query(i, end); k.Query() {
		c.st.Inner = k
	} else {
		c.st.Query = Span{}
	}
}

// statement returns the kind of the statement that begins at toks[i].
func (c *classifier) statement(i int) Kind {
	switch kw := c.at(i); kw {
	case kwSelect, kwValues, kwTable, kwInsert, kwUpdate, kwDelete, kwMerge, kwWith:
		return c.query(i, len(c.toks))
	case kwNone:
		if c.punct(i, '(') {
			return c.query(i, len(c.toks))
		}
		return Unknown
	case kwCopy:
		return c.copy(i)
	case kwDeclare:
		return c.declare(i)
	case kwPrepare:
		return c.prepare(i)
	case kwExplain:
		return c.explain(i)
	case kwCreate:
		return c.create(i)
	default:
		if k := c.session(i, kw); k != Unknown {
			return k
		}
		return c.utility(i, kw)
	}
}

// mainVerb finds the main verb of toks[i:end]: past parentheses, WITH and its
// list. It fills Flags, Target and Into on the way.
func (c *classifier) mainVerb(i, end int) Kind {
	for c.punct(i, '(') {
		i++
	}
	if c.at(i) == kwWith {
		c.st.Flags |= HasWith
		i = c.afterWith(i+1, end)
		for c.punct(i, '(') {
			i++
		}
	}
	c.clauses(i, end)
	switch c.at(i) {
	case kwSelect:
		return Select
	case kwValues:
		return Values
	case kwTable:
		return Table
	case kwInsert:
		c.relation(i+1, kwInto)
		return Insert
	case kwUpdate:
		c.relation(i+1, kwOnly)
		return Update
	case kwDelete:
		c.relation(i+1, kwFrom, kwOnly)
		return Delete
	case kwMerge:
		c.relation(i+1, kwInto, kwOnly)
		return Merge
	case kwWith:
		return c.mainVerb(i, end)
	}
	return Unknown
}

// afterWith returns the index of the main verb after WITH [RECURSIVE] name
// [(…)] AS [[NOT] MATERIALIZED] (…) [SEARCH …] [CYCLE …], …
func (c *classifier) afterWith(i, end int) int {
	depth, named := 0, false
	for ; i < end; i++ {
		t := &c.toks[i]
		switch {
		case t.is('('):
			if depth == 0 && named && c.punct(i-1, ')') {
				return i // WITH x AS (…) (SELECT …)
			}
			depth++
			switch c.at(i + 1) {
			case kwInsert, kwUpdate, kwDelete, kwMerge:
				if c.at(i-1) == kwAs || c.at(i-1) == kwMaterialized {
					c.st.Flags |= ModifyingCTE
				}
			}
		case t.is(')'):
			depth = max(depth-1, 0)
		case depth > 0:
		case t.kw == kwAs:
			named = true
		case t.is(','):
			named = false
		case named && c.punct(i-1, ')'):
			switch t.kw {
			case kwSelect, kwValues, kwTable, kwInsert, kwUpdate, kwDelete, kwMerge:
				return i
			}
		case named && t.kw.use(useReserved) && (t.kw == kwSelect || t.kw == kwTable):
			return i // after SEARCH or CYCLE
		case named && i > 0 && c.toks[i-1].name() && (t.kw == kwInsert || t.kw == kwUpdate || t.kw == kwDelete || t.kw == kwMerge || t.kw == kwValues) && c.at(i-1) != kwSet && c.at(i-1) != kwUsing:
			return i // after SEARCH … SET name or CYCLE … USING name
		}
	}
	return end
}

// clauses looks for INTO, RETURNING and locking clauses from the main verb on.
func (c *classifier) clauses(i, end int) {
	selects := c.at(i) == kwSelect
	depth := 0
	for ; i < end; i++ {
		t := &c.toks[i]
		if t.kind == tokPunct {
			switch t.char {
			case '(':
				depth++
			case ')':
				depth = max(depth-1, 0)
			}
			continue
		}
		switch t.kw {
		case kwInto:
			if depth == 0 && selects && c.st.Into.Empty() && !c.punct(i-1, '.') && c.at(i-1) != kwAs {
				c.into(i)
			}
		case kwReturning:
			if depth == 0 {
				c.st.Flags |= Returning
			}
		case kwUpdate, kwShare:
			if prev := c.at(i - 1); prev == kwFor || prev == kwKey {
				c.st.Flags |= LockingClause
			}
		}
	}
}

// into reads INTO [TEMP…|UNLOGGED] [TABLE] name at toks[i].
func (c *classifier) into(i int) {
	j := i + 1
	for {
		switch c.at(j) {
		case kwTemp, kwTemporary:
			c.st.Flags |= Temporary
			j++
			continue
		case kwLocal, kwGlobal, kwUnlogged, kwTable:
			j++
			continue
		}
		break
	}
	if end := c.name(j); end > j {
		c.setTarget(j, end)
		c.st.Into = spanOf(&c.toks[i], &c.toks[end-1])
	}
}

// relation skips the words in order and reads the relation's name.
func (c *classifier) relation(i int, skip ...keyword) int {
	for _, kw := range skip {
		if c.at(i) == kw {
			i++
		}
	}
	if c.punct(i, '(') { // ONLY (name)
		i++
	}
	end := c.name(i)
	c.setTarget(i, end)
	return end
}

// name returns the end of the qualified name at toks[i], or i.
func (c *classifier) name(i int) int {
	j := i
	for j < len(c.toks) && c.toks[j].name() {
		j++
		if !c.punct(j, '.') {
			return j
		}
		j++
	}
	return j
}

func (c *classifier) setTarget(i, end int) {
	if end <= i {
		return
	}
	c.st.Target = spanOf(&c.toks[i], &c.toks[end-1])
	if end > i+2 && equalFold(c.text(i), "pg_temp") {
		c.st.Flags |= Temporary
	}
}

func (c *classifier) setName(i int) int {
	if i < len(c.toks) && c.toks[i].name() {
		c.st.Name = c.toks[i].span()
		return i + 1
	}
	return i
}

// text returns the word at toks[i], without quotes.
func (c *classifier) text(i int) []byte {
	b := c.toks[i].span().Of(c.sql)
	if c.toks[i].kind == tokQuoted && len(b) > 2 && b[0] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

// matching returns the index of the parenthesis that closes the one at i, or
// the number of tokens.
func (c *classifier) matching(i int) int {
	depth := 0
	for ; i < len(c.toks); i++ {
		switch {
		case c.punct(i, '('):
			depth++
		case c.punct(i, ')'):
			if depth--; depth <= 0 {
				return i
			}
		}
	}
	return i
}

func startsQuery(k keyword) bool {
	switch k {
	case kwSelect, kwValues, kwTable, kwWith:
		return true
	}
	return false
}
