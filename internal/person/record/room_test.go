package record

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
)

// roomCap is the cap of TestRoomKeepsCap, in bytes, and roomRows how many rows
// are put under it: more than three times as many as fit.
const (
	roomCap  = 128 << 20
	roomRows = 4_000_000
)

// TestRoomHelper is the process that TestRoomKeepsCap measures.
func TestRoomHelper(t *testing.T) {
	dir := os.Getenv("SEKISHO_ROOM_HELPER")
	if dir == "" {
		t.Skip("SKIPPED: only TestRoomKeepsCap starts it")
	}
	debug.SetMemoryLimit(roomCap / 2)
	room, err := NewRoom(dir, roomCap, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{Room: room}
	for n := slabSize; n <= roomRows; n += slabSize { // as rows are read
		room.Ease()
		table.Grow(n)
		for i := n - slabSize; i < n; i++ {
			if i%rowsBetween == 0 {
				room.Ease()
			}
			*table.At(uint32(i)) = Record{Flags: Alive, Content: uint64(i), Birth: uint32(i)}
		}
	}
	n := table.Len()
	room.Parallel(n, 2, func(_, from, to int) {
		for i := from; i < to; i++ {
			table.At(uint32(i)).Issued = uint32(i) + 1
		}
	})
	random := rand.New(rand.NewPCG(1, 2))
	rows := Make[uint32](room, n)
	for row := range Each(room, rows) {
		*row = random.Uint32N(uint32(n))
	}
	var buf Record
	for row := range Each(room, rows[:300_000]) {
		if r := table.Peek(*row, &buf); r.Content != uint64(*row) || r.Issued != *row+1 {
			t.Fatalf("row %d holds %d and %d", *row, r.Content, r.Issued)
		}
	}
	for row := range Each(room, rows[:20_000]) { // where they lie: each brings its neighbours
		if r := table.At(*row); r.Birth != *row {
			t.Fatalf("row %d holds %d", *row, r.Birth)
		}
	}
	sum := uint64(0)
	for _, r := range table.Rows() {
		sum += r.Content
	}
	if want := uint64(n) * uint64(n-1) / 2; sum != want {
		t.Fatalf("the rows add up to %d, want %d", sum, want)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", status)
	if err := room.Close(); err != nil {
		t.Error(err)
	}
}

// A process with three times as many bytes of rows as its cap holds never has more in
// memory than the cap: VmHWM of proc(5) is the kernel's own peak.
func TestRoomKeepsCap(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux says how much memory a process has")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRoomHelper$", "-test.v")
	cmd.Env = append(os.Environ(), "SEKISHO_ROOM_HELPER="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(out)
	if peak == nil {
		t.Fatalf("no peak in\n%s", out)
	}
	kib, err := strconv.Atoi(string(peak[1]))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak %d MiB", kib>>10)
	if kib<<10 > roomCap {
		t.Errorf("the process had %d MiB in memory, the cap is %d MiB", kib>>10, roomCap>>20)
	}
}
