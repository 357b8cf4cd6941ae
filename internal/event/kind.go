package event

// Kind is the number of a body. Numbers are never reused.
type Kind uint16

// The kinds. The gaps leave room for later parts.
const (
	KindSourceStart    Kind = 1  // a source begins to write
	KindSourceStop     Kind = 2  // a source ends cleanly
	KindHeartbeat      Kind = 3  // a source is alive and has missed nothing
	KindGap            Kind = 4  // something could not be recorded
	KindSessionOpen    Kind = 10 // a client session at a gate
	KindSessionClose   Kind = 11
	KindStatement      Kind = 12 // the shape of a statement, once a fingerprint
	KindIntent         Kind = 13 // rows of a statement are about to pass
	KindCrossing       Kind = 14 // what passed
	KindDecision       Kind = 15 // a policy decision other than plain allow
	KindExchange       Kind = 16 // a web request is about to reach the upstream
	KindExchangeEnd    Kind = 17 // what came of it
	KindRelation       Kind = 18 // what a gate knows a relation to hold, by its number
	KindHoldingScan    Kind = 20 // what rests at a place, read in a snapshot
	KindHoldingChange  Kind = 21 // a change of what rests, seen by a gate
	KindTaint          Kind = 22 // a relation that became a holding
	KindCoverage       Kind = 23 // an interval that no gate covered
	KindFinding        Kind = 24 // something is wrong
	KindCleared        Kind = 25 // an operator's word about what code copied
	KindObject         Kind = 26 // a file or the like came, changed, moved or went
	KindDrift          Kind = 27 // how a database differs from its configuration
	KindCopied         Kind = 28 // a place that was made from others: a dump, a backup
	KindSubjects       Kind = 30 // new subject numbers
	KindKeyCreated     Kind = 31
	KindKeyDestroyed   Kind = 32
	KindPolicyLoaded   Kind = 40
	KindPolicyRejected Kind = 41
	KindBypass         Kind = 42  // an operator opened or closed the direct way
	KindBreakGlass     Kind = 43  // a request, approval or expiry of exceptional access
	KindScopeFrozen    Kind = 50  // a scope result and its digest
	KindRetention      Kind = 60  // segments dropped or keys destroyed by policy
	KindWitness        Kind = 61  // heads and cosignatures
	KindFlow           Kind = 70  // something is about to leave through an egress gate, or was refused
	KindFlowBytes      Kind = 71  // how far a long flow has come
	KindFlowEnd        Kind = 72  // what came of it
	KindLookup         Kind = 73  // a DNS question is about to leave, or was refused
	KindLookups        Kind = 74  // questions answered from memory
	KindExitPolicy     Kind = 75  // a policy of what leaves came into force
	KindRecordDue      Kind = 76  // what remote gates recorded until now is wanted
	KindCutOrdered     Kind = 80  // a new generation of cuts
	KindCutReceipt     Kind = 81  // a gate's signed answer to one
	KindGateEnrolled   Kind = 82  // a remote gate may connect, or may no more
	KindGateLink       Kind = 83  // a remote gate is connected, or silent
	KindDetection      Kind = 85  // something suspicious in what leaves
	KindException      Kind = 86  // what is detected and in order
	KindExitSeen       Kind = 87  // a way out that is in no configuration
	KindAccount        Kind = 90  // an account of the console changed
	KindLogin          Kind = 91  // somebody tried to enter the console, or left it
	KindLook           Kind = 92  // somebody was shown who subjects are
	KindAct            Kind = 93  // something done that no other body says
	KindPersonDecision Kind = 100 // two records are one person, or two: somebody decided
	KindPersonRun      Kind = 101 // a matching run and what it counted
	KindPersonChange   Kind = 102 // person numbers that were merged or split
	KindPersonNotices  Kind = 103 // a list of people to tell was made
	KindSiteRules      Kind = 110 // the rules of a site came into force, or were refused
	KindSiteStop       Kind = 111 // an operator stopped a site or its payment, or let it go on
	KindSiteGuard      Kind = 112 // what is guarded at a site from now on
	KindPageItem       Kind = 113 // a part of a page that leads to payment
	KindCanary         Kind = 114 // somebody of ours went through the checkout
	KindSiteLogin      Kind = 115 // an attempt to log in to a site
	KindPlacesChanged  Kind = 116 // places of a source began or ended while it ran
	KindCaseSign       Kind = 120 // a sign; the first opens a case
	KindCaseFact       Kind = 121 // something known, from when, by whom
	KindCaseMove       Kind = 122 // a change of state or class
	KindCaseTask       Kind = 123
	KindCaseEvidence   Kind = 124 // preservation and chain of custody
	KindCaseAction     Kind = 125 // containment and its receipt
	KindCaseScope      Kind = 126 // a version of the figures
	KindCaseMisuse     Kind = 127 // misuse that was reported
	KindCaseReport     Kind = 128 // an investigator's report
	KindCaseDecision   Kind = 129
	KindCaseClock      Kind = 130 // the end of a duty's clock
	KindCaseDraft      Kind = 131 // a document
	KindCaseNotice     Kind = 132 // a message, an answer or silence
	KindCaseAgree      Kind = 133 // a second person's yes to one act
	KindHostBoot       Kind = 134 // a machine started
	KindHostPlan       Kind = 135 // a restart that somebody planned
	KindCaseCommon     Kind = 136 // what misused cards or accounts have in common
	KindCaseText       Kind = 137 // what a published text states
)
