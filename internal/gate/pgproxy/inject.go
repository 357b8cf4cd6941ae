package pgproxy

import (
	"sekisho/internal/wire/pgwire"
)

// rewriteQuery adds key columns to the statements of a simple Query whose rows
// they make exact. nil means that the text stays as it is.
func (e *engine) rewriteQuery(text []byte, commands []command, q *query) []byte { return nil }

// rewriteParse adds key columns to a statement that is being prepared. out nil
// means that it stays as it is; ok is false when the message must wait.
func (e *engine) rewriteParse(s *prepared, p *pgwire.Parse) (out []byte, ok bool) { return nil, true }

// injected says what was added to the statement of an answer.
func (e *engine) injected(head *expect) *prepared { return nil }

// shifted passes an error on whose position counts the added text.
func (e *engine) shifted(s *prepared, m *pgwire.Message) { e.toClient.pass(m.Raw) }

// dropInjection stops adding columns to a statement that then failed.
func (g *shared) dropInjection(p *plan) {}
