package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"sekisho/internal/config"
	"sekisho/internal/fault"
)

// inForce is the configuration that a run has in force, in texts: what it began
// with, and what was read again since. A run that goes on after a failed upgrade
// begins with it: the ledger has seen the newer policy, and what the older text
// names (a port, a certificate) may be gone.
type inForce struct {
	Text   []byte            `json:"text"`             // of the start
	Policy []byte            `json:"policy,omitempty"` // of the reload that changed the policy
	Web    map[string][]byte `json:"web,omitempty"`    // by web gate, of the reload that changed it
}

// load puts the texts together as file had them.
func (f *inForce) load(file string) (*config.Loaded, error) {
	l, err := config.LoadText(file, f.Text)
	if err != nil {
		return nil, err
	}
	if f.Policy != nil {
		now, err := config.LoadText(file, f.Policy)
		if err != nil {
			return nil, err
		}
		l.Compiled, l.Source = now.Compiled, now.Source
	}
	for name, text := range f.Web {
		now, err := config.LoadText(file, text)
		if err != nil {
			return nil, err
		}
		of := func(w config.Web) bool { return w.Name == name }
		if i, j := slices.IndexFunc(l.Web, of), slices.IndexFunc(now.Web, of); i >= 0 && j >= 0 {
			l.Web[i] = now.Web[j]
		}
	}
	if err := nameSite(l.Config); err != nil {
		return nil, fault.New(fault.Internal).Because(err)
	}
	return l, nil
}

// readPolicy and readWeb note what was put in force. p.reload is held.
func (p *process) readPolicy(l *config.Loaded) { p.running.Policy = bytes.Clone(l.Text) }

func (p *process) readWeb(name string, l *config.Loaded) {
	if p.running.Web == nil {
		p.running.Web = map[string][]byte{}
	}
	p.running.Web[name] = bytes.Clone(l.Text)
}

// keep puts it where another program in this process can read it.
func (f *inForce) keep() (int, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return 0, err
	}
	return keepText(text)
}

// keptInForce reads it.
func keptInForce(fd int) (*inForce, error) {
	text, err := keptText(fd)
	if err != nil {
		return nil, err
	}
	f := &inForce{}
	return f, json.Unmarshal(text, f)
}
