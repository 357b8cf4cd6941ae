// Package subject numbers the subjects of a source densely, keeps the keyed
// identifier index, and turns keys and identifiers into subject numbers.
//
// It does not decide what is exact: that is the gate's attribution ladder.
package subject
