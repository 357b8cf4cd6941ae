package config

import (
	_ "embed"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sekisho/internal/element"
)

//go:embed sekisho.example.yaml
var example []byte

// Example returns the commented example, which is a valid configuration.
func Example() []byte { return slices.Clone(example) }

// Schema returns the JSON Schema (draft 2020-12) of the configuration file.
func Schema() []byte {
	g := &schemaGen{defs: map[string]any{}}
	root := g.object(reflect.TypeFor[Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Sekisho configuration"
	root["$defs"] = g.defs
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("config: " + err.Error()) // our own maps always encode
	}
	return append(text, '\n')
}

type schemaGen struct{ defs map[string]any }

// tenant has a default although it is always written to the ledger.
const optionalKey = "tenant"

func (g *schemaGen) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" {
			continue
		}
		if options == "inline" {
			inner := g.object(f.Type)["properties"].(map[string]any)
			maps.Copy(properties, inner)
			continue
		}
		properties[name] = g.property(f)
		if !strings.Contains(options, "omitempty") && name != optionalKey {
			required = append(required, name)
		}
	}
	o := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func (g *schemaGen) property(f reflect.StructField) map[string]any {
	p := g.schemaOf(f.Type)
	if doc := f.Tag.Get("doc"); doc != "" {
		p["description"] = doc
	}
	if words := f.Tag.Get("enum"); words != "" {
		p["enum"] = strings.Split(words, ",")
	}
	return p
}

func (g *schemaGen) schemaOf(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[Bytes]():
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^[0-9]+ ?(KiB|MiB|GiB)?$`, "minimum": 1}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.schemaOf(t.Elem())
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": g.schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": g.schemaOf(t.Elem())}
	case reflect.Struct:
		if g.defs[t.Name()] == nil {
			g.defs[t.Name()] = map[string]any{} // ends recursion
			g.defs[t.Name()] = g.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	return map[string]any{"type": "string"}
}

// Elements lists the names that columns may be given.
func Elements() []string {
	kinds := element.Kinds()
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.String()
	}
	return names
}
