package sqlscan

// keyword is a word that the scanner tells from other words; 0 is any other.
type keyword uint16

const (
	kwNone keyword = iota
	kwConstraints
	kwShare
	kwAbort
	kwAbsolute
	kwAccess
	kwAll
	kwAlter
	kwAnalyse
	kwAnalyze
	kwAnd
	kwAny
	kwArray
	kwAs
	kwAsc
	kwAsymmetric
	kwAt
	kwAtomic
	kwAuthorization
	kwBackward
	kwBegin
	kwBetween
	kwBigint
	kwBinary
	kwBit
	kwBoolean
	kwBoth
	kwBy
	kwCall
	kwCascaded
	kwCase
	kwCast
	kwChar
	kwCharacter
	kwCharacteristics
	kwCheck
	kwCheckpoint
	kwClose
	kwCluster
	kwCollate
	kwCollation
	kwColumn
	kwComment
	kwCommit
	kwConcurrently
	kwConstraint
	kwContent
	kwCopy
	kwCreate
	kwCross
	kwCsv
	kwCube
	kwCurrentCatalog
	kwCurrentDate
	kwCurrentRole
	kwCurrentSchema
	kwCurrentTime
	kwCurrentTimestamp
	kwCurrentUser
	kwCursor
	kwCycle
	kwData
	kwDeallocate
	kwDec
	kwDecimal
	kwDeclare
	kwDefault
	kwDeferrable
	kwDefiner
	kwDelete
	kwDelimiter
	kwDelimiters
	kwDesc
	kwDescribe
	kwDiscard
	kwDistinct
	kwDo
	kwDocument
	kwDomain
	kwDouble
	kwDrop
	kwEach
	kwElse
	kwEncoding
	kwEnd
	kwEscape
	kwExcept
	kwExclude
	kwExecute
	kwExists
	kwExplain
	kwExtension
	kwExtract
	kwFalse
	kwFetch
	kwFirst
	kwFloat
	kwFor
	kwForce
	kwForeign
	kwFormat
	kwForward
	kwFreeze
	kwFrom
	kwFull
	kwFunction
	kwGlobal
	kwGrant
	kwGroup
	kwGrouping
	kwGroups
	kwHaving
	kwHeader
	kwHold
	kwIf
	kwIlike
	kwImmediate
	kwImport
	kwIn
	kwIndex
	kwInitially
	kwInner
	kwInsensitive
	kwInsert
	kwInt
	kwInteger
	kwIntersect
	kwInterval
	kwInto
	kwIs
	kwIsnull
	kwIsolation
	kwJoin
	kwKey
	kwLabel
	kwLanguage
	kwLast
	kwLateral
	kwLeading
	kwLeft
	kwLike
	kwLimit
	kwListen
	kwLoad
	kwLocal
	kwLocaltime
	kwLocaltimestamp
	kwLock
	kwMapping
	kwMatch
	kwMaterialized
	kwMerge
	kwMove
	kwNames
	kwNational
	kwNatural
	kwNchar
	kwNext
	kwNo
	kwNot
	kwNothing
	kwNotify
	kwNotnull
	kwNull
	kwNulls
	kwNumeric
	kwOffset
	kwOn
	kwOnly
	kwOption
	kwOptions
	kwOr
	kwOrder
	kwOrdinality
	kwOut
	kwOuter
	kwOver
	kwOverlaps
	kwOverlay
	kwOverriding
	kwPartition
	kwPassing
	kwPath
	kwPlacing
	kwPosition
	kwPrecision
	kwPrepare
	kwPrepared
	kwPrimary
	kwPrior
	kwProcedural
	kwProcedure
	kwProgram
	kwQuote
	kwRange
	kwReal
	kwReassign
	kwRecursive
	kwRef
	kwReferences
	kwRefresh
	kwReindex
	kwRelative
	kwRelease
	kwReplace
	kwReset
	kwReturning
	kwReturns
	kwRevoke
	kwRight
	kwRole
	kwRollback
	kwRollup
	kwRow
	kwRows
	kwRule
	kwSavepoint
	kwSchema
	kwScroll
	kwSearch
	kwSecurity
	kwSelect
	kwSequence
	kwSession
	kwSessionUser
	kwSet
	kwSetof
	kwSets
	kwShow
	kwSimilar
	kwSmallint
	kwSome
	kwStart
	kwStatement
	kwStdin
	kwStdout
	kwSubstring
	kwSymmetric
	kwSystem
	kwTable
	kwTables
	kwTablesample
	kwTemp
	kwTemporary
	kwThen
	kwTime
	kwTimestamp
	kwTo
	kwTrailing
	kwTransaction
	kwTreat
	kwTrigger
	kwTrim
	kwTrue
	kwTruncate
	kwType
	kwUescape
	kwUnbounded
	kwUnion
	kwUnique
	kwUnlisten
	kwUnlogged
	kwUpdate
	kwUser
	kwUsing
	kwVacuum
	kwValue
	kwValues
	kwVarchar
	kwVariadic
	kwVarying
	kwVerbose
	kwVersion
	kwView
	kwWhen
	kwWhere
	kwWindow
	kwWith
	kwWithin
	kwWithout
	kwWork
	kwXmlserialize
	kwZone
)

