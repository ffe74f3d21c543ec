package template

import (
	"regexp"
	"strings"

	"rollout/internal/value"
)

// ansibleTests are those that Ansible adds, except for files: a template does
// no I/O, so whoever can look at files supplies them in Options.Tests.
func ansibleTests() []*builtin {
	list := []*builtin{
		def("all", "", func(a *args) (any, error) { return a.allTrue(true) }),
		def("any", "", func(a *args) (any, error) { return a.allTrue(false) }),
		def("changed", "", testChanged),
		def("change", "", testChanged),
		def("contains", "value", func(a *args) (any, error) { return includes(a.frame.run, a.in, a.need(0)) }),
		def("falsy", "convert_bool", func(a *args) (any, error) { t, err := a.truthy(); return !t, err }),
		def("finished", "", func(a *args) (any, error) { return a.asyncFlag("finished") }),
		def("match", "pattern ignorecase multiline", testRegex("match")),
		def("reachable", "", func(a *args) (any, error) { t, err := a.flag("unreachable"); return !t, err }),
		def("regex", "pattern ignorecase multiline match_type", testRegex("")),
		def("search", "pattern ignorecase multiline", testRegex("search")),
		def("started", "", func(a *args) (any, error) { return a.asyncFlag("started") }),
		def("truthy", "convert_bool", func(a *args) (any, error) { return a.truthy() }),
		def("unreachable", "", func(a *args) (any, error) { return a.flag("unreachable") }),
		def("uri", "? schemes", func(a *args) (any, error) { return a.uri(false) }),
		def("url", "? schemes", func(a *args) (any, error) { return a.uri(true) }),
		def("urn", "?", func(a *args) (any, error) { return a.urn() }),
		def("vault_encrypted", "! ?", testVaultEncrypted),
		def("version", "version operator strict version_type", testVersion),
		def("version_compare", "version operator strict version_type", testVersion),
	}
	for _, name := range []string{"failed", "failure"} {
		list = append(list, def(name, "", func(a *args) (any, error) { return a.flag("failed") }))
	}
	for _, name := range []string{"succeeded", "success", "successful"} {
		list = append(list, def(name, "", func(a *args) (any, error) { t, err := a.flag("failed"); return !t, err }))
	}
	for _, name := range []string{"skipped", "skip"} {
		list = append(list, def(name, "", func(a *args) (any, error) { return a.flag("skipped") }))
	}
	for _, name := range []string{"subset", "issubset"} {
		list = append(list, def(name, "b", func(a *args) (any, error) { return a.within(a.in, a.need(0)) }))
	}
	for _, name := range []string{"superset", "issuperset"} {
		list = append(list, def(name, "b", func(a *args) (any, error) { return a.within(a.need(0), a.in) }))
	}
	for _, name := range []string{"nan", "isnan"} {
		list = append(list, def(name, "", func(a *args) (any, error) { f, ok := a.in.(float64); return ok && f != f, nil }))
	}
	return list
}

func (a *args) allTrue(want bool) (any, error) {
	for _, v := range a.items() {
		t, err := truth(v)
		if err != nil {
			return nil, err
		}
		if t != want {
			return !want, nil
		}
	}
	return want, nil
}

// result returns what is tested, which must be a task's result.
func (a *args) result() (*value.Map, error) {
	m, ok, err := dictOf(a.in)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, failf("The '%s' test expects a dictionary", a.def.name)
	}
	return m, nil
}

func (a *args) flag(name string) (bool, error) {
	m, err := a.result()
	if err != nil {
		return false, err
	}
	return truth(m.At(name))
}

// asyncFlag is started and finished; a task that was not async is both.
func (a *args) asyncFlag(name string) (any, error) {
	m, err := a.result()
	if err != nil {
		return nil, err
	}
	v, ok := m.Get(name)
	return !ok || equal(a.frame.run, v, 1), nil
}

func testChanged(a *args) (any, error) {
	m, err := a.result()
	if err != nil {
		return nil, err
	}
	if v, ok := m.Get("changed"); ok {
		return truth(v)
	}
	items, _ := listOf(m.At("results"))
	for _, item := range items {
		if r, ok := item.(*value.Map); ok && value.Truthy(r.At("changed")) {
			return true, nil
		}
	}
	return false, nil
}

func (a *args) truthy() (bool, error) {
	v := a.in
	if a.bool(0, false) {
		if b, ok := boolWord(v); ok {
			return b, nil
		}
	}
	return truth(v)
}

