package debian

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	defaultMirror   = "http://deb.debian.org/debian"
	defaultSecurity = "http://deb.debian.org/debian-security"
)

// Sources are one-line apt sources for Suite from the mirrors that this machine uses, and from deb.debian.org where it
// uses none for that release.
func Sources() []string {
	var files []string
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"} {
		found, err := filepath.Glob(pattern)
		if err == nil {
			files = append(files, found...)
		}
	}
	slices.Sort(files)
	var sources []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // apt can't read it either
		}
		sources = append(sources, parseSources(string(text), strings.HasSuffix(file, ".sources"))...)
	}
	return complete(sources)
}

// complete drops doubles and sees to it that the release itself is there.
func complete(sources []string) []string {
	slices.Sort(sources)
	sources = slices.Compact(sources)
	for _, source := range sources {
		if strings.Contains(source, " "+Suite+" main") {
			return sources
		}
	}
	return []string{
		"deb " + defaultMirror + " " + Suite + " main",
		"deb " + defaultSecurity + " " + Suite + "-security main",
		"deb " + defaultMirror + " " + Suite + "-updates main",
	}
}

// parseSources picks Debian's own archives for Suite from a file of either format of sources.list(5).
func parseSources(text string, deb822 bool) []string {
	if deb822 {
		return parseStanzas(text)
	}
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if open, closed := strings.Index(line, "["), strings.Index(line, "]"); open >= 0 && closed > open {
			line = line[:open] + line[closed+1:]
		}
		fields := strings.Fields(line)
		if len(fields) >= 4 && fields[0] == "deb" {
			out = append(out, pick(fields[1:2], fields[2:3], fields[3:])...)
		}
	}
	return out
}

func parseStanzas(text string) []string {
	var out []string
	fields := map[string][]string{}
	flush := func() {
		if slices.Contains(fields["types"], "deb") && !slices.Contains(fields["enabled"], "no") {
			out = append(out, pick(fields["uris"], fields["suites"], fields["components"])...)
		}
		fields = map[string][]string{}
	}
	last := ""
	for line := range strings.Lines(text) {
		switch {
		case strings.TrimSpace(line) == "":
			flush()
		case strings.HasPrefix(line, "#"):
		case line[0] == ' ' || line[0] == '\t':
			fields[last] = append(fields[last], strings.Fields(line)...)
		default:
			key, value, _ := strings.Cut(line, ":")
			last = strings.ToLower(key)
			fields[last] = strings.Fields(value)
		}
	}
	flush()
	return out
}

// pick keeps what is Debian's: its suite names and its component. Archives of others name their suites differently or
// have no main.
func pick(uris, suites, components []string) []string {
	var out []string
	if !slices.Contains(components, "main") {
		return nil
	}
	for _, uri := range uris {
		if !strings.HasPrefix(uri, "http") || !strings.Contains(uri, "debian") {
			continue
		}
		for _, suite := range suites {
			if suite == Suite || suite == Suite+"-updates" || suite == Suite+"-security" {
				out = append(out, "deb "+strings.TrimSuffix(uri, "/")+" "+suite+" main")
			}
		}
	}
	return out
}
