package docker

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"rollout/internal/value"
)

// Shape is how two values of an option are compared.
type Shape int

// The shapes.
const (
	Scalar Shape = iota // equal or not; absent equals the empty value
	List                // in this order
	Set                 // in any order
	Dict                // key by key
)

// Strictness says what counts as a difference.
type Strictness string

// The strictnesses, named as in `comparisons`.
const (
	Strict  Strictness = "strict"             // more than asked for is a difference
	AtLeast Strictness = "allow_more_present" // what was asked for must be there
	Ignore  Strictness = "ignore"             // never a difference
)

// Setting is one option of a container as somebody wants it.
type Setting struct {
	Option string // as people write it: "memory"
	Path   string // where the API has it: "HostConfig.Memory"
	Shape  Shape
	Strict Strictness
	Want   any // in the API's form
	// Live options are changed while the container runs; all others need a
	// new container. Taking a limit away needs one too: the engine reads an
	// empty value in an update as "leave it".
	Live bool
	// FromImage options start from what the image says at the same path.
	FromImage bool
	// Same writes a value so that different spellings of one meaning are equal;
	// nil compares as it is.
	Same func(any) any
}

// Endpoint is one network a container is attached to.
type Endpoint struct {
	Network    string
	IPv4, IPv6 string
	Aliases    []string
	Links      []string // container:alias
}

// Spec is a container as somebody wants it. What it does not mention is left
// to the engine and is never a difference.
type Spec struct {
	Name     string
	Image    string // as asked for; "" keeps whatever image there is
	Platform string
	Settings []Setting
	Networks []Endpoint
	// OnlyNetworks detaches the container from every other network.
	OnlyNetworks bool
	// LateNetworks connects the first network, too, after the creation, so that
	// the container keeps the engine's default network beside it.
	LateNetworks bool
	// IgnoreNetworks attaches the networks to a new container only.
	IgnoreNetworks bool
	// NameMatters makes a new container where the image has the right content
	// and was asked for under another name.
	NameMatters bool
	IgnoreImage bool // another image is no difference
}

// Change is one difference between a container and its Spec.
type Change struct {
	What     string // the option
	From, To any
	Cause    string // in words; holds no values that may be secret
	Live     bool   // can be changed while the container runs
}

func (c Change) String() string { return c.What + ": " + c.Cause }

// Diff compares a container with what it should be. image is what Spec.Image
// names now; nil where it is not known (yet).
func Diff(want Spec, have *Container, image *Image) []Change {
	out := imageChanges(want, have, image)
	for _, s := range want.Settings {
		if c, differs := s.diff(have, image); differs {
			out = append(out, c)
		}
	}
	return out
}

// Compare compares what an engine says of any object (a network, a volume)
// with what it should be.
func Compare(settings []Setting, have *value.Map) []Change {
	var out []Change
	for _, s := range settings {
		if c, differs := s.diff(&Container{Raw: have}, nil); differs {
			out = append(out, c)
		}
	}
	return out
}

// Body writes settings in the form of a create request.
func Body(settings []Setting) *value.Map {
	body := value.NewMap()
	for _, s := range settings {
		put(body, s.Path, s.Want)
	}
	return body
}

func imageChanges(want Spec, have *Container, image *Image) []Change {
	if want.IgnoreImage || want.Image == "" {
		return nil
	}
	if image == nil {
		return []Change{{What: "image", From: have.ImageName(), To: want.Image, Cause: want.Image + " is not there yet"}}
	}
	if image.ID() != have.ImageID() {
		return []Change{{What: "image", From: have.ImageID(), To: image.ID(),
			Cause: fmt.Sprintf("%s is %s, the container was made of %s", want.Image, short(image.ID()), short(have.ImageID()))}}
	}
	was := have.ImageName()
	if want.NameMatters && !IsImageID(was) && !IsImageID(want.Image) && FamiliarName(was) != FamiliarName(want.Image) {
		return []Change{{What: "image", From: was, To: want.Image,
			Cause: fmt.Sprintf("asked for as %s, the container was made of %s", want.Image, was)}}
	}
	return nil
}

func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

// at follows a dotted path into an inspect answer.
func at(m *value.Map, path string) any {
	keys := strings.Split(path, ".")
	for _, k := range keys[:len(keys)-1] {
		m = m.Map(k)
	}
	return m.At(keys[len(keys)-1])
}

func (s Setting) diff(have *Container, image *Image) (Change, bool) {
	if s.Strict == Ignore {
		return Change{}, false
	}
	want, got := s.same(s.expected(image)), s.same(at(have.Raw, s.Path))
	cause := ""
	switch s.Shape {
	case Scalar:
		if !value.Equal(empty(want), empty(got)) {
			cause = fmt.Sprintf("%s instead of %s", show(want), show(got))
		}
	case List:
		if !value.Equal(listOf(want), listOf(got)) {
			cause = fmt.Sprintf("%s instead of %s", show(want), show(got))
		}
	case Set:
		cause = s.diffSet(listOf(want), listOf(got))
	case Dict:
		cause = s.diffDict(dictOf(want), dictOf(got))
	}
	change := Change{What: s.Option, From: got, To: want, Cause: cause, Live: s.Live && empty(want) != nil}
	if s.Option == envOption {
		change.From, change.To = hidden(got), hidden(want)
	}
	return change, cause != ""
}

