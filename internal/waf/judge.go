package waf

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/seclang"
)

// scores are the names of the variables in which the rule set adds up, one for
// each level of paranoia.
type scores []string

var (
	requestScore  = scores{"inbound_anomaly_score_pl1", "inbound_anomaly_score_pl2", "inbound_anomaly_score_pl3", "inbound_anomaly_score_pl4"}
	responseScore = scores{"outbound_anomaly_score_pl1", "outbound_anomaly_score_pl2", "outbound_anomaly_score_pl3", "outbound_anomaly_score_pl4"}
)

// set is the rule set, cut so that any of its rules can be run alone.
type set struct {
	version string
	reading string // the directives that have a request read
	prelude string // those, and the settings of the rule set
	rules   []*seclang.Rule
}

var parsedRules = sync.OnceValues(func() ([]*seclang.Rule, error) { return crs.Rules(coreruleset.FS) })

// cut makes a set of the rules that a configuration asks for.
func cut(config Config, rules []*seclang.Rule) (*set, error) {
	base, err := fs.ReadFile(coreruleset.FS, "@coraza.conf-recommended")
	if err != nil {
		return nil, err
	}
	own, err := config.settings()
	if err != nil {
		return nil, err
	}
	s := &set{reading: string(base) + "\n" + engineDirectives + "\n"}
	s.prelude = s.reading + strings.Replace(settings, "METHODS", strings.Join(config.Methods, " "), 1) + own
	for _, r := range rules {
		if v := r.Value("ver"); s.version == "" && strings.HasPrefix(v, "OWASP_CRS/") {
			s.version = v
		}
		if r.Paranoia > config.Paranoia || slices.Contains(config.Except, r.ID) {
			continue
		}
		s.rules = append(s.rules, r)
	}
	return s, nil
}

// engineDirectives have the judge run rules without acting on them.
const engineDirectives = `SecRuleEngine DetectionOnly
SecAuditEngine Off
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecRequestBodyLimitAction ProcessPartial
SecDefaultAction "phase:1,log,noauditlog,pass"
SecDefaultAction "phase:2,log,noauditlog,pass"
SecRule REQBODY_PROCESSOR "!@rx (?:URLENCODED|MULTIPART|XML|JSON)" "id:11,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"`

// settings are what the rule set's own initialisation (its file 901) sets, at
// its defaults, but for the character sets: pages in Japan are still sent as
// Shift_JIS and EUC-JP.
const settings = `SecAction "id:10,phase:1,pass,nolog,\
setvar:tx.crs_setup_version=4250,setvar:tx.detection_paranoia_level=4,setvar:tx.blocking_paranoia_level=4,\
setvar:tx.critical_anomaly_score=5,setvar:tx.error_anomaly_score=4,setvar:tx.warning_anomaly_score=3,setvar:tx.notice_anomaly_score=2,\
setvar:'tx.allowed_methods=METHODS',\
setvar:'tx.allowed_request_content_type=|application/x-www-form-urlencoded| |multipart/form-data| |text/xml| |application/xml| |application/soap+xml| |application/json|',\
setvar:'tx.allowed_request_content_type_charset=|utf-8| |iso-8859-1| |iso-8859-15| |windows-1252| |shift_jis| |windows-31j| |euc-jp| |iso-2022-jp|',\
setvar:'tx.allowed_http_versions=HTTP/1.0 HTTP/1.1 HTTP/2 HTTP/2.0 HTTP/3 HTTP/3.0',\
LISTS\
setvar:tx.allow_method_override_parameter=0,setvar:tx.enforce_bodyproc_urlencoded=0,setvar:tx.crs_validate_utf8_encoding=0,setvar:tx.crs_skip_response_analysis=0"
`

// settings returns the directives for the variables of a configuration.
func (c *Config) settings() (string, error) {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if value := c.Settings[name]; !settingName.MatchString(name) || !settingValue.MatchString(value) {
			return "", fmt.Errorf("waf: setting %q=%q: a name of letters and _ and a number are expected", name, value)
		}
		fmt.Fprintf(&b, "SecAction \"id:%d,phase:1,pass,nolog,setvar:tx.%s=%s\"\n", 20+i, name, c.Settings[name])
	}
	return b.String(), nil
}

var (
	settingName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	methodName   = regexp.MustCompile(`^[A-Z]+(-[A-Z]+)*$`)
	settingValue = regexp.MustCompile(`^[0-9]+$`)
)

// only returns the directives that run the rules of the given numbers and no
// other; those that prepare or restrict them go with them.
func (s *set) only(ids ...int) string {
	var b strings.Builder
	b.WriteString(strings.Replace(s.prelude, "LISTS", s.lists(), 1))
	for i, r := range s.rules {
		if r.ID != 0 && slices.Contains(ids, r.ID) || restricts(r, ids) || s.skips(i, ids) {
			b.WriteString(files.ReplaceAllString(r.Text, "@pmFromFile @owasp_crs/$1"))
			b.WriteString("\n")
		}
		if r.Marker != "" {
			fmt.Fprintf(&b, "SecMarker %q\n", r.Marker)
		}
	}
	return b.String()
}

