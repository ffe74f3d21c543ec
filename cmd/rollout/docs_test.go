package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const commandLinePage = "../../docs/command-line.md"

var (
	flagsBlock = regexp.MustCompile(`(?s)<!-- flags of (rollout[a-z ]*) -->\n.*?<!-- end of flags -->`)
	headings   = regexp.MustCompile(`(?m)^#.*$`)
	inCode     = regexp.MustCompile("(?m)^    (rollout.*)$|`(rollout [^`]*)`")
)

// TestCommandLinePage keeps the page's lists of flags as they are; with
// UPDATE_DOCS=1 it writes them.
func TestCommandLinePage(t *testing.T) {
	data, err := os.ReadFile(commandLinePage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	current := flagsBlock.ReplaceAllStringFunc(page, func(block string) string {
		name := flagsBlock.FindStringSubmatch(block)[1]
		cmd, rest, err := rootCommand().Find(strings.Fields(name)[1:])
		if err != nil || len(rest) > 0 {
			t.Fatalf("the page shows the flags of %q, which is no command", name)
		}
		return fmt.Sprintf("<!-- flags of %s -->\n```\n%s```\n<!-- end of flags -->", name, trimmed(cmd))
	})
	if current == page {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("the flags in %s are not what they were; run: UPDATE_DOCS=1 go test ./cmd/rollout -run TestCommandLinePage", commandLinePage)
	}
	if err := os.WriteFile(commandLinePage, []byte(current), 0o644); err != nil {
		t.Fatal(err)
	}
}

// trimmed are the command's flags without blanks at the ends of lines.
func trimmed(cmd *cobra.Command) string {
	return regexp.MustCompile(`(?m) +$`).ReplaceAllString(cmd.LocalFlags().FlagUsages(), "")
}

// TestCommandsOfThePages takes every command that the pages show apart, as the
// program would.
func TestCommandsOfThePages(t *testing.T) {
	for _, page := range []string{commandLinePage, "../../docs/topology.md", "../../docs/playbooks.md", "../../docs/classroom.md", "../../README.md"} {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := headings.ReplaceAllString(string(data), "")
		for _, found := range inCode.FindAllStringSubmatch(text, -1) {
			line := found[1] + found[2]
			if strings.ContainsAny(line, "[|…") {
				continue // a synopsis
			}
			if err := parses(t, line); err != nil {
				t.Errorf("%s: %s: %v", page, line, err)
			}
		}
	}
}

// parses hands a command line to the shell to take apart, then to the command's
// flags.
func parses(t *testing.T, line string) error {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `words() { printf '%s\0' "$@"; }; words `+line).Output()
	if err != nil {
		return err
	}
	words := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	root := rootCommand()
	root.InitDefaultCompletionCmd()
	cmd, args, err := root.Find(words[1:])
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		return err
	}
	if err := cmd.ValidateFlagGroups(); err != nil {
		return err
	}
	rest := cmd.Flags().Args()
	if cmd.HasParent() {
		return cmd.ValidateArgs(rest)
	}
	for _, arg := range rest {
		if arg != "mine.yml" && checkPlaybookArgs(cmd, []string{arg}) != nil {
			return fmt.Errorf("there is no playbook %s", arg)
		}
	}
	return nil
}
