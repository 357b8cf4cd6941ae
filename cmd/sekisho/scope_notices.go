package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"sekisho/internal/agefile"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/person"
	"sekisho/proof/scope"
)

// noticeFlags ask for the list of people to tell.
type noticeFlags struct {
	Notices     string   `placeholder:"FILE" help:"help_scope_notices"`
	NoticesTo   []string `placeholder:"age1…" help:"help_scope_notices_to"`
	NoticesOf   string   `enum:"confirmed,reachable,ever_held" default:"reachable" help:"help_scope_notices_of"`
	NoticesCase string   `placeholder:"ID" help:"help_scope_notices_case"`
	Reason      string   `help:"help_reason"`
}

// byUnknown is the channel of subjects that no source of customers holds: they
// are told too, and somebody has to find out how.
const byUnknown person.Channel = "unknown"

// noticeList collects who is told, and about what.
type noticeList struct {
	class   scope.Class
	items   person.Items
	missing map[person.RecordName]uint64
}

func (f *noticeFlags) list(elements []string) *noticeList {
	if f.Notices == "" {
		return nil
	}
	classes := map[string]scope.Class{"confirmed": scope.Confirmed, "reachable": scope.Reachable, "ever_held": scope.EverHeld}
	return &noticeList{class: classes[f.NoticesOf], items: person.Items{Names: elements, Rows: map[uint32]uint64{}}, missing: map[person.RecordName]uint64{}}
}

// add takes one answer; bit is that of the element asked for, or none for all.
func (n *noticeList) add(found answered, bit uint64) {
	if n == nil {
		return
	}
	for _, row := range found.rows[n.class] {
		n.items.Rows[row] |= bit
	}
	for _, name := range found.missing[n.class] {
		n.missing[name] |= bit
	}
}

// notices are all messages: those to persons and companies, then the subjects
// that nobody knows how to reach.
func (n *noticeList) notices(state *person.Result) []person.Notice {
	out := state.Notices(n.items)
	names := slices.SortedFunc(maps.Keys(n.missing), func(a, b person.RecordName) int {
		return strings.Compare(a.Source+"/"+a.Key, b.Source+"/"+b.Key)
	})
	for _, name := range names {
		one := person.Notice{Channel: byUnknown, Language: "ja", Contact: name, Records: []person.RecordName{name}}
		for bit, item := range n.items.Names {
			if n.missing[name]>>bit&1 == 1 {
				one.Items = append(one.Items, item)
			}
		}
		out = append(out, one)
	}
	return out
}

// write encrypts the list, records that it was made, and only then gives the
// file its name.
func (f *noticeFlags) write(a *app, by string, n *noticeList, state *person.Result, result *scope.Result, unnamed uint64) (*event.PersonNotices, error) {
	bad := func(err error) error { return fault.New(fault.PersonNotices, "file", f.Notices).Because(err) }
	if _, err := os.Lstat(f.Notices); err == nil {
		return nil, bad(os.ErrExist)
	}
	var to []agefile.Recipient
	for _, text := range f.NoticesTo {
		r, err := agefile.ParseRecipient(text)
		if err != nil {
			return nil, bad(err)
		}
		to = append(to, r)
	}
	digest, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	of := sha256.Sum256(digest)
	body := &event.PersonNotices{Scope: hex.EncodeToString(of[:]), Class: f.NoticesOf, Channels: map[string]uint64{}, Missing: uint64(len(n.missing)) + unnamed,
		Encrypted: "age-x25519", To: f.NoticesTo, Case: f.NoticesCase, By: a.person(by), Reason: f.Reason}
	list := n.notices(state)
	for i := range list {
		body.Rows++
		body.Persons += uint64(len(list[i].Persons))
		body.Channels[string(list[i].Channel)]++
	}
	part := f.Notices + ".part"
	sum, err := writeNotices(part, list, to)
	if err != nil {
		return nil, bad(errors.Join(err, remove(part)))
	}
	body.SHA256 = sum
	book, err := a.personBook(by)
	if err == nil {
		defer book.close(a)
		err = book.write(a.ctx, body)
	}
	if err != nil {
		return nil, errors.Join(err, remove(part))
	}
	if err := os.Rename(part, f.Notices); err != nil {
		return nil, bad(err)
	}
	return body, nil
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeNotices writes a list, encrypted, to a new file of its owner, and returns
// the digest of what lies there. What a run that died left there is replaced.
func writeNotices(file string, list []person.Notice, to []agefile.Recipient) (sum string, err error) {
	if err := remove(file); err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	sealed, err := agefile.Encrypt(io.MultiWriter(f, digest), to...)
	if err == nil {
		err = errors.Join(noticeRows(sealed, list), sealed.Close())
	}
	return hex.EncodeToString(digest.Sum(nil)), errors.Join(err, f.Sync(), f.Close())
}

// noticeRows is the list as CSV: one row a message.
func noticeRows(w io.Writer, list []person.Notice) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"channel", "company", "persons", "language", "items", "contact_source", "contact_key", "records"}}
	for i := range list {
		n := &list[i]
		var persons, records []string
		for _, p := range n.Persons {
			persons = append(persons, strconv.FormatUint(uint64(p), 10))
		}
		for _, r := range n.Records {
			records = append(records, recordText(r))
		}
		rows = append(rows, []string{string(n.Channel), n.Company, strings.Join(persons, " "), n.Language, strings.Join(n.Items, " "),
			n.Contact.Source, n.Contact.Key, strings.Join(records, " ")})
	}
	return out.WriteAll(rows)
}
