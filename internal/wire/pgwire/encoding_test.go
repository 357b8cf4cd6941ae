package pgwire

import "testing"

func TestEncodingSafe(t *testing.T) {
	for name, want := range map[string]bool{
		"UTF8": true, "unicode": true, "EUC_JP": true, "LATIN1": true, "SQL_ASCII": true, "EUC_JIS_2004": true,
		"SJIS": false, "Shift_JIS": false, "shift-jis-2004": false, "MSKANJI": false, "WIN932": false, "BIG5": false, "GBK": false, "UHC": false, "GB18030": false, "JOHAB": false,
	} {
		if got := EncodingSafe(name); got != want {
			t.Errorf("EncodingSafe(%q) = %v", name, got)
		}
	}
}
