package myclient

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// Conn is a session. One goroutine at a time uses it.
type Conn struct {
	s      stream
	cfg    Config
	secure bool // TLS, or a Unix socket: nobody listens
}

// The capabilities that we have (CLIENT_… of the manual).
const (
	longPassword = 1 << 0
	longFlag     = 1 << 2
	withDatabase = 1 << 3
	protocol41   = 1 << 9
	withTLS      = 1 << 11
	transactions = 1 << 13
	secureAuth   = 1 << 15
	pluginAuth   = 1 << 19
)

// utf8mb4 is the number of utf8mb4_general_ci, the oldest collation of all
// characters.
const utf8mb4 = 45

// ErrPassword: the server asks for the password in a way that we refuse.
var ErrPassword = errors.New("the server asks for the password in a way that is refused")

// Dial logs in. The session ends when the caller closes it.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	if cfg.MaxRow == 0 {
		cfg.MaxRow = maxPacket
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	network := "tcp"
	if filepath.IsAbs(cfg.Address) {
		network = "unix"
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, network, cfg.Address)
	if err != nil {
		return nil, err
	}
	c := &Conn{s: stream{conn: raw, in: bufio.NewReaderSize(raw, 64<<10)}, cfg: cfg, secure: network == "unix"}
	err = c.within(ctx, c.login)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("log in to %s: %w", cfg.Address, err), c.s.conn.Close())
	}
	return c, nil
}

// within runs f until ctx ends, which makes every read and write fail.
func (c *Conn) within(ctx context.Context, f func() error) error {
	past := time.Unix(1, 0)
	stop := context.AfterFunc(ctx, func() { c.s.conn.SetDeadline(past) })
	err := f()
	if !stop() && err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return err
}

// login answers the server's greeting.
func (c *Conn) login() error {
	hello, err := c.s.control()
	if err != nil {
		return err
	}
	if hello[0] == 0xFF {
		return asError(hello)
	}
	f := fields{rest: hello}
	if v := f.number(1); v != 10 {
		return fmt.Errorf("%w: version %d", errProtocol, v)
	}
	f.zero() // version of the server
	f.take(4)
	seed := append([]byte(nil), f.take(8)...)
	f.take(1)
	can := uint32(f.number(2))
	f.take(3)
	can |= uint32(f.number(2)) << 16
	size := int(f.number(1))
	f.take(10)
	seed = append(seed, f.take(max(13, size-8))...)
	plugin := f.zero()
	if f.bad || can&protocol41 == 0 || can&secureAuth == 0 || len(seed) < 20 {
		return fmt.Errorf("%w: the server is older than MySQL 4.1", errProtocol)
	}
	want := uint32(longPassword | longFlag | protocol41 | transactions | secureAuth | pluginAuth)
	if c.cfg.Database != "" {
		want |= withDatabase
	}
	if want, err = c.encrypt(can, want); err != nil {
		return err
	}
	if can&pluginAuth == 0 {
		plugin = "mysql_native_password"
	}
	answer, err := c.prove(plugin, seed[:20])
	if err != nil { // of a plugin that the server may change
		plugin = "mysql_native_password"
		answer, _ = c.prove(plugin, seed[:20])
	}
	p := c.head(want & can)
	p = append(append(p, c.cfg.User...), 0)
	p = append(append(p, byte(len(answer))), answer...)
	if want&can&withDatabase != 0 {
		p = append(append(p, c.cfg.Database...), 0)
	}
	p = append(append(p, plugin...), 0)
	if err := c.s.write(p); err != nil {
		return err
	}
	return c.settle(plugin)
}

// head is what begins both answers to a greeting.
func (c *Conn) head(capabilities uint32) []byte {
	p := binary.LittleEndian.AppendUint32(nil, capabilities)
	p = binary.LittleEndian.AppendUint32(p, maxPacket)
	return append(append(p, utf8mb4), make([]byte, 23)...)
}

// encrypt turns to TLS.
func (c *Conn) encrypt(can, want uint32) (uint32, error) {
	switch {
	case c.cfg.TLS == nil || c.secure:
		return want, nil
	case can&withTLS == 0 && c.cfg.Prefer:
		return want, nil
	case can&withTLS == 0:
		return want, errors.New("the server has no TLS")
	}
	want |= withTLS
	if err := c.s.write(c.head(want & can)); err != nil {
		return want, err
	}
	t := tls.Client(c.s.conn, c.cfg.TLS)
	if err := t.Handshake(); err != nil {
		return want, err
	}
	c.s.conn, c.s.in, c.secure = t, bufio.NewReaderSize(t, 64<<10), true
	return want, nil
}

// prove makes the answer to a seed.
func (c *Conn) prove(plugin string, seed []byte) ([]byte, error) {
	password := []byte(c.cfg.Password)
	if len(password) == 0 {
		return nil, nil
	}
	switch plugin {
	case "mysql_native_password": // SHA1(p) xor SHA1(seed + SHA1(SHA1(p)))
		one := sha1.Sum(password)
		two := sha1.Sum(one[:])
		mask := sha1.Sum(append(append([]byte(nil), seed...), two[:]...))
		return xor(one[:], mask[:]), nil
	case "caching_sha2_password": // SHA256(p) xor SHA256(SHA256(SHA256(p)) + seed)
		one := sha256.Sum256(password)
		two := sha256.Sum256(one[:])
		mask := sha256.Sum256(append(two[:], seed...))
		return xor(one[:], mask[:]), nil
	}
	return nil, fmt.Errorf("%w: %q; give the account mysql_native_password or caching_sha2_password", ErrPassword, plugin)
}

