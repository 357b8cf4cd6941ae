package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/seed"
)

// helperDir, in the environment, makes the test binary a writer that is going
// to be killed.
const helperDir = "SEKISHO_TEST_LEDGER_HELPER"

// helper writes events as fast as it can and prints the identity of each one
// once it is acknowledged: "GIVEN id", "ACK id". It ends by being killed.
func helper(dir string) int {
	ctx := context.Background()
	l, err := ledger.Open(ctx, ledger.Config{
		Dir: dir, Tenant: "test", SegmentBytes: 40_000, HeadInterval: 30 * time.Millisecond,
	})
	if err != nil {
		fmt.Println("ERROR", err)
		return 1
	}
	first, err := strconv.Atoi(os.Getenv(helperDir + "_FIRST"))
	if err != nil {
		fmt.Println("ERROR", err)
		return 1
	}
	var mu sync.Mutex
	say := func(word string, id int) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(word, id)
	}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			rec := l.Recorder("gate/test", uint16(w))
			for id := first + w; ; id += 4 {
				level := event.Written
				if w%2 == 0 {
					level = event.Durable
				}
				say("GIVEN", id)
				if _, err := rec.Record(ctx, level, &event.Heartbeat{Sessions: id}); err != nil {
					say("ERROR "+err.Error(), id)
					return
				}
				say("ACK", id)
			}
		})
	}
	writers.Wait()
	return 0
}

// TestKill kills a writing process again and again, at random moments, on one
// ledger: nothing acknowledged at any level is lost, in no round.
func TestKill(t *testing.T) {
	kills := 50
	if *long {
		kills = 200
	}
	cfg := testConfig(t)
	cfg.BootID = "" // the helper has the machine's
	j := newJournal()
	rng := rand.New(rand.NewPCG(seed.For(t), 1))
	for round := range kills {
		killOnce(t, cfg.Dir, j, 1_000_000*(round+1), 1+rng.IntN(300))
		if t.Failed() {
			return
		}
		r, err := ledger.OpenReader(cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := missing(t, r, j); err != nil {
			t.Fatalf("after kill %d: %v", round+1, err)
		}
	}
	j.check(t, cfg, false)
	t.Logf("%d kills, %d events acknowledged, none lost", kills, len(j.acked))
}

func missing(t *testing.T, r *ledger.Reader, j *journal) error {
	found := make(map[int]bool)
	err := r.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
		e, err := event.Parse(line)
		if b, ok := e.Body.(*event.Heartbeat); err == nil && ok {
			found[b.Sessions] = true
		}
		return err
	})
	for id := range j.acked {
		if !found[id] {
			return fmt.Errorf("event %d was acknowledged and is lost", id)
		}
	}
	return err
}

// killOnce starts a writer, lets it acknowledge a number of events, kills it
// and reads what else it had said.
func killOnce(t *testing.T, dir string, j *journal, first, after int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir, helperDir+"_FIRST="+strconv.Itoa(first))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	acks := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			if err != io.EOF {
				t.Errorf("read: %v", err)
			}
			break
		}
		word, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		id, err := strconv.Atoi(number)
		switch {
		case err != nil:
			t.Errorf("writer: %s", line)
		case word == "GIVEN":
			j.given[id] = event.Written
		case word == "ACK":
			j.acked[id] = event.Durable // a kill must not lose either level
			if acks++; acks == after {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	_ = cmd.Wait() // it was killed: the error says so
	if acks < after {
		t.Errorf("the writer ended after %d acknowledgements", acks)
	}
}
