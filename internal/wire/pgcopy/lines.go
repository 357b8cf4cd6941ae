package pgcopy

// text reads to the end of a row of the text format: a backslash makes the
// next byte data, also a newline or the delimiter.
func (r *Reader) text(p []byte) (rest []byte, ok bool) {
	if p = r.lineFeed(p); len(p) == 0 {
		return nil, false
	}
	start := 0
	for i := 0; i < len(p); i++ {
		c := p[i]
		if r.escaped {
			r.escaped = false
			continue
		}
		switch c {
		case '\\':
			r.escaped = true
		case '\n', '\r':
			r.take(p[start:i])
			return r.endLine(p[i:]), true
		case r.opt.Delimiter:
			r.take(p[start:i])
			r.saw(p[i : i+1])
			r.closeField()
			r.openField()
			start = i + 1
		}
	}
	r.take(p[start:])
	return nil, false
}

// take keeps a run of bytes of the current column.
func (r *Reader) take(p []byte) {
	r.saw(p)
	r.keep(p)
}

func (r *Reader) endLine(p []byte) (rest []byte) {
	r.afterCR = p[0] == '\r'
	r.closeField()
	return p[1:]
}

// lineFeed drops the \n of a \r\n whose \r ended the row before.
func (r *Reader) lineFeed(p []byte) []byte {
	if r.afterCR && len(p) > 0 && r.length == 0 {
		r.afterCR = false
		if p[0] == '\n' {
			return p[1:]
		}
	}
	return p
}

// csv reads to the end of a row of the CSV format, as CopyReadLineText does:
// quotes may begin and end anywhere in a value.
func (r *Reader) csv(p []byte) (rest []byte, ok bool) {
	if p = r.lineFeed(p); len(p) == 0 {
		return nil, false
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		if r.inQuote {
			i = r.quoted(p, i)
			continue
		}
		switch {
		case c == '\n' || c == '\r':
			return r.endLine(p[i:]), true
		case c == r.opt.Delimiter:
			r.closeField()
			r.openField()
			r.escaped = false
		case c == r.opt.Quote:
			r.openQuote()
		default:
			r.escaped = false
			r.keep(p[i : i+1])
		}
		r.saw(p[i : i+1])
	}
	return nil, false
}

// openQuote begins a quoted part. When the quote is its own escape, a quote
// right after a closing one is a quote character of the value.
func (r *Reader) openQuote() {
	if r.escaped && r.opt.Quote == r.opt.Escape {
		r.keep([]byte{r.opt.Quote})
	}
	r.escaped, r.inQuote = false, true
	if r.slot >= 0 {
		r.fields[r.slot].quoted = true
	}
}

// quoted handles the byte at i inside quotes and returns the index of the last
// byte used.
func (r *Reader) quoted(p []byte, i int) int {
	c, quote, escape := p[i], r.opt.Quote, r.opt.Escape
	r.saw(p[i : i+1])
	if quote != escape && r.escaped {
		r.escaped = false
		if c != quote && c != escape {
			r.keep([]byte{escape}) // an escape before anything else is data
		}
		r.keep(p[i : i+1])
		return i
	}
	switch {
	case quote != escape && c == escape:
		r.escaped = true
	case c == quote:
		r.inQuote = false
		r.escaped = quote == escape
		return i
	default:
		end := i + 1
		for end < len(p) && p[end] != quote && p[end] != escape {
			end++
		}
		r.keep(p[i:end])
		return end - 1
	}
	return i
}

// appendText decodes the escapes of the text format (CopyReadAttributesText).
func appendText(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' || i+1 >= len(raw) {
			dst = append(dst, c)
			continue
		}
		i++
		switch c = raw[i]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'v':
			c = '\v'
		case 'x':
			v, n := digitsOf(raw[i+1:], 16, 2)
			if n > 0 {
				c = v
				i += n
			}
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v, n := digitsOf(raw[i:], 8, 3)
			c = v
			i += n - 1
		}
		dst = append(dst, c)
	}
	return dst
}

func digitsOf(b []byte, base, limit int) (v byte, n int) {
	for n < limit && n < len(b) {
		d := 99
		switch c := b[n]; {
		case c >= '0' && c <= '9':
			d = int(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			d = int(c|0x20-'a') + 10
		}
		if d >= base {
			break
		}
		v = v*byte(base) + byte(d)
		n++
	}
	return v, n
}
