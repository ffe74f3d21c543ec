package runner

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"rollout/internal/crypt"
	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
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
		answers.Set(p.Name, v)
	}
	if answers.Len() > 0 {
		b.playLayers = append(b.playLayers, vars.Layer{Level: vars.PlayPrompts, Values: answers})
	}
	return b.fixedVarsFiles(ctx)
}

// question is an entry of vars_prompt with its templates rendered.
type question struct {
	*playbook.Prompt
	text, fallback string
}

// question renders what an entry says: the play's variables may stand in it.
func (b *batch) question(ctx context.Context, p *playbook.Prompt) (*question, error) {
	s, err := b.playScope(ctx)
	if err != nil {
		return nil, err
	}
	q := &question{Prompt: p, text: p.Text}
	if q.text == "" {
		q.text = p.Name
	}
	v, err := s.Evaluate(q.text)
	if err != nil {
		return nil, &document.Error{Pos: p.Pos, Message: "the prompt cannot be rendered: " + err.Error()}
	}
	q.text = text(v)
	if p.Default == nil {
		return q, nil
	}
	q.fallback, err = words(s, p.Default, "default")
	if err != nil {
		return nil, err
	}
	q.text += " [" + q.fallback + "]"
	return q, nil
}

// prompt asks one question and hashes the answer where that is wanted.
func (b *batch) prompt(ctx context.Context, p *playbook.Prompt) (any, error) {
	q, err := b.question(ctx, p)
	if err != nil {
		return nil, err
	}
	answer, err := b.answer(ctx, q)
	if err != nil {
		return nil, err
	}
	if answer, err = encrypted(p, answer); err != nil {
		return nil, err
	}
	if p.Unsafe {
		return vars.Raw(answer), nil
	}
	return answer, nil
}

// encrypted is an answer as the host's list of passwords takes it, where the
// prompt asks for that.
func encrypted(p *playbook.Prompt, answer string) (string, error) {
	if p.Encrypt == "" {
		return answer, nil
	}
	hash, err := crypt.Hash(p.Encrypt, answer, crypt.Options{Salt: p.Salt, SaltSize: p.SaltSize})
	if err != nil {
		return "", &document.Error{Pos: p.Pos, Message: err.Error()}
	}
	return hash, nil
}

// answer asks, twice where the answer must be confirmed, until both are the same.
func (b *batch) answer(ctx context.Context, q *question) (string, error) {
	for {
		answer, err := b.run.ask(ctx, q.text+": ", q.Private)
		if errors.Is(err, ErrNobody) {
			b.run.tell(report.Warning{Text: "Not prompting as we are not in interactive mode"})
			return q.fallback, nil
		}
		if err != nil {
			return "", err
		}
		if q.Confirm {
			again, err := b.run.ask(ctx, "confirm "+q.text+": ", q.Private)
			if err != nil {
				return "", err
			}
			if again != answer {
				b.run.tell(report.Message{Text: "***** VALUES ENTERED DO NOT MATCH ****"})
				continue
			}
		}
		return cmp.Or(answer, q.fallback), nil
	}
}

// checkPrompts refuses what vars_prompt can't do.
func checkPrompts(p *playbook.Play, errs *document.Errors) {
	for _, q := range p.Prompts {
		if q.Encrypt != "" && !crypt.Known(q.Encrypt) {
			errs.AddHint(q.Pos, document.Suggest(q.Encrypt, crypt.Names()), "there is no scheme %q to encrypt by (there are %s)",
				q.Encrypt, strings.Join(crypt.Names(), ", "))
		}
	}
}
