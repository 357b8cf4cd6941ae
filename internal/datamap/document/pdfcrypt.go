package document

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"io"
	"slices"
)

// A PDF that anybody may open and not everybody may print or change is encrypted with an
// empty password: whoever has the file reads it (ISO 32000-1 §7.6, ISO 32000-2 §7.6).

// pdfCrypt decrypts what stands in a PDF.
type pdfCrypt struct {
	key      []byte
	streams  pdfCipher
	strings  pdfCipher
	files    pdfCipher // that are kept inside
	named    map[pdfName]pdfCipher
	metadata bool  // it is encrypted, too
	self     int32 // the object that says all this, -1 when it is none
}

// pdfCipher is how something is encrypted.
type pdfCipher uint8

const (
	pdfClear pdfCipher = iota
	pdfRC4
	pdfAES    // with a key for each object
	pdfAES256 // with one key
)

// pdfPadding fills passwords up (§7.6.3.3, algorithm 2).
const pdfPadding = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a"

// openCrypt opens with an empty password what is encrypted as v says.
func (f *pdfFile) openCrypt(v any, id []byte) (*pdfCrypt, bool) {
	d := f.dict(v)
	n := func(name pdfName, otherwise int) int {
		if x, ok := f.resolve(d[name]).(float64); ok && x > -1<<40 && x < 1<<40 {
			return int(x)
		}
		return otherwise
	}
	bytesOf := func(name pdfName) []byte { b, _ := f.resolve(d[name]).([]byte); return b }
	version, revision := n("V", 0), n("R", 0)
	if f.resolve(d["Filter"]) != pdfName("Standard") || version < 1 || version == 3 || version > 5 {
		return nil, false
	}
	c := &pdfCrypt{streams: pdfRC4, strings: pdfRC4, files: pdfRC4, named: map[pdfName]pdfCipher{"Identity": pdfClear}, metadata: f.resolve(d["EncryptMetadata"]) != false, self: f.object(v)}
	if version >= 4 {
		filters := f.dict(d["CF"])
		for name, v := range filters {
			switch f.resolve(f.dict(v)["CFM"]) {
			case pdfName("V2"):
				c.named[name] = pdfRC4
			case pdfName("AESV2"):
				c.named[name] = pdfAES
			case pdfName("AESV3"):
				c.named[name] = pdfAES256
			case nil, pdfName("None"):
				c.named[name] = pdfClear
			}
		}
		otherwise := pdfName("Identity")
		for _, to := range []struct {
			name pdfName
			how  *pdfCipher
		}{{"StrF", &c.strings}, {"StmF", &c.streams}, {"EFF", &c.files}} {
			filter, ok := f.resolve(d[to.name]).(pdfName)
			if !ok {
				filter = otherwise
			}
			if *to.how, ok = c.named[filter]; !ok {
				return nil, false
			}
			if to.name == "StmF" { // which EFF is if it is not said
				otherwise = filter
			}
		}
	}
	o, u := bytesOf("O"), bytesOf("U")
	if version == 5 {
		c.key = pdfKey256(revision, u, bytesOf("UE"))
		return c, c.key != nil
	}
	if len(o) < 32 || len(u) < 16 {
		return nil, false
	}
	sizes := []int{n("Length", 40) / 8, 16, 5} // what programs wrote differs
	if version == 1 {
		sizes = []int{5}
	}
	for _, size := range sizes {
		if size < 5 || size > 16 {
			continue
		}
		if c.key = pdfKey(o[:32], u, id, uint32(n("P", 0)), revision, size, c.metadata); c.key != nil {
			return c, true
		}
	}
	return nil, false
}

// pdfKey is the key of the empty password, nil if it is not the one (algorithms 2, 4, 5).
func pdfKey(o, u, id []byte, p uint32, revision, size int, metadata bool) []byte {
	h := md5.New()
	h.Write([]byte(pdfPadding))
	h.Write(o)
	h.Write(binary.LittleEndian.AppendUint32(nil, p))
	h.Write(id)
	if revision >= 4 && !metadata {
		h.Write([]byte{0xff, 0xff, 0xff, 0xff})
	}
	key := h.Sum(nil)
	if revision >= 3 {
		for range 50 {
			next := md5.Sum(key[:size])
			key = next[:]
		}
	}
	key = key[:size]
	want := []byte(pdfPadding)
	rounds := 1
	if revision >= 3 {
		sum := md5.Sum(append([]byte(pdfPadding), id...))
		want, rounds = sum[:], 20
	}
	for i := range rounds {
		k := bytes.Clone(key)
		for at := range k {
			k[at] ^= byte(i)
		}
		z, err := rc4.NewCipher(k)
		if err != nil {
			return nil
		}
		z.XORKeyStream(want, want)
	}
	if len(u) < len(want) || !bytes.Equal(want, u[:len(want)]) {
		return nil
	}
	return key
}

// pdfKey256 is the same of AES-256 (ISO 32000-2 §7.6.4.3.3, algorithm 2.A; revision 5 is
// Adobe's Supplement to ISO 32000, ExtensionLevel 3).
func pdfKey256(revision int, u, ue []byte) []byte {
	if len(u) < 48 || len(ue) < 32 {
		return nil
	}
	hash := func(salt []byte) []byte {
		sum := sha256.Sum256(salt)
		if revision == 5 {
			return sum[:]
		}
		return pdfHash(sum[:])
	}
	if !bytes.Equal(hash(u[32:40]), u[:32]) {
		return nil
	}
	b, err := aes.NewCipher(hash(u[40:48]))
	if err != nil {
		return nil
	}
	key := make([]byte, 32)
	cipher.NewCBCDecrypter(b, make([]byte, aes.BlockSize)).CryptBlocks(key, ue[:32])
	return key
}

