// Package witness is an outside witness of ledgers: it cosigns a checkpoint
// only if the log has grown from the checkpoint that it cosigned before, and it
// holds the newest chain heads.
//
// It never sees an event and cannot tell what a ledger holds. Protocol:
// c2sp.org/tlog-witness (add-checkpoint), signatures c2sp.org/tlog-cosignature
// (cosignature/v1), both as read on 2026-11-22; add-heads and heads are ours,
// docs/format/witness.md.
package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
	"sekisho/internal/ledger"
	"sekisho/proof"
)

// Server is a witness. It is an http.Handler for the paths /add-checkpoint,
// /add-heads and /heads, with or without a prefix stripped by the caller.
type Server struct {
	fs     durable.FS
	signer note.Signer
	logs   map[string]string // origin → verifier key

	mu sync.Mutex // covers the files; held over a check and its write
}

// Config says what a witness trusts and where it remembers.
type Config struct {
	// Dir holds the witness's memory: one file for each log. It must survive:
	// a witness that forgets can be shown two histories.
	Dir string
	// Signer makes cosignature/v1 signatures. See ReadKey.
	Signer note.Signer
	// Logs are the verifier keys of the ledgers it witnesses.
	Logs []string
}

// New returns a witness. The directory must exist.
func New(cfg Config) (*Server, error) {
	s := &Server{fs: durable.Dir(cfg.Dir), signer: cfg.Signer, logs: make(map[string]string)}
	for _, key := range cfg.Logs {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("ledger key: %w", err)
		}
		if _, there := s.logs[v.Name()]; there {
			return nil, fmt.Errorf("two keys for ledger %s", v.Name())
		}
		s.logs[v.Name()] = key
	}
	if _, err := s.fs.ReadDir("."); err != nil {
		return nil, err
	}
	return s, nil
}

// memory is what the witness has cosigned of one log, and its newest heads.
type memory struct {
	Origin string     `json:"origin"`
	Size   uint64     `json:"size"`
	Root   proof.Hash `json:"root"`
	Heads  string     `json:"heads,omitempty"` // signed note
}

// memoryName is a file name for any origin.
func memoryName(origin string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(origin)) + ".json"
}

func (s *Server) recall(origin string) (memory, error) {
	m := memory{Origin: origin}
	text, err := durable.ReadFile(s.fs, memoryName(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}

func (s *Server) remember(m memory) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return durable.WriteFile(s.fs, memoryName(m.Origin), append(text, '\n'), 0o600)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/add-checkpoint") && r.Method == http.MethodPost:
		s.answer(w, r, s.addCheckpoint)
	case strings.HasSuffix(r.URL.Path, "/add-heads") && r.Method == http.MethodPost:
		s.answer(w, r, s.addHeads)
	case strings.HasSuffix(r.URL.Path, "/heads") && r.Method == http.MethodGet:
		s.heads(w, r)
	default:
		http.NotFound(w, r)
	}
}

// refusal is an answer other than 200.
type refusal struct {
	status int
	text   string
	size   bool // text is a tree size, c2sp.org/tlog-witness
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, text string) error { return &refusal{status: status, text: text} }

// maxBody bounds a request: a checkpoint, its signatures, and at most 63
// hashes; or the heads of some thousand chains.
const maxBody = 1 << 20

func (s *Server) answer(w http.ResponseWriter, r *http.Request, handle func(body []byte) ([]byte, error)) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "cannot read the request", http.StatusBadRequest)
		return
	}
	out, err := handle(body)
	no := (*refusal)(nil)
	switch {
	case errors.As(err, &no) && no.size:
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(no.status)
		out = []byte(no.text)
	case no != nil:
		http.Error(w, no.text, no.status)
		return
	case err != nil:
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	if _, err := w.Write(out); err != nil {
		return // the client is gone; it will ask again
	}
}

// addCheckpoint checks a checkpoint against what was cosigned before and
// returns the cosignature. What is cosigned is on disk first.
func (s *Server) addCheckpoint(body []byte) ([]byte, error) {
	req, err := parseRequest(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	cp, err := s.authenticate(req.checkpoint)
	if err != nil {
		return nil, err
	}
	if req.old > cp.Size {
		return nil, refuse(http.StatusBadRequest, "old size is greater than the checkpoint's")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.recall(cp.Origin)
	if err != nil {
		return nil, err
	}
	if req.old != m.Size {
		return nil, &refusal{status: http.StatusConflict, text: strconv.FormatUint(m.Size, 10) + "\n", size: true}
	}
	if m.Size == cp.Size && m.Size > 0 && m.Root != cp.Root {
		return nil, refuse(http.StatusConflict, "another tree of this size was cosigned")
	}
	if err := proof.VerifyConsistency(m.Size, oldRoot(m, cp), cp.Size, cp.Root, req.path); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, err.Error())
	}
	m.Size, m.Root = cp.Size, cp.Root
	if err := s.remember(m); err != nil {
		return nil, err
	}
	return s.cosign(req.checkpoint)
}

