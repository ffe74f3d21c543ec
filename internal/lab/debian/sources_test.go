package debian

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseSources(t *testing.T) {
	tests := []struct {
		name   string
		text   string
		deb822 bool
		want   []string
	}{
		{"lines", "deb http://mirror.example/debian bookworm main contrib # ours\ndeb-src http://mirror.example/debian bookworm main\n" +
			"deb [signed-by=/k arch=amd64] http://mirror.example/debian-security/ bookworm-security main\n", false,
			[]string{"deb http://mirror.example/debian bookworm main", "deb http://mirror.example/debian-security bookworm-security main"}},
		{"others' archives", "deb https://packages.example/apt cloud-sdk-bookworm main\ndeb https://download.docker.com/linux/debian bookworm stable\n", false, nil},
		{"another release", "deb http://deb.debian.org/debian trixie main\n", false, nil},
		{"stanzas", "Types: deb\n# a comment\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates bookworm-backports\nComponents: main\n\n" +
			"Types: deb-src\nURIs: http://deb.debian.org/debian\nSuites: bookworm\nComponents: main\n\n" +
			"Types: deb\nURIs: http://deb.debian.org/debian-security\nSuites:\n bookworm-security\nComponents: main\n", true,
			[]string{"deb http://deb.debian.org/debian bookworm main", "deb http://deb.debian.org/debian bookworm-updates main",
				"deb http://deb.debian.org/debian-security bookworm-security main"}},
		{"a stanza that is off", "Enabled: no\nTypes: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm\nComponents: main\n", true, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := parseSources(test.text, test.deb822); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCompleteFallsBackToDebian(t *testing.T) {
	got := complete([]string{"deb http://mirror.example/debian bookworm-updates main"})
	if len(got) != 3 || !strings.Contains(got[0], "deb.debian.org/debian bookworm main") {
		t.Errorf("got %q", got)
	}
}
