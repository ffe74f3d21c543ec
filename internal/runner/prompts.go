package runner

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// prompts gathers the play's own variables: vars, what vars_prompt asks for,
// those of vars_files whose names are known.
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
		if v, err = b.encrypted(ctx, p, v); err != nil {
			return err
		}
		answers.Set(p.Name, vars.Raw(v))
	}
	if answers.Len() > 0 {
		b.playLayers = append(b.playLayers, vars.Layer{Level: vars.PlayPrompts, Values: answers})
	}
	return b.fixedVarsFiles(ctx)
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

// encrypted is an answer as the host's list of passwords takes it, where the
// prompt asks for that.
func (b *batch) encrypted(ctx context.Context, p *playbook.Prompt, answer string) (string, error) {
	if p.Encrypt == "" {
		return answer, nil
	}
	hash := "{{ answer | password_hash(scheme) }}"
	given := value.NewMap("answer", answer, "scheme", p.Encrypt, "salt", p.Salt, "size", p.SaltSize)
	switch {
	case p.Salt != "":
		hash = "{{ answer | password_hash(scheme, salt) }}"
	case p.SaltSize > 0:
		hash = "{{ answer | password_hash(scheme, salt_size=size) }}"
	}
	v, err := b.run.engine.Value(ctx, hash, template.MapScope{Vars: given})
	if err != nil {
		return "", &document.Error{Pos: p.Pos, Message: "cannot encrypt the answer: " + err.Error()}
	}
	return text(v), nil
}

// schemes are those that vars_prompt can encrypt with.
var schemes = []string{"md5_crypt", "sha256_crypt", "sha512_crypt"}

// checkPrompts refuses what vars_prompt can't do.
func checkPrompts(p *playbook.Play, errs *document.Errors) {
	for _, q := range p.Prompts {
		if q.Encrypt != "" && !slices.Contains(schemes, q.Encrypt) {
			hint := cmp.Or(document.Suggest(q.Encrypt, schemes), "there are "+strings.Join(schemes, ", "))
			errs.AddHint(q.Pos, hint, "vars_prompt cannot encrypt with %q", q.Encrypt)
		}
	}
}
