package pglogin

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Verifier is what proves that a client knows a password, without being the password: PostgreSQL's
//
//	SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>     (base64)
//
// as pg_authid.rolpassword holds it.
type Verifier struct {
	Iterations           int
	Salt                 []byte
	StoredKey, ServerKey [scramKeyBytes]byte
}

// ParseVerifier parses PostgreSQL's text of a verifier. The error does not repeat it.
func ParseVerifier(text string) (Verifier, error) {
	bad := errors.New(`not a SCRAM-SHA-256 verifier ("SCRAM-SHA-256$4096:salt$StoredKey:ServerKey")`)
	rest, ok := strings.CutPrefix(text, scramName+"$")
	iterSalt, keys, ok2 := strings.Cut(rest, "$")
	iter, salt, ok3 := strings.Cut(iterSalt, ":")
	stored, server, ok4 := strings.Cut(keys, ":")
	if !ok || !ok2 || !ok3 || !ok4 {
		return Verifier{}, bad
	}
	var v Verifier
	var err error
	if v.Iterations, err = strconv.Atoi(iter); err != nil || v.Iterations < 1 || v.Iterations > scramMaxIterations {
		return Verifier{}, bad
	}
	if v.Salt, err = b64.DecodeString(salt); err != nil || len(v.Salt) == 0 {
		return Verifier{}, bad
	}
	for _, k := range []struct {
		text string
		to   *[scramKeyBytes]byte
	}{{stored, &v.StoredKey}, {server, &v.ServerKey}} {
		b, err := b64.DecodeString(k.text)
		if err != nil || len(b) != scramKeyBytes {
			return Verifier{}, bad
		}
		copy(k.to[:], b)
	}
	return v, nil
}

// NewVerifier makes a verifier with a random salt and PostgreSQL's default of 4,096 iterations.
func NewVerifier(password string) (Verifier, error) {
	v := Verifier{Iterations: 4096, Salt: make([]byte, 16)}
	_, _ = rand.Read(v.Salt) // never fails (crypto/rand)
	k, err := deriveKeys(password, v.Salt, v.Iterations)
	if err != nil {
		return Verifier{}, err
	}
	v.StoredKey = k.stored
	copy(v.ServerKey[:], k.server)
	return v, nil
}

// Text returns PostgreSQL's text of the verifier: whoever has it can pretend to be the server.
func (v Verifier) Text() Secret {
	return Secret(scramName + "$" + strconv.Itoa(v.Iterations) + ":" + b64.EncodeToString(v.Salt) + "$" +
		b64.EncodeToString(v.StoredKey[:]) + ":" + b64.EncodeToString(v.ServerKey[:]))
}

// String returns "***".
func (Verifier) String() string { return "***" }

// GoString returns "***".
func (Verifier) GoString() string { return "***" }

// mockVerifier is what a user that does not exist seems to have: the same salt at every try.
func (a *Acceptor) mockVerifier(user string) Verifier {
	return Verifier{Iterations: 4096, Salt: hmacSum(a.mockKey[:], user)[:16]}
}

// maxUserFile bounds the files below.
const maxUserFile = 16 << 20

// ReadVerifiers reads a file of clients' verifiers, one line a user as in pgbouncer's auth_file:
//
//	"name" "SCRAM-SHA-256$4096:…"
//
// A double quote inside a name is doubled; empty lines and lines that begin with ';' or '#' are left out. The file
// must be readable by its owner only.
func ReadVerifiers(path string) (map[string]Verifier, error) {
	users := map[string]Verifier{}
	err := readUserFile(path, func(fields []string) error {
		if len(fields) != 2 {
			return errors.New(`want "name" "verifier"`)
		}
		v, err := ParseVerifier(fields[1])
		if err != nil {
			return err
		}
		users[fields[0]] = v
		return nil
	})
	return users, err
}

// ReadPasswords reads a file of the gate's own credentials at the server:
//
//	"name asked for by the client, or *" "password"
//	"name asked for by the client, or *" "password" "name at the server"
//
// with the rules of ReadVerifiers.
func ReadPasswords(path string) (map[string]Credential, error) {
	logins := map[string]Credential{}
	err := readUserFile(path, func(fields []string) error {
		if len(fields) != 2 && len(fields) != 3 {
			return errors.New(`want "name" "password", or "name" "password" "name at the server"`)
		}
		c := Credential{Password: Secret(fields[1])}
		if len(fields) == 3 {
			c.User = fields[2]
		}
		logins[fields[0]] = c
		return nil
	})
	return logins, err
}

// readUserFile gives the fields of every line to add. Errors name the line and never repeat it.
func readUserFile(path string, add func(fields []string) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if runtime.GOOS != "windows" && info.Mode()&(fs.ModePerm&^0o600) != 0 {
		return fmt.Errorf("%s: mode is %#o: others can read it; run chmod 600 on it", path, info.Mode().Perm())
	}
	if info.Size() > maxUserFile {
		return fmt.Errorf("%s: larger than %d bytes", path, maxUserFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		fields, err := quoted(line)
		if err == nil {
			err = add(fields)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
	return nil
}

// quoted splits a line of quoted fields.
func quoted(line string) (fields []string, err error) {
	for line != "" {
		if line[0] != '"' {
			return nil, errors.New("a field does not begin with a double quote")
		}
		var b strings.Builder
		i := 1
		for ; ; i++ {
			if i == len(line) {
				return nil, errors.New("a field has no closing double quote")
			}
			if line[i] != '"' {
				b.WriteByte(line[i])
			} else if i+1 < len(line) && line[i+1] == '"' {
				b.WriteByte('"')
				i++
			} else {
				break
			}
		}
		fields = append(fields, b.String())
		line = strings.TrimLeft(line[i+1:], " \t")
	}
	return fields, nil
}
