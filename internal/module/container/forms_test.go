package container

import (
	"strings"
	"testing"

	"rollout/internal/value"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string]string{
		"":                         "",
		"  a  b\tc\n":              "a|b|c",
		`a "b c" 'd e'`:            "a|b c|d e",
		`"" ''`:                    "|",
		`a\ b c\\d`:                `a b|c\d`,
		`"a\"b" "c\d" 'e\f'`:       `a"b|c\d|e\f`,
		`pre"mid dle"post`:         "premid dlepost",
		`sh -c 'echo $HOME "x y"'`: `sh|-c|echo $HOME "x y"`,
	} {
		got, err := splitWords(line)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q: %q %v, want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`'open`, `"open`, `end\`} {
		if got, err := splitWords(line); err == nil {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[any]int{
		"512": 512, 512: 512, "1k": 1 << 10, "64M": 64 << 20, "64mb": 64 << 20, "64 MiB": 64 << 20, "1.5g": 3 << 29,
		"1T": 1 << 40, "0": 0, "10b": 10, "-1": -1, "unlimited": -1,
	} {
		if got, err := size(text); err != nil || got != want {
			t.Errorf("%v: %v %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "1x", "1 km", "-5", "1e9", "9999999E", "1KMb"} {
		if got, err := size(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestPorts(t *testing.T) {
	for text, want := range map[string]string{
		"80":                `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}]}`,
		"8080:80":           `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}`,
		"8080:80/udp":       `{"80/udp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}`,
		"127.0.0.1:8080:80": `{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}`,
		"0.0.0.0:8080:80":   `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}`,
		"127.0.0.1::80":     `{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}`,
		"[::1]:8080:80":     `{"80/tcp": [{"HostIp": "::1", "HostPort": "8080"}]}`,
		"[::]::80/sctp":     `{"80/sctp": [{"HostIp": "::", "HostPort": ""}]}`,
		"8080-8081:80-81":   `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8081"}]}`,
		"8080-8085:80":      `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080-8085"}]}`,
		"80-81":             `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}], "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}]}`,
	} {
		p, err := readPorts([]any{text}, nil, anyAddress)
		if got := asJSON(p.bindings); err != nil || got != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "65536", "a:80", "80:", "81-80", "1:2:3:4", "[::1:80", "host:80:80", "80:80/icmp", "-1:80", "8080-:80"} {
		if p, err := readPorts([]any{text}, nil, anyAddress); err == nil {
			t.Errorf("%q: %s", text, asJSON(p.bindings))
		}
	}
}

func TestDurationsOfAHealthCheck(t *testing.T) {
	got, err := healthcheck(value.NewMap("test", "curl -f localhost", "interval", "1m30s", "timeout", "500ms", "start_period", "2 s", "retries", 3))
	const want = `{"Test": ["CMD-SHELL", "curl -f localhost"], "Interval": 90000000000, "Timeout": 500000000, "StartPeriod": 2000000000, "Retries": 3}`
	if asJSON(got) != want || err != nil {
		t.Errorf("%s %v", asJSON(got), err)
	}
	for _, bad := range []any{2, "-1s", "soon", ""} {
		if got, err := healthcheck(value.NewMap("interval", bad)); err == nil {
			t.Errorf("%v: %s", bad, asJSON(got))
		}
	}
}

// FuzzForms looks for arguments on which the parsers of texts panic.
func FuzzForms(f *testing.F) {
	for _, seed := range []string{"8080-8081:80-81/udp", "[::1]:80:80", "a:/b:ro", "nofile:1:2", "64m", "echo 'a b'", "/dev/a:/b:rw"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list := []any{text}
		_, _ = readPorts(list, list, anyAddress)
		_, _, _ = readVolumes(list)
		_, _ = readLinks(list)
		_, _ = parseEnvFile(text)
		for _, form := range []func(any) (any, error){ulimits, devices, tmpfs, capabilities} {
			_, _ = form(list)
		}
		for _, form := range []func(any) (any, error){size, words, macAddress} {
			_, _ = form(text)
		}
	})
}
