package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

// Lines is the ledger of this process, as shipping reads it: only what is on
// disk, so that the hub never holds what a power cut here could still take.
type Lines interface {
	Scan(ctx context.Context, from event.Index, fn func(index event.Index, line []byte) error) error
	// Wait returns when the event with index next is on disk.
	Wait(ctx context.Context, next event.Index) (event.Index, error)
	// Head is the index of the event after the last that is on disk.
	Head() event.Index
}

const (
	shippedFile = "shipped.json"
	// gather is how long events gather before they are sent.
	gather = 250 * time.Millisecond
	// saveEvery is how often the position is kept. A start from an older one
	// reads some lines again and sends none of them twice.
	saveEvery = 10 * time.Second
)

// shipped is how far the ledger was shipped when it was written: every event
// before Index is at a hub whose chains reach Heads.
type shipped struct {
	Index event.Index  `json:"index"`
	Heads []frame.Head `json:"heads"`
}

type chainName struct {
	source string
	worker uint16
}

// shipping is one connection's work. What the hub has is known from the hub
// alone; the file only saves reading the ledger from its beginning.
type shipping struct {
	s      *Site
	client *http.Client
	at     event.Index          // everything before is at the hub
	heads  map[chainName]uint64 // what the hub has
	saved  time.Time
	buf    bytes.Buffer
}

// Shipped is the index of the first event that may not be at the hub yet: what
// retention must leave.
func (s *Site) Shipped() event.Index { return event.Index(s.kept.Load()) }

// Seen asks the hub, over a connection of its own, under which address it sees
// this process.
func (s *Site) Seen(ctx context.Context) (netip.Addr, error) {
	client, err := s.client()
	if err != nil {
		return netip.Addr{}, err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, frame.Silence)
	defer cancel()
	var seen frame.Seen
	if err := send(ctx, client, http.MethodGet, s.member.Hub+"/v1/seen", nil, &seen); err != nil {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(seen.Address)
}

func (s *Site) readShipped() error {
	var f shipped
	text, err := os.ReadFile(filepath.Join(s.cfg.Dir, shippedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", shippedFile, err)
	}
	s.position = f
	s.kept.Store(uint64(f.Index))
	return nil
}

// ship sends what the gates recorded until ctx ends, also what they recorded
// while the hub was away.
func (s *Site) ship(ctx context.Context) {
	retry, told := s.cfg.Retry, ""
	for ctx.Err() == nil {
		begin := s.cfg.Now()
		err := s.shipOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if s.cfg.Now().Sub(begin) > frame.Silence {
			retry, told = s.cfg.Retry, ""
		}
		if told != err.Error() { // over days it is the same
			told = err.Error()
			s.cfg.Log.Warn("what was recorded here stays here for now", "hub", s.member.Hub, "from", uint64(s.Shipped()), "err", err)
		}
		if !pause(ctx, retry) {
			return
		}
		retry = min(2*retry, 16*s.cfg.Retry)
	}
}

func (s *Site) shipOnce(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return s.shipOver(ctx, client)
}

// shipOver is the work of one connection, until it fails.
func (s *Site) shipOver(ctx context.Context, client *http.Client) error {
	var known frame.Heads
	if err := send(ctx, client, http.MethodGet, s.member.Hub+"/v1/heads", nil, &known); err != nil {
		return err
	}
	p := &shipping{s: s, client: client, heads: map[chainName]uint64{}, saved: s.cfg.Now()}
	for _, h := range known.Heads {
		p.heads[chainName{h.Source, h.Worker}] = h.Seq
	}
	if p.reaches(s.position.Heads) {
		p.at = s.position.Index
	}
	for {
		if err := p.some(ctx); err != nil {
			return errors.Join(err, p.save())
		}
	}
}

// reaches reports whether the hub has all of heads: one that was put back to an
// older state has not.
func (p *shipping) reaches(heads []frame.Head) bool {
	for _, h := range heads {
		if p.heads[chainName{h.Source, h.Worker}] < h.Seq {
			return false
		}
	}
	return true
}

var errEnough = errors.New("enough for one request")

// some sends what there is, at most one request's worth, or waits for more.
func (p *shipping) some(ctx context.Context) error {
	p.buf.Reset()
	next := p.at
	fresh := map[chainName]uint64{}
	err := p.s.cfg.Lines.Scan(ctx, p.at, func(i event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil {
			return err
		}
		if c := (chainName{string(h.Source), h.Worker}); p.s.cfg.Ships(c.source) && uint64(h.Seq) > p.heads[c] {
			if p.buf.Len()+len(line)+1 > frame.MaxLines && p.buf.Len() > 0 {
				return errEnough
			}
			p.buf.Write(line)
			p.buf.WriteByte('\n')
			fresh[c] = uint64(h.Seq)
		}
		next = i + 1
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if p.buf.Len() > 0 {
		var taken frame.Taken
		if err := send(ctx, p.client, http.MethodPost, p.s.member.Hub+"/v1/lines", p.buf.Bytes(), &taken); err != nil {
			return err
		}
		for c, seq := range fresh {
			p.heads[c] = seq
		}
	}
	p.at = next
	if p.s.cfg.Now().Sub(p.saved) > saveEvery {
		p.saved = p.s.cfg.Now()
		if err := p.save(); err != nil { // it only saves reading: what is sent is sent
			p.s.cfg.Log.Warn("how far the record is at the hub is not on disk: a start reads more, and retention leaves more", "err", err)
		}
	}
	if err != nil {
		return nil // there is more
	}
	if _, err := p.s.cfg.Lines.Wait(ctx, next); err != nil {
		return err
	}
	pause(ctx, gather)
	return ctx.Err()
}

// save keeps how far it is.
func (p *shipping) save() error {
	f := shipped{Index: p.at}
	for c, seq := range p.heads {
		f.Heads = append(f.Heads, frame.Head{Source: c.source, Worker: c.worker, Seq: seq})
	}
	text, err := json.Marshal(f)
	if err == nil {
		err = p.s.write(shippedFile, text)
	}
	if err == nil {
		p.s.position = f
		p.s.kept.Store(uint64(f.Index))
	}
	return err
}
