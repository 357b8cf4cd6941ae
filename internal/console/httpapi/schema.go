package httpapi

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"sekisho/proof/scope"
)

// SchemaOf returns the JSON Schema of a type: a reference to a component for
// every struct with a name.
func SchemaOf(t reflect.Type) object {
	if s, ok := special(t); ok {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []object{SchemaOf(t.Elem()), {"type": "null"}}}
	case reflect.Struct:
		if t.Name() == "" || empty(t) {
			return fields(t, nil)
		}
		return object{"$ref": "#/components/schemas/" + component(t)}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": []string{"string", "null"}, "contentEncoding": "base64"}
		}
		return object{"type": []string{"array", "null"}, "items": SchemaOf(t.Elem())}
	case reflect.Array:
		return object{"type": "array", "items": SchemaOf(t.Elem())}
	case reflect.Map:
		return object{"type": []string{"object", "null"}, "additionalProperties": SchemaOf(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	}
	return object{} // anything
}

// special are types that write themselves.
func special(t reflect.Type) (object, bool) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}, true
	case reflect.TypeFor[time.Duration]():
		return object{"type": "integer", "description": "nanoseconds"}, true
	case reflect.TypeFor[json.RawMessage]():
		return object{}, true
	case reflect.TypeFor[scope.Query]():
		return queryShape, true
	}
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil, t.Kind() == reflect.Interface
	}
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Marshaler]()) {
		return object{}, true
	}
	if p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return object{"type": "string"}, true
	}
	return nil, false
}

// queryShape is how scope.Query writes itself.
var queryShape = object{
	"type": "object", "additionalProperties": false,
	"description": "Whose data: empty lists do not narrow; within a list any entry may hold, between lists all must.",
	"properties": object{
		"from":      object{"type": "integer", "description": "UTC, ns since 1970; 0 begins with the records"},
		"to":        object{"type": "integer", "description": "UTC, ns since 1970; 0 ends now"},
		"places":    object{"type": "array", "items": object{"type": "string"}, "examples": []string{"shop", "shop/public.customers"}},
		"users":     object{"type": "array", "items": object{"type": "string"}, "description": "database users"},
		"addresses": object{"type": "array", "items": object{"type": "string"}, "description": "IP addresses or prefixes"},
		"sessions":  object{"type": "array", "items": object{"type": "object", "properties": object{"source": object{"type": "string"}, "session": object{"type": "integer"}}}},
		"elements":  object{"type": "array", "items": object{"type": "string"}},
		"labels":    object{"type": "array", "items": object{"type": "string"}, "description": "names that clients chose; they widen, never narrow"},
		"silence":   object{"type": "integer", "description": "ns without a sign of life of a gate that count as uncovered; 0: 10 s"},
	},
}

// component is the name of a type among the schemas: its package and its name,
// because several packages have a Session.
func component(t reflect.Type) string {
	pkg := t.PkgPath()
	name := t.Name()
	if i := strings.IndexByte(name, '['); i >= 0 {
		name = name[:i]
	}
	return pkg[strings.LastIndexByte(pkg, '/')+1:] + "." + name
}

// fields is the schema of a struct: what encoding/json writes. doc says what a
// field is; nil: nothing is known.
func fields(t reflect.Type, doc func(field string) string) object {
	props := object{}
	required := []string{}
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			tag := strings.Split(f.Tag.Get("json"), ",")
			if tag[0] == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			if f.Anonymous && tag[0] == "" {
				e := f.Type
				if e.Kind() == reflect.Pointer {
					e = e.Elem()
				}
				if e.Kind() == reflect.Struct {
					add(e)
				}
				continue
			}
			name := tag[0]
			if name == "" {
				name = f.Name
			}
			s := SchemaOf(f.Type)
			if len(tag) == 1 { // always written
				required = append(required, name)
			}
			if doc != nil {
				if text := doc(f.Name); text != "" {
					c := object{"description": text}
					for k, v := range s {
						if k != "description" {
							c[k] = v
						}
					}
					s = c
				}
			}
			props[name] = s
		}
	}
	add(t)
	return object{"type": "object", "properties": props, "required": required}
}
