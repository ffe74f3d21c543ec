package runner

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// prompts gathers the play's own variables: vars, what vars_prompt asks for,
// vars_files.
func (b *batch) prompts(ctx context.Context) error {
	play, err := b.run.decoded(b.play.Vars)
	if err != nil {
		return err
	}
	b.playLayers = []vars.Layer{{Level: vars.PlayVars, Values: play}}
	answers := value.NewMap()
	for _, p := range b.play.Prompts {
		if _, given := b.run.opt.ExtraVars.Get(p.Name); given {
			continue
		}
		v, err := b.prompt(ctx, p)
		if err != nil {
			return err
		}
		answers.Set(p.Name, vars.Raw(v))
	}
	if answers.Len() > 0 {
		b.playLayers = append(b.playLayers, vars.Layer{Level: vars.PlayPrompts, Values: answers})
	}
	return b.varsFiles(ctx)
}

// prompt asks one question, twice where the answer must be confirmed.
func (b *batch) prompt(ctx context.Context, p *playbook.Prompt) (string, error) {
	text, fallback := p.Text, ""
	if text == "" {
		text = p.Name
	}
	if p.Default != nil {
		fallback = p.Default.Text
		text += " [" + fallback + "]"
	}
	for {
		answer, err := b.run.ask(ctx, text+": ", p.Private)
		if errors.Is(err, ErrNobody) {
			b.run.tell(report.Warning{Text: "Not prompting as we are not in interactive mode"})
			return fallback, nil
		}
		if err != nil {
			return "", err
		}
		if p.Confirm {
			again, err := b.run.ask(ctx, "confirm "+text+": ", p.Private)
			if err != nil {
				return "", err
			}
			if again != answer {
				b.run.tell(report.Message{Text: "***** VALUES ENTERED DO NOT MATCH ****"})
				continue
			}
		}
		if answer == "" {
			answer = fallback
		}
		if p.Private {
			b.run.secrets.add(answer)
		}
		return answer, nil
	}
}

// varsFiles loads the play's vars_files; of a list the first that exists.
func (b *batch) varsFiles(ctx context.Context) error {
	for _, n := range b.play.VarsFiles {
		s, err := b.playScope(ctx)
		if err != nil {
			return err
		}
		m, err := b.varsFile(s, n)
		if err != nil {
			return err
		}
		b.playLayers = append(b.playLayers, vars.Layer{Level: vars.PlayVarsFiles, Values: m})
	}
	return nil
}

func (b *batch) varsFile(s *vars.Scope, n *document.Node) (*value.Map, error) {
	candidates := []*document.Node{n}
	if n.Kind == document.Sequence {
		candidates = n.Items
	}
	var tried []string
	for _, c := range candidates {
		name, err := words(s, c, "vars_files")
		if isUndefined(err) && len(candidates) > 1 {
			continue
		}
		if err != nil {
			return nil, err
		}
		path := name
		if !filepath.IsAbs(name) && !strings.HasPrefix(name, playbook.Embedded) {
			path = filepath.Join(b.play.Dir, name)
		}
		for _, p := range []string{filepath.Join(b.play.Dir, "vars", name), path} {
			if _, err := b.run.opt.Loader.Files.Stat(p); err == nil {
				doc, err := b.run.opt.Loader.ReadYAML(p)
				if err != nil {
					return nil, err
				}
				return b.run.decoded(doc)
			}
			tried = append(tried, p)
		}
	}
	return nil, n.Errorf("cannot find the vars file (looked for %s)", strings.Join(tried, ", "))
}

// checkPrompts refuses what vars_prompt can't do.
func checkPrompts(p *playbook.Play, errs *document.Errors) {
	for _, q := range p.Prompts {
		if q.Encrypt != "" {
			errs.AddHint(q.Pos, "use the filter password_hash on the answer", "vars_prompt's encrypt isn't supported")
		}
	}
}
