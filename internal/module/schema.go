package module

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Type is the type of an argument, named as in Ansible's argument specs.
type Type string

// The types of arguments.
const (
	Str   Type = "str"
	Bool  Type = "bool"
	Int   Type = "int"
	Trunc Type = "number" // a whole number, or the whole part of one that is none
	Float Type = "float"
	List  Type = "list"
	Dict  Type = "dict"
	Path  Type = "path"
	Raw   Type = "raw"
)

// Arg is one argument of a module.
type Arg struct {
	Name     string
	Aliases  []string
	Type     Type // Str where empty
	Elements Type // of a List; Raw where empty
	Required bool
	Default  any // in package value's types; nil is none
	Choices  []string
	Options  []Arg // of a Dict, or of a List of Dicts; nil allows any keys
	NoLog    bool  // the value is a secret
	Doc      string
}

// Schema is what a module accepts.
type Schema struct {
	Args              []Arg
	FreeForm          bool // `command: echo hi`
	OpenEnded         bool // unknown arguments are passed on (set_fact, add_host)
	MutuallyExclusive [][]string
	RequiredOneOf     [][]string
	RequiredTogether  [][]string
	RequiredIf        []RequiredIf
}

// RequiredIf says that the arguments Need must be there where Arg has Value.
type RequiredIf struct {
	Arg   string
	Value string
	Need  []string
}

// Find returns the argument of that name or alias.
func (s Schema) Find(name string) (Arg, bool) { return find(s.Args, name) }

func find(args []Arg, name string) (Arg, bool) {
	for _, a := range args {
		if a.Name == name || slices.Contains(a.Aliases, name) {
			return a, true
		}
	}
	return Arg{}, false
}

// Names returns all argument names and aliases, sorted.
func (s Schema) Names() []string { return names(s.Args) }

func names(args []Arg) []string {
	var out []string
	for _, a := range args {
		out = append(append(out, a.Name), a.Aliases...)
	}
	sort.Strings(out)
	return out
}

// CheckNames reports every key of node, the arguments as written in a
// playbook, that the schema does not know, before anything is run. Values may
// hold templates and are not looked at.
func (s Schema) CheckNames(module string, node *document.Node, errs *document.Errors) {
	if s.OpenEnded || node == nil || node.Kind != document.Mapping {
		return
	}
	for _, e := range node.Entries {
		a, ok := s.Find(e.Name())
		if !ok {
			errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), s.Names()),
				"%s has no argument %q", module, e.Name())
			continue
		}
		checkOptions(module+"."+a.Name, a, e.Value, errs)
	}
}

func checkOptions(path string, a Arg, node *document.Node, errs *document.Errors) {
	if a.Options == nil {
		return
	}
	for _, item := range node.Items {
		checkOptions(path, a, item, errs)
	}
	for _, e := range node.Entries {
		sub, ok := find(a.Options, e.Name())
		if !ok {
			errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), names(a.Options)), "%s has no option %q", path, e.Name())
			continue
		}
		checkOptions(path+"."+sub.Name, sub, e.Value, errs)
	}
}

// Validate checks rendered arguments, converts them to their types, resolves
// aliases and fills in defaults. Every mistake is reported, not only the first.
func (s Schema) Validate(args *value.Map) (*value.Map, error) {
	var errs document.Errors
	out := convertAll(s.Args, args, s.OpenEnded, "", &errs)
	s.checkRules(s.given(args), out, &errs)
	return out, errs.Err()
}

func fail(errs *document.Errors, format string, a ...any) {
	errs.Join(fmt.Errorf(format, a...))
}

func convertAll(spec []Arg, args *value.Map, open bool, prefix string, errs *document.Errors) *value.Map {
	out := value.NewMap()
	for k, v := range args.All() {
		name := fmt.Sprint(k)
		a, ok := find(spec, name)
		switch {
		case ok && v == nil:
			// null is "not given", as Ansible's AnsibleModule has it
		case ok:
			out.Set(a.Name, convert(a, v, prefix, errs))
		case open:
			out.Set(k, v)
		default:
			hint := document.Suggest(name, names(spec))
			fail(errs, "unknown argument %q; %s known: %s", prefix+name, hint, strings.Join(names(spec), ", "))
		}
	}
	for _, a := range spec {
		if _, given := out.Get(a.Name); given {
			continue
		}
		if a.Required {
			fail(errs, "missing required argument %q", prefix+a.Name)
		}
		if a.Default != nil {
			out.Set(a.Name, value.Copy(a.Default))
		}
	}
	return out
}

func convert(a Arg, v any, prefix string, errs *document.Errors) any {
	out, err := a.cast(v)
	if err != nil {
		fail(errs, "argument %q: %w", prefix+a.Name, err)
		return v
	}
	if a.Options != nil {
		out = convertOptions(a, out, prefix+a.Name+".", errs)
	}
	checkChoices(a, out, prefix, errs)
	return out
}

func convertOptions(a Arg, v any, prefix string, errs *document.Errors) any {
	switch x := v.(type) {
	case *value.Map:
		return convertAll(a.Options, x, false, prefix, errs)
	case []any:
		for i, e := range x {
			if m, ok := e.(*value.Map); ok {
				x[i] = convertAll(a.Options, m, false, prefix, errs)
			}
		}
	}
	return v
}

