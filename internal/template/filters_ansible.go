package template

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"regexp"
	"strings"

	"rollout/internal/value"
)

// ansibleFilters are those that Ansible adds, sets and addresses aside.
func ansibleFilters() []*builtin {
	return []*builtin{
		def("b64decode", "encoding", filterB64decode),
		def("b64encode", "encoding", filterB64encode),
		def("basename", "", func(a *args) (any, error) { s := a.word(); return s[strings.LastIndexByte(s, '/')+1:], nil }),
		def("bool", "", func(a *args) (any, error) { return toBool(a.in), nil }),
		def("checksum", "", hashed(sha1.New)),
		def("combine", "* **", filterCombine),
		def("comment", "style decoration newline beginning prefix prefix_count postfix postfix_count end", filterComment),
		def("dict2items", "key_name value_name", filterDict2items),
		def("dirname", "", func(a *args) (any, error) { return dirname(a.word()), nil }),
		def("expanduser", "", filterExpanduser),
		def("expandvars", "", filterExpandvars),
		def("extract", "? container morekeys", filterExtract),
		def("flatten", "levels skip_nulls", filterFlatten),
		def("from_json", "", filterFromJSON),
		def("from_yaml", "!", filterFromYAML),
		def("from_yaml_all", "", filterFromYAMLAll),
		def("hash", "hashtype", filterHash),
		def("human_readable", "isbits unit", filterHumanReadable),
		def("human_to_bytes", "default_unit isbits", filterHumanToBytes),
		def("items2dict", "key_name value_name", filterItems2dict),
		def("log", "base", filterLog),
		def("mandatory", "? msg", filterMandatory),
		def("md5", "", hashed(md5.New)),
		def("unvault", "! secret vaultid", filterUnvault),
		def("vault", "secret salt vaultid wrap_object", filterVault),
		def("password_hash", "hashtype salt salt_size rounds ident", filterPasswordHash),
		def("path_join", "", filterPathJoin),
		def("pow", "exponent", filterPow),
		def("quote", "", func(a *args) (any, error) { return shellQuote(a.in) }),
		def("random", "start step seed", filterRandom),
		def("realpath", "", filterRealpath),
		def("regex_escape", "re_type", filterRegexEscape),
		def("regex_findall", "regex multiline ignorecase", filterRegexFindall),
		def("regex_replace", "pattern replacement ignorecase multiline", filterRegexReplace),
		def("regex_search", "regex * **", filterRegexSearch),
		def("rekey_on_member", "key duplicates", filterRekey),
		def("relpath", "start", filterRelpath),
		def("root", "base", filterRoot),
		def("sha1", "", hashed(sha1.New)),
		def("shuffle", "seed", filterShuffle),
		def("split", "sep maxsplit", func(a *args) (any, error) { return a.split(false) }),
		def("splitext", "", func(a *args) (any, error) { return splitext(a.word()), nil }),
		def("strftime", "second utc", filterStrftime),
		def("subelements", "subelements skip_missing", filterSubelements),
		def("ternary", "? true_val false_val none_val", filterTernary),
		def("to_datetime", "format", filterToDatetime),
		def("to_json", "! indent sort_keys ensure_ascii separators vault_to_text preprocess_unsafe", filterToJSON),
		def("to_nice_json", "! indent sort_keys ensure_ascii separators vault_to_text preprocess_unsafe", filterToNiceJSON),
		def("to_nice_yaml", "! indent width sort_keys explicit_start explicit_end default_style", filterToNiceYAML),
		def("to_uuid", "namespace", filterToUUID),
		def("to_yaml", "! indent width sort_keys explicit_start explicit_end default_style default_flow_style", filterToYAML),
		def("type_debug", "! ?", func(a *args) (any, error) { return typeName(a.in), nil }),
		def("urldecode", "", filterURLDecode),
		def("urlsplit", "query", filterURLSplit),
		def("version", "version operator strict version_type", testVersion),
		def("version_compare", "version operator strict version_type", testVersion),
		def("win_basename", "", func(a *args) (any, error) { s := a.word(); return s[strings.LastIndexAny(s, `\/`)+1:], nil }),
		def("win_splitdrive", "", filterWinSplitdrive),
		def("win_dirname", "", func(a *args) (any, error) {
			s := a.word()
			return strings.TrimRight(s[:strings.LastIndexAny(s, `\/`)+1], `\/`), nil
		}),
	}
}

