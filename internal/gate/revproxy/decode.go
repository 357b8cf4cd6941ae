package revproxy

import (
	"errors"

	"sekisho/internal/wire/coding"
)

// maxDecoded bounds what the body of a response may become when its encoding is
// taken off. That of a request may become what is held of a plain one.
const maxDecoded = coding.MaxDecoded

var (
	errLongEncoded = errors.New("an encoded body longer than what is held")
	errBomb        = coding.ErrBomb
)
