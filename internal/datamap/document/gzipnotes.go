package document

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/gzip"
)

// maxNotes bounds what is kept of the headers of a gzip stream.
const maxNotes = 64 << 10

// gzipMembers reads the members of a gzip stream one after another (RFC 1952 §2.2), and
// keeps what people wrote into their headers.
type gzipMembers struct {
	z     *gzip.Reader
	b     *bufio.Reader
	notes []byte
	over  bool
}

func newGzip(b *bufio.Reader) (*gzipMembers, error) {
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, err
	}
	m := &gzipMembers{z: z, b: b}
	m.note()
	return m, nil
}

// note takes the comment and the extra field of the member that begins. The library
// turns bytes into letters of Latin-1.
func (m *gzipMembers) note() {
	m.z.Multistream(false)
	comment := make([]byte, 0, len(m.z.Comment))
	for _, r := range m.z.Comment {
		comment = append(comment, byte(r))
	}
	note := written(string(comment)) + readable(m.z.Extra)
	if note == "" {
		return
	}
	if m.over = m.over || len(m.notes)+len(note) > maxNotes; !m.over {
		m.notes = append(append(m.notes, note...), '\n')
	}
}

// Read implements io.Reader.
func (m *gzipMembers) Read(p []byte) (int, error) {
	n, err := m.z.Read(p)
	if err == io.EOF {
		if err = m.z.Reset(m.b); err == nil {
			m.note()
		}
	}
	return n, err
}

// tell hands the notes on.
func (m *gzipMembers) tell(j *job, part string) error {
	if m.over {
		j.sink.Trouble(part, Limit, "headers with more comments than are read")
	}
	t := &lateText{j: j, part: join(part, "comments")}
	_, err := t.Write(m.notes)
	if cerr := t.close(); err == nil {
		err = cerr
	}
	return err
}
