package template

import (
	"errors"
	"fmt"
	"strings"
)

// SyntaxError is a mistake found while a template is compiled: before anything
// is rendered. Line and Column count from 1 within the template's text.
type SyntaxError struct {
	Name    string // the template's name; may be empty
	Line    int
	Column  int
	Message string
	Hint    string // what was probably meant; may be empty
}

func (e *SyntaxError) Error() string {
	where := fmt.Sprintf("line %d, column %d", e.Line, e.Column)
	if e.Name != "" {
		where = fmt.Sprintf("%s:%d:%d", e.Name, e.Line, e.Column)
	}
	text := where + ": " + e.Message
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// UndefinedError says that something undefined was used. Its message is
// Ansible's: "'x' is undefined", "'dict object' has no attribute 'y'".
type UndefinedError struct {
	Name    string // the variable, attribute or element
	Message string
}

func (e *UndefinedError) Error() string { return e.Message }

// RuntimeError is an expression that could not be evaluated: wrong types, bad
// arguments, a limit reached, a template that was not found.
type RuntimeError struct {
	Template string // the template's name; may be empty
	Line     int    // line in the template, 0 if unknown
	Message  string
	Cause    error // what a loader or lookup returned; may be nil
}

func (e *RuntimeError) Error() string {
	if e.Template != "" && e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.Template, e.Line, e.Message)
	}
	return e.Message
}

// Unwrap returns the error of a loader or lookup, if there was one.
func (e *RuntimeError) Unwrap() error { return e.Cause }

// ErrZeroDivision is the cause of an error that Ansible has as an exception of
// Python's, not one of its own.
var ErrZeroDivision = errors.New("division by zero")

func failf(format string, args ...any) error {
	return &RuntimeError{Message: fmt.Sprintf(format, args...)}
}

// Undefined is the value of a name that has none. Tests such as "is defined"
// and the filter "default" accept it; every other use is an UndefinedError.
type Undefined struct {
	Name    string // the missing variable, attribute or element; "" if unknown
	Message string
	refused bool // an attribute the sandbox does not hand out
	lenient bool // of an if without else: counts as empty text
}

// Err returns the error that using u gives.
func (u *Undefined) Err() error {
	if u.refused {
		return &RuntimeError{Message: u.Message}
	}
	return &UndefinedError{Name: u.Name, Message: u.Message}
}

func undefinedName(name string) *Undefined {
	return &Undefined{Name: name, Message: fmt.Sprintf("'%s' is undefined", name)}
}

func noAttribute(obj any, key any) *Undefined {
	name, isName := key.(string)
	switch {
	case !isName:
		return &Undefined{Name: text(key), Message: fmt.Sprintf("%s has no element %s", objectName(obj), repr(key))}
	case obj == nil:
		return &Undefined{Name: name, Message: fmt.Sprintf("'None' has no attribute %s", quoted(name))}
	}
	return &Undefined{Name: name, Message: fmt.Sprintf("'%s' has no attribute %s", objectName(obj), quoted(name))}
}

func refusedAttribute(obj any, name string) *Undefined {
	return &Undefined{Name: name, refused: true,
		Message: fmt.Sprintf("access to attribute '%s' of '%s' object is unsafe.", name, typeName(obj))}
}

func objectName(obj any) string {
	if obj == nil {
		return "None"
	}
	return typeName(obj) + " object"
}

// unsafeName reports names that lead into Python's internals; a sandbox hides
// them, and nothing stands behind them here.
func unsafeName(name string) bool { return strings.HasPrefix(name, "_") }

// located adds the place to an error that has none yet.
func located(err error, t *Template, pos int) error {
	if re, ok := err.(*RuntimeError); ok && re.Line == 0 && t != nil {
		line, _ := t.position(pos)
		return &RuntimeError{Template: t.name, Line: line, Message: re.Message, Cause: re.Cause}
	}
	return err
}
