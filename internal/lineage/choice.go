package lineage

import "sekisho/internal/lineage/nodetree"

// choices are the expressions of which a part is evaluated or not, as another
// part says (PostgreSQL documentation, 4.2.14 "Expression Evaluation Rules").
// Labels as in plainExpressions.
var choices = wordSet(`CASE CASEEXPR COALESCE COALESCEEXPR BOOLEXPR`)

// choice is the flow of an expression that evaluates some of its parts. Where
// protected columns choose, and a part has an effect that others find, such as
// a lock, a sequence or a setting, the effect tells of those columns, though
// they are neither its arguments nor a condition of the query.
func (a *analyser) choice(lv *level, n *nodetree.Node, ctx standing, inside *side) flow {
	before := a.effected
	f := a.parts(lv, n, ctx, inside)
	if a.effected > before && a.protectedFlow(f) {
		a.effects, a.letterbox, a.setting = true, true, true
		a.fail("function")
	}
	return f
}
