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

// Call is one thing the process can be asked: a POST with Request as JSON,
// answered by Answer as JSON, or by a problem. The control socket and the
// console's API serve the same calls.
type Call struct {
	Name    string       // "cuts/order"
	Request reflect.Type // a struct; an empty one asks without saying more
	Answer  reflect.Type // nil: bytes of any size
	serve   func(x *exchange)
}

// Calls are all calls, in no order that matters.
var Calls = []Call{
	call("status", asking(Operator.Status)),
	call("sessions", asking(Operator.Sessions)),
	call("cut", Operator.Cut),
	call("cuts", asking(Operator.Cuts)),
	call("cuts/order", Operator.OrderCut),
	call("cuts/lift", Operator.LiftCut),
	call("except", Operator.Except),
	call("hub/token", Operator.HubToken),
	call("hub/revoke", Operator.RevokeGate),
	call("policy/reload", asking(Operator.ReloadPolicy)),
	call("bypass", Operator.Bypass),
	call("clear", Operator.Clear),
	call("web", Operator.Web),
	call("grants", asking(Operator.Grants)),
	call("grants/request", Operator.RequestGrant),
	call("grants/decide", Operator.DecideGrant),
	call("scan", Operator.Scan),
	call("keys/destroy", func(op Operator, ctx context.Context, r KeyRequest) (struct{}, error) {
		return struct{}{}, op.DestroyKey(ctx, r)
	}),
	call("retention", Operator.ApplyRetention),
	call("case/record", Operator.RecordCase),
	call("case/draft", Operator.Draft),
	call("case/misuse", Operator.Misuse),
	call("case/concentrate", Operator.Concentrate),
	call("case/test-call", Operator.TestCall),
	call("host", Operator.RecordHost),
	call("case", Operator.Case),
	call("person", Operator.RecordPerson),
	stream("scope", Operator.Scope),
	stream("backup", func(op Operator, ctx context.Context, _ struct{}, w io.Writer) error { return op.Backup(ctx, w) }),
}

// asking makes a call of a method that is asked without saying more.
func asking[A any](f func(Operator, context.Context) (A, error)) func(Operator, context.Context, struct{}) (A, error) {
	return func(op Operator, ctx context.Context, _ struct{}) (A, error) { return f(op, ctx) }
}

// exchange is one request and its answer.
type exchange struct {
	w     http.ResponseWriter
	r     *http.Request
	op    Operator
	log   *slog.Logger
	name  string
	allow func(request any) error
	fail  func(err error)
}

// Serve answers a request. allow sees the decoded request (a pointer to its
// type) and refuses with an error; fail answers with an error, also with one of
// allow, when nothing was answered yet.
//
// Where the context names an account of the console (Peer), what the request
// says of its author is overwritten with it.
func (c Call) Serve(w http.ResponseWriter, r *http.Request, op Operator, log *slog.Logger, allow func(request any) error, fail func(err error)) {
	c.serve(&exchange{w, r, op, log, c.Name, allow, fail})
}

func call[Q, A any](name string, f func(Operator, context.Context, Q) (A, error)) Call {
	return Call{name, reflect.TypeFor[Q](), reflect.TypeFor[A](), func(x *exchange) {
		var q Q
		if !x.decode(&q) {
			return
		}
		a, err := f(x.op, x.r.Context(), q)
		if err != nil {
			x.log.Warn("control request failed", "call", name, "err", err)
			x.fail(err)
			return
		}
		Reply(x.w, http.StatusOK, a)
	}}
}

// stream makes a call whose answer may have any size.
func stream[Q any](name string, f func(Operator, context.Context, Q, io.Writer) error) Call {
	return Call{name, reflect.TypeFor[Q](), nil, func(x *exchange) {
		var q Q
		if !x.decode(&q) {
			return
		}
		out := &lateWriter{w: x.w, control: http.NewResponseController(x.w)}
		err := f(x.op, x.r.Context(), q, out)
		if err == nil {
			return
		}
		x.log.Warn("control request failed", "call", name, "err", err)
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
