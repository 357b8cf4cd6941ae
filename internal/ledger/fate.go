package ledger

import "sekisho/internal/event"

// fate is what becomes of events of a kind when their segment is dropped.
type fate uint8

const (
	// stays: every one outlives its segment. Without it later events cannot be
	// understood (numbers of subjects, shapes of statements), a start would come
	// back as something else (what is cut, stopped, granted, guarded; cases and who
	// is one person), or the ledger would show less than it did (gaps, taint, who
	// was let in). None of them says what was delivered to whom.
	stays fate = iota
	// carried: those stay that bear on what happens later (see carry).
	carried
	// goes: what passed, and what was seen of it.
	goes
)

// fates has every kind of event. A kind that this program does not know stays: a
// program that knows it may have written it to come back as it was.
var fates = map[event.Kind]fate{
	// What later events build on.
	event.KindSourceStart: stays, event.KindSourceStop: stays, event.KindPlacesChanged: stays, event.KindGap: stays, event.KindCoverage: stays,
	event.KindStatement: stays, event.KindSubjects: stays, event.KindKeyCreated: stays, event.KindKeyDestroyed: stays,
	event.KindTaint: stays, event.KindCleared: stays, event.KindRelation: stays, event.KindCopied: stays,
	event.KindScopeFrozen: stays, event.KindRetention: stays, event.KindWitness: stays,

	// What a start has to come back to.
	event.KindPolicyLoaded: stays, event.KindExitPolicy: stays, event.KindSiteRules: stays,
	event.KindBypass: stays, event.KindBreakGlass: stays, event.KindSiteStop: stays, event.KindSiteGuard: stays, event.KindPageItem: stays,
	event.KindCutOrdered: stays, event.KindCutReceipt: stays, event.KindGateEnrolled: stays,
	event.KindDetection: stays, event.KindException: stays, event.KindExitSeen: stays,
	event.KindAccount:  stays,
	event.KindHostBoot: stays, event.KindHostPlan: stays,

	// Cases, and the findings that open them; who is one person.
	event.KindFinding:  stays,
	event.KindCaseSign: stays, event.KindCaseFact: stays, event.KindCaseMove: stays, event.KindCaseTask: stays, event.KindCaseEvidence: stays,
	event.KindCaseAction: stays, event.KindCaseScope: stays, event.KindCaseMisuse: stays, event.KindCaseReport: stays, event.KindCaseDecision: stays,
	event.KindCaseClock: stays, event.KindCaseDraft: stays, event.KindCaseNotice: stays, event.KindCaseAgree: stays, event.KindCaseCommon: stays,
	event.KindCaseText:       stays,
	event.KindPersonDecision: stays, event.KindPersonRun: stays, event.KindPersonChange: stays, event.KindPersonNotices: stays,

	// What is under way, and the last word about what there is.
	event.KindHeartbeat: carried, event.KindSessionOpen: carried, event.KindSessionClose: carried, event.KindIntent: carried, event.KindFlow: carried,
	event.KindHoldingScan: carried, event.KindHoldingChange: carried, event.KindObject: carried, event.KindDrift: carried,
	event.KindRecordDue: carried, event.KindDecision: carried,

	event.KindCrossing: goes, event.KindExchange: goes, event.KindExchangeEnd: goes,
	event.KindFlowBytes: goes, event.KindFlowEnd: goes, event.KindLookup: goes, event.KindLookups: goes,
	event.KindPolicyRejected: goes, event.KindGateLink: goes, event.KindCanary: goes, event.KindSiteLogin: goes,
	event.KindLogin: goes, event.KindLook: goes, event.KindAct: goes,
}

func fateOf(k event.Kind) fate { return fates[k] }