func filterB64encode(a *args) (any, error) {
	if b, ok := a.in.(octets); ok {
		return base64.StdEncoding.EncodeToString(b), nil
	}
	b, err := encodeText(a.input(), a.str(0, "utf-8"))
	if err != nil {
		return nil, err
	}
	return a.sized(base64.StdEncoding.EncodeToString(b))
}

func filterB64decode(a *args) (any, error) {
	// As Python's b64decode, characters outside the alphabet are skipped.
	clean := strings.Map(func(r rune) rune {
		if r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("+/=", r) {
			return r
		}
		return -1
	}, a.input())
	b, err := base64.StdEncoding.DecodeString(clean)
	if err != nil {
		return nil, failf("b64decode: the text is not valid base64")
	}
	return decodeText(b, a.str(0, "utf-8"))
}

// toBool is Ansible's filter bool: what is not clearly true is false.
func toBool(v any) any {
	switch x := v.(type) {
	case nil, bool:
		return x
	case string:
		switch strings.ToLower(x) {
		case "yes", "on", "1", "true":
			return true
		}
		return false
	}
	return isNumber(v) && compareNumbers(v, 1) == 0
}

func hashed(fn func() hash.Hash) func(a *args) (any, error) {
	return func(a *args) (any, error) { return digest(a, fn()), nil }
}

