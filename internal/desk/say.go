package desk

import (
	_ "embed"

	"sekisho/internal/lang"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)