// skips reports whether the i-th rule may have one of the others passed over.
// That a level of paranoia is passed over is nothing here: its rules are not
// asked for.
func (s *set) skips(i int, ids []int) bool {
	r := s.rules[i]
	if serves(r) || slices.Contains(r.Targets, "TX:DETECTION_PARANOIA_LEVEL") {
		return false
	}
	after := s.rules[i+1:]
	if n, err := strconv.Atoi(r.Value("skip")); err == nil {
		after = after[:min(n, len(after))]
	} else if to := r.Value("skipAfter"); to != "" {
		after = after[:max(0, slices.IndexFunc(after, func(m *seclang.Rule) bool { return m.Marker == to }))]
	} else {
		return false
	}
	return slices.ContainsFunc(after, func(o *seclang.Rule) bool { return o.ID != 0 && slices.Contains(ids, o.ID) })
}

// restricts reports whether a rule takes values or requests out of the sight
// of one of the rules (ctl:ruleRemove…).
func restricts(r *seclang.Rule, ids []int) bool {
	for _, link := range append([]*seclang.Rule{r}, r.Chain...) {
		for _, a := range link.Actions {
			what, of, _ := strings.Cut(a.Value, "=")
			if a.Name != "ctl" || !strings.HasPrefix(what, "ruleRemove") || serves(r) {
				continue
			}
			of, _, _ = strings.Cut(of, ";")
			id, err := strconv.Atoi(of)
			if err != nil || slices.Contains(ids, id) {
				return true // by tag, or a range
			}
		}
	}
	return false
}

// serves reports whether a rule belongs to the frame of the rule set, its
// settings, counting and reporting, which an engine does itself.
func serves(r *seclang.Rule) bool {
	switch r.ID / 1000 {
	case 901, 949, 959, 980:
		return true
	}
	return r.Phase == 5
}

// prepares reports whether a rule without a level of its own sets what others
// read.
func prepares(r *seclang.Rule) bool {
	return r.Paranoia == 0 && r.ID != 0 && r.Operator != "" && !serves(r) && !r.Has("skip") && !r.Has("skipAfter")
}

var files = regexp.MustCompile(`@pmFromFile (\S+)`)

// lists returns the actions of the initialisation that set long lists, as the
// rule set has them.
func (s *set) lists() string {
	var b strings.Builder
	for _, r := range s.rules {
		for _, a := range r.Actions {
			if a.Name == "setvar" && (strings.HasPrefix(a.Value, "tx.restricted_extensions=") || strings.HasPrefix(a.Value, "tx.restricted_headers_")) {
				fmt.Fprintf(&b, "setvar:'%s',", a.Value)
			}
		}
	}
	return b.String()
}

// judge is Coraza with some rules, compiled when it is first asked.
type judge struct {
	directives string
	once       sync.Once
	waf        coraza.WAF
	err        error
}

func newJudge(directives string) *judge { return &judge{directives: directives} }

func (j *judge) compile() error {
	j.once.Do(func() {
		useForm()
		j.waf, j.err = coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(j.directives))
		j.directives = ""
	})
	return j.err
}

// begin runs the rules over a request. The transaction is to be closed.
func (j *judge) begin(r *Request) (types.Transaction, error) {
	if err := j.compile(); err != nil {
		return nil, fmt.Errorf("waf: rules: %w", err)
	}
	tx := j.waf.NewTransaction()
	tx.ProcessConnection(r.Client, 0, "", 0)
	tx.ProcessURI(r.URI, r.Method, r.Protocol)
	for _, h := range r.Headers {
		tx.AddRequestHeader(h.Name, h.Value)
		if strings.EqualFold(h.Name, "Host") {
			tx.SetServerName(h.Value)
		}
	}
	tx.ProcessRequestHeaders()
	if len(r.Body) > 0 {
		if _, _, err := tx.WriteRequestBody(r.Body); err != nil {
			return nil, closing(tx, err)
		}
	}
	if _, err := tx.ProcessRequestBody(); err != nil {
		return nil, closing(tx, err)
	}
	return tx, nil
}

// answer runs the rules over a response.
func answer(tx types.Transaction, a *Response) error {
	for _, h := range a.Headers {
		tx.AddResponseHeader(h.Name, h.Value)
	}
	tx.ProcessResponseHeaders(a.Status, "HTTP/1.1")
	if _, _, err := tx.WriteResponseBody(a.Body); err != nil {
		return err
	}
	_, err := tx.ProcessResponseBody()
	return err
}

func closing(tx types.Transaction, err error) error {
	if e := tx.Close(); e != nil {
		return fmt.Errorf("%w, and then %w", err, e)
	}
	return err
}

// scoreOf adds up what the rules of all levels have counted under the names.
func scoreOf(tx types.Transaction, names scores) int {
	vars := tx.(plugintypes.TransactionState).Variables().TX()
	sum := 0
	for _, name := range names {
		for _, text := range vars.Get(name) {
			if n, err := strconv.Atoi(text); err == nil {
				sum += n
			}
		}
	}
	return sum
}

// severityScore is what the rule set adds for a severity.
func severityScore(s types.RuleSeverity) int {
	switch s {
	case types.RuleSeverityCritical:
		return 5
	case types.RuleSeverityError:
		return 4
	case types.RuleSeverityWarning:
		return 3
	case types.RuleSeverityNotice:
		return 2
	}
	return 0
}
