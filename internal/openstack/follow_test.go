package openstack

import (
	"slices"
	"strings"
	"testing"
)

func TestConsoleLogShowsEachLineOnce(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string // lines joined by blanks
		want    string
	}{
		"grows":                       {[]string{"a b", "a b c", "a b c"}, "a b c"},
		"grows by part of a line":     {[]string{"a lo", "a login:", "a login:"}, "a login:"},
		"held back until it is still": {[]string{"a"}, ""},
		"the beginning is dropped":    {[]string{"a b c d", "c d e f", "e f g", "e f g"}, "a b c d e f g"},
		"begins anew":                 {[]string{"a b", "a b", "x y", "x y"}, "a b x y"},
		"the same line again":         {[]string{"a a", "a a a", "a a a"}, "a a a"},
		"nothing yet":                 {[]string{"", "", "a", "a"}, "a"},
		"becomes empty, then others":  {[]string{"a b", "a b", "", "x", "x"}, "a b x"},
	} {
		var log consoleLog
		var got []string
		for _, answer := range c.answers {
			got = append(got, log.add(strings.Fields(answer))...)
		}
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %v, not %s", name, got, c.want)
		}
	}
}
