package runner

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// batch is a play on those of its hosts that go through it together.
type batch struct {
	run        *Run
	play       *playbook.Play                // nil where there is no play around what is asked
	name       string                        // the play's, rendered
	playLayers []vars.Layer                  // vars, prompts
	varsFiles  map[*document.Node]*value.Map // those whose names are no templates
	playHosts  []string                      // all hosts of the play
	hosts      []*member
	free       bool    // hosts run ahead of each other
	pinned     bool    // a host keeps its fork to the end of the play
	maxFail    float64 // percentage; below 0 is none
	fatal      bool    // the run ends with this play
	broken     bool    // it ends here and now
	ended      bool    // meta: end_play
	force      bool    // handlers run on failed hosts too
	handlers   []*handler
	// turn is held by the one host of a strategy that lets hosts run ahead
	// which is between tasks: what the batch knows is changed by one at a time.
	turn    *sync.Mutex
	counts  map[*playbook.Task]chan struct{} // of throttled tasks under such a strategy
	brought *brought                         // what includes have brought
}

// member is a host in a batch.
type member struct {
	name     string
	failed   bool // out of the current block
	out      bool // out of the play: unreachable, or ended by meta
	lost     bool // unreachable
	doomed   bool // failed, or to be taken for it: nothing of the play is left for it
	pardons  int  // how often meta: clear_host_errors was for it
	notified map[*handler]bool
	roles    map[string]progress // of roles, by their keys
}

func names(hosts []*member) []string {
	out := make([]string, len(hosts))
	for i, m := range hosts {
		out[i] = m.name
	}
	return out
}

// remaining are the batch's hosts that are still in the play.
func (b *batch) remaining() []*member { return live(b.hosts) }

// aliveHosts are the hosts of the whole play that did not fail so far.
func (b *batch) aliveHosts() []string {
	var out []string
	for _, h := range b.playHosts {
		if !b.run.gone(h) && !b.isOut(h) {
			out = append(out, h)
		}
	}
	return out
}

func (b *batch) isOut(host string) bool {
	for _, m := range b.hosts {
		if m.name == host {
			return m.failed || m.out
		}
	}
	return false
}

// runPlay runs one play on all its hosts, batch by batch. It tells whether the
// run goes on.
func (r *Run) runPlay(ctx context.Context, p *playbook.Play) (bool, error) {
	b := &batch{run: r, play: p, maxFail: -1}
	if err := b.begin(ctx); err != nil {
		return false, err
	}
	hosts, err := b.selectHosts(ctx)
	if err != nil {
		return false, err
	}
	if err := b.warnReserved(); err != nil {
		return false, err
	}
	start := report.PlayStart{Name: b.name, Where: place(p.Pos), Check: b.checks(ctx), Free: b.free}
	if len(hosts) == 0 {
		r.tell(start)
		r.tell(report.NoHostsMatched{})
		return true, nil
	}
	if b.playHosts, err = b.inOrder(ctx, hosts); err != nil {
		return false, err
	}
	sizes, err := b.serial(ctx, len(hosts))
	if err != nil {
		return false, err
	}
	for _, size := range sizes {
		r.tell(start)
		part := b.part(hosts[:size])
		hosts = hosts[size:]
		if len(part.remaining()) == 0 && len(part.hosts) > 0 {
			return false, nil
		}
		if err := part.execute(ctx); err != nil {
			return false, err
		}
		part.leave()
		if part.fatal {
			r.fatal = true
			return false, nil
		}
		if part.ended {
			return true, nil
		}
		if part.allGone() {
			return false, nil
		}
	}
	return true, nil
}

// part is the play on some of its hosts.
func (b *batch) part(hosts []string) *batch {
	part := *b
	part.brought = newBrought(b.play)
	part.turn, part.counts = &sync.Mutex{}, map[*playbook.Task]chan struct{}{}
	part.join(hosts)
	return &part
}

