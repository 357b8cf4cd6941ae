package pgwire

// Message types that a frontend (client) sends.
const (
	TypeBind       byte = 'B'
	TypeClose      byte = 'C'
	TypeDescribe   byte = 'D'
	TypeExecute    byte = 'E'
	TypeFunction   byte = 'F'
	TypeFlush      byte = 'H'
	TypeParse      byte = 'P'
	TypePassword   byte = 'p' // also SASLInitialResponse, SASLResponse, GSSResponse
	TypeQuery      byte = 'Q'
	TypeSync       byte = 'S'
	TypeTerminate  byte = 'X'
	TypeCopyData   byte = 'd' // both directions
	TypeCopyDone   byte = 'c' // both directions
	TypeCopyFail   byte = 'f'
	describePortal byte = 'P'
	describeStmt   byte = 'S'
	tlsHandshake   byte = 0x16 // RFC 8446 §5.1, ContentType handshake
	headerLen           = 5
)

// Message types that a backend (server) sends.
const (
	TypeAuthentication       byte = 'R'
	TypeBackendKeyData       byte = 'K'
	TypeBindComplete         byte = '2'
	TypeCloseComplete        byte = '3'
	TypeCommandComplete      byte = 'C'
	TypeCopyInResponse       byte = 'G'
	TypeCopyOutResponse      byte = 'H'
	TypeCopyBothResponse     byte = 'W'
	TypeDataRow              byte = 'D'
	TypeEmptyQuery           byte = 'I'
	TypeError                byte = 'E'
	TypeFunctionResponse     byte = 'V'
	TypeNegotiateVersion     byte = 'v'
	TypeNoData               byte = 'n'
	TypeNotice               byte = 'N'
	TypeNotification         byte = 'A'
	TypeParameterDescription byte = 't'
	TypeParameterStatus      byte = 'S'
	TypeParseComplete        byte = '1'
	TypePortalSuspended      byte = 's'
	TypeReadyForQuery        byte = 'Z'
	TypeRowDescription       byte = 'T'
)

// Formats of values and columns.
const (
	FormatText   int16 = 0
	FormatBinary int16 = 1
)

// Type OIDs that keys are decoded from (src/include/catalog/pg_type.dat).
const (
	OIDInt8    uint32 = 20
	OIDInt2    uint32 = 21
	OIDInt4    uint32 = 23
	OIDText    uint32 = 25
	OIDOid     uint32 = 26
	OIDName    uint32 = 19
	OIDUnknown uint32 = 705
	OIDBpchar  uint32 = 1042
	OIDVarchar uint32 = 1043
	OIDNumeric uint32 = 1700
	OIDUUID    uint32 = 2950
)

// Transaction states of ReadyForQuery.
const (
	TxIdle   byte = 'I'
	TxBlock  byte = 'T'
	TxFailed byte = 'E'
)