// oldRoot is the root to compare with: an empty tree begins every tree, and of
// a log that was never seen anything is the first.
func oldRoot(m memory, cp *proof.Checkpoint) proof.Hash {
	if m.Size == 0 && cp.Size == 0 {
		return cp.Root
	}
	return m.Root
}

// authenticate finds the log of a checkpoint and verifies its signature.
func (s *Server) authenticate(text []byte) (*proof.Checkpoint, error) {
	claimed, err := proof.ParseCheckpointText(string(text))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	key, ok := s.logs[claimed.Origin]
	if !ok {
		return nil, refuse(http.StatusNotFound, "unknown log")
	}
	cp, err := proof.ParseCheckpoint(text, proof.Keys{Log: key})
	if err != nil {
		return nil, refuse(http.StatusForbidden, "no signature of the log verifies")
	}
	return cp, nil
}

func (s *Server) cosign(text []byte) ([]byte, error) {
	body, _, ok := bytes.Cut(text, []byte("\n\n"))
	if !ok {
		return nil, refuse(http.StatusBadRequest, "not a signed note")
	}
	signed, err := note.Sign(&note.Note{Text: string(body) + "\n"}, s.signer)
	if err != nil {
		return nil, err
	}
	_, lines, _ := bytes.Cut(signed, []byte("\n\n"))
	return lines, nil
}

// request is the body of add-checkpoint.
type request struct {
	old        uint64
	path       []proof.Hash
	checkpoint []byte
}

// maxPath is the longest consistency proof, c2sp.org/tlog-witness.
const maxPath = 63

func parseRequest(body []byte) (*request, error) {
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	digits, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseUint(digits, 10, 63)
	if !ok || !isOld || err != nil || strconv.FormatUint(old, 10) != digits {
		return nil, errors.New(`the first line is not "old SIZE"`)
	}
	if len(lines)-1 > maxPath {
		return nil, errors.New("the consistency proof is too long")
	}
	r := &request{old: old, checkpoint: checkpoint}
	for _, line := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != len(proof.Hash{}) {
			return nil, errors.New("a line of the consistency proof is not a hash")
		}
		r.path = append(r.path, proof.Hash(h))
	}
	return r, nil
}

// addHeads keeps the newest heads of a ledger. Heads that go back, or that
// change what an older one said, are refused: a tail was cut or rewritten.
func (s *Server) addHeads(body []byte) ([]byte, error) {
	key, h, err := s.authenticateHeads(body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.recall(h.Origin)
	if err != nil {
		return nil, err
	}
	if m.Heads != "" {
		old, err := ledger.ParseHeads([]byte(m.Heads), key)
		if err != nil {
			return nil, err
		}
		if err := h.Follows(old); err != nil {
			return nil, refuse(http.StatusConflict, err.Error())
		}
	}
	m.Heads = string(body)
	return nil, s.remember(m)
}

func (s *Server) authenticateHeads(body []byte) (key string, h *ledger.Heads, err error) {
	first, _, _ := strings.Cut(string(body), "\n")
	key, ok := s.logs[strings.TrimSuffix(first, "/heads")]
	if !ok {
		return "", nil, refuse(http.StatusNotFound, "unknown log")
	}
	if h, err = ledger.ParseHeads(body, key); err != nil {
		return "", nil, refuse(http.StatusForbidden, "the heads do not verify")
	}
	return key, h, nil
}

// heads answers with the newest heads of ?origin=.
func (s *Server) heads(w http.ResponseWriter, r *http.Request) {
	origin := r.URL.Query().Get("origin")
	if _, ok := s.logs[origin]; !ok {
		http.Error(w, "unknown log", http.StatusNotFound)
		return
	}
	s.mu.Lock()
	m, err := s.recall(origin)
	s.mu.Unlock()
	switch {
	case err != nil:
		http.Error(w, "internal error", http.StatusInternalServerError)
	case m.Heads == "":
		http.Error(w, "no heads yet", http.StatusNotFound)
	default:
		io.WriteString(w, m.Heads) // the client is gone, or has it
	}
}

// Client hands heads to a witness.
type Client struct {
	URL  string // before /add-heads
	HTTP *http.Client
}

// PushHeads hands a heads note to the witness. ErrRolledBack means that the
// witness holds newer or other heads.
func (c *Client) PushHeads(ctx context.Context, text []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/add-heads", bytes.NewReader(text))
	if err != nil {
		return err
	}
	_, err = c.do(req)
	return err
}

// Heads fetches the newest heads that the witness holds of a ledger.
func (c *Client) Heads(ctx context.Context, origin string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/heads", nil)
	if err != nil {
		return nil, err
	}
	q := req.URL.Query()
	q.Set("origin", origin)
	req.URL.RawQuery = q.Encode()
	return c.do(req)
}

// ErrRolledBack is returned when heads go back behind those that a witness
// holds.
var ErrRolledBack = errors.New("the witness holds newer or other heads")

func (c *Client) do(req *http.Request) ([]byte, error) {
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusConflict:
		return nil, fmt.Errorf("%w: %s", ErrRolledBack, bytes.TrimSpace(body))
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("witness: %s: %s", resp.Status, bytes.TrimSpace(body))
	}
	return body, nil
}
