package filescan

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// stateVersion changes when files must be read again: with the format of the
// state, and with what the engine or the readers find.
//
//	1  2026-11-22
//	2  2026-11-22  a line marks the end of a scan of a store; digests of sparse files
const stateVersion = 2

// state is the file that a scan goes on from. Layout: a line stateHead, then a
// line stateLine for every file that was read; the last line of a path counts,
// and a last line without its end does not.
type state struct {
	file  *os.File
	w     *bufio.Writer
	key   []byte // of digests
	end   int64
	known map[uint64]stateEntry // by the hash of the path
	ended int64                 // offset behind the last scan that came to its end
	saved time.Time
}

type stateHead struct {
	Version int    `json:"sekisho_scan_state"`
	Root    string `json:"root"`
	Key     string `json:"key"`
}

// stateEnd is the line behind a scan that came to its end.
type stateEnd struct {
	Ended time.Time `json:"ended"`
}

type stateLine struct {
	Raw      []byte   `json:"raw"` // the path, byte for byte
	Identity [4]int64 `json:"identity"`
	Object   *Object  `json:"object"`
}

type stateEntry struct {
	identity [4]int64
	offset   int64
	length   int32
}

// openState opens the state, or begins one. One of another folder or version is
// begun anew.
func openState(name, root string, fresh bool) (*state, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	s := &state{file: f, known: map[uint64]stateEntry{}, saved: time.Now()}
	ok := false
	if !fresh {
		if ok, err = s.load(root); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if !ok {
		if err := s.begin(root); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if err := f.Truncate(s.end); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(s.end, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.w = bufio.NewWriterSize(f, 64<<10)
	return s, nil
}

func (s *state) begin(root string) error {
	s.key = make([]byte, 32)
	rand.Read(s.key) // never fails (crypto/rand, Go 1.24)
	line, err := json.Marshal(stateHead{stateVersion, root, hex.EncodeToString(s.key)})
	if err != nil {
		return err
	}
	clear(s.known)
	s.end = int64(len(line)) + 1
	_, err = s.file.WriteAt(append(line, '\n'), 0)
	return err
}

// load reads the state; false means that it is not for this scan.
func (s *state) load(root string) (bool, error) {
	r := bufio.NewReaderSize(s.file, 64<<10)
	first, err := r.ReadBytes('\n')
	var head stateHead
	if err != nil || json.Unmarshal(first, &head) != nil || head.Version != stateVersion || head.Root != root {
		return false, nil
	}
	if s.key, err = hex.DecodeString(head.Key); err != nil || len(s.key) != 32 {
		return false, nil
	}
	s.end = int64(len(first))
	for {
		line, err := r.ReadBytes('\n')
		if err != nil { // the end, or half a line
			if err == io.EOF {
				err = nil
			}
			return true, err
		}
		var l struct {
			Raw      []byte   `json:"raw"`
			Identity [4]int64 `json:"identity"`
			stateEnd
		}
		if json.Unmarshal(line, &l) != nil {
			return true, nil // what follows a torn line is not ours to trust
		}
		if !l.Ended.IsZero() {
			s.end += int64(len(line))
			s.ended = s.end
			continue
		}
		s.known[xxhash.Sum64(l.Raw)] = stateEntry{l.Identity, s.end, int32(len(line))}
		s.end += int64(len(line))
	}
}

// look returns what is known of a file that has not changed; of a volatile object what
// this scan, which was interrupted, has read.
func (s *state) look(raw string, identity [4]int64, volatile bool) (*Object, bool) {
	e, ok := s.known[xxhash.Sum64String(raw)]
	if !ok || e.identity != identity || identity == [4]int64{} || volatile && e.offset < s.ended {
		return nil, false
	}
	line := make([]byte, e.length)
	if _, err := s.file.ReadAt(line, e.offset); err != nil {
		return nil, false
	}
	var l stateLine
	if json.Unmarshal(line, &l) != nil || string(l.Raw) != raw || l.Object == nil {
		return nil, false
	}
	for i := range l.Object.Elements {
		l.Object.Elements[i].Kind, _ = element.ParseKind(l.Object.Elements[i].Name)
	}
	for i := range l.Object.Troubles {
		l.Object.Troubles[i].Trouble = document.ParseTrouble(l.Object.Troubles[i].Name)
	}
	return l.Object, true
}

// keep writes a line. What it wrote is on disk at most five seconds later.
func (s *state) keep(o *Object) error {
	line, err := json.Marshal(stateLine{[]byte(o.raw), o.identity, o})
	if err != nil {
		return err
	}
	if _, err := s.w.Write(append(line, '\n')); err != nil {
		return err
	}
	if now := time.Now(); now.Sub(s.saved) > 5*time.Second {
		s.saved = now
		if err := s.w.Flush(); err != nil {
			return err
		}
		return s.file.Sync()
	}
	return nil
}

// close ends the writing; whole says that the scan came to its end
// and that volatile objects are to be read again by the next.
func (s *state) close(whole bool) error {
	var err error
	if whole {
		line, merr := json.Marshal(stateEnd{time.Now().UTC()})
		if _, err = s.w.Write(append(line, '\n')); err == nil {
			err = merr
		}
	}
	return errors.Join(err, s.w.Flush(), s.file.Sync(), s.file.Close())
}

// digest returns the hash that tells copies. It is keyed, and the key is in the
// state: whoever has one file of few possible contents cannot look it up.
func (s *state) digest() hash.Hash { return hmac.New(sha256.New, s.key) }

// name says where the state of a folder is kept below dir.
func stateName(root string) string {
	return fmt.Sprintf("scan-%016x.jsonl", xxhash.Sum64String(root))
}
