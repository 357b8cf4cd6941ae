package main

import (
	"os"
	"strings"
	"testing"

	"sekisho/internal/policy/exit"
)

// TestGuideOfEgress: the policy that the guide shows is one, and its tests hold.
func TestGuideOfEgress(t *testing.T) {
	text, err := os.ReadFile("../../docs/guide/egress.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "# egress.yaml\n")
	shown, _, ended := strings.Cut(after, "```")
	if !found || !ended {
		t.Fatal("the guide shows no policy")
	}
	src, err := exit.Parse([]byte(shown))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exit.Compile(src); err != nil || len(src.Tests) < 3 {
		t.Errorf("%d tests, %v", len(src.Tests), err)
	}
}
