package fault

import "slices"

// The codes. 1xxx configuration, 2xxx gates, 4xxx policy,
// 80xx databases, 81xx the ledger as commands see it, 82xx persons, 85xx the console, 86xx the first day, 6xxx the running process, 9xxx everything else.
const (
	ConfigUnreadable  Code = 1001
	ConfigSyntax      Code = 1002
	ConfigUnknownKey  Code = 1003
	ConfigRepeatedKey Code = 1004
	ConfigType        Code = 1005
	ConfigMissing     Code = 1006
	ConfigValue       Code = 1007
	ConfigDuplicate   Code = 1008
	ConfigReference   Code = 1009
	ConfigConflict    Code = 1010
	SecretUnreadable  Code = 1011
	SecretMode        Code = 1012
	ConfigAbsent      Code = 1013
	PersonSubjects    Code = 3301
	PersonPassword    Code = 3302
	PersonMemory      Code = 3303
	PersonNotices     Code = 3304
	GateListen        Code = 2101
	GateTLS           Code = 2102
	GateFailed        Code = 2103
	MetricsListen     Code = 2104
	CutRefused        Code = 3702
	CutUnknown        Code = 3703
	HubJoin           Code = 3704
	HubListen         Code = 3705
	IndicatorList     Code = 3909
	LedgerMissing     Code = 8101
	LedgerExists      Code = 8102
	LedgerOpen        Code = 8103
	LedgerLocked      Code = 8104
	LedgerCorrupt     Code = 8105
	KeysMissing       Code = 8106
	KeysOpen          Code = 8107
	ViewOpen          Code = 8108
	BundleInvalid     Code = 8109
	BackupFailed      Code = 8110
	WitnessFailed     Code = 8111
	KeyUnknown        Code = 8112
	BackupWithoutKeys Code = 8113
	LedgerFull        Code = 8114
	LedgerBroken      Code = 8115
	LedgerLost        Code = 8116
	PolicyInvalid     Code = 4001
	PolicyNotNewer    Code = 4002
	PolicyTestFailed  Code = 4003
	GrantRefused      Code = 4004
	GrantUnknown      Code = 4005
	PolicyDraft       Code = 4006
	DatabaseConnect   Code = 8001
	ScanFailed        Code = 8004
	FolderUnreadable  Code = 8010
	FolderWrite       Code = 8011
	NotRunning        Code = 6001
	ControlRefused    Code = 6002
	AlreadyRunning    Code = 6003
	ScopeQuery        Code = 6004
	SessionUnknown    Code = 6005
	HubAddress        Code = 6006
	HubSilent         Code = 6007
	HereOnly          Code = 6008
	UpgradeRefused    Code = 6009
	UpgradeFailed     Code = 6010
	UpgradeSlow       Code = 6011
	UpgradeBusy       Code = 6012
	AnswerLarge       Code = 6013
	ReadingLong       Code = 6014
	PersonSource      Code = 8201
	PersonState       Code = 8202
	PersonRecord      Code = 8203
	CaseRefused       Code = 6101
	CaseFile          Code = 6102
	CaseUnknown       Code = 6103
	ConsoleListen     Code = 8501
	ConsoleAccounts   Code = 8502
	ConsoleLook       Code = 8503
	APIToken          Code = 8504
	APIRefused        Code = 8505
	APIBusy           Code = 8506
	ConsoleForm       Code = 8507
	APIPerson         Code = 8508
	APIReading        Code = 8509
	ProtectDraft      Code = 8510
	SetupExists       Code = 8601
	SetupNothing      Code = 8602
	SetupAnswer       Code = 8603
	SetupWrite        Code = 8604
	SetupAccount      Code = 8605
	SiteRules         Code = 3413
	ExchangeUnknown   Code = 3414
	EvidenceBad       Code = 3420
	Description       Code = 3427
	Usage             Code = 9001
	DemoFailed        Code = 9002
	Internal          Code = 9999
)

// elsewhere are codes that other packages put into their messages and into
// event.Finding: 30xx gates, 31xx what a gate finds, 50xx keys, 51xx subjects,
// 32xx files, 34xx the web gate, 35xx the egress gate, 36xx the resolver, 37xx cuts and the hub, 39xx what is detected, 53xx scopes, 54xx views, 71xx servers
// of our own, 72xx scans, 73xx the bypass
// watch.
var elsewhere = []Code{
	3001, 3002, 3003, 3004, 3005, 3101, 3102, 3103, 3104, 3105, 3107, 3108, 3109, 3110, 3111,
	3201, 3202, 3203, 3204, 3205, 3206, 3401, 3402, 3403, 3404, 3405, 3406, 3407, 3408, 3409, 3410, 3411, 3412,
	3415, 3416, 3417, 3418, 3419, 3421, 3422, 3423, 3424, 3425, 3426,
	3501, 3502, 3503, 3504, 3505, 3506, 3507, 3508, 3509, 3510, 3511, 3512, 3513,
	3601, 3602, 3603, 3604,
	3701, 3706, 3707, 3901, 3902, 3903, 3904, 3905, 3906, 3907, 3908,
	5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008, 5101, 5102,
	5103, 5104, 5105, 5106, 5301, 5401, 5402, 5403, 7101, 7102,
	7103, 7104, 7201, 7202, 7203, 7204, 7205, 7301, 7302, 7303,
	7304, 7305, 7601, 7602,
}

// Codes lists every code in ascending order.
var Codes = slices.Sorted(slices.Values(append(elsewhere[:len(elsewhere):len(elsewhere)],
	ConfigUnreadable, ConfigSyntax, ConfigUnknownKey, ConfigRepeatedKey, ConfigType,
	ConfigMissing, ConfigValue, ConfigDuplicate, ConfigReference, ConfigConflict,
	SecretUnreadable, SecretMode, ConfigAbsent, PersonSubjects, PersonPassword, PersonMemory, PersonNotices,
	GateListen, GateTLS, GateFailed, MetricsListen, CutRefused, CutUnknown, HubJoin, HubListen, IndicatorList,
	PolicyInvalid, PolicyNotNewer, PolicyTestFailed, GrantRefused, GrantUnknown, PolicyDraft,
	NotRunning, ControlRefused, AlreadyRunning, ScopeQuery, SessionUnknown, HubAddress, HubSilent, HereOnly, UpgradeRefused, UpgradeFailed, UpgradeSlow, UpgradeBusy, AnswerLarge, ReadingLong, CaseRefused, CaseFile, CaseUnknown,
	DatabaseConnect, ScanFailed, FolderUnreadable, FolderWrite,
	LedgerMissing, LedgerExists, LedgerOpen, LedgerLocked, LedgerCorrupt, KeysMissing,
	KeysOpen, ViewOpen, BundleInvalid, BackupFailed, WitnessFailed, KeyUnknown, BackupWithoutKeys, LedgerFull, LedgerBroken, LedgerLost,
	PersonSource, PersonState, PersonRecord, SiteRules, ExchangeUnknown, EvidenceBad, Description,
	ConsoleListen, ConsoleAccounts, ConsoleLook, APIToken, APIRefused, APIBusy, ConsoleForm, APIPerson, APIReading, ProtectDraft,
	SetupExists, SetupNothing, SetupAnswer, SetupWrite, SetupAccount,
	Usage, DemoFailed, Internal,
)))
