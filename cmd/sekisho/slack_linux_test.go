package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestRelaxTimers: the program that begins again has the slack in every thread,
// and does not begin a third time.
func TestRelaxTimers(t *testing.T) {
	if os.Getenv("RELAX") != "" {
		if err := relaxTimers(); err != nil {
			fmt.Println("error", err)
		}
		fmt.Println("began", os.Getpid(), slack(), strings.Join(os.Args, " "))
		return
	}
	if slack() == 0 {
		t.Skip("this system has no timer slack")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRelaxTimers$", "-test.v")
	cmd.Env = append(os.Environ(), "RELAX=1", slackMark+"=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := fmt.Sprint("began ", cmd.Process.Pid, " ", strconv.Itoa(timerSlack), " ", strings.Join(cmd.Args, " "))
	if n := strings.Count(string(out), "=== RUN"); n != 2 || !strings.Contains(string(out), want) {
		t.Errorf("began %d times, want 2; want %q in\n%s", n, want, out)
	}
}