func xor(a, b []byte) []byte {
	for i := range a {
		a[i] ^= b[i]
	}
	return a
}

// settle goes on until the server is content or refuses.
func (c *Conn) settle(plugin string) error {
	for range 8 {
		p, err := c.s.control()
		if err != nil {
			return err
		}
		switch {
		case p[0] == 0x00:
			return nil
		case p[0] == 0xFF:
			return asError(p)
		case p[0] == 0xFE: // another plugin
			f := fields{rest: p[1:]}
			plugin = f.zero()
			answer, err := c.prove(plugin, f.rest[:min(20, len(f.rest))])
			if err == nil {
				err = c.s.write(answer)
			}
			if err != nil {
				return err
			}
		case p[0] == 0x01 && plugin == "caching_sha2_password" && len(p) == 2 && p[1] == 3: // it remembers us
		case p[0] == 0x01 && plugin == "caching_sha2_password" && len(p) == 2 && p[1] == 4: // it wants the password
			if !c.secure {
				return fmt.Errorf("%w: in clear text without TLS; use TLS", ErrPassword)
			}
			if err := c.s.write(append([]byte(c.cfg.Password), 0)); err != nil {
				return err
			}
		default:
			return errProtocol
		}
	}
	return errProtocol
}

// Exec runs a statement and drops its rows.
func (c *Conn) Exec(ctx context.Context, sql string) error {
	return c.Query(ctx, sql, nil, nil)
}

// Query runs one statement. columns is called once, if the answer has any; row
// for each row, with its values as text, nil for NULL, good until it returns.
// A row longer than MaxRow is told as a nil slice. Either may be nil. After an
// error of theirs the session cannot be used any more.
func (c *Conn) Query(ctx context.Context, sql string, columns func([]Column) error, row func(values [][]byte) error) error {
	return c.within(ctx, func() error { return c.query(sql, columns, row) })
}

func (c *Conn) query(sql string, columns func([]Column) error, row func(values [][]byte) error) error {
	c.s.seq = 0
	if err := c.s.write(append([]byte{0x03}, sql...)); err != nil {
		return err
	}
	p, err := c.s.control()
	switch {
	case err != nil:
		return err
	case p[0] == 0x00:
		return nil
	case p[0] == 0xFF:
		return asError(p)
	case p[0] == 0xFB:
		return errors.New("the server asks for a file, which is refused")
	}
	f := fields{rest: p}
	n, _ := f.length()
	if f.bad || n == 0 || n > 1<<16 {
		return errProtocol
	}
	list := make([]Column, n)
	for i := range list {
		if list[i], err = c.column(); err != nil {
			return err
		}
	}
	if p, err = c.s.control(); err != nil || p[0] != 0xFE {
		return errors.Join(errProtocol, err)
	}
	if columns != nil {
		if err := columns(list); err != nil {
			return err
		}
	}
	return c.rows(int(n), row)
}

// column reads the description of one column (ColumnDefinition41).
func (c *Conn) column() (Column, error) {
	p, err := c.s.control()
	if err != nil {
		return Column{}, err
	}
	f := fields{rest: p}
	f.text() // catalogue
	col := Column{Schema: string(f.text())}
	f.text() // alias of the table
	col.Table, col.Name, col.Origin = string(f.text()), string(f.text()), string(f.text())
	f.length()
	const binaryCollation = 63
	charset := f.number(2)
	f.take(4)
	kind := f.number(1)
	col.Binary = charset == binaryCollation && (kind >= 249 && kind <= 254 || kind == 15) // BLOBs and strings
	if f.bad {
		return col, errProtocol
	}
	return col, nil
}

// rows reads rows up to the end of the answer.
func (c *Conn) rows(n int, row func(values [][]byte) error) error {
	values := make([][]byte, n)
	for {
		p, long, err := c.s.read(c.cfg.MaxRow)
		switch {
		case err != nil:
			return err
		case long:
			if row != nil {
				if err := row(nil); err != nil {
					return err
				}
			}
			continue
		case len(p) == 0:
			return errProtocol
		case p[0] == 0xFF:
			return asError(p)
		case p[0] == 0xFE && len(p) < 9:
			return nil
		}
		f := fields{rest: p}
		for i := range values {
			values[i] = f.text()
		}
		if f.bad || len(f.rest) > 0 {
			return errProtocol
		}
		if row != nil {
			if err := row(values); err != nil {
				return err
			}
		}
	}
}

// Close ends the session.
func (c *Conn) Close() error {
	c.s.seq = 0
	c.s.conn.SetDeadline(time.Now().Add(time.Second))
	quit := c.s.write([]byte{0x01})
	err := c.s.conn.Close()
	if quit != nil { // the session was over already
		return nil
	}
	return err
}