// pdfHash is algorithm 2.B, for a password without a byte.
func pdfHash(k []byte) []byte {
	for i := 0; ; i++ {
		e := bytes.Repeat(k, 64)
		b, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		cipher.NewCBCEncrypter(b, k[16:32]).CryptBlocks(e, e)
		sum := 0
		for _, c := range e[:16] {
			sum += int(c) // 256 is 1 modulo 3
		}
		switch sum % 3 {
		case 0:
			s := sha256.Sum256(e)
			k = s[:]
		case 1:
			s := sha512.Sum384(e)
			k = s[:]
		default:
			s := sha512.Sum512(e)
			k = s[:]
		}
		if i >= 63 && int(e[len(e)-1]) <= i-31 {
			return k[:32]
		}
	}
}

// of returns the key of an object (§7.6.2, algorithm 1).
func (c *pdfCrypt) of(how pdfCipher, o *pdfObject) []byte {
	if how == pdfAES256 {
		return c.key
	}
	b := slices.Concat(c.key, []byte{byte(o.number), byte(o.number >> 8), byte(o.number >> 16), byte(o.generation), byte(o.generation >> 8)})
	if how == pdfAES {
		b = append(b, "sAlT"...)
	}
	sum := md5.Sum(b)
	return sum[:min(len(c.key)+5, 16)]
}

// reader decrypts a stream.
func (c *pdfCrypt) reader(how pdfCipher, o *pdfObject, r io.Reader) io.Reader {
	key := c.of(how, o)
	switch how {
	case pdfClear:
		return r
	case pdfRC4:
		z, err := rc4.NewCipher(key)
		if err != nil {
			return stickyReader{err: errEncrypted}
		}
		return cipher.StreamReader{S: z, R: r}
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return stickyReader{err: errEncrypted}
	}
	return &pdfCBC{r: r, block: b}
}

// pdfCBC decrypts AES in CBC mode behind its first block, and takes off what fills the
// last one up.
type pdfCBC struct {
	r     io.Reader
	block cipher.Block
	mode  cipher.BlockMode
	held  []byte // the last block: it may end before its end
	room  [4096]byte
	out   []byte
	err   error
}

// Read implements io.Reader.
func (d *pdfCBC) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.next()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *pdfCBC) next() {
	if d.mode == nil {
		var first [aes.BlockSize]byte
		if _, d.err = io.ReadFull(d.r, first[:]); d.err != nil { // an empty stream has nothing
			return
		}
		d.mode = cipher.NewCBCDecrypter(d.block, first[:])
	}
	n, err := io.ReadFull(d.r, d.room[:])
	whole := n - n%aes.BlockSize
	d.mode.CryptBlocks(d.room[:whole], d.room[:whole])
	switch {
	case err == nil:
		d.out = slices.Concat(d.held, d.room[:whole-aes.BlockSize])
		d.held = bytes.Clone(d.room[whole-aes.BlockSize : whole])
		return
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		d.err = err
	case whole < n:
		d.err = io.ErrUnexpectedEOF
	default:
		d.err = io.EOF
	}
	d.out, d.held = slices.Concat(d.held, d.room[:whole]), nil
	if k := len(d.out); k > 0 && d.err == io.EOF {
		if fill := int(d.out[k-1]); fill >= 1 && fill <= aes.BlockSize {
			d.out = d.out[:k-fill]
		}
	}
}

// value decrypts the strings of an object's value where they are.
func (c *pdfCrypt) value(v any, o *pdfObject) any {
	switch v := v.(type) {
	case []byte:
		if c.strings == pdfClear {
			return v
		}
		s, _ := io.ReadAll(c.reader(c.strings, o, bytes.NewReader(v))) // of what is no string, what there is
		return s
	case []any:
		for i := range v {
			v[i] = c.value(v[i], o)
		}
	case pdfDict:
		for name := range v {
			v[name] = c.value(v[name], o)
		}
	}
	return v
}

// decrypted returns the bytes of a stream, without its encryption.
func (f *pdfFile) decrypted(o *pdfObject, d pdfDict, names []any, params []pdfDict) (io.Reader, error) {
	r := io.Reader(bytes.NewReader(f.data[o.from:o.to]))
	if f.crypt == nil {
		return r, nil
	}
	how := f.crypt.streams
	switch kind := f.resolve(d["Type"]); {
	case kind == pdfName("EmbeddedFile"):
		how = f.crypt.files
	case kind == pdfName("XRef"), kind == pdfName("Metadata") && !f.crypt.metadata:
		how = pdfClear
	}
	if len(names) > 0 && names[0] == pdfName("Crypt") {
		name, ok := f.resolve(params[0]["Name"]).(pdfName)
		if !ok {
			name = "Identity"
		}
		if how, ok = f.crypt.named[name]; !ok {
			return nil, errEncrypted
		}
	}
	return f.crypt.reader(how, o, r), nil
}