// begin renders what the play says of itself.
func (b *batch) begin(ctx context.Context) error {
	if err := b.prompts(ctx); err != nil {
		return err
	}
	s, err := b.playScope(ctx)
	if err != nil {
		return err
	}
	b.name = b.play.Name
	if v, err := s.Evaluate(b.play.Name); err == nil {
		b.name = text(v)
	}
	strategy, err := words(s, b.play.Strategy, "strategy")
	if err != nil {
		return err
	}
	strategy = cmp.Or(strategy, b.run.opt.Settings.Strategy)
	switch strings.TrimPrefix(strategy, builtin) {
	case "linear":
	case "free":
		b.free = true
	case "host_pinned":
		b.free, b.pinned = true, true
	default:
		return b.playError(b.play.Strategy, "unknown strategy %q (known: linear, free, host_pinned)", strategy)
	}
	if b.force, err = b.forceHandlers(s); err != nil {
		return err
	}
	if b.play.MaxFailPercentage != nil {
		if b.free {
			b.run.tell(report.Warning{Text: "Using max_fail_percentage with the free strategy is not supported, as tasks are executed independently on each host"})
			return nil
		}
		b.maxFail, err = number(s, b.play.MaxFailPercentage, "max_fail_percentage")
	}
	return err
}

// playScope is the scope of what a play says of itself: no host's variables,
// but those of the group all, where the topology gives tier_batches.
func (b *batch) playScope(ctx context.Context) (*vars.Scope, error) {
	st := &stack{run: b.run}
	ofAll, err := b.run.hosts.layers("", b.dir())
	if err != nil {
		return nil, err
	}
	st.layers = append(st.layers, ofAll...)
	st.layers = append(st.layers, b.playLayers...)
	b.stackVarsFiles(ctx, st, "", nil)
	st.source(vars.ExtraVars, b.run.opt.ExtraVars)
	var s *vars.Scope
	lazy := map[string]func() (any, error){
		"groups":   func() (any, error) { return b.run.hosts.groups(), nil },
		"hostvars": func() (any, error) { return b.hostVars(s), nil },
	}
	magic := value.NewMap("omit", vars.OmitText(), "playbook_dir", absolute(b.play.Dir), "ansible_version", ansibleVersion(),
		"ansible_check_mode", b.run.opt.Check)
	st.layers = append(st.layers, vars.Layer{Level: vars.Magic, Values: magic, Data: true, Lazy: lazy})
	s = b.run.newScope(ctx, "", st.layers)
	return s, st.err
}

// patterns are what the play's hosts: says, rendered.
func (b *batch) patterns(ctx context.Context) ([]string, error) {
	s, err := b.playScope(ctx)
	if err != nil {
		return nil, err
	}
	v, err := evaluate(s, b.run, b.play.Hosts)
	if err != nil {
		return nil, b.play.Hosts.Errorf("the keyword 'hosts' cannot be evaluated: %v", err)
	}
	items, isList := listOf(v)
	if !isList {
		items = []any{v}
	}
	out := []string{}
	for _, item := range items {
		out = append(out, text(item))
	}
	return out, nil
}

// selectHosts returns the play's hosts in their order, without those that
// failed before.
func (b *batch) selectHosts(ctx context.Context) ([]string, error) {
	patterns, err := b.patterns(ctx)
	if err != nil {
		return nil, err
	}
	s, err := b.playScope(ctx)
	if err != nil {
		return nil, err
	}
	order, err := words(s, b.play.Order, "order")
	if err != nil {
		return nil, err
	}
	hosts, warnings, err := b.run.hosts.match(patterns, order)
	if err != nil {
		return nil, b.play.Hosts.Errorf("%v", err)
	}
	for _, w := range warnings {
		b.run.tell(report.Warning{Text: w})
	}
	return hosts, nil
}

// inOrder returns hosts in the inventory's order, which order: does not change
// for the variables that list them.
func (b *batch) inOrder(ctx context.Context, hosts []string) ([]string, error) {
	if b.play.Order == nil {
		return hosts, nil
	}
	patterns, err := b.patterns(ctx)
	if err != nil {
		return nil, err
	}
	ordered, _, err := b.run.hosts.match(patterns, "")
	return ordered, err
}

// standing is which hosts are still in the play, and in its batch.
type standing struct{ alive, batch []string }

func (b *batch) standing() standing {
	s := standing{alive: b.aliveHosts()}
	for _, m := range b.remaining() {
		s.batch = append(s.batch, m.name)
	}
	return s
}

// serial returns the sizes of the play's batches.
func (b *batch) serial(ctx context.Context, total int) ([]int, error) {
	if b.play.Serial == nil {
		return []int{total}, nil
	}
	s, err := b.playScope(ctx)
	if err != nil {
		return nil, err
	}
	v, err := evaluate(s, b.run, b.play.Serial)
	if err != nil {
		return nil, b.play.Serial.Errorf("the keyword 'serial' cannot be evaluated: %v", err)
	}
	if v == any(vars.OmitText()) {
		return []int{total}, nil
	}
	steps, isList := listOf(v)
	if !isList {
		steps = []any{v}
	}
	sizes, err := batchSizes(steps, total)
	if err != nil {
		return nil, b.play.Serial.Errorf("%v", err)
	}
	return sizes, nil
}