// boolWord is Ansible's boolean(): what reads as yes or no.
func boolWord(v any) (is, ok bool) {
	s := strings.ToLower(strings.TrimSpace(text(v)))
	switch s {
	case "y", "yes", "on", "1", "true", "t", "1.0":
		return true, true
	case "n", "no", "off", "0", "false", "f", "0.0":
		return false, true
	}
	return false, false
}

func (a *args) within(small, large any) (any, error) {
	r := a.frame.run
	s, err := setOf(r, a.itemsOf(large))
	if err != nil {
		return nil, err
	}
	for _, v := range a.itemsOf(small) {
		if !hashable(v) {
			return nil, unhashable(v)
		}
		if ok, err := s.has(r, v); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

var versionOps = map[string]string{"==": "==", "=": "==", "eq": "==", "<": "<", "lt": "<", "<=": "<=", "le": "<=",
	">": ">", "gt": ">", ">=": ">=", "ge": ">=", "!=": "!=", "<>": "!=", "ne": "!="}

// testVersion compares versions, loosely unless asked otherwise.
func testVersion(a *args) (any, error) {
	v, w := a.input(), a.text(0, "")
	if t, err := truth(a.in); err != nil || !t {
		v = ""
	}
	if v == "" {
		return nil, failf("Input version value cannot be empty")
	}
	if w == "" {
		return nil, failf("Version parameter to compare against cannot be empty")
	}
	op, ok := versionOps[a.text(1, "eq")]
	if !ok {
		return nil, failf("Invalid operator type (%s). Must be one of %s", a.text(1, ""), strings.Join(sortedNames(versionOps), ", "))
	}
	if a.given(2) && a.given(3) {
		return nil, failf("Cannot specify both 'strict' and 'version_type'")
	}
	kind := a.text(3, "loose")
	if !a.given(3) {
		kind = "loose"
	}
	if a.bool(2, false) {
		kind = "strict"
	}
	parse, ok := map[string]func(string) (any, error){"loose": looseVersion, "strict": strictVersion,
		"semver": semanticVersion, "semantic": semanticVersion, "pep440": pep440Version}[kind]
	if !ok {
		return nil, failf("Invalid version type (%s). Must be one of 'loose', 'strict', 'semver', 'semantic', 'pep440'", kind)
	}
	x, err := parse(v)
	if err != nil {
		return nil, err
	}
	y, err := parse(w)
	if err != nil {
		return nil, err
	}
	t, err := compare(a.frame.run, op, x, y)
	if _, orderErr := order(a.frame.run, x, y); err == nil && !equal(a.frame.run, x, y) {
		err = orderErr // also where == or != could be told without an order
	}
	if err != nil {
		return nil, failf("Version comparison failed: %s", err)
	}
	return t, nil
}

var versionPart = regexp.MustCompile(`\d+|[a-z]+|\.|[^\da-z.]+`)

// looseVersion splits into numbers and words, as distutils' LooseVersion.
func looseVersion(s string) (any, error) {
	out := []any{}
	for _, part := range versionPart.FindAllString(s, -1) {
		if part == "." {
			continue
		}
		if n, ok := integerText(part, 10); ok {
			out = append(out, n)
		} else {
			out = append(out, part)
		}
	}
	return out, nil
}

var strictPattern = regexp.MustCompile(`^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?$`)

func strictVersion(s string) (any, error) {
	m := strictPattern.FindStringSubmatch(s)
	if m == nil {
		return nil, failf("Version comparison failed: invalid version number '%s'", s)
	}
	out := []any{}
	for _, n := range m[1:4] {
		v, _ := integerText(n+strings.Repeat("0", 1-min(len(n), 1)), 10)
		out = append(out, v)
	}
	if m[4] == "" {
		return append(out, "z", 0), nil // a release comes after its pre-releases
	}
	n, _ := integerText(m[5], 10)
	return append(out, m[4], n), nil
}

var semverPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$`)

func semanticVersion(s string) (any, error) {
	m := semverPattern.FindStringSubmatch(s)
	if m == nil {
		return nil, failf("Version comparison failed: invalid semantic version '%s'", s)
	}
	out := []any{}
	for _, n := range m[1:4] {
		v, _ := integerText(n, 10)
		out = append(out, v)
	}
	if m[4] == "" {
		return append(out, []any{[]any{2}}), nil
	}
	pre := []any{}
	for part := range strings.SplitSeq(m[4], ".") {
		if n, ok := integerText(part, 10); ok {
			pre = append(pre, []any{0, n}) // numbers come before words
		} else {
			pre = append(pre, []any{1, part})
		}
	}
	return append(out, pre), nil
}
