package settings

import "fmt"

// Kind is how the text of a setting is read.
type Kind int

// The kinds of settings. Paths in a file are relative to it, those of the
// environment to the working directory; ~ and $NAME are expanded in them.
const (
	Text  Kind = iota
	Bool       // anything but yes, on, true, 1, y and t is false
	Int        // a whole number
	Float      // a number
	Words      // separated by commas
	Path       // a file or folder
	Paths      // separated by colons
	Files      // separated by commas
)

// String is the word of the reference.
func (k Kind) String() string {
	return [...]string{"text", "yes or no", "number", "number", "list", "path", "paths, colons between", "paths, commas between"}[k]
}

// Use says what is done with a setting.
type Use int

// What is done with settings.
const (
	Used    Use = iota
	Ignored     // told at -v
	Refused     // an error where it says anything but the default
)

// Setting is one line of the table.
type Setting struct {
	Name    string   // as `ansible-config list` and the lookup config call it
	Kind    Kind     //
	Env     []string // variables of the environment; the last one set wins
	Keys    []string // section.key in a file; the last one set wins
	Default string   // as a file would say it; "" is nothing
	Choices []string // what it may say; of refused ones: what it may say beside the default
	Use     Use
	Doc     string // what it does; why it is refused
	into    func(*Settings) any
}

// Topic is a part of the table.
type Topic struct {
	Title    string
	Settings []Setting
}

// all is the whole table.
func all() []Setting {
	var out []Setting
	for _, t := range Topics() {
		out = append(out, t.Settings...)
	}
	return append(out, rest()...)
}

// Value is what a setting says, and where.
type Value struct {
	Content any    // nil, bool, int, float64, string or []any
	Origin  string // file:line, "env: NAME" or "default"
}

// Default reports whether nobody set it.
func (v Value) Default() bool { return v.Origin == defaultOrigin }

const defaultOrigin = "default"

// Value returns what a setting of that name says; also those without effect
// have one.
func (s *Settings) Value(name string) (Value, bool) {
	v, ok := s.values[name]
	return v, ok
}

// Given reports whether a file or the environment says something for the
// setting that fills field, a pointer to a field of s.
func (s *Settings) Given(field any) bool {
	for _, d := range all() {
		if d.into != nil && d.into(s) == field {
			return !s.values[d.Name].Default()
		}
	}
	return false
}

// Default returns the settings of a place without file and environment.
func Default() *Settings {
	s := &Settings{values: map[string]Value{}}
	for _, d := range all() {
		v, _ := d.parse(d.Default, "") // a test reads every default
		s.set(d, Value{v, defaultOrigin})
	}
	return s
}

// set keeps a value, and fills the field that stands for it.
func (s *Settings) set(d Setting, v Value) {
	s.values[d.Name] = v
	if d.into == nil {
		return
	}
	switch field := d.into(s).(type) {
	case *bool:
		*field, _ = v.Content.(bool)
	case *int:
		*field, _ = v.Content.(int)
	case *string:
		*field, _ = v.Content.(string)
	case *[]string:
		*field = nil
		items, _ := v.Content.([]any)
		for _, item := range items {
			*field = append(*field, fmt.Sprint(item))
		}
	}
}
