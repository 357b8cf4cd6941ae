package event

// Kind implements Body.
func (*SourceStart) Kind() Kind { return KindSourceStart }

func (b *SourceStart) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*SourceStop) Kind() Kind { return KindSourceStop }

func (b *SourceStop) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Heartbeat) Kind() Kind { return KindHeartbeat }

func (b *Heartbeat) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*PlacesChanged) Kind() Kind { return KindPlacesChanged }

func (b *PlacesChanged) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Gap) Kind() Kind { return KindGap }

func (b *Gap) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*SessionOpen) Kind() Kind { return KindSessionOpen }

// Kind implements Body.
func (*SessionClose) Kind() Kind { return KindSessionClose }

func (b *SessionClose) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Statement) Kind() Kind { return KindStatement }

func (b *Statement) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Intent) Kind() Kind { return KindIntent }

// Kind implements Body.
func (*Crossing) Kind() Kind { return KindCrossing }

// Kind implements Body.
func (*Decision) Kind() Kind { return KindDecision }

func (b *Decision) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*HoldingScan) Kind() Kind { return KindHoldingScan }

// Kind implements Body.
func (*HoldingChange) Kind() Kind { return KindHoldingChange }

func (b *HoldingChange) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Taint) Kind() Kind { return KindTaint }

func (b *Taint) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Relation) Kind() Kind { return KindRelation }

func (b *Relation) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Cleared) Kind() Kind { return KindCleared }

func (b *Cleared) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Coverage) Kind() Kind { return KindCoverage }

func (b *Coverage) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Finding) Kind() Kind { return KindFinding }

func (b *Finding) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Subjects) Kind() Kind { return KindSubjects }

func (b *Subjects) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*KeyCreated) Kind() Kind { return KindKeyCreated }

func (b *KeyCreated) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*KeyDestroyed) Kind() Kind { return KindKeyDestroyed }

func (b *KeyDestroyed) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*PolicyLoaded) Kind() Kind { return KindPolicyLoaded }

func (b *PolicyLoaded) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*PolicyRejected) Kind() Kind { return KindPolicyRejected }

func (b *PolicyRejected) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Bypass) Kind() Kind { return KindBypass }

func (b *Bypass) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*BreakGlass) Kind() Kind { return KindBreakGlass }

func (b *BreakGlass) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*ScopeFrozen) Kind() Kind { return KindScopeFrozen }

func (b *ScopeFrozen) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Retention) Kind() Kind { return KindRetention }

func (b *Retention) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Witness) Kind() Kind { return KindWitness }

func (b *Witness) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (u *Unknown) Kind() Kind { return u.Of }

func (u *Unknown) appendJSON(dst []byte) []byte { return append(dst, u.Raw...) }

// newBody returns an empty body of the kind, or nil when it is not known.
func newBody(k Kind) Body {
	switch k {
	case KindSourceStart:
		return new(SourceStart)
	case KindSourceStop:
		return new(SourceStop)
	case KindHeartbeat:
		return new(Heartbeat)
	case KindPlacesChanged:
		return new(PlacesChanged)
	case KindGap:
		return new(Gap)
	case KindSessionOpen:
		return new(SessionOpen)
	case KindSessionClose:
		return new(SessionClose)
	case KindStatement:
		return new(Statement)
	case KindIntent:
		return new(Intent)
	case KindCrossing:
		return new(Crossing)
	case KindDecision:
		return new(Decision)
	case KindExchange:
		return new(Exchange)
	case KindExchangeEnd:
		return new(ExchangeEnd)
	case KindSiteRules:
		return new(SiteRules)
	case KindSiteStop:
		return new(SiteStop)
	case KindSiteGuard:
		return new(SiteGuard)
	case KindPageItem:
		return new(PageItem)
	case KindSiteLogin:
		return new(SiteLogin)
	case KindCanary:
		return new(Canary)
	case KindHoldingScan:
		return new(HoldingScan)
	case KindObject:
		return new(Object)
	case KindDrift:
		return new(Drift)
	case KindCopied:
		return new(Copied)
	case KindHoldingChange:
		return new(HoldingChange)
	case KindRelation:
		return new(Relation)
	case KindCleared:
		return new(Cleared)
	case KindTaint:
		return new(Taint)
	case KindCoverage:
		return new(Coverage)
	case KindFinding:
		return new(Finding)
	case KindSubjects:
		return new(Subjects)
	case KindKeyCreated:
		return new(KeyCreated)
	case KindKeyDestroyed:
		return new(KeyDestroyed)
	case KindPolicyLoaded:
		return new(PolicyLoaded)
	case KindPolicyRejected:
		return new(PolicyRejected)
	case KindBypass:
		return new(Bypass)
	case KindBreakGlass:
		return new(BreakGlass)
	case KindScopeFrozen:
		return new(ScopeFrozen)
	case KindRetention:
		return new(Retention)
	case KindFlow:
		return new(Flow)
	case KindFlowBytes:
		return new(FlowBytes)
	case KindFlowEnd:
		return new(FlowEnd)
	case KindLookup:
		return new(Lookup)
	case KindLookups:
		return new(Lookups)
	case KindExitPolicy:
		return new(ExitPolicy)
	case KindWitness:
		return new(Witness)
	case KindAccount:
		return new(Account)
	case KindLogin:
		return new(Login)
	case KindLook:
		return new(Look)
	case KindAct:
		return new(Act)
	}
	switch k {
	case KindHostBoot:
		return new(HostBoot)
	case KindHostPlan:
		return new(HostPlan)
	}
	if b := newCut(k); b != nil {
		return b
	}
	if b := NewPerson(k); b != nil {
		return b
	}
	return newCased(k)
}
