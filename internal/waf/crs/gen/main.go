// Command gen derives internal/waf/crs/table.txt from the rule set that
// go.mod names, and internal/waf/transform/bestfit.txt from the judge. It is
// run by go generate and changes nothing else.
package main

import (
	"fmt"
	"os"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"sekisho/internal/waf/crs"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	fit, err := bestFit()
	if err != nil {
		return err
	}
	if err := os.WriteFile("../transform/bestfit.txt", []byte(fit), 0o644); err != nil {
		return err
	}
	table, err := crs.Derive(coreruleset.FS)
	if err != nil {
		return err
	}
	return os.WriteFile("table.txt", []byte(table.Write()), 0o644)
}

// bestFit asks the judge for every %uXXXX.
func bestFit() (string, error) {
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives("SecRuleEngine On\n" +
		`SecRule ARGS "@unconditionalMatch" "id:1,phase:1,pass,log,t:none,t:urlDecodeUni"`))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for r := range 0x10000 {
		tx := waf.NewTransaction()
		tx.(plugintypes.TransactionState).Variables().ArgsGet().Set("x", []string{fmt.Sprintf("%%u%04x", r)})
		tx.ProcessRequestHeaders()
		value := tx.MatchedRules()[0].MatchedDatas()[0].Value()
		if len(value) != 1 {
			return "", fmt.Errorf("%%u%04x becomes %q", r, value)
		}
		if value[0] != byte(r) {
			fmt.Fprintf(&b, "%04x %02x\n", r, value[0])
		}
		if err := tx.Close(); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}
