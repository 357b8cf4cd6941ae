// Package hub makes cuts and reaches every gate with them: those of its own
// process and remote ones, which hold a stream open to it.
//
// An order is one whole generation of cuts, signed, with a number that only
// rises. It is recorded and kept before anybody hears of it, so that a gate and
// the hub are on the old or on the new generation whenever either dies, and
// never between. A gate answers with a signed receipt; one that does not is
// red. The hub also lets remote gates join, with a token that is good once.
//
// It is no gate: what it means to be cut is package policy/cut, how a gate ends
// its flows package gate/cutting. It holds no policy and decides nothing about
// traffic.
package hub
