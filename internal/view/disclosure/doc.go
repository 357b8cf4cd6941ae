// Package disclosure is the view that answers scopes: it folds crossings,
// holdings and signs of life into stored sets of subjects, by time, client,
// table, elements and class, and sums them up for a question.
//
// It defines nothing: package proof/scope says what a scope is, in plain code
// over event lines, and this package is tested against it. It names nobody: it
// knows subject numbers, and a caller with the dictionary turns them into keys.
package disclosure
