package element

// GuessEncoding returns the encoding of text that goes on with p, which begins
// with the first byte that is not ASCII, at an offset of the stream: the guess
// that a Scanner with Auto takes. It needs 1,024 bytes to be sure.
func GuessEncoding(p []byte, offset int64) Encoding {
	if len(p) == 0 {
		return UTF8
	}
	return guess(p[:min(len(p), guessBytes)], offset)
}
