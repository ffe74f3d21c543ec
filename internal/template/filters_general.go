package template

import (
	"fmt"
	"hash/crc32"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollout/internal/jmespath"
	"rollout/internal/value"
)

// generalFilters are those of community.general; json_query and random_mac also
// have the short names that ansible-core redirects.
func generalFilters() []*builtin {
	list := []*builtin{
		def("json_query", "expr", filterJSONQuery),
		def("random_mac", "seed", filterRandomMAC),
	}
	general := []*builtin{
		def("counter", "", filterCounter),
		def("crc32", "", func(a *args) (any, error) { return fmt.Sprintf("%x", crc32.ChecksumIEEE([]byte(a.word()))), nil }),
		def("dict", "", filterDict),
		def("dict_kv", "key", filterDictKV),
		def("from_csv", "dialect fieldnames delimiter skipinitialspace strict", filterFromCSV),
		def("groupby_as_dict", "attribute", filterGroupbyAsDict),
		def("json_query", "expr", filterJSONQuery),
		def("lists_difference", "* **", func(a *args) (any, error) { return a.overLists(keepOutside) }),
		def("lists_intersect", "* **", func(a *args) (any, error) { return a.overLists(keepInside) }),
		def("lists_mergeby", "* **", filterListsMergeby),
		def("lists_symmetric_difference", "* **", func(a *args) (any, error) { return a.overLists(keepUnshared) }),
		def("lists_union", "* **", func(a *args) (any, error) { return a.overLists(keepAll) }),
		def("random_mac", "seed", filterRandomMAC),
		def("to_time_unit", "unit year month", func(a *args) (any, error) { return a.timeUnit(a.text(0, "ms"), 1) }),
		def("version_sort", "reverse", filterVersionSort),
	}
	for name, unit := range map[string]string{"milliseconds": "ms", "seconds": "s", "minutes": "m", "hours": "h", "days": "d",
		"weeks": "w", "months": "mo", "years": "y"} {
		general = append(general, def("to_"+name, "year month", func(a *args) (any, error) { return a.timeUnit(unit, 0) }))
	}
	return append(list, inCollection("community.general.", general)...)
}

// inCollection gives plugins the name of their collection.
func inCollection(collection string, list []*builtin) []*builtin {
	for _, b := range list {
		b.name = collection + b.name
	}
	return list
}

func filterJSONQuery(a *args) (any, error) {
	q, err := jmespath.Compile(a.text(0, ""))
	if err != nil {
		return nil, failf("JMESPathError in json_query filter plugin: %s", err)
	}
	data, err := freeze(a.frame.run, a.in, 0)
	if err != nil {
		return nil, err
	}
	v, err := q.Search(data)
	if err != nil {
		return nil, failf("JMESPathError in json_query filter plugin: %s", err)
	}
	return a.frame.run.thawed(v)
}

func filterCounter(a *args) (any, error) {
	var items []any
	if s, ok := a.in.(string); ok {
		for _, r := range s {
			items = append(items, string(r))
		}
	} else if items, ok = sequenceOf(a.in); !ok {
		return nil, failf("Argument for community.general.counter must be a sequence (string or list). %s is %s", text(a.in), typeName(a.in))
	}
	out := value.NewMap()
	for _, e := range items {
		if !hashable(e) {
			return nil, failf("community.general.counter needs a sequence with hashable elements (int, float or str) - %s", unhashable(e))
		}
		n, _ := out.At(e).(int)
		out.Set(e, n+1)
	}
	return out, a.frame.run.dict(out.Len())
}

