package lint

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
)

// habits warns of what works otherwise than it looks.
func (c *collector) habits(t *playbook.Task, full string) {
	c.braces(t)
	c.mode(t)
	if full == "ansible.builtin.command" && t.FreeForm != nil {
		c.shell(t.FreeForm)
	}
	if control := t.Node.Get("loop_control"); control != nil && t.Loop == nil {
		c.warn(RuleLoop, control.Pos, "", "loop_control has no effect: the task has no loop")
	}
}

var wholeBraces = regexp.MustCompile(`^\s*\{\{(.*)\}\}\s*$`)

// braces warns of templates where an expression stands anyway.
func (c *collector) braces(t *playbook.Task) {
	for _, word := range []string{"when", "changed_when", "failed_when", "until"} {
		for _, n := range list(t.Node.Get(word)) {
			if n.Kind != document.Scalar || !isTemplate(n.Text) {
				continue
			}
			hint := "leave the braces out"
			if m := wholeBraces.FindStringSubmatch(n.Text); m != nil && !strings.Contains(m[1], "{{") {
				hint = "write " + strings.TrimSpace(m[1])
			}
			c.warn(RuleBraces, n.Pos, hint, word+" is an expression already, and needs no {{ }}")
		}
	}
}

// mode warns of permissions written as a decimal number. 0644 is octal for
// YAML 1.1, and right.
func (c *collector) mode(t *playbook.Task) {
	for _, word := range []string{"mode", "directory_mode"} {
		n := t.Args.Get(word)
		if n == nil || n.Quoted || n.Kind != document.Scalar || strings.HasPrefix(n.Text, "0") {
			continue
		}
		if number, ok := n.Value.(int); ok {
			c.warn(RuleMode, n.Pos, fmt.Sprintf("write %s: '0%s'", word, n.Text),
				fmt.Sprintf("%s: %s is a decimal number, and as permissions 0%s", word, n.Text, strconv.FormatInt(int64(number), 8)))
		}
	}
}

// shellWords mean something to a shell only.
var shellWords = map[string]bool{"|": true, "||": true, "&&": true, "&": true, ";": true, ">": true, ">>": true, "<": true, "2>": true, "2>&1": true, ">&2": true}

// shell warns of a command that gets words which were meant for a shell.
func (c *collector) shell(n *document.Node) {
	words, err := playbook.SplitArgs(n.Text)
	if err != nil {
		return
	}
	for _, word := range words {
		if word = strings.TrimSpace(word); shellWords[word] {
			c.warn(RuleShell, n.Pos, "use the module shell", fmt.Sprintf("command starts no shell: the program gets %q as an argument", word))
			return
		}
	}
}
