package sqlscan

// Kind says what a statement does, as far as its words tell.
type Kind uint8

const (
	Unknown Kind = iota
	Select       // SELECT, also with INTO (see Statement.Into)
	Values
	Table // TABLE name
	Insert
	Update
	Delete
	Merge
	Copy
	DeclareCursor
	Fetch
	Move
	CloseCursor
	Prepare
	Execute
	Deallocate
	Set
	Reset
	Show
	Begin
	Commit
	Rollback
	Savepoint
	Release
	RollbackTo
	PrepareTransaction
	CommitPrepared
	RollbackPrepared
	CreateTableAs // CREATE TABLE … AS and SELECT … INTO share Statement.Target
	CreateTable
	CreateView
	CreateMaterializedView
	RefreshMaterializedView
	CreateRoutine // CREATE FUNCTION, PROCEDURE
	DDL           // every other CREATE, ALTER, DROP, COMMENT, REASSIGN
	AlterSystem
	Truncate
	Call
	Do
	Explain
	Listen
	Unlisten
	Notify
	Lock
	Vacuum
	Analyze
	Cluster
	Reindex
	Discard
	Grant
	Revoke
	Checkpoint
	Load
	SecurityLabel
	ImportForeignSchema
	SetConstraints
	kinds
)

var kindNames = [...]string{
	Unknown: "unknown", Select: "select", Values: "values", Table: "table", Insert: "insert", Update: "update",
	Delete: "delete", Merge: "merge", Copy: "copy", DeclareCursor: "declare cursor", Fetch: "fetch", Move: "move",
	CloseCursor: "close", Prepare: "prepare", Execute: "execute", Deallocate: "deallocate", Set: "set", Reset: "reset",
	Show: "show", Begin: "begin", Commit: "commit", Rollback: "rollback", Savepoint: "savepoint", Release: "release",
	RollbackTo: "rollback to", PrepareTransaction: "prepare transaction", CommitPrepared: "commit prepared",
	RollbackPrepared: "rollback prepared", CreateTableAs: "create table as", CreateTable: "create table",
	CreateView: "create view", CreateMaterializedView: "create materialized view",
	RefreshMaterializedView: "refresh materialized view", CreateRoutine: "create routine", DDL: "ddl",
	AlterSystem: "alter system", Truncate: "truncate", Call: "call", Do: "do", Explain: "explain", Listen: "listen",
	Unlisten: "unlisten", Notify: "notify", Lock: "lock", Vacuum: "vacuum", Analyze: "analyze", Cluster: "cluster",
	Reindex: "reindex", Discard: "discard", Grant: "grant", Revoke: "revoke", Checkpoint: "checkpoint", Load: "load",
	SecurityLabel: "security label", ImportForeignSchema: "import foreign schema", SetConstraints: "set constraints",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Query says that a statement of the kind is one that PREPARE takes, so that
// the server can be asked what it reads.
func (k Kind) Query() bool { return k >= Select && k <= Merge }