func filterDict(a *args) (any, error) {
	out := value.NewMap()
	for i, e := range a.items() {
		pair, err := iterate(e)
		if err != nil {
			return nil, failf("cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		if len(pair) != 2 {
			return nil, failf("dictionary update sequence element #%d has length %d; 2 is required", i, len(pair))
		}
		if !hashable(pair[0]) {
			return nil, unhashable(pair[0])
		}
		out.Set(pair[0], pair[1])
	}
	return out, a.frame.run.dict(out.Len())
}

func filterDictKV(a *args) (any, error) {
	if k := a.need(0); !hashable(k) {
		return nil, unhashable(k)
	}
	return value.NewMap(a.need(0), a.in), a.err
}

func filterFromCSV(a *args) (any, error) {
	d := CSVDialect{Comma: ',', Quote: '"', SkipSpace: a.bool(3, false), Strict: a.bool(4, false)}
	switch name := a.text(0, "excel"); name {
	case "excel", "unix":
	case "excel-tab":
		d.Comma = '\t'
	default:
		return nil, failf("Dialect '%s' is not supported by your version of python.", name)
	}
	if sep := a.textGiven(2); sep != "" {
		if utf8.RuneCountInString(sep) != 1 {
			return nil, failf("Unable to create custom dialect: \"delimiter\" must be a 1-character string")
		}
		d.Comma, _ = utf8.DecodeRuneInString(sep)
	}
	rows, err := ReadCSV(a.word(), d)
	if err != nil || a.err != nil {
		return nil, failf("Unable to process file: %v", err)
	}
	var names []any
	if a.given(1) && a.p[1] != nil {
		names = a.itemsOf(a.p[1])
	}
	for _, name := range names {
		if !hashable(name) {
			return nil, unhashable(name)
		}
	}
	var out []any
	for _, row := range rows {
		if len(row) == 0 {
			continue
		}
		if names == nil {
			names = value.List(row)
			continue
		}
		out = append(out, csvRecord(names, row))
	}
	return a.list(out), a.frame.run.items(len(out) * (1 + len(names)))
}

// csvRecord is a row as Python's DictReader gives it.
func csvRecord(names []any, row []string) *value.Map {
	m := value.NewMap()
	for i, name := range names {
		if i < len(row) {
			m.Set(name, row[i])
		} else {
			m.Set(name, nil)
		}
	}
	if len(row) > len(names) {
		m.Set(nil, value.List(row[len(names):]))
	}
	return m
}

func filterGroupbyAsDict(a *args) (any, error) {
	items, ok := sequenceOf(a.in)
	if !ok {
		return nil, failf("Input is not a sequence")
	}
	out := value.NewMap()
	for i, e := range items {
		m, ok := e.(*value.Map)
		if !ok {
			return nil, failf("Sequence element #%d is not a mapping", i)
		}
		k, ok := m.Get(a.need(0))
		if !ok {
			return nil, failf("Attribute not contained in element #%d of sequence", i)
		}
		if !hashable(k) {
			return nil, unhashable(k)
		}
		if _, twice := out.Get(k); twice {
			return nil, failf("Multiple sequence entries have attribute value %s", repr(k))
		}
		out.Set(k, m)
	}
	return out, nil
}

func filterListsMergeby(a *args) (any, error) {
	m := merging{run: a.frame.run, lists: "replace"}
	for k, v := range a.kw.All() {
		switch k {
		case "recursive":
			m.recursive = value.Truthy(v)
		case "list_merge":
			m.lists = text(v)
		default:
			return nil, failf("'recursive' and 'list_merge' are the only valid keyword arguments.")
		}
	}
	if len(a.rest) == 0 {
		return nil, failf("At least one list and index are needed.")
	}
	lists, err := mergeLists("All arguments before the argument index for community.general.lists_mergeby", append([]any{a.in}, a.rest[:len(a.rest)-1]...))
	if err != nil || len(lists) == 0 {
		return a.list(nil), err
	}
	if len(lists) == 1 {
		return lists[0], nil
	}
	index, ok := a.rest[len(a.rest)-1].(string)
	if !ok {
		return nil, failf("First argument after the lists for community.general.lists_mergeby must be string. %s is %s",
			text(a.rest[len(a.rest)-1]), typeName(a.rest[len(a.rest)-1]))
	}
	result, _ := sequenceOf(lists[len(lists)-1])
	for i := len(lists) - 2; i >= 0; i-- {
		low, _ := sequenceOf(lists[i])
		if result, err = m.byIndex(low, result, index); err != nil {
			return nil, err
		}
	}
	return a.list(result), nil
}

// mergeLists takes the lists out of lists of lists.
func mergeLists(which string, in []any) ([]any, error) {
	var out []any
	for _, e := range in {
		items, ok := sequenceOf(e)
		if !ok {
			return nil, failf("%s must be lists. %s is %s", which, text(e), typeName(e))
		}
		nested := len(items) > 0
		for _, x := range items {
			_, isList := sequenceOf(x)
			nested = nested && isList
		}
		switch {
		case nested:
			out = append(out, items...)
		case len(items) > 0:
			out = append(out, e)
		}
	}
	return out, nil
}

func (m merging) byIndex(low, high []any, index string) ([]any, error) {
	byKey := value.NewMap()
	for _, e := range append(append([]any{}, low...), high...) {
		d, ok := e.(*value.Map)
		if !ok {
			return nil, failf("Elements of list arguments for lists_mergeby must be dictionaries. %s is %s", text(e), typeName(e))
		}
		k, ok := d.Get(index)
		if !ok {
			continue
		}
		if !hashable(k) {
			return nil, unhashable(k)
		}
		before, _ := byKey.At(k).(*value.Map)
		if before == nil {
			before = value.NewMap()
		}
		merged, err := m.maps(before, d, 0)
		if err != nil {
			return nil, err
		}
		byKey.Set(k, merged)
	}
	keys := append([]any(nil), byKey.Keys()...)
	var failed error
	sort.SliceStable(keys, func(i, j int) bool {
		c, err := order(m.run, keys[i], keys[j])
		if err != nil {
			failed = err
		}
		return c < 0
	})
	if failed != nil {
		return nil, failf("%s", failed)
	}
	out := make([]any, len(keys))
	for i, k := range keys {
		out[i] = byKey.At(k)
	}
	return out, nil
}

var macByte = regexp.MustCompile(`^[a-f0-9]{2}`)

// filterRandomMAC completes the beginning of a hardware address.
func filterRandomMAC(a *args) (any, error) {
	s := strings.ToLower(a.word())
	parts := strings.Split(s, ":")
	if a.err == nil && len(parts) > 5 {
		return nil, failf("Invalid value (%s) for random_mac: 5 colon(:) separated items max", s)
	}
	var wrong []string
	for _, p := range parts {
		if p == "" {
			wrong = append(wrong, "empty item")
		} else if !macByte.MatchString(p) {
			wrong = append(wrong, p+" not hexa byte")
		}
	}
	if a.err == nil && len(wrong) > 0 {
		return nil, failf("Invalid value (%s) for random_mac: %s", s, strings.Join(wrong, ","))
	}
	const low, high = 68719476736, 1099511627775
	digits := strconv.FormatInt(int64(low+a.generator(0).below(high-low+1)), 16)[:2*(6-len(parts))]
	for i := 0; i < len(digits); i += 2 {
		s += ":" + digits[i:i+2]
	}
	return s, nil
}

// timeUnits are the milliseconds of each unit, and its names.
var timeUnits = map[string]float64{"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "w": 604800000}

var timeNames = map[string]string{"year": "y", "month": "mo", "week": "w", "day": "d", "hour": "h", "min": "m", "minute": "m",
	"sec": "s", "second": "s", "msec": "ms", "msecond": "ms", "millisecond": "ms"}

var timePart = regexp.MustCompile(`^(-?\d+)(\w+)`)

// timeUnit reads "1h 30m" in a unit; parameters at and at+1 are the days of a
// year and a month.
func (a *args) timeUnit(unit string, at int) (any, error) {
	s := a.word()
	if s == "0" || a.err != nil {
		return 0, a.err
	}
	size := func(name string) (float64, bool) {
		short, ok := timeNames[strings.TrimRight(name, "s")]
		if !ok {
			short = name
		}
		days := map[string]float64{"y": 365, "mo": 30}
		if f, isNumber := a.get(at, nil).(int); isNumber {
			days["y"] = float64(f)
		}
		if f, isNumber := a.get(at+1, nil).(int); isNumber {
			days["mo"] = float64(f)
		}
		if d, ok := days[short]; ok {
			return d * timeUnits["d"], true
		}
		ms, ok := timeUnits[short]
		return ms, ok
	}
	per, ok := size(unit)
	if !ok {
		return nil, failf("to_time_unit() can not convert to the following unit: %s", unit)
	}
	total := 0.0
	for part := range strings.FieldsSeq(s) {
		m := timePart.FindStringSubmatch(part)
		if m == nil {
			return nil, failf("to_time_unit() can not interpret following string: %s", s)
		}
		ms, ok := size(m[2])
		n, err := strconv.ParseFloat(m[1], 64)
		if !ok || err != nil {
			return nil, failf("to_time_unit() can not interpret following string: %s", s)
		}
		total += n * ms
	}
	return math.Round(total/per*1e12) / 1e12, nil
}

func filterVersionSort(a *args) (any, error) {
	items := append([]any(nil), a.items()...)
	keys := make(map[int]any, len(items))
	at := make([]int, len(items))
	for i, e := range items {
		key, err := looseVersion(text(e))
		if err != nil {
			return nil, err
		}
		keys[i], at[i] = key, i
	}
	reverse := a.bool(0, false)
	var failed error
	sort.SliceStable(at, func(i, j int) bool {
		c, err := order(a.frame.run, keys[at[i]], keys[at[j]])
		if err != nil {
			failed = err
		}
		return (c < 0 && !reverse) || (c > 0 && reverse)
	})
	if failed != nil {
		return nil, failf("%s", failed)
	}
	out := make([]any, len(items))
	for i, k := range at {
		out[i] = items[k]
	}
	return a.list(out), nil
}