// envOption is the option whose values are nobody's business: they are where
// passwords are.
const envOption = "env"

// hidden leaves the names of NAME=VALUE entries.
func hidden(env any) []any {
	out := []any{}
	for _, name := range names(listOf(env)) {
		out = append(out, name+"=…")
	}
	return out
}

func (s Setting) same(v any) any {
	if s.Same == nil {
		return v
	}
	return s.Same(v)
}

// expected is what the setting comes to in a container of the image.
func (s Setting) expected(image *Image) any {
	if !s.FromImage || image == nil {
		return s.Want
	}
	base := at(image.Raw, s.Path)
	if s.Shape == Dict {
		out := dictOf(base).Clone()
		out.Update(dictOf(s.Want))
		return out
	}
	return OverlayEnv(listOf(base), listOf(s.Want))
}

// OverlayEnv puts NAME=VALUE entries over those of the same name.
func OverlayEnv(base, over []any) []any {
	named := value.NewMap()
	for _, e := range slices.Concat(base, over) {
		name, _, _ := strings.Cut(fmt.Sprint(e), "=")
		named.Set(name, e)
	}
	out := make([]any, 0, named.Len())
	for _, e := range named.All() {
		out = append(out, e)
	}
	return out
}

func (s Setting) diffSet(want, got []any) string {
	if s.Option == envOption {
		return s.diffEnv(want, got)
	}
	var words []string
	missing := without(want, got)
	if len(missing) > 0 && s.Path == linksPath {
		words = append(words, deadLinks(missing))
	} else if len(missing) > 0 {
		words = append(words, "missing "+show(missing))
	}
	if extra := without(got, want); len(extra) > 0 && s.Strict == Strict {
		words = append(words, "not wanted "+show(extra))
	}
	return strings.Join(words, ", ")
}

// linksPath is where a container's links are. The engine keeps a link listed
// there when its target is removed, and a new container of the same name does
// not bring it to life: so whoever looks leaves dead links out, see WithoutLinks,
// and one that was asked for and is not there is dead or new.
const linksPath = "HostConfig.Links"

func deadLinks(missing []any) string {
	var targets []string
	for _, link := range missing {
		target, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprint(link), "/"), ":")
		targets = append(targets, target)
	}
	return "no living link to " + strings.Join(targets, ", ") + " (it was made anew, or the link is new)"
}

// diffEnv names the variables that differ and keeps their values to itself.
func (s Setting) diffEnv(want, got []any) string {
	var words []string
	has := names(got)
	for _, e := range without(want, got) {
		name, _, _ := strings.Cut(fmt.Sprint(e), "=")
		if slices.Contains(has, name) {
			words = append(words, name+" has another value")
			continue
		}
		words = append(words, name+" is missing")
	}
	if s.Strict == Strict {
		wanted := names(want)
		for _, name := range has {
			if !slices.Contains(wanted, name) {
				words = append(words, name+" is not wanted")
			}
		}
	}
	sort.Strings(words)
	return strings.Join(words, ", ")
}

func names(env []any) []string {
	var out []string
	for _, e := range env {
		name, _, _ := strings.Cut(fmt.Sprint(e), "=")
		out = append(out, name)
	}
	return out
}

func (s Setting) diffDict(want, got *value.Map) string {
	var words []string
	for k, v := range want.All() {
		w, there := got.Get(k)
		switch {
		case !there:
			words = append(words, fmt.Sprintf("%v is missing", k))
		case !value.Equal(empty(v), empty(w)):
			words = append(words, fmt.Sprintf("%v is %s instead of %s", k, show(w), show(v)))
		}
	}
	for k := range got.All() {
		if _, wanted := want.Get(k); !wanted && s.Strict == Strict {
			words = append(words, fmt.Sprintf("%v is not wanted", k))
		}
	}
	sort.Strings(words)
	return strings.Join(words, ", ")
}

// without returns the elements of a that b has not.
func without(a, b []any) []any {
	var out []any
	for _, e := range a {
		if !slices.ContainsFunc(b, func(f any) bool { return value.Equal(e, f) }) {
			out = append(out, e)
		}
	}
	return out
}

// empty makes the API's ways of saying "not set" one.
func empty(v any) any {
	if !value.Truthy(v) {
		return nil
	}
	return v
}

func listOf(v any) []any {
	l, _ := v.([]any)
	if l == nil {
		return []any{}
	}
	return l
}

func dictOf(v any) *value.Map {
	m, _ := v.(*value.Map)
	if m == nil {
		return value.NewMap()
	}
	return m
}

// show prints a value for a person.
func show(v any) string {
	if empty(v) == nil {
		return "nothing"
	}
	if s, ok := v.(string); ok {
		return s
	}
	text, err := value.ToJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
