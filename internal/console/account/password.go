package account

import (
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// hashing is the cost of argon2id (RFC 9106).
type hashing struct {
	time, memoryKiB uint32
	threads         uint8
}

// strong is the second recommendation of RFC 9106, section 4: 64 MiB, three
// passes, four lanes. The first needs 2 GiB a login.
var (
	strong = hashing{3, 64 << 10, 4}
	cheap  = hashing{1, 64, 1}
)

const (
	saltLen = 16 // RFC 9106, section 3.1
	tagLen  = 32
)

// common are passwords that everybody tries first, one a line, all of at least
// the shortest length.
//
//go:embed common.txt
var common string

// checkPassword refuses what is too short, too long or common. There are no
// rules about kinds of characters (NIST SP 800-63B, 5.1.1.2, as read in the
// 2017 edition).
func checkPassword(name, password string) error {
	n := utf8.RuneCountInString(password)
	if n < 12 || n > 256 || !utf8.ValidString(password) {
		return ErrWeak
	}
	low := strings.ToLower(password)
	for line := range strings.Lines(common) {
		if strings.TrimSpace(line) == low {
			return ErrWeak
		}
	}
	if strings.Trim(low, low[:1]) == "" || name != "" && strings.Trim(strings.ReplaceAll(low, name, ""), "0123456789") == "" {
		return ErrWeak
	}
	return nil
}

// sum makes the text that is kept of a password, in the form that the argon2
// command line writes: $argon2id$v=19$m=65536,t=3,p=4$SALT$TAG.
func (h hashing) sum(random io.Reader, password string) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", err
	}
	tag := argon2.IDKey([]byte(password), salt, h.time, h.memoryKiB, h.threads, tagLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memoryKiB, h.time, h.threads,
		b64.EncodeToString(salt), b64.EncodeToString(tag)), nil
}

// fits compares a password with what was kept. What is not in our form fits
// nothing.
func fits(kept, password string) bool {
	var version int
	var h hashing
	parts := strings.Split(kept, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memoryKiB, &h.time, &h.threads); err != nil || h.time == 0 || h.threads == 0 || h.memoryKiB > 1<<20 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != tagLen {
		return false
	}
	tag := argon2.IDKey([]byte(password), salt, h.time, h.memoryKiB, h.threads, tagLen)
	return subtle.ConstantTimeCompare(tag, want) == 1
}