func checkChoices(a Arg, v any, prefix string, errs *document.Errors) {
	if len(a.Choices) == 0 {
		return
	}
	items, isList := v.([]any)
	if !isList {
		items = []any{v}
	}
	for _, item := range items {
		if s := fmt.Sprint(item); !slices.Contains(a.Choices, s) {
			fail(errs, "argument %q must be one of %s, not %q", prefix+a.Name, strings.Join(a.Choices, ", "), s)
		}
	}
}

// cast converts as AnsibleModule's check_type_* functions do.
func (a Arg) cast(v any) (any, error) {
	switch a.Type {
	case Bool:
		return castBool(v)
	case Trunc:
		if x, ok := v.(float64); ok {
			v = math.Trunc(x)
		}
		return castInt(v)
	case Int:
		return castInt(v)
	case Float:
		return castFloat(v)
	case List:
		return a.castList(v)
	case Dict:
		return castDict(v)
	case Raw:
		return v, nil
	}
	return castStr(v)
}

func castStr(v any) (any, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case bool:
		if x {
			return "True", nil
		}
		return "False", nil
	case float64:
		return value.FloatRepr(x, "inf", "nan"), nil
	case []any, value.Tuple, *value.Map:
		b, err := value.ToJSON(x)
		return string(b), err
	}
	return fmt.Sprint(v), nil
}

func castBool(v any) (any, error) {
	switch strings.ToLower(fmt.Sprint(v)) {
	case "yes", "on", "1", "true", "1.0", "y", "t":
		return true, nil
	case "no", "off", "0", "false", "0.0", "n", "f":
		return false, nil
	}
	return nil, fmt.Errorf("%v is not a valid boolean (yes or no)", v)
}

func castInt(v any) (any, error) {
	switch x := v.(type) {
	case int:
		return x, nil
	case float64:
		if x == math.Trunc(x) {
			return int(x), nil
		}
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(x)); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%v is not a whole number, unable to convert to int", v)
}

func castFloat(v any) (any, error) {
	switch x := v.(type) {
	case int:
		return float64(x), nil
	case float64:
		return x, nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(x), 64); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%v is not a number", v)
}

func (a Arg) castList(v any) (any, error) {
	var items []any
	switch x := v.(type) {
	case []any:
		items = x
	case value.Tuple:
		items = x
	case string:
		if x != "" {
			for part := range strings.SplitSeq(x, ",") {
				items = append(items, strings.TrimSpace(part))
			}
		}
	case int, float64:
		items = []any{x}
	default:
		if a.Elements != Dict && a.Elements != Raw {
			return nil, fmt.Errorf("expected a list")
		}
		items = []any{v}
	}
	out := make([]any, 0, len(items))
	elem := Arg{Type: a.Elements}
	if a.Elements == "" {
		elem.Type = Raw
	}
	for i, item := range items {
		c, err := elem.cast(item)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i+1, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func castDict(v any) (any, error) {
	switch x := v.(type) {
	case *value.Map:
		return x, nil
	case string:
		if strings.HasPrefix(strings.TrimSpace(x), "{") {
			d, err := value.FromJSON([]byte(x))
			if m, ok := d.(*value.Map); ok && err == nil {
				return m, nil
			}
			return nil, fmt.Errorf("not a JSON object")
		}
		return dictFromPairs(x)
	}
	return nil, fmt.Errorf("expected a dict")
}

func dictFromPairs(s string) (any, error) {
	m := value.NewMap()
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("expected a dict, key=value pairs or JSON")
		}
		m.Set(k, v)
	}
	return m, nil
}

// given are the arguments that the caller gave, by their names: a default does
// not count where arguments exclude or require each other.
func (s Schema) given(args *value.Map) *value.Map {
	out := value.NewMap()
	for k, v := range args.All() {
		if a, ok := s.Find(fmt.Sprint(k)); ok && v != nil {
			out.Set(a.Name, v)
		}
	}
	return out
}

func (s Schema) checkRules(args, filled *value.Map, errs *document.Errors) {
	for _, set := range s.MutuallyExclusive {
		if given := present(args, set); len(given) > 1 {
			fail(errs, "arguments are mutually exclusive: %s", strings.Join(given, ", "))
		}
	}
	for _, set := range s.RequiredOneOf {
		if len(present(args, set)) == 0 {
			fail(errs, "one of these arguments is required: %s", strings.Join(set, ", "))
		}
	}
	for _, set := range s.RequiredTogether {
		if n := len(present(args, set)); n > 0 && n < len(set) {
			fail(errs, "these arguments are required together: %s", strings.Join(set, ", "))
		}
	}
	for _, rule := range s.RequiredIf {
		if fmt.Sprint(filled.At(rule.Arg)) == rule.Value && len(present(filled, rule.Need)) < len(rule.Need) {
			fail(errs, "%s is %s, so these arguments are required: %s", rule.Arg, rule.Value, strings.Join(rule.Need, ", "))
		}
	}
}

func present(args *value.Map, names []string) []string {
	var out []string
	for _, n := range names {
		if _, ok := args.Get(n); ok {
			out = append(out, n)
		}
	}
	return out
}
