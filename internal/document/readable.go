package document

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"gopkg.in/yaml.v3"
)

// readable changes what yaml.v3 does not read and PyYAML does, keeping lines:
// a %YAML directive of another 1.x, and the escape \/ in double quotes. JSON's
// pairs of surrogates become the character they mean.
func readable(data []byte, isJSON bool) []byte {
	if versionLine.Match(data) {
		data = versionLine.ReplaceAll(data, []byte("${1}1.1"))
	}
	if isJSON {
		return surrogates.ReplaceAllFunc(unslashed(data), joinSurrogates)
	}
	if !bytes.Contains(data, []byte(`\/`)) {
		return data
	}
	var any yaml.Node
	if err := yaml.Unmarshal(data, &any); err == nil || !strings.Contains(err.Error(), "unknown escape character") {
		return data
	}
	return unslashed(data)
}

var (
	versionLine = regexp.MustCompile(`(?m)\A(%YAML )1\.[0-9]+`)
	surrogates  = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
)

func joinSurrogates(pair []byte) []byte {
	high, _ := strconv.ParseUint(string(pair[2:6]), 16, 32)
	low, _ := strconv.ParseUint(string(pair[8:12]), 16, 32)
	return []byte(string(utf16.DecodeRune(rune(high), rune(low))))
}

// unslashed writes \/ as / within double quotes. Quotes are followed over the
// lines; a quote within plain text opens nothing.
func unslashed(data []byte) []byte {
	out := make([]byte, 0, len(data))
	quote, before := byte(0), byte('\n')
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case quote == '"' && c == '\\' && i+1 < len(data):
			if data[i+1] != '/' {
				out = append(out, c)
			}
			i++
			c = data[i]
		case quote == 0 && (c == '"' || c == '\'') && bytes.IndexByte([]byte(" \t\n,[{:-"), before) >= 0:
			quote = c
		case c == quote:
			quote = 0
		}
		out = append(out, c)
		before = c
	}
	return out
}
