package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"sekisho/internal/agefile"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/subject"
	"sekisho/internal/view/disclosure"
	"sekisho/proof/scope"
)

func listFault(problem, hint string) error {
	return fault.New(fault.ConsoleLook, "problem", problem, "hint", hint)
}

// listClasses are the classes of a list by their names, narrower ones within.
var listClasses = map[string]scope.Class{"confirmed": scope.Confirmed, "reachable": scope.Reachable, "ever_held": scope.EverHeld}

// List implements office.Lister.
func (c *console) List(ctx context.Context, r consoleoffice.ListRequest, w io.Writer) error {
	if err := purposeGiven(r.Purpose); err != nil {
		return err
	}
	class, ok := listClasses[r.Class]
	if !ok {
		return listFault("there is no such class", "confirmed, reachable or ever_held")
	}
	var to []agefile.Recipient
	for _, text := range r.To {
		key, err := agefile.ParseRecipient(text)
		if err != nil {
			return listFault("the recipient is no public key of age", "age-keygen makes a pair of keys; the public one begins with age1")
		}
		to = append(to, key)
	}
	if len(to) == 0 {
		return listFault("a list needs a recipient", "age-keygen makes a pair of keys; the public one begins with age1")
	}
	answer, err := c.figures(ctx, r.Query)
	if err != nil {
		return err
	}
	defer answer.Release()
	all, err := listed(answer, class)
	if err != nil {
		return err
	}
	if err := c.recordList(ctx, &r, all); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(c.cfg.Config)).Because(err)
	}
	digest := sha256.New()
	result, lost, err := "done", 0, error(nil)
	if lost, err = c.writeList(io.MultiWriter(w, digest), all, to); err != nil {
		result = "failed"
	}
	act := &event.Act{By: r.By, Do: "list", Target: "sha256:" + hex.EncodeToString(digest.Sum(nil)), Result: result,
		Detail: fmt.Sprintf("%s: %d subjects, %d without a key; to %s", r.Class, len(all), lost, strings.Join(r.To, " "))}
	return errors.Join(err, c.Record(context.WithoutCancel(ctx), event.Source("person/"+r.By), act))
}

// listed are the subjects of a class, the surest first.
func listed(answer *disclosure.Answer, class scope.Class) ([]looked, error) {
	all, n := pick(answer, 0, consoleoffice.MaxList+1)
	keep := all[:0]
	for _, s := range all {
		if s.class <= class {
			keep = append(keep, s)
		}
	}
	switch {
	case len(keep) == 0:
		return nil, listFault("nobody is in the answer", "ask a wider question")
	case len(keep) > consoleoffice.MaxList, n > len(all) && all[len(all)-1].class <= class:
		return nil, listFault(fmt.Sprintf("more than %d subjects", consoleoffice.MaxList), "narrow the question, or use `sekisho scope --list`")
	}
	return keep, nil
}

// lookChunk is how many subjects one event of a look holds: a set of them stays
// below the largest event (event.MaxLine).
const lookChunk = 1000

// recordList writes that all of them are looked at, each part as recordLook does.
func (c *console) recordList(ctx context.Context, r *consoleoffice.ListRequest, all []looked) error {
	look := consoleoffice.LookRequest{Query: r.Query, Purpose: r.Purpose, Case: r.Case, By: r.By, Address: r.Address}
	for len(all) > 0 {
		n := min(len(all), lookChunk)
		if err := c.recordLook(ctx, look, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// writeList writes the list; subjects whose key was destroyed are counted in its
// last line, never left out silently.
func (c *console) writeList(w io.Writer, all []looked, to []agefile.Recipient) (lost int, err error) {
	sealed, err := agefile.Encrypt(w, to...)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(sealed)
	for _, s := range all {
		key, err := c.dict.Key(s.source, s.number)
		if errors.Is(err, subject.ErrForgotten) {
			lost++
			continue
		}
		if err != nil {
			return lost, err
		}
		out.WriteString(disclosure.Line{Class: s.class, Source: s.source, Key: key.String()}.String() + "\n")
	}
	if lost > 0 {
		fmt.Fprintf(out, "# %d subjects cannot be named: their keys were destroyed\n", lost)
	}
	return lost, errors.Join(out.Flush(), sealed.Close())
}
