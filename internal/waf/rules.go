package waf

import "sekisho/internal/waf/crs"

// RuleText returns what a rule says it found, in English, and whether it is one
// of ours; "" for a number that no rule has.
func RuleText(id int) (message string, own bool, err error) {
	rules, err := parsedRules()
	if err != nil {
		return "", false, err
	}
	for _, r := range rules {
		if r.ID == id {
			return r.Value("msg"), id >= crs.Own, nil
		}
	}
	return "", false, nil
}
