package differential

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A book is a playbook of the suite, with what its first comment lines say of
// how it is run:
//
//	#: --tags one     a command line; several make several cases, none is one without arguments
//	#env: NAME=value  a variable of the environment
//	#hosts: ssh       hosts behind a loopback sshd instead of local ones
//	#order: any       hosts run ahead of each other: tasks are compared in any order
//	#refused: 7       rollout refuses it there, before a host is touched; Ansible fails later
type book struct {
	path    string // as the tools get it
	name    string // group/name
	lines   [][]string
	env     []string
	ssh     bool
	free    bool
	refused string // line
}

// allBooks are the playbooks under testdata/books, one folder per subject, and
// those that lie in testdata itself.
func allBooks(t *testing.T) []book {
	t.Helper()
	var out []book
	for _, pattern := range []string{"testdata/*.yml", "testdata/books/*/*.yml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no playbooks in %s: %v", pattern, err)
		}
		for _, path := range paths {
			if strings.HasSuffix(filepath.Dir(path), "_vars") {
				continue
			}
			out = append(out, readBook(t, path))
		}
	}
	return out
}

func readBook(t *testing.T, path string) book {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := book{path: path, name: strings.TrimSuffix(path, ".yml")}
	b.name = strings.TrimPrefix(strings.TrimPrefix(b.name, "testdata/"), "books/")
	for lines := bufio.NewScanner(f); lines.Scan() && strings.HasPrefix(lines.Text(), "#"); {
		if err := b.directive(lines.Text()); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if len(b.lines) == 0 {
		b.lines = [][]string{nil}
	}
	return b
}

// inventory is the file of hosts nearest to the book: in its folder, or above.
func (b *book) inventory() string {
	for dir := filepath.Dir(b.path); ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, "hosts")
		if _, err := os.Stat(file); err == nil || dir == "testdata" {
			return file
		}
	}
}

func (b *book) directive(line string) error {
	key, rest, ok := strings.Cut(strings.TrimPrefix(line, "#"), ":")
	rest = strings.TrimSpace(rest)
	switch {
	case !ok || strings.HasPrefix(key, " "): // a comment for the reader
	case key == "":
		b.lines = append(b.lines, words(rest))
	case key == "env":
		b.env = append(b.env, rest)
	case key == "hosts" && rest == "ssh":
		b.ssh = true
	case key == "order" && rest == "any":
		b.free = true
	case key == "refused":
		b.refused = rest
	default:
		return fmt.Errorf("the test suite does not know the line %s", line)
	}
	return nil
}

// words splits a command line at blanks outside of '…'.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
