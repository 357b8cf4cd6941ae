//go:build !unix

package demo

import "os/exec"

func tie(*exec.Cmd) {}
