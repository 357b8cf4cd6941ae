package sqlscan

// copy reads COPY name … and COPY (query) …
func (c *classifier) copy(i int) Kind {
	i++
	if c.at(i) == kwBinary && !c.punct(i+1, '.') && i+1 < len(c.toks) && c.toks[i+1].name() && c.at(i+1) != kwFrom && c.at(i+1) != kwTo {
		i++
	}
	if c.punct(i, '(') {
		end := min(c.matching(i), len(c.toks))
		c.inner(i+1, end)
		return Copy
	}
	c.setTarget(i, c.name(i))
	return Copy
}

// declare reads DECLARE name [options] CURSOR [WITH|WITHOUT HOLD] FOR query.
func (c *classifier) declare(i int) Kind {
	i = c.setName(i + 1)
	for ; i < len(c.toks); i++ {
		switch c.at(i) {
		case kwScroll:
			if c.at(i-1) != kwNo {
				c.st.Flags |= Scroll
			}
		case kwHold:
			if c.at(i-1) == kwWith {
				c.st.Flags |= Hold
			}
		case kwFor:
			c.inner(i+1, len(c.toks))
			return DeclareCursor
		}
	}
	return DeclareCursor
}

// prepare reads PREPARE name [(types)] AS statement and PREPARE TRANSACTION.
func (c *classifier) prepare(i int) Kind {
	if c.at(i+1) == kwTransaction && i+2 < len(c.toks) && c.toks[i+2].stringLike() {
		return PrepareTransaction
	}
	i = c.setName(i + 1)
	if c.punct(i, '(') {
		i = c.matching(i) + 1
	}
	if c.at(i) == kwAs {
		c.inner(i+1, len(c.toks))
	}
	return Prepare
}

// explain reads EXPLAIN [ANALYZE] [VERBOSE] statement and EXPLAIN (options)
// statement. The names and flags of the inner statement are kept.
func (c *classifier) explain(i int) Kind {
	i++
	if c.punct(i, '(') && !startsQuery(c.at(i+1)) && !c.punct(i+1, '(') {
		end := c.matching(i)
		for j := i + 1; j < end; j++ {
			if (c.at(j) == kwAnalyze || c.at(j) == kwAnalyse) && (c.punct(j-1, '(') || c.punct(j-1, ',')) && !c.off(j+1) {
				c.st.Flags |= Executes
			}
		}
		i = end + 1
	} else {
		for c.at(i) == kwAnalyze || c.at(i) == kwAnalyse || c.at(i) == kwVerbose {
			if c.at(i) != kwVerbose {
				c.st.Flags |= Executes
			}
			i++
		}
	}
	if k := c.statement(i); c.st.Inner == Unknown || !k.Query() {
		c.st.Inner = k
	}
	return Explain
}

// off says that the option value at toks[i] is a spelling of false.
func (c *classifier) off(i int) bool {
	if i >= len(c.toks) {
		return false
	}
	t := &c.toks[i]
	b := t.span().Of(c.sql)
	if t.stringLike() && len(b) > 2 {
		b = b[1 : len(b)-1]
	}
	return len(b) == 1 && b[0] == '0' || equalFold(b, "false") || equalFold(b, "off")
}

// create reads CREATE …
func (c *classifier) create(i int) Kind {
	i++
	if c.at(i) == kwOr && c.at(i+1) == kwReplace {
		i += 2
	}
	for {
		switch c.at(i) {
		case kwTemp, kwTemporary:
			c.st.Flags |= Temporary
			i++
			continue
		case kwGlobal, kwLocal, kwUnlogged, kwRecursive:
			i++
			continue
		}
		break
	}
	switch c.at(i) {
	case kwTable:
		return c.createTable(i+1, CreateTable)
	case kwView:
		return c.createAs(c.created(i+1), CreateView)
	case kwMaterialized:
		return c.createAs(c.created(i+2), CreateMaterializedView)
	case kwFunction, kwProcedure:
		end := c.name(i + 1)
		c.setTarget(i+1, end)
		return CreateRoutine
	case kwSequence:
		c.created(i + 1)
	case kwUnique, kwIndex:
		for j := i + 1; j < len(c.toks); j++ {
			if c.at(j) == kwOn {
				c.relation(j+1, kwOnly)
				break
			}
		}
	}
	return DDL
}

// created reads [IF NOT EXISTS] name and returns the index after it.
func (c *classifier) created(i int) int {
	if c.at(i) == kwIf && c.at(i+1) == kwNot && c.at(i+2) == kwExists {
		i += 3
	}
	end := c.name(i)
	c.setTarget(i, end)
	return end
}

func (c *classifier) createTable(i int, plain Kind) Kind {
	i = c.created(i)
	if c.asQuery(i) {
		return CreateTableAs
	}
	return plain
}

func (c *classifier) createAs(i int, k Kind) Kind {
	c.asQuery(i)
	return k
}

// asQuery finds AS query (or AS EXECUTE) outside parentheses from toks[i] on,
// without the WITH … that may follow the query.
func (c *classifier) asQuery(i int) bool {
	for ; i < len(c.toks); i++ {
		if c.punct(i, '(') {
			i = c.matching(i)
			continue
		}
		if c.at(i) != kwAs {
			continue
		}
		if c.at(i+1) == kwExecute {
			c.setName(i + 2)
			c.st.Inner = Execute
			return true
		}
		if startsQuery(c.at(i+1)) || c.punct(i+1, '(') {
			c.inner(i+1, c.withoutTail(i+1))
			return true
		}
	}
	return false
}

// withoutTail returns the end of a query that WITH [NO] DATA or WITH
// [CASCADED|LOCAL] CHECK OPTION may follow.
func (c *classifier) withoutTail(from int) int {
	end := len(c.toks)
	for k := 2; k <= 4 && end-k > from; k++ {
		if c.at(end-k) != kwWith {
			continue
		}
		if c.at(end-1) == kwData || c.at(end-1) == kwOption {
			return end - k
		}
	}
	return end
}
