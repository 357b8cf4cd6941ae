package agefile

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The pair is that of the age test vectors (C2SP CCTV, age): the secret key is
// public, so nothing is ever encrypted to it but this test.
const (
	publicKey = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
	secretKey = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
)

func seal(t *testing.T, text []byte, to ...Recipient) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := Encrypt(&out, to...)
	if err == nil {
		_, err = w.Write(text[:len(text)/3])
	}
	if err == nil {
		_, err = w.Write(text[len(text)/3:])
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What we write, the reference program opens: sizes around a chunk's edges, one
// recipient and several.
func TestAgeOpens(t *testing.T) {
	age, err := exec.LookPath("age")
	if err != nil {
		t.Skip("SKIPPED: no age is installed (apt install age)")
	}
	to, err := ParseRecipient(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ParseRecipient("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")
	if err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(identity, []byte(secretKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk} {
		text := bytes.Repeat([]byte("名簿\n"), size/7+1)[:size]
		cmd := exec.Command(age, "-d", "-i", identity)
		cmd.Stdin = bytes.NewReader(seal(t, text, other, to))
		if got, err := cmd.Output(); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes: age read %d, %v", size, len(got), err)
		}
	}
}

func TestForm(t *testing.T) {
	to, err := ParseRecipient(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("a name that must not be seen")
	one, two := seal(t, text, to), seal(t, text, to)
	if bytes.Equal(one, two) || bytes.Contains(one, text) {
		t.Error("two files are alike, or the text shows")
	}
	if !bytes.HasPrefix(one, []byte("age-encryption.org/v1\n-> X25519 ")) {
		t.Errorf("head %q", one[:40])
	}
	if _, err := Encrypt(&bytes.Buffer{}); err == nil {
		t.Error("a file for nobody was made")
	}
}

func TestParseRecipient(t *testing.T) {
	for _, bad := range []string{"", "age1", secretKey, strings.ToUpper(publicKey), publicKey[:len(publicKey)-1], publicKey + "q",
		strings.Replace(publicKey, "zvkyg", "zvkyq", 1), "agf" + publicKey[3:]} {
		if _, err := ParseRecipient(bad); !errors.Is(err, ErrRecipient) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseRecipient(f *testing.F) {
	f.Add(publicKey)
	f.Add("age1qqqqqq")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseRecipient(text); err == nil && !strings.HasPrefix(text, "age1") {
			t.Errorf("%q was taken", text)
		}
	})
}
