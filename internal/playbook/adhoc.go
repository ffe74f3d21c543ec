package playbook

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
)

// AdHoc is one task that is named on the command line.
type AdHoc struct {
	Hosts   string // a pattern
	Module  string
	Args    string // key=value, free form, or a JSON object
	Dir     string // taken for the playbook's
	Keyword map[string]string
}

// The places that mistakes in an ad hoc task are told at.
const (
	adHocModule = "-m"
	adHocArgs   = "-a"
)

// adHocFile stands for the file of an ad hoc task.
const adHocFile = "__adhoc_playbook__"

// IsAdHoc reports a playbook that AdHoc made.
func (p *Playbook) IsAdHoc() bool { return filepath.Base(p.Path) == adHocFile }

// AdHoc makes a playbook of one task. The error is as that of Load.
func (l *Loader) AdHoc(a AdHoc) (*Playbook, error) {
	r := &reader{l: l}
	args, err := a.arguments()
	if err != nil {
		return nil, err
	}
	at := document.Position{File: adHocModule}
	task := mappingNode(at, a.Module, args)
	for _, name := range slices.Sorted(maps.Keys(a.Keyword)) {
		text := a.Keyword[name]
		task.Entries = append(task.Entries, &document.Entry{Key: textNode(name, at), Value: scalarNode(document.ResolveScalar(text), text, at)})
	}
	play := mappingNode(at, "name", textNode("Ansible Ad-Hoc", at), "hosts", textNode(a.Hosts, at),
		"gather_facts", scalarNode(false, "false", at), "tasks", &document.Node{Kind: document.Sequence, Pos: at, Items: []*document.Node{task}})
	path := filepath.Join(a.Dir, adHocFile)
	plays := []*Play{r.play(play, path, nil)}
	return &Playbook{Path: path, Plays: plays, Deprecations: r.notes}, r.finish()
}

// arguments are the text as it is, or what stands in it as JSON.
func (a AdHoc) arguments() (*document.Node, error) {
	at := document.Position{File: adHocArgs, Line: 1, Column: 1}
	text := strings.TrimSpace(a.Args)
	switch {
	case text == "":
		return scalarNode(nil, "", at), nil
	case strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") && !strings.HasPrefix(text, "{{"):
		return document.Parse(adHocArgs, []byte(text))
	}
	return textNode(a.Args, at), nil
}

func scalarNode(v any, text string, at document.Position) *document.Node {
	return &document.Node{Pos: at, Value: v, Text: text}
}

// mappingNode is a mapping of keys and the nodes behind them, in turn.
func mappingNode(at document.Position, pairs ...any) *document.Node {
	n := &document.Node{Kind: document.Mapping, Pos: at}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		v, _ := pairs[i+1].(*document.Node)
		n.Entries = append(n.Entries, &document.Entry{Key: textNode(name, at), Value: v})
	}
	return n
}