// batchSizes cuts total hosts by steps: numbers or percentages, the last one
// repeated. A number of 0 or less takes all that are left.
func batchSizes(steps []any, total int) ([]int, error) {
	var out []int
	for i := 0; total > 0; i++ {
		if len(steps) == 0 {
			return append(out, total), nil
		}
		n, err := batchSize(steps[min(i, len(steps)-1)], sum(out)+total)
		if err != nil {
			return nil, err
		}
		if n <= 0 || n > total {
			n = total
		}
		out = append(out, n)
		total -= n
	}
	return out, nil
}

func sum(list []int) int {
	total := 0
	for _, n := range list {
		total += n
	}
	return total
}

func batchSize(step any, total int) (int, error) {
	switch x := step.(type) {
	case int:
		return x, nil
	case float64:
		return int(x), nil
	case string:
		if p, ok := strings.CutSuffix(strings.TrimSpace(x), "%"); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
			if err == nil {
				return max(int(f/100*float64(total)), 1), nil
			}
		}
		if n, err := strconv.Atoi(strings.TrimSpace(x)); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("serial takes numbers and percentages, not %s", text(step))
}

// join makes the batch's members; hosts that failed before stay out.
func (b *batch) join(hosts []string) {
	b.hosts = nil
	for _, h := range hosts {
		m := &member{name: h, notified: map[*handler]bool{}, roles: map[string]progress{}}
		m.out = b.run.gone(h)
		b.hosts = append(b.hosts, m)
	}
	b.handlers = b.collectHandlers()
}

// leave notes which hosts the rest of the run does without.
func (b *batch) leave() {
	for _, m := range b.hosts {
		if m.failed || m.lost {
			b.run.remove(m.name, m.lost)
		}
	}
}

func (b *batch) allGone() bool {
	for _, m := range b.hosts {
		if !b.run.gone(m.name) {
			return false
		}
	}
	return true
}

// execute runs the play's sections on the batch.
func (b *batch) execute(ctx context.Context) error {
	if !b.free {
		return b.sections(ctx, b.hosts)
	}
	g, ctx := errgroup.WithContext(ctx)
	if b.pinned {
		g.SetLimit(b.run.opt.Forks)
	}
	for _, m := range b.hosts {
		g.Go(func() error {
			b.turn.Lock()
			defer b.turn.Unlock()
			return b.sections(ctx, []*member{m})
		})
	}
	return g.Wait()
}

// sections is the order of a play.
func (b *batch) sections(ctx context.Context, hosts []*member) error {
	steps := []func(context.Context, []*member) error{
		b.gatherFacts,
		func(ctx context.Context, h []*member) error { return b.section(ctx, b.play.PreTasks, h) },
		func(ctx context.Context, h []*member) error { return b.rolesAndTasks(ctx, h) },
		func(ctx context.Context, h []*member) error { return b.section(ctx, b.play.PostTasks, h) },
	}
	for _, step := range steps {
		// Who failed is out: also handlers that are forced run only at the
		// end of the section in which that was.
		if err := step(ctx, live(hosts)); err != nil {
			return err
		}
		if b.ended || b.broken {
			return nil
		}
	}
	return nil
}

// section runs items and then the handlers they notified.
func (b *batch) section(ctx context.Context, items []playbook.Item, hosts []*member) error {
	if err := b.items(ctx, items, hosts, b.sectionFrame()); err != nil {
		return err
	}
	return b.endSection(ctx, hosts)
}

// sectionFrame is what surrounds a section's tasks: where handlers are forced,
// their run is something that always happens afterwards.
func (b *batch) sectionFrame() frame {
	if !b.force {
		return frame{}
	}
	forced := &section{always: true}
	return frame{within: &section{outer: forced}}
}

func (b *batch) rolesAndTasks(ctx context.Context, hosts []*member) error {
	for _, use := range b.play.Roles {
		if err := b.items(ctx, []playbook.Item{use.AsBlock()}, hosts, b.sectionFrame()); err != nil {
			return err
		}
	}
	return b.section(ctx, b.play.Tasks, hosts)
}
