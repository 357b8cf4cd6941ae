// Package prove holds the proofs that Sekisho rests on: soundness against
// randomly generated schemas, data and SQL, crash and power-cut safety, tamper
// evidence, and that each of them fails when its mechanism is switched off.
//
// It contains tests only and is run by "make prove". PROVE_SEED and
// PROVE_SEEDS choose the first seed and how many follow it, PROVE_EPISODES how
// many episodes a class has, PROVE_CLASSES which classes, separated by
// semicolons ("attack*"), PROVE_TRACE prints every episode.
package prove
