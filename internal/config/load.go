package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"sekisho/internal/fault"
	"sekisho/internal/policy"
	"sekisho/internal/policy/exit"
	"sekisho/internal/strictyaml"
)

// maxFile is the largest configuration file, in bytes.
const maxFile = 4 << 20

// Loaded is a configuration with its compiled policy.
type Loaded struct {
	*Config
	Compiled *policy.Policy
	// Source is the policy as written; nil when there is none.
	Source *policy.Source
	// Exit is the policy of what leaves; nil without an egress section.
	Exit *exit.Policy

	// Text is the file as it was read.
	Text []byte

	doc *ast.File
}

// Line returns the line of a path such as "gates[2].listen" in the file, for
// faults that show later; 0 when there is none.
func (l *Loaded) Line(path string) int { return lineOf(l.doc, path) }

// Load reads, decodes and checks a configuration file and the policy it names.
// The error is a fault.List: all that is wrong, not only the first.
func Load(file string) (*Loaded, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return parse(file, text)
}

// LoadText is Load for a file that had this text.
func LoadText(file string, text []byte) (*Loaded, error) { return parse(file, text) }

func readFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
		err = fmt.Errorf("not a regular file of at most %s", Bytes(maxFile))
	}
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "what", file).Because(cause(err))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "what", file).Because(cause(err))
	}
	return text, nil
}

func parse(file string, text []byte) (*Loaded, error) {
	c := &Config{File: file}
	doc, err := decode(file, text, c)
	if err != nil {
		return nil, err
	}
	k := &checker{file: file, doc: doc}
	k.config(c)
	c.fill()
	l := &Loaded{Config: c, Text: text, doc: doc}
	k.policy(l)
	k.exitPolicy(l)
	if len(k.found) > 0 {
		return nil, k.found
	}
	c.resolve(filepath.Dir(file))
	return l, nil
}

// LoadPolicy reads and compiles the policy of a configuration again, for a
// reload.
func LoadPolicy(c *Config) (*policy.Policy, *policy.Source, error) {
	l, err := Load(c.File)
	if err != nil {
		return nil, nil, err
	}
	return l.Compiled, l.Source, nil
}

// PolicyFile reads and compiles a policy file on its own.
func PolicyFile(file string) (*policy.Policy, *policy.Source, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, nil, err
	}
	return PolicyText(file, text)
}

// PolicyText compiles a policy that would be written to a file, which runs its
// tests.
func PolicyText(file string, text []byte) (*policy.Policy, *policy.Source, error) {
	src := new(policy.Source)
	doc, err := decode(file, text, src)
	if err != nil {
		return nil, nil, err
	}
	p, err := policy.Compile(src)
	if err != nil {
		return nil, src, (&checker{file: file, doc: doc}).policyFaults("", err)
	}
	return p, src, nil
}

