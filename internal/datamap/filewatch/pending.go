package filewatch

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// pending are the sights that wait for Take, in the order in which they began.
type pending struct {
	mu     sync.Mutex
	list   []*Sight
	live   map[string]*Sight // by path: those whose file is there
	moving map[uint32]*Sight // by cookie: moved away, not seen to arrive yet
	// leaving are the cookies of moving, oldest first: what was moved out of the tree
	// never arrives.
	leaving []departure
	open    map[*Sight]bool // created and not closed yet: not handed out
	held    int
	losses  []Loss
	max     int
	ready   chan struct{}
}

// departure is a file or directory that was moved away in a turn of Run.
type departure struct {
	cookie uint32
	round  int
}

// left forgets what was moved away before the last turn: the two events of a move are
// next to each other in the queue, at most two readings apart.
func (p *pending) left(round int) {
	for len(p.leaving) > 0 && p.leaving[0].round < round-1 {
		delete(p.moving, p.leaving[0].cookie)
		p.leaving = p.leaving[1:]
	}
}

func newPending(limit int) *pending {
	return &pending{live: map[string]*Sight{}, moving: map[uint32]*Sight{}, open: map[*Sight]bool{}, max: limit, ready: make(chan struct{}, 1)}
}

// sight returns the sight of the file that is at path now.
func (p *pending) sight(path string, at time.Time) *Sight {
	if s := p.live[path]; s != nil {
		s.To = at
		return s
	}
	s := &Sight{Path: path, Size: -1, From: at, To: at}
	if len(p.list) >= p.max { // the reader is far behind
		p.lose(Loss{From: at, To: at, Reason: Overflow})
		s.spilled = true
		return s
	}
	p.list = append(p.list, s)
	p.live[path] = s
	return s
}

// created enters a new file; f is its content, if it could be opened.
func (p *pending) created(path string, f *os.File, at time.Time) {
	s := p.sight(path, at)
	s.Created = true
	if p.hold(s, f); !s.spilled {
		p.open[s] = true
	}
}

// written enters that a file was closed after writing.
func (p *pending) written(path string, f *os.File, at time.Time) *Sight {
	s := p.sight(path, at)
	s.Written = true
	s.Writes++
	delete(p.open, s)
	p.hold(s, f)
	return s
}

// hold gives a sight its content; of two the later counts.
func (p *pending) hold(s *Sight, f *os.File) {
	if s.spilled {
		if f != nil {
			f.Close() // of a reader
		}
		return
	}
	if f == nil {
		f = s.File
	} else if s.File != nil {
		s.File.Close() // of a reader
		p.held--
	}
	if f == nil {
		return
	}
	if s.File != f {
		p.held++
	}
	s.File = f
	if info, err := f.Stat(); err == nil {
		s.Size = info.Size()
	}
}

// has reports whether a sight of path that waits has the same file.
func (p *pending) has(path string, f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	for i := len(p.list) - 1; i >= max(0, len(p.list)-1024); i-- {
		if s := p.list[i]; s.Path == path && s.File != nil {
			if other, err := s.File.Stat(); err == nil && os.SameFile(info, other) {
				return true
			}
		}
	}
	return false
}

// gone enters that a file is not at its path any more.
func (p *pending) gone(path string, at time.Time) *Sight {
	s := p.sight(path, at)
	s.Gone = true
	p.hold(s, nil)
	delete(p.open, s)
	delete(p.live, path)
	return s
}

// moved enters that a file, or with dir a directory, arrived at path.
func (p *pending) moved(path string, cookie uint32, f *os.File, at time.Time) (was string) {
	if old := p.live[path]; old != nil { // another one was there
		p.gone(path, at)
	}
	from := p.moving[cookie]
	delete(p.moving, cookie)
	s := p.sight(path, at)
	s.Created, s.Written, s.Writes = true, true, 1
	p.hold(s, f)
	if from != nil {
		s.Was, from.MovedTo = from.Path, path
	}
	return s.Was
}

// lose enters a loss, together with the last one when it is of the same kind.
func (p *pending) lose(l Loss) {
	if n := len(p.losses); n > 0 && p.losses[n-1].Path == l.Path && p.losses[n-1].Reason == l.Reason {
		p.losses[n-1].To = l.To
		return
	}
	p.losses = append(p.losses, l)
}

// tell wakes who waits for sights.
func (p *pending) tell() {
	if len(p.list) == len(p.open) && len(p.losses) == 0 {
		return
	}
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// take hands out what is settled; files that are still being written stay.
func (p *pending) take() (out []*Sight, losses []Loss) {
	p.mu.Lock()
	defer p.mu.Unlock()
	keep := p.list[:0]
	for _, s := range p.list {
		if p.open[s] {
			keep = append(keep, s)
			continue
		}
		if p.live[s.Path] == s {
			delete(p.live, s.Path)
		}
		if s.File != nil {
			p.held--
		}
		out = append(out, s)
	}
	clear(p.list[len(keep):])
	p.list = keep
	losses, p.losses = p.losses, nil
	return out, losses
}

// below reports whether path is dir or lies in it.
func below(path, dir string) bool {
	return dir == "" || path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}
