package pgserver_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sekisho/internal/pgserver"
)

// When TestMain finds this set, the test binary is a program that starts a
// server, says where, and waits to be killed.
const orphanMaker = "SEKISHO_TEST_ORPHAN"

func TestMain(m *testing.M) {
	if os.Getenv(orphanMaker) == "" {
		os.Exit(m.Run())
	}
	s, err := pgserver.Start(context.Background(), pgserver.Config{Dir: os.Getenv(orphanMaker)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Addr())
	select {}
}

// The server ends with its program, even when that is killed.
func TestServerEndsWithKilledProgram(t *testing.T) {
	if _, err := pgserver.Find(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), orphanMaker+"="+shortDir(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	addr = strings.TrimSpace(addr)
	if err != nil || !strings.HasPrefix(addr, "127.") {
		t.Fatalf("the program said %q, %v", addr, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed: the exit status says so
	deadline := time.After(20 * time.Second)
	for {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		conn.Close()
		select {
		case <-deadline:
			t.Fatalf("the server at %s outlived its program", addr)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
