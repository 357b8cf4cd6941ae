package sqlscan

// session classifies statements about the session and its transactions.
func (c *classifier) session(i int, kw keyword) Kind {
	switch kw {
	case kwSet:
		return c.set(i + 1)
	case kwReset:
		return c.setting(i+1, Reset)
	case kwShow:
		return c.setting(i+1, Show)
	case kwBegin, kwStart:
		return Begin
	case kwCommit, kwEnd:
		if c.at(i+1) == kwPrepared {
			return CommitPrepared
		}
		return Commit
	case kwRollback, kwAbort:
		return c.rollback(i + 1)
	case kwSavepoint:
		c.setName(i + 1)
		return Savepoint
	case kwRelease:
		if c.at(i+1) == kwSavepoint && i+2 < len(c.toks) {
			i++
		}
		c.setName(i + 1)
		return Release
	case kwExecute:
		c.setName(i + 1)
		return Execute
	case kwDeallocate:
		if c.at(i+1) == kwPrepare && i+2 < len(c.toks) {
			i++
		}
		return c.nameOrAll(i+1, Deallocate)
	case kwClose:
		return c.nameOrAll(i+1, CloseCursor)
	case kwFetch:
		return c.fetch(Fetch)
	case kwMove:
		return c.fetch(Move)
	case kwListen:
		c.setName(i + 1)
		return Listen
	case kwUnlisten:
		if c.punct(i+1, '*') {
			c.st.All = true
		}
		c.setName(i + 1)
		return Unlisten
	case kwNotify:
		c.setName(i + 1)
		return Notify
	case kwDiscard:
		return c.nameOrAll(i+1, Discard)
	}
	return Unknown
}

func (c *classifier) nameOrAll(i int, k Kind) Kind {
	if c.at(i) == kwAll {
		c.st.All = true
		return k
	}
	c.setName(i)
	return k
}

// fetch reads FETCH|MOVE [direction] [FROM|IN] name: the name is last.
func (c *classifier) fetch(k Kind) Kind {
	c.setName(len(c.toks) - 1)
	return k
}

// set reads SET [LOCAL|SESSION] name …, with the special forms named as their
// settings: TIME ZONE is timezone, NAMES client_encoding, and so on; the span
// is then that of the words.
func (c *classifier) set(i int) Kind {
	if c.at(i) == kwConstraints {
		return SetConstraints
	}
	switch next := c.at(i + 1); {
	case c.at(i) == kwLocal:
		c.st.Flags |= Local
		i++
	case c.at(i) == kwSession && next == kwCharacteristics:
		c.st.Flags |= SessionWide
		c.st.Name = spanOf(&c.toks[i], &c.toks[i+1])
		return Set
	case c.at(i) == kwSession && next != kwAuthorization:
		c.st.Flags |= SessionWide
		i++
	}
	return c.setting(i, Set)
}

// setting reads the name of a setting.
func (c *classifier) setting(i int, k Kind) Kind {
	if c.at(i) == kwAll && k != Set {
		c.st.All = true
		return k
	}
	end := c.name(i)
	switch {
	case c.at(i) == kwTime && c.at(i+1) == kwZone,
		c.at(i) == kwSession && c.at(i+1) == kwAuthorization,
		c.at(i) == kwTransaction && c.at(i+1) == kwIsolation:
		end = i + 2
	}
	if end > i {
		c.st.Name = spanOf(&c.toks[i], &c.toks[end-1])
	}
	return k
}

func (c *classifier) rollback(i int) Kind {
	switch c.at(i) {
	case kwPrepared:
		return RollbackPrepared
	case kwWork, kwTransaction:
		i++
	}
	if c.at(i) != kwTo {
		return Rollback
	}
	if i++; c.at(i) == kwSavepoint && i+1 < len(c.toks) {
		i++
	}
	c.setName(i)
	return RollbackTo
}

// utility classifies the rest.
func (c *classifier) utility(i int, kw keyword) Kind {
	switch kw {
	case kwTruncate:
		if c.at(i+1) == kwTable {
			i++
		}
		c.relation(i+1, kwOnly)
		return Truncate
	case kwRefresh:
		i += 3
		if c.at(i) == kwConcurrently {
			i++
		}
		c.relation(i)
		return RefreshMaterializedView
	case kwCall:
		c.setTarget(i+1, c.name(i+1))
		return Call
	case kwDo:
		return Do
	case kwLock:
		if c.at(i+1) == kwTable {
			i++
		}
		c.relation(i+1, kwOnly)
		return Lock
	case kwVacuum:
		return Vacuum
	case kwAnalyze, kwAnalyse:
		return Analyze
	case kwCluster:
		return Cluster
	case kwReindex:
		return Reindex
	case kwGrant:
		return Grant
	case kwRevoke:
		return Revoke
	case kwCheckpoint:
		return Checkpoint
	case kwLoad:
		return Load
	case kwSecurity:
		return SecurityLabel
	case kwImport:
		return ImportForeignSchema
	case kwAlter:
		if c.at(i+1) == kwSystem {
			return AlterSystem
		}
		if c.at(i+1) == kwTable {
			i += 2
			if c.at(i) == kwIf { // EXISTS
				i += 2
			}
			c.relation(i, kwOnly)
		}
		return DDL
	case kwDrop, kwComment, kwReassign:
		return DDL
	}
	return Unknown
}
