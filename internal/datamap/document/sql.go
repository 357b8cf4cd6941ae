package document

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"sekisho/internal/element"
)

// sql reads a dump: the rows of COPY … FROM stdin (PostgreSQL, "COPY", text
// format) and INSERT … VALUES as tables with their columns' names; everything
// else as running text.
func (j *job) sql(part string, r io.Reader) (err error) {
	d := &dump{j: j, part: part, r: characters(r), rest: j.sink.Text(part, element.UTF8), known: map[string][]string{}}
	head, _ := d.r.Peek(4096)
	how, database := madeBy(head)
	defer func() {
		d.leave()
		if how != "" {
			j.made(part, how, database, d.names)
		}
		err = errors.Join(err, d.rest.Close())
	}()
	d.backslash = bytes.Contains(head, []byte("MySQL")) || bytes.Contains(head, []byte("MariaDB")) || bytes.IndexByte(head, '`') >= 0
	for {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		if err := d.statement(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// dump is the state of a dump's reading.
type dump struct {
	j         *job
	part      string
	r         *bufio.Reader
	rest      io.WriteCloser
	backslash bool                // strings have escapes without being told (MySQL)
	known     map[string][]string // columns by table, from CREATE TABLE
	names     []string            // tables that were entered, for Made
	table     string
	t         Table // of table, open between its statements
	columns   []int
	value     []byte
	line      []byte
}

// maxStatement is how much of a statement is kept to be understood.
const maxStatement = 64 << 10

// statement reads the next statement or comment.
func (d *dump) statement() error {
	head, err := d.r.Peek(1)
	if err != nil {
		return err
	}
	switch c := head[0]; {
	case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';':
		d.r.Discard(1)
		return nil
	}
	head, _ = d.r.Peek(12)
	word := strings.ToUpper(string(head))
	switch {
	case strings.HasPrefix(word, "--") || strings.HasPrefix(word, "#") || strings.HasPrefix(word, `\`):
		return d.comment()
	case strings.HasPrefix(word, "COPY "):
		return d.copy()
	case strings.HasPrefix(word, "INSERT ") || strings.HasPrefix(word, "REPLACE INTO"):
		return d.insert()
	}
	text, err := d.until(";")
	if strings.HasPrefix(word, "CREATE TABLE") || strings.HasPrefix(word, "CREATE UNLOG") {
		d.create(text)
	}
	if _, werr := d.rest.Write(append(text, '\n')); werr != nil {
		return werr
	}
	return err
}

func (d *dump) comment() error {
	var err error
	d.line, err = readLine(d.r, d.line)
	if err != nil {
		return err
	}
	_, err = d.rest.Write(append(d.line, '\n'))
	return err
}

// until reads to one of the bytes in stop outside quotes, which it takes, or
// maxStatement bytes: the rest is then the next statement's.
func (d *dump) until(stop string) ([]byte, error) {
	d.line = d.line[:0]
	quote := byte(0)
	for len(d.line) < maxStatement {
		c, err := d.r.ReadByte()
		if err != nil {
			return d.line, err
		}
		d.line = append(d.line, c)
		switch {
		case quote != 0 && c == '\\' && d.backslash && quote != '`':
			if next, err := d.r.ReadByte(); err == nil {
				d.line = append(d.line, next)
			}
		case c == quote:
			quote = 0
		case quote != 0:
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case strings.IndexByte(stop, c) >= 0:
			return d.line, nil
		}
	}
	return d.line, nil
}

// create remembers the columns of a table in their order.
func (d *dump) create(text []byte) {
	open := bytes.IndexByte(text, '(')
	if open < 0 || len(d.known) > 10_000 {
		return
	}
	words := bytes.Fields(text[:open])
	if len(words) == 0 {
		return
	}
	var columns []string
	depth := 0
	start := open + 1
	for i := open; i < len(text); i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 || depth == 1 && text[i] == ',' {
			if f := bytes.Fields(text[start:i]); len(f) > 1 && !isConstraint(string(f[0])) && len(columns) < maxColumns {
				columns = append(columns, unquote(string(f[0])))
			}
			start = i + 1
		}
		if depth == 0 {
			break
		}
	}
	d.known[tableName(string(words[len(words)-1]))] = columns
}

func isConstraint(word string) bool {
	switch strings.ToUpper(word) {
	case "PRIMARY", "UNIQUE", "KEY", "CONSTRAINT", "FOREIGN", "CHECK", "INDEX", "FULLTEXT", "SPATIAL", "EXCLUDE", "LIKE":
		return true
	}
	return false
}

func unquote(name string) string { return strings.Trim(strings.TrimSpace(name), "`\"[]") }

// tableName returns a table's name without quotes: public.customers.
func tableName(name string) string {
	parts := strings.Split(strings.TrimSpace(name), ".")
	for i, p := range parts {
		parts[i] = unquote(p)
	}
	return strings.Join(parts, ".")
}

// enter opens the table of a statement; one statement after another for the same
// table goes on with it.
func (d *dump) enter(name string, columns []string) {
	if d.t == nil || d.table != name {
		d.leave()
		d.table, d.t = name, d.j.sink.Table(join(d.part, name))
		if len(d.names) < maxMade && !slices.Contains(d.names, name) {
			d.names = append(d.names, name)
		}
	}
	if columns == nil {
		columns = d.known[name]
	}
	d.columns = d.columns[:0]
	for _, c := range columns {
		d.columns = append(d.columns, d.t.Column(cut([]byte(c))))
	}
}

func (d *dump) leave() {
	if d.t != nil {
		d.t.Close()
		d.t = nil
	}
}

// cell hands on the value of the i-th column.
func (d *dump) cell(i int, value []byte) {
	for i >= len(d.columns) && len(d.columns) < maxColumns {
		d.columns = append(d.columns, d.t.Column(""))
	}
	if len(value) > 0 {
		d.t.Cell(d.columns[min(i, len(d.columns)-1)], value)
	}
}

// nameAndColumns cuts `public.customers (id, "name")` apart.
func nameAndColumns(text string) (string, []string) {
	name, list, ok := strings.Cut(text, "(")
	if !ok {
		return tableName(name), nil
	}
	list, _, _ = strings.Cut(list, ")")
	var columns []string
	for c := range strings.SplitSeq(list, ",") {
		columns = append(columns, unquote(c))
	}
	return tableName(name), columns
}

// copy reads COPY and, when they stand there, its rows.
func (d *dump) copy() error {
	text, err := d.until(";")
	if err != nil {
		return err
	}
	statement := string(text)
	upper := strings.ToUpper(statement)
	at := strings.LastIndex(upper, "FROM STDIN")
	if at < 0 {
		_, err := d.rest.Write(append(text, '\n'))
		return err
	}
	d.enter(nameAndColumns(statement[len("COPY "):at]))
	if _, err := readLine(d.r, nil); err != nil { // the rest of the line
		return err
	}
	if strings.Contains(upper[at:], "CSV") {
		return d.copyCSV()
	}
	for n := 0; ; n++ {
		if n%1024 == 0 && d.j.ctx.Err() != nil {
			return d.j.ctx.Err()
		}
		if d.line, err = readLine(d.r, d.line); err != nil {
			if err == io.EOF {
				return io.ErrUnexpectedEOF // rows end with \.
			}
			return err
		}
		if string(d.line) == `\.` {
			return nil
		}
		rest := d.line
		for i := 0; ; i++ {
			field, more, found := bytes.Cut(rest, []byte{'\t'})
			if string(field) != `\N` {
				d.value = copyText(d.value[:0], field)
				d.cell(i, d.value)
			}
			if rest = more; !found {
				break
			}
		}
		d.t.EndRow()
	}
}

// copyCSV hands on the lines as they are: fields are cut at commas.
func (d *dump) copyCSV() error {
	for {
		line, err := readLine(d.r, d.line)
		d.line = line
		if err != nil {
			return err
		}
		if string(line) == `\.` {
			return nil
		}
		var ends []int
		d.value, ends = cutFields(line, ',', d.value[:0], nil)
		from := 0
		for i, to := range ends {
			d.cell(i, d.value[from:to])
			from = to
		}
		d.t.EndRow()
	}
}

// copyText replaces the escapes of COPY's text format.
func copyText(dst, field []byte) []byte {
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c != '\\' || i+1 == len(field) {
			dst = append(dst, c)
			continue
		}
		i++
		switch field[i] {
		case 'n', 'r':
			c = '\n'
		case 't', 'b', 'f', 'v':
			c = ' '
		default:
			c = field[i]
		}
		dst = append(dst, c)
	}
	return dst
}

// insert reads INSERT INTO name (columns) VALUES (…), (…);
func (d *dump) insert() error {
	text, err := d.until("(;")
	if err != nil {
		return err
	}
	head := string(text[:len(text)-1])
	columns := []string(nil)
	if text[len(text)-1] == '(' && !endsInValues(head) {
		list, err := d.until(")")
		if err != nil {
			return err
		}
		_, columns = nameAndColumns("x(" + string(list))
		more, err := d.until("(;")
		if err != nil {
			return err
		}
		if more[len(more)-1] == ';' { // INSERT … SELECT
			_, err := d.rest.Write(append([]byte(head+" "), more...))
			return err
		}
	} else if text[len(text)-1] == ';' {
		_, err := d.rest.Write(append(text, '\n'))
		return err
	}
	d.enter(insertName(head), columns)
	return d.tuples()
}

func endsInValues(head string) bool {
	return strings.HasSuffix(strings.ToUpper(strings.TrimSpace(head)), "VALUES")
}

// insertName takes the table out of "INSERT INTO `t` VALUES".
func insertName(head string) string {
	f := strings.Fields(head)
	for i, w := range f {
		if strings.EqualFold(w, "INTO") && i+1 < len(f) {
			return tableName(f[i+1])
		}
	}
	return ""
}

// tuples reads (…), (…); with the first bracket read.
func (d *dump) tuples() error {
	for n := 0; ; n++ {
		if n%1024 == 0 && d.j.ctx.Err() != nil {
			return d.j.ctx.Err()
		}
		if err := d.tuple(); err != nil {
			return err
		}
		d.t.EndRow()
		for {
			c, err := d.r.ReadByte()
			if err != nil {
				return err
			}
			if c == '(' {
				break
			}
			if c == ';' {
				return nil
			}
		}
	}
}

func (d *dump) tuple() error {
	d.value = d.value[:0]
	depth := 0
	for i := 0; ; {
		c, err := d.r.ReadByte()
		if err != nil {
			if err == io.EOF {
				d.cell(i, d.value)
				return io.ErrUnexpectedEOF
			}
			return err
		}
		switch {
		case c == '\'':
			escapes := d.backslash || bytes.EqualFold(bytes.TrimSpace(d.value), []byte("E"))
			d.value = d.value[:0]
			if err := d.quoted(i, escapes); err != nil {
				return err
			}
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ',' && depth == 0, c == ')':
			if v := bytes.TrimSpace(d.value); string(v) != "NULL" {
				d.cell(i, v)
			}
			d.value = d.value[:0]
			if i++; c == ')' {
				return nil
			}
		case len(d.value) >= maxCell:
			d.cell(i, d.value)
			d.value = d.value[:0]
		default:
			d.value = append(d.value, c)
		}
	}
}

// quoted reads a string after its quote into d.value.
func (d *dump) quoted(i int, escapes bool) error {
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			if err == io.EOF {
				d.cell(i, d.value)
				return io.ErrUnexpectedEOF
			}
			return err
		}
		switch {
		case c == '\\' && escapes:
			if c, err = d.r.ReadByte(); err != nil {
				return err
			}
			d.value = copyText(d.value, []byte{'\\', c})
		case c == '\'':
			if next, err := d.r.Peek(1); err != nil || next[0] != '\'' {
				return nil
			}
			d.r.Discard(1)
			d.value = append(d.value, c)
		default:
			d.value = append(d.value, c)
		}
		if len(d.value) >= maxCell {
			d.cell(i, d.value)
			d.value = d.value[:0]
		}
	}
}
