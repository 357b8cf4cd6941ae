package fault

// The codes. 1xxx configuration, 2xxx gates, 3xxx ledger and keys, 4xxx policy,
// 5xxx databases, 6xxx the running process, 9xxx everything else.
const (
	ConfigUnreadable   Code = 1001
	ConfigSyntax       Code = 1002
	ConfigUnknownKey   Code = 1003
	ConfigRepeatedKey  Code = 1004
	ConfigType         Code = 1005
	ConfigMissing      Code = 1006
	ConfigValue        Code = 1007
	ConfigDuplicate    Code = 1008
	ConfigReference    Code = 1009
	ConfigConflict     Code = 1010
	SecretUnreadable   Code = 1011
	SecretMode         Code = 1012
	GateListen         Code = 2101
	GateTLS            Code = 2102
	GateFailed         Code = 2103
	LedgerMissing      Code = 3001
	LedgerExists       Code = 3002
	LedgerOpen         Code = 3003
	LedgerLocked       Code = 3004
	LedgerCorrupt      Code = 3005
	KeysMissing        Code = 3006
	KeysOpen           Code = 3007
	ViewOpen           Code = 3008
	BundleInvalid      Code = 3009
	BackupFailed       Code = 3010
	WitnessFailed      Code = 3011
	KeyUnknown         Code = 3012
	PolicyInvalid      Code = 4001
	PolicyNotNewer     Code = 4002
	PolicyTestFailed   Code = 4003
	GrantRefused       Code = 4004
	GrantUnknown       Code = 4005
	DatabaseConnect    Code = 5001
	DatabasePrivileges Code = 5002
	ProtectUnknown     Code = 5003
	ScanFailed         Code = 5004
	NotRunning         Code = 6001
	ControlRefused     Code = 6002
	AlreadyRunning     Code = 6003
	ScopeQuery         Code = 6004
	SessionUnknown     Code = 6005
	Usage              Code = 9001
	DemoFailed         Code = 9002
	Internal           Code = 9999
)

// Codes lists every code in ascending order.
var Codes = [...]Code{
	ConfigUnreadable, ConfigSyntax, ConfigUnknownKey, ConfigRepeatedKey, ConfigType,
	ConfigMissing, ConfigValue, ConfigDuplicate, ConfigReference, ConfigConflict,
	SecretUnreadable, SecretMode,
	GateListen, GateTLS, GateFailed,
	LedgerMissing, LedgerExists, LedgerOpen, LedgerLocked, LedgerCorrupt, KeysMissing,
	KeysOpen, ViewOpen, BundleInvalid, BackupFailed, WitnessFailed, KeyUnknown,
	PolicyInvalid, PolicyNotNewer, PolicyTestFailed, GrantRefused, GrantUnknown,
	DatabaseConnect, DatabasePrivileges, ProtectUnknown, ScanFailed,
	NotRunning, ControlRefused, AlreadyRunning, ScopeQuery, SessionUnknown,
	Usage, DemoFailed, Internal,
}