// resolve makes paths relative to the file's directory.
func (c *Config) resolve(dir string) {
	paths := []*string{&c.Data, &c.Keys, &c.Control}
	setDefault(&c.Control, filepath.Join(c.Data, "control.sock"))
	if c.Console != nil {
		paths = append(paths, &c.Console.Cert, &c.Console.Key, &c.Console.Persons)
	}
	if c.Metrics != nil {
		paths = append(paths, &c.Metrics.Cert, &c.Metrics.Key)
	}
	for i := range c.Databases {
		d := &c.Databases[i]
		paths = append(paths, &d.TLS.CA, &d.Control.PasswordFile)
	}
	for i := range c.Files {
		paths = append(paths, &c.Files[i].Folder)
	}
	for i := range c.Stores {
		paths = append(paths, &c.Stores[i].PasswordFile)
	}
	for i := range c.Gates {
		g := &c.Gates[i]
		paths = append(paths, &g.TLS.Cert, &g.TLS.Key, &g.TLS.ClientCA, &g.Login.Verifiers, &g.Login.Passwords)
	}
	for i := range c.Web {
		paths = append(paths, &c.Web[i].TLS.Cert, &c.Web[i].TLS.Key, &c.Web[i].Rules)
	}
	paths = append(paths, c.detectPaths()...)
	paths = append(paths, c.egressPaths()...)
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// decode parses text into v and turns what goes wrong into faults with lines.
func decode(file string, text []byte, v any) (*ast.File, error) {
	if err := strictyaml.Bounded(text); err != nil {
		return nil, fault.List{fault.New(fault.ConfigSyntax, "problem", err.Error()).At(file, 0, "")}
	}
	doc, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err == nil && len(doc.Docs) > 1 {
		return nil, fault.List{fault.New(fault.ConfigSyntax, "problem", "more than one document").At(file, 0, "")}
	}
	if err == nil && len(doc.Docs) == 1 && doc.Docs[0].Body != nil {
		err = readNode(doc.Docs[0].Body, v)
	}
	if err == nil {
		return doc, nil
	}
	return nil, fault.List{decodeFault(file, doc, err, v)}
}

// readNode reads a node into v. A running process reads files of operators as well,
// and does not end by them.
func readNode(node ast.Node, v any) (err error) {
	defer func() {
		if recover() != nil {
			err = strictyaml.ErrTag
		}
	}()
	return yaml.NodeToValue(node, v, yaml.Strict())
}

func decodeFault(file string, doc *ast.File, err error, v any) *fault.Error {
	var at *token.Token
	var y yaml.Error
	var bad *valueError
	switch {
	case errors.As(err, &bad):
		at = bad.at
	case errors.As(err, &y):
		at = y.GetToken()
	}
	line, path, word := 0, "", ""
	if at != nil {
		line, path, word = at.Position.Line, pathAt(doc, at.Position.Offset), at.Value
	}
	return kindOfFault(err, word, v).At(file, line, path)
}

func kindOfFault(err error, word string, v any) *fault.Error {
	var unknown *yaml.UnknownFieldError
	var twice *yaml.DuplicateKeyError
	var syntax *yaml.SyntaxError
	var mismatch *yaml.TypeError
	switch {
	case errors.As(err, &unknown):
		return fault.New(fault.ConfigUnknownKey, "key", quote(word), "hint", hintFor(word, v))
	case errors.As(err, &twice):
		return fault.New(fault.ConfigRepeatedKey, "key", quote(word))
	case errors.As(err, &syntax):
		return fault.New(fault.ConfigSyntax, "problem", syntax.GetMessage())
	case errors.As(err, &mismatch):
		return fault.New(fault.ConfigType, "problem", fmt.Sprintf("here belongs %s", plainType(mismatch.DstType)))
	}
	return fault.New(fault.ConfigType, "problem", firstLine(err))
}

// plainType says in plain words what a Go type holds.
func plainType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping of keys to values"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Uint64:
		return "a number that is not negative"
	}
	return "a single word or text"
}

// firstLine returns the message of a YAML error without its picture of the
// source, which could show a secret.
func firstLine(err error) string {
	var y yaml.Error
	if errors.As(err, &y) {
		return y.GetMessage()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func quote(s string) string { return `"` + s + `"` }

// pathAt returns the path of the node that begins at the byte offset.
func pathAt(doc *ast.File, offset int) string {
	if doc == nil || len(doc.Docs) == 0 {
		return ""
	}
	f := &finder{offset: offset}
	ast.Walk(f, doc.Docs[0].Body)
	return strings.TrimPrefix(strings.TrimPrefix(f.path, "$"), ".")
}

type finder struct {
	offset int
	path   string
}

// Visit implements ast.Visitor.
func (f *finder) Visit(n ast.Node) ast.Visitor {
	if t := n.GetToken(); t != nil && t.Position.Offset == f.offset && len(n.GetPath()) >= len(f.path) {
		f.path = n.GetPath()
	}
	return f
}

// lineOf returns the line of the deepest existing part of path, such as
// "gates[2].listen"; 0 when there is none.
func lineOf(doc *ast.File, path string) int {
	for path != "" {
		p, err := yaml.PathString("$." + path)
		if err == nil {
			if n, err := p.FilterFile(doc); err == nil && n != nil {
				return startLine(n)
			}
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			break
		}
		path = path[:i]
	}
	return 0
}

func startLine(n ast.Node) int {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken().Position.Line
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken().Position.Line
	}
	return n.GetToken().Position.Line
}
