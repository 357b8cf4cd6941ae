package setup

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Iterations is how often a password is hashed: PostgreSQL's own default
// (scram_iterations, 4096; RFC 7677 §4 asks for at least as many).
const Iterations = 4096

// Verifier returns what PostgreSQL keeps of a password (RFC 5802 §3, RFC 7677;
// format of pg_authid.rolpassword), so that the password itself never is in a
// statement or a server's log. The password must be printable ASCII: nothing is
// prepared by SASLprep.
func Verifier(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, Iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", Iterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}