func digest(a *args, h hash.Hash) string {
	if b, ok := a.in.(octets); ok {
		h.Write(b)
	} else {
		h.Write([]byte(a.input()))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func filterHash(a *args) (any, error) {
	kinds := map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224,
		"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}
	kind := strings.ToLower(a.str(0, "sha1"))
	fn := kinds[kind]
	if fn == nil {
		return nil, failf("unsupported hash type %s: %s are known", kind, strings.Join(sortedNames(kinds), ", "))
	}
	return digest(a, fn()), nil
}

func filterMandatory(a *args) (any, error) {
	u, ok := a.in.(*Undefined)
	if !ok {
		return a.in, nil
	}
	if a.given(0) {
		return nil, failf("%s", a.text(0, ""))
	}
	if u.Name == "" {
		return nil, failf("Mandatory variable not defined.")
	}
	return nil, failf("Mandatory variable '%s' not defined.", u.Name)
}

func filterTernary(a *args) (any, error) {
	if a.in == nil && a.given(2) {
		return a.p[2], nil
	}
	t, err := truth(a.in)
	if err != nil {
		return nil, err
	}
	if t {
		return a.need(0), nil
	}
	return a.need(1), nil
}

// filterExtract is undefined where its container or key is, so that default
// can follow.
func filterExtract(a *args) (any, error) {
	for _, v := range append([]any{a.in}, a.p...) {
		if u, ok := v.(*Undefined); ok {
			return u, nil
		}
	}
	keys := []any{a.in}
	if a.given(1) {
		if more, ok := listOf(a.p[1]); ok {
			keys = append(keys, more...)
		} else {
			keys = append(keys, a.p[1])
		}
	}
	v := a.need(0)
	for _, k := range keys {
		var err error
		if v, err = getitem(a.frame, v, k); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func filterDict2items(a *args) (any, error) {
	k, v := a.str(0, "key"), a.str(1, "value")
	var out []any
	for key, val := range a.dict().All() {
		if err := a.frame.run.dict(2); err != nil {
			return nil, err
		}
		out = append(out, value.NewMap(k, key, v, val))
	}
	return a.list(out), nil
}

func filterItems2dict(a *args) (any, error) {
	items, ok := sequenceOf(a.in)
	if !ok {
		return nil, failf("items2dict requires a list, got %s instead.", typeName(a.in))
	}
	k, v := a.str(0, "key"), a.str(1, "value")
	out := value.NewMap()
	for _, item := range items {
		m, ok, err := dictOf(item)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, failf("items2dict requires a list of dictionaries, got %s instead.", repr(a.in))
		}
		key, hasKey := m.Get(k)
		val, hasVal := m.Get(v)
		if !hasKey || !hasVal {
			return nil, failf("items2dict requires each dictionary in the list to contain the keys '%s' and '%s', got %s instead.", k, v, repr(a.in))
		}
		if !hashable(key) {
			return nil, unhashable(key)
		}
		out.Set(key, val)
	}
	return out, nil
}

func filterRekey(a *args) (any, error) {
	key, mode := a.need(0), a.str(1, "error")
	if mode != "error" && mode != "overwrite" {
		return nil, failf("duplicates parameter to rekey_on_member has unknown value: %s", mode)
	}
	var items []any
	if m, ok, err := dictOf(a.in); err != nil {
		return nil, err
	} else if ok {
		for _, v := range m.All() {
			items = append(items, v)
		}
	} else if _, text := a.in.(string); text {
		return nil, failf("Type is not a valid list, set, or dict")
	} else {
		items = a.items()
	}
	out := value.NewMap()
	for _, item := range items {
		m, ok := item.(*value.Map)
		if !ok {
			return nil, failf("List item is not a valid dict")
		}
		k, ok := m.Get(key)
		if !ok {
			return nil, failf("Key %s was not found", text(key))
		}
		if _, twice := out.Get(k); twice && mode == "error" {
			return nil, failf("Key %s is not unique, cannot correctly turn into dict", text(k))
		}
		if !hashable(k) {
			return nil, unhashable(k)
		}
		out.Set(k, m)
	}
	return out, nil
}

func filterFlatten(a *args) (any, error) {
	levels := -1
	if a.given(0) {
		levels = a.int(0, -1)
	}
	out, err := flattened(a.frame.run, a.items(), levels, a.bool(1, true), 0)
	if err != nil {
		return nil, err
	}
	return a.list(out), a.frame.run.items(len(out))
}

// flattened flattens levels deep, or wholly if levels is negative.
func flattened(r *run, items []any, levels int, skipNulls bool, depth int) ([]any, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	if err := r.items(len(items)); err != nil {
		return nil, err
	}
	var out []any
	for _, v := range items {
		if skipNulls && (v == nil || v == any("None") || v == any("null")) {
			continue
		}
		inner, ok := sequenceOf(v)
		if !ok || levels == 0 {
			out = append(out, v)
			continue
		}
		more, err := flattened(r, inner, levels-1, skipNulls, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func filterSubelements(a *args) (any, error) {
	out, err := subelements(a.in, a.need(0), a.bool(1, false))
	if err != nil {
		return nil, err
	}
	return a.list(out), nil
}

// subelements pairs every element with each item of a list within it.
func subelements(obj, path any, skipMissing bool) ([]any, error) {
	var elements []any
	if m, ok := obj.(*value.Map); ok {
		for _, v := range m.All() {
			elements = append(elements, v)
		}
	} else if list, ok := listOf(obj); ok {
		elements = list
	} else {
		return nil, failf("obj must be a list of dicts or a nested dict")
	}
	var keys []any
	if s, ok := path.(string); ok {
		keys = value.List(strings.Split(s, "."))
	} else if keys, ok = listOf(path); !ok {
		return nil, failf("subelements must be a list or a string")
	}
	out := []any{}
	for _, e := range elements {
		items, err := subelement(e, keys, skipMissing)
		if err != nil {
			return nil, err
		}
		for _, v := range items {
			out = append(out, value.Tuple{e, v})
		}
	}
	return out, nil
}

func subelement(e any, keys []any, skipMissing bool) ([]any, error) {
	v := e
	for _, k := range keys {
		m, ok := v.(*value.Map)
		if !ok {
			return nil, failf("the key %s should point to a dictionary, got '%s'", text(k), text(v))
		}
		if v, ok = m.Get(k); !ok {
			if skipMissing {
				return nil, nil
			}
			return nil, failf("could not find %s key in iterated item %s", repr(k), repr(m))
		}
	}
	items, ok := listOf(v)
	if !ok {
		return nil, failf("the key %s should point to a list, got %s", repr(keys[len(keys)-1]), repr(v))
	}
	return items, nil
}

var shellSafe = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

func shellQuote(v any) (any, error) {
	if v == nil {
		return "''", nil
	}
	s, err := str(v)
	if err != nil {
		return nil, err
	}
	if shellSafe.MatchString(s) {
		return s, nil
	}
	return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'", nil
}

func filterFromJSON(a *args) (any, error) {
	src := a.word()
	if err := a.frame.run.step(len(src)); err != nil {
		return nil, err
	}
	v, err := value.FromJSON([]byte(src))
	if err != nil {
		return nil, failf("from_json: not valid JSON: %s", err)
	}
	return a.frame.run.thawed(v)
}

// thawed makes data that a filter read changeable where the template needs it.
func (r *run) thawed(v any) (any, error) {
	if !r.mutable {
		return v, nil
	}
	return thaw(r, v, 0)
}

func filterToJSON(a *args) (any, error) {
	w := &jsonWriter{itemSep: ", ", keySep: ": "}
	w.options(a, 0, 1, 2, 3)
	w.plain = a.bool(4, true)
	s, err := w.encode(a.in)
	if err != nil {
		return nil, err
	}
	return a.sized(s)
}

func filterToNiceJSON(a *args) (any, error) {
	w := &jsonWriter{itemSep: ",", keySep: ": ", sortKeys: true}
	if !a.has(0) {
		a.p[0] = 4
	}
	w.options(a, 0, 1, 2, 3)
	w.plain = a.bool(4, true)
	s, err := w.encode(a.in)
	if err != nil {
		return nil, err
	}
	return a.sized(s)
}

func filterComment(a *args) (any, error) {
	styles := map[string][3]string{ // beginning, decoration, end
		"plain": {"", "# ", ""}, "erlang": {"", "% ", ""}, "c": {"", "// ", ""},
		"cblock": {"/*", " * ", " */"}, "xml": {"<!--", " - ", "-->"}}
	style, ok := styles[a.str(0, "plain")]
	if !ok {
		return nil, failf("comment: unknown style %s: %s are known", quoted(a.str(0, "")), strings.Join(sortedNames(styles), ", "))
	}
	deco, nl := a.text(1, style[1]), a.text(2, "\n")
	bare := strings.TrimRight(deco, " \t\n\r")
	begin, end := a.text(3, style[0]), a.text(8, style[2])
	prefix, postfix := a.text(4, bare), a.text(6, bare)
	before, after := a.int(5, 1), a.int(7, 1)
	if before > 1000 || after > 1000 {
		return nil, failf("comment: too many prefix or postfix lines")
	}
	var b strings.Builder
	if begin != "" {
		b.WriteString(begin + nl)
	}
	if prefix != "" && prefix != nl {
		prefix += nl
	}
	b.WriteString(strings.Repeat(prefix, max(before, 0)))
	body := deco + strings.ReplaceAll(a.word(), nl, nl+deco)
	b.WriteString(strings.ReplaceAll(body, deco+nl, bare+nl))
	b.WriteString(strings.Repeat(nl+postfix, max(after, 0)))
	if end != "" {
		b.WriteString(nl + end)
	}
	return a.sized(b.String())
}
