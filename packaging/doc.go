// Package packaging holds what a release is made of beside the program: the
// unit, the scripts and the lists of files of the packages.
//
// It is no code of the product: its test installs what `make dist` made.
package packaging