// keywords lists every keyword constant with its text and what the scanner
// needs to know of it. Reserved and type_func_name words are those of
// pg_get_keywords() in PostgreSQL 15.
var keywords = [...]struct {
	text string
	use  uint8
}{
	kwConstraints:      {"constraints", 0},
	kwShare:            {"share", 0},
	kwAbort:            {"abort", 0},
	kwAbsolute:         {"absolute", 0},
	kwAccess:           {"access", 0},
	kwAll:              {"all", useReserved | useOperand},
	kwAlter:            {"alter", 0},
	kwAnalyse:          {"analyse", useReserved | useOperand},
	kwAnalyze:          {"analyze", useReserved | useOperand},
	kwAnd:              {"and", useReserved | useOperand},
	kwAny:              {"any", useReserved | useOperand},
	kwArray:            {"array", useReserved | useOperand},
	kwAs:               {"as", useReserved | useOperand},
	kwAsc:              {"asc", useReserved | useOperand},
	kwAsymmetric:       {"asymmetric", useReserved | useOperand},
	kwAt:               {"at", 0},
	kwAtomic:           {"atomic", 0},
	kwAuthorization:    {"authorization", useOperand},
	kwBackward:         {"backward", 0},
	kwBegin:            {"begin", 0},
	kwBetween:          {"between", useOperand},
	kwBigint:           {"bigint", 0},
	kwBinary:           {"binary", useOperand},
	kwBit:              {"bit", useModified},
	kwBoolean:          {"boolean", 0},
	kwBoth:             {"both", useReserved | useOperand},
	kwBy:               {"by", useOperand},
	kwCall:             {"call", 0},
	kwCascaded:         {"cascaded", 0},
	kwCase:             {"case", useReserved | useOperand},
	kwCast:             {"cast", useReserved | useOperand},
	kwChar:             {"char", useModified},
	kwCharacter:        {"character", useModified},
	kwCharacteristics:  {"characteristics", 0},
	kwCheck:            {"check", useReserved | useOperand},
	kwCheckpoint:       {"checkpoint", 0},
	kwClose:            {"close", 0},
	kwCluster:          {"cluster", 0},
	kwCollate:          {"collate", useReserved | useOperand},
	kwCollation:        {"collation", useOperand},
	kwColumn:           {"column", useReserved | useOperand},
	kwComment:          {"comment", 0},
	kwCommit:           {"commit", 0},
	kwConcurrently:     {"concurrently", useOperand},
	kwConstraint:       {"constraint", useReserved | useOperand},
	kwContent:          {"content", useOperand},
	kwCopy:             {"copy", 0},
	kwCreate:           {"create", useReserved | useOperand},
	kwCross:            {"cross", useOperand},
	kwCsv:              {"csv", 0},
	kwCube:             {"cube", 0},
	kwCurrentCatalog:   {"current_catalog", useReserved | useOperand},
	kwCurrentDate:      {"current_date", useReserved | useOperand},
	kwCurrentRole:      {"current_role", useReserved | useOperand},
	kwCurrentSchema:    {"current_schema", useOperand},
	kwCurrentTime:      {"current_time", useReserved | useOperand | useModified},
	kwCurrentTimestamp: {"current_timestamp", useReserved | useOperand | useModified},
	kwCurrentUser:      {"current_user", useReserved | useOperand},
	kwCursor:           {"cursor", 0},
	kwCycle:            {"cycle", 0},
	kwData:             {"data", 0},
	kwDeallocate:       {"deallocate", 0},
	kwDec:              {"dec", useModified},
	kwDecimal:          {"decimal", useModified},
	kwDeclare:          {"declare", 0},
	kwDefault:          {"default", useReserved | useOperand},
	kwDeferrable:       {"deferrable", useReserved | useOperand},
	kwDefiner:          {"definer", 0},
	kwDelete:           {"delete", 0},
	kwDelimiter:        {"delimiter", 0},
	kwDelimiters:       {"delimiters", 0},
	kwDesc:             {"desc", useReserved | useOperand},
	kwDescribe:         {"describe", 0},
	kwDiscard:          {"discard", 0},
	kwDistinct:         {"distinct", useReserved | useOperand},
	kwDo:               {"do", useReserved | useOperand},
	kwDocument:         {"document", useOperand},
	kwDomain:           {"domain", 0},
	kwDouble:           {"double", 0},
	kwDrop:             {"drop", 0},
	kwEach:             {"each", 0},
	kwElse:             {"else", useReserved | useOperand},
	kwEncoding:         {"encoding", 0},
	kwEnd:              {"end", useReserved | useOperand},
	kwEscape:           {"escape", useOperand},
	kwExcept:           {"except", useReserved | useOperand},
	kwExclude:          {"exclude", 0},
	kwExecute:          {"execute", 0},
	kwExists:           {"exists", 0},
	kwExplain:          {"explain", 0},
	kwExtension:        {"extension", 0},
	kwExtract:          {"extract", 0},
	kwFalse:            {"false", useReserved | useOperand},
	kwFetch:            {"fetch", useReserved | useOperand},
	kwFirst:            {"first", 0},
	kwFloat:            {"float", useModified},
	kwFor:              {"for", useReserved | useOperand},
	kwForce:            {"force", 0},
	kwForeign:          {"foreign", useReserved | useOperand},
	kwFormat:           {"format", 0},
	kwForward:          {"forward", 0},
	kwFreeze:           {"freeze", useOperand},
	kwFrom:             {"from", useReserved | useOperand},
	kwFull:             {"full", useOperand},
	kwFunction:         {"function", 0},
	kwGlobal:           {"global", 0},
	kwGrant:            {"grant", useReserved | useOperand},
	kwGroup:            {"group", useReserved | useOperand},
	kwGrouping:         {"grouping", 0},
	kwGroups:           {"groups", useOperand},
	kwHaving:           {"having", useReserved | useOperand},
	kwHeader:           {"header", 0},
	kwHold:             {"hold", 0},
	kwIf:               {"if", 0},
	kwIlike:            {"ilike", useOperand},
	kwImmediate:        {"immediate", 0},
	kwImport:           {"import", 0},
	kwIn:               {"in", useReserved | useOperand},
	kwIndex:            {"index", 0},
	kwInitially:        {"initially", useReserved | useOperand},
	kwInner:            {"inner", useOperand},
	kwInsensitive:      {"insensitive", 0},
	kwInsert:           {"insert", 0},
	kwInt:              {"int", 0},
	kwInteger:          {"integer", 0},
	kwIntersect:        {"intersect", useReserved | useOperand},
	kwInterval:         {"interval", useModified},
	kwInto:             {"into", useReserved | useOperand},
	kwIs:               {"is", useOperand},
	kwIsnull:           {"isnull", useOperand},
	kwIsolation:        {"isolation", 0},
	kwJoin:             {"join", useOperand},
	kwKey:              {"key", useOperand},
	kwLabel:            {"label", 0},
	kwLanguage:         {"language", 0},
	kwLast:             {"last", 0},
	kwLateral:          {"lateral", useReserved | useOperand},
	kwLeading:          {"leading", useReserved | useOperand},
	kwLeft:             {"left", useOperand},
	kwLike:             {"like", useOperand},
	kwLimit:            {"limit", useReserved | useOperand},
	kwListen:           {"listen", 0},
	kwLoad:             {"load", 0},
	kwLocal:            {"local", 0},
	kwLocaltime:        {"localtime", useReserved | useOperand | useModified},
	kwLocaltimestamp:   {"localtimestamp", useReserved | useOperand | useModified},
	kwLock:             {"lock", 0},
	kwMapping:          {"mapping", 0},
	kwMatch:            {"match", 0},
	kwMaterialized:     {"materialized", 0},
	kwMerge:            {"merge", 0},
	kwMove:             {"move", 0},
	kwNames:            {"names", 0},
	kwNational:         {"national", 0},
	kwNatural:          {"natural", useOperand},
	kwNchar:            {"nchar", useModified},
	kwNext:             {"next", 0},
	kwNo:               {"no", 0},
	kwNot:              {"not", useReserved | useOperand},
	kwNothing:          {"nothing", 0},
	kwNotify:           {"notify", 0},
	kwNotnull:          {"notnull", useOperand},
	kwNull:             {"null", useReserved | useOperand},
	kwNulls:            {"nulls", 0},
	kwNumeric:          {"numeric", useModified},
	kwOffset:           {"offset", useReserved | useOperand},
	kwOn:               {"on", useReserved | useOperand},
	kwOnly:             {"only", useReserved | useOperand},
	kwOption:           {"option", 0},
	kwOptions:          {"options", 0},
	kwOr:               {"or", useReserved | useOperand},
	kwOrder:            {"order", useReserved | useOperand},
	kwOrdinality:       {"ordinality", 0},
	kwOut:              {"out", 0},
	kwOuter:            {"outer", useOperand},
	kwOver:             {"over", 0},
	kwOverlaps:         {"overlaps", useOperand},
	kwOverlay:          {"overlay", 0},
	kwOverriding:       {"overriding", 0},
	kwPartition:        {"partition", 0},
	kwPassing:          {"passing", useOperand},
	kwPath:             {"path", useOperand},
	kwPlacing:          {"placing", useReserved | useOperand},
	kwPosition:         {"position", 0},
	kwPrecision:        {"precision", 0},
	kwPrepare:          {"prepare", 0},
	kwPrepared:         {"prepared", 0},
	kwPrimary:          {"primary", useReserved | useOperand},
	kwPrior:            {"prior", 0},
	kwProcedural:       {"procedural", 0},
	kwProcedure:        {"procedure", 0},
	kwProgram:          {"program", 0},
	kwQuote:            {"quote", 0},
	kwRange:            {"range", useOperand},
	kwReal:             {"real", 0},
	kwReassign:         {"reassign", 0},
	kwRecursive:        {"recursive", 0},
	kwRef:              {"ref", useOperand},
	kwReferences:       {"references", useReserved | useOperand},
	kwRefresh:          {"refresh", 0},
	kwReindex:          {"reindex", 0},
	kwRelative:         {"relative", 0},
	kwRelease:          {"release", 0},
	kwReplace:          {"replace", 0},
	kwReset:            {"reset", 0},
	kwReturning:        {"returning", useReserved | useOperand},
	kwReturns:          {"returns", 0},
	kwRevoke:           {"revoke", 0},
	kwRight:            {"right", useOperand},
	kwRole:             {"role", 0},
	kwRollback:         {"rollback", 0},
	kwRollup:           {"rollup", 0},
	kwRow:              {"row", 0},
	kwRows:             {"rows", useOperand},
	kwRule:             {"rule", 0},
	kwSavepoint:        {"savepoint", 0},
	kwSchema:           {"schema", 0},
	kwScroll:           {"scroll", 0},
	kwSearch:           {"search", 0},
	kwSecurity:         {"security", 0},
	kwSelect:           {"select", useReserved | useOperand},
	kwSequence:         {"sequence", 0},
	kwSession:          {"session", 0},
	kwSessionUser:      {"session_user", useReserved | useOperand},
	kwSet:              {"set", 0},
	kwSetof:            {"setof", 0},
	kwSets:             {"sets", 0},
	kwShow:             {"show", 0},
	kwSimilar:          {"similar", useOperand},
	kwSmallint:         {"smallint", 0},
	kwSome:             {"some", useReserved | useOperand},
	kwStart:            {"start", 0},
	kwStatement:        {"statement", 0},
	kwStdin:            {"stdin", 0},
	kwStdout:           {"stdout", 0},
	kwSubstring:        {"substring", 0},
	kwSymmetric:        {"symmetric", useReserved | useOperand},
	kwSystem:           {"system", 0},
	kwTable:            {"table", useReserved | useOperand},
	kwTables:           {"tables", 0},
	kwTablesample:      {"tablesample", useOperand},
	kwTemp:             {"temp", 0},
	kwTemporary:        {"temporary", 0},
	kwThen:             {"then", useReserved | useOperand},
	kwTime:             {"time", useModified},
	kwTimestamp:        {"timestamp", useModified},
	kwTo:               {"to", useReserved | useOperand},
	kwTrailing:         {"trailing", useReserved | useOperand},
	kwTransaction:      {"transaction", 0},
	kwTreat:            {"treat", 0},
	kwTrigger:          {"trigger", 0},
	kwTrim:             {"trim", 0},
	kwTrue:             {"true", useReserved | useOperand},
	kwTruncate:         {"truncate", 0},
	kwType:             {"type", 0},
	kwUescape:          {"uescape", 0},
	kwUnbounded:        {"unbounded", 0},
	kwUnion:            {"union", useReserved | useOperand},
	kwUnique:           {"unique", useReserved | useOperand},
	kwUnlisten:         {"unlisten", 0},
	kwUnlogged:         {"unlogged", 0},
	kwUpdate:           {"update", 0},
	kwUser:             {"user", useReserved | useOperand},
	kwUsing:            {"using", useReserved | useOperand},
	kwVacuum:           {"vacuum", 0},
	kwValue:            {"value", useOperand},
	kwValues:           {"values", 0},
	kwVarchar:          {"varchar", useModified},
	kwVariadic:         {"variadic", useReserved | useOperand},
	kwVarying:          {"varying", useModified},
	kwVerbose:          {"verbose", useOperand},
	kwVersion:          {"version", useOperand},
	kwView:             {"view", 0},
	kwWhen:             {"when", useReserved | useOperand},
	kwWhere:            {"where", useReserved | useOperand},
	kwWindow:           {"window", useReserved | useOperand},
	kwWith:             {"with", useReserved | useOperand},
	kwWithin:           {"within", 0},
	kwWithout:          {"without", 0},
	kwWork:             {"work", 0},
	kwXmlserialize:     {"xmlserialize", 0},
	kwZone:             {"zone", useOperand},
}
