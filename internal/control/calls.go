package control

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"reflect"

	"sekisho/internal/fault"
)

// Call is one thing that can be asked of a T: a POST with Request as JSON,
// answered by Answer as JSON, or by a problem.
type Call[T any] struct {
	Name    string       // "cuts/order"
	Request reflect.Type // an empty struct asks without saying more
	Answer  reflect.Type // nil: bytes of any size
	serve   func(x *exchange, of T)
}

// Calls are what the process can be asked, in no order that matters. The control
// socket and the console's API serve the same.
var Calls = []Call[Operator]{
	NewCall("status", Asking(Operator.Status)),
	NewCall("sessions", Asking(Operator.Sessions)),
	NewCall("cut", Operator.Cut),
	NewCall("cuts", Asking(Operator.Cuts)),
	NewCall("cuts/order", Operator.OrderCut),
	NewCall("cuts/lift", Operator.LiftCut),
	NewCall("except", Operator.Except),
	NewCall("hub/token", Operator.HubToken),
	NewCall("hub/revoke", Operator.RevokeGate),
	NewCall("policy/reload", Asking(Operator.ReloadPolicy)),
	NewCall("upgrade", Operator.Upgrade),
	NewCall("bypass", Operator.Bypass),
	NewCall("clear", Operator.Clear),
	NewCall("web", Operator.Web),
	NewCall("rules", Operator.Rules),
	NewCall("grants", Asking(Operator.Grants)),
	NewCall("grants/request", Operator.RequestGrant),
	NewCall("grants/decide", Operator.DecideGrant),
	NewCall("scan", Operator.Scan),
	NewCall("database", Operator.Database),
	NewCall("keys/destroy", func(op Operator, ctx context.Context, r KeyRequest) (struct{}, error) {
		return struct{}{}, op.DestroyKey(ctx, r)
	}),
	NewCall("retention", Operator.ApplyRetention),
	NewCall("case/record", Operator.RecordCase),
	NewCall("case/draft", Operator.Draft),
	NewCall("case/misuse", Operator.Misuse),
	NewCall("case/concentrate", Operator.Concentrate),
	NewCall("case/test-call", Operator.TestCall),
	NewCall("host", Operator.RecordHost),
	NewCall("case", Operator.Case),
	NewCall("person", Operator.RecordPerson),
	NewCall("act", func(op Operator, ctx context.Context, r ActRequest) (struct{}, error) {
		return struct{}{}, op.Act(ctx, r)
	}),
	NewStream("scope", Operator.Scope),
	NewStream("backup", func(op Operator, ctx context.Context, _ struct{}, w io.Writer) error { return op.Backup(ctx, w) }),
}

// exchange is one request and its answer.
type exchange struct {
	w     http.ResponseWriter
	r     *http.Request
	log   *slog.Logger
	allow func(request any) error
	fail  func(err error)
}

// Serve answers a request. allow sees the decoded request (a pointer to its
// type) and refuses with an error; fail answers with an error, also with one of
// allow, when nothing was answered yet.
//
// Where the context names an account of the console (Peer), what the request
// says of its author is overwritten with it.
func (c Call[T]) Serve(w http.ResponseWriter, r *http.Request, of T, log *slog.Logger, allow func(request any) error, fail func(err error)) {
	c.serve(&exchange{w, r, log.With("call", c.Name), allow, fail}, of)
}

// NewCall makes a call of a method.
func NewCall[T, Q, A any](name string, f func(T, context.Context, Q) (A, error)) Call[T] {
	return Call[T]{name, reflect.TypeFor[Q](), reflect.TypeFor[A](), func(x *exchange, of T) {
		var q Q
		if !x.decode(&q) {
			return
		}
		a, err := f(of, x.r.Context(), q)
		if err != nil {
			x.log.Warn("control request failed", "err", err)
			x.fail(err)
			return
		}
		if !x.reply(a) {
			x.fail(fault.New(fault.AnswerLarge, "call", name, "most", MaxAnswer>>20))
		}
	}}
}

// Asking makes of a method that is asked without saying more what NewCall
// takes.
func Asking[T, A any](f func(T, context.Context) (A, error)) func(T, context.Context, struct{}) (A, error) {
	return func(of T, ctx context.Context, _ struct{}) (A, error) { return f(of, ctx) }
}

// NewStream makes a call of a method whose answer may have any size. It writes
// nothing when it fails at once.
func NewStream[T, Q any](name string, f func(T, context.Context, Q, io.Writer) error) Call[T] {
	return Call[T]{name, reflect.TypeFor[Q](), nil, func(x *exchange, of T) {
		var q Q
		if !x.decode(&q) {
			return
		}
		out := &lateWriter{w: x.w, control: http.NewResponseController(x.w)}
		err := f(of, x.r.Context(), q, out)
		if err == nil {
			return
		}
		x.log.Warn("control request failed", "err", err)
		if out.begun { // too late to say why: end the connection without the end of the body
			panic(http.ErrAbortHandler)
		}
		x.fail(err)
	}}
}

// ErrRequest is given to fail for a request that is not understood.
var ErrRequest = fault.New(fault.ControlRefused, "problem", "the request is not understood", "hint", "use the same version for both")

// decode reads a request strictly and answers what is not understood or not
// allowed.
func (x *exchange) decode(q any) bool {
	dec := json.NewDecoder(x.r.Body)
	dec.DisallowUnknownFields()
	if dec.Decode(q) != nil || dec.Decode(new(json.RawMessage)) != io.EOF {
		x.fail(ErrRequest)
		return false
	}
	if p := PeerOf(x.r.Context()); p.Console != "" {
		sign(q, p.Console)
	}
	if err := x.allow(q); err != nil {
		x.fail(err)
		return false
	}
	return true
}

// sign makes an account the author of a request.
func sign(q any, by string) {
	v := reflect.ValueOf(q).Elem()
	if v.Kind() != reflect.Struct {
		return
	}
	if f := v.FieldByName("By"); f.IsValid() && f.Kind() == reflect.String {
		f.SetString(by)
	}
}
