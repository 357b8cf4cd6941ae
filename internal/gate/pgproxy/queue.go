package pgproxy

// expectKind is the frontend message whose answer is awaited.
type expectKind uint8

const (
	expectQuery expectKind = iota + 1
	expectParse
	expectBind
	expectDescribeStatement
	expectDescribePortal
	expectExecute
	expectClose
	expectSync
	expectFunction
	expectProbe // a Query of the gate's own; its answers are swallowed
)

func (k expectKind) String() string {
	return [...]string{"nothing", "Query", "Parse", "Bind", "Describe", "Describe", "Execute", "Close", "Sync", "FunctionCall", "Query of the gate"}[k]
}

// expect is one awaited answer.
type expect struct {
	kind    expectKind
	swallow bool     // the answer is not for the client
	refuse  *refusal // what the client is told instead of the server's error
	exec    *execution
	portal  *portal
	stmt    *prepared
	query   *query
	copy    *copyCommand
	failed  bool  // an ErrorResponse came; ReadyForQuery follows
	at      int64 // when it was sent, UTC ns, of Query and Sync
	undo    undo
}

// undo takes back what a message defined when the server did not do it.
type undo struct {
	kind   undoKind
	name   string
	stmt   *prepared
	portal *portal
	all    *names
}

// names are what a session had defined.
type names struct {
	prepared       map[string]*prepared
	portals        map[string]*portal
	unnamed        *prepared
	blank          *portal
	setting, whole bool // whole: setting, unnamed and blank were taken as well
}

type undoKind uint8

const (
	undoNothing undoKind = iota
	undoPrepared
	undoPortal
	undoAll
)

// queue is a ring of awaited answers in the order of their messages.
type queue struct {
	items []expect // length is a power of two
	first int
	n     int
}

func (q *queue) empty() bool { return q.n == 0 }

func (q *queue) front() *expect {
	if q.n == 0 {
		return nil
	}
	return &q.items[q.first]
}

func (q *queue) at(i int) *expect { return &q.items[(q.first+i)&(len(q.items)-1)] }

func (q *queue) push(x expect) *expect {
	if q.n == len(q.items) {
		grown := make([]expect, max(8, 2*len(q.items)))
		for i := range q.n {
			grown[i] = *q.at(i)
		}
		q.items, q.first = grown, 0
	}
	at := q.at(q.n)
	*at = x
	q.n++
	return at
}

func (q *queue) pop() {
	q.items[q.first] = expect{}
	q.first = (q.first + 1) & (len(q.items) - 1)
	q.n--
}

// maxQueue bounds the answers a client may leave unread: more stop its input.
const maxQueue = 1 << 16
