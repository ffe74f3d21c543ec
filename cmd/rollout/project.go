package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"sync"

	"github.com/spf13/pflag"

	"rollout/internal/document"
	"rollout/internal/lab"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/playbook"
	"rollout/internal/runner/lookup"
	"rollout/internal/settings"
	"rollout/internal/template"
	"rollout/internal/topology"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/internal/vault"
	"rollout/inventory"
)

// project is what the commands work on: a topology, or inventories, and the
// cloud they live on.
type project struct {
	topologyFile string
	inventories  []string // -i
	cloudName    string   // --cloud
	hostless     bool     // there is neither; localhost is always there
	flushCache   bool     // --flush-cache
	extra        *value.Map

	settings *settings.Settings
	keys     *vault.Keyring // of vaults; there may be none in it

	engine *template.Engine
	clouds *openstack.Pool

	keysNoted sync.Once

	told sync.Once // what the topology makes of -e variables

	mu        sync.Mutex
	instances map[string]topology.Instance // what the cloud had when it was last asked
}

// defaultTopology is the topology of a command that names none.
const defaultTopology = "topology.yml"

// projectFlags are the flags that say which project a command is about.
type projectFlags struct {
	topology    string
	inventories []string
	cloud       string
	extraVars   []string
	flushCache  bool
	vault       vaultFlags
	hosts       bool // -i was registered: the setting inventory holds too
}

// register adds the flags of commands that work on the topology's cloud.
func (f *projectFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.topology, "topology", defaultTopology, "the topology `FILE`")
	flags.StringVar(&f.cloud, "cloud", "", "`ENTRY` of clouds.yaml, before the topology's cloud and $OS_CLOUD")
	flags.StringArrayVarP(&f.extraVars, "extra-vars", "e", nil, "`VARIABLES`: key=value, JSON, YAML or @FILE (repeatable)")
	f.vault.register(flags)
}

// registerHosts adds the flag of commands whose hosts may be others.
func (f *projectFlags) registerHosts(flags *pflag.FlagSet) {
	f.hosts = true
	flags.StringArrayVarP(&f.inventories, "inventory", "i", nil, "inventory `FILE`, directory, script or host list (a,b,), instead of the topology (repeatable)")
	flags.BoolVar(&f.flushCache, "flush-cache", false, "forget the facts that earlier runs kept; ask clouds anew where inventory files say cache")
}

// openProject puts a project together from the command line and the settings.
func openProject(ctx context.Context, f *projectFlags, s *settings.Settings, verbose int) (*project, error) {
	keys, err := f.vault.unlock(ctx, s)
	if err != nil {
		return nil, err
	}
	extra, err := vars.Decoder{Decrypt: keys.Decrypt, Merge: s.HashBehaviour == "merge"}.ParseExtra(f.extraVars)
	if err != nil {
		return nil, err
	}
	p := &project{keys: keys, topologyFile: f.topology, inventories: f.inventories, cloudName: f.cloud, flushCache: f.flushCache, extra: extra, settings: s}
	if len(p.inventories) == 0 && f.hosts && f.topology == defaultTopology {
		p.inventories = s.Inventory
	}
	p.engine = template.New(template.Options{
		Env: os.LookupEnv, Lookups: lookup.Table(lookup.Deps{Files: playbook.Files{}, Env: os.LookupEnv, Decrypt: keys.Decrypt}),
	})
	var trace func(string)
	if verbose > 3 {
		trace = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	p.clouds = newClouds(f.cloud, trace)
	return p, nil
}

// errNoTopology says that there is nothing to work on.
type errNoTopology struct{ file string }

func (e errNoTopology) Error() string {
	return fmt.Sprintf("there is no %s here: change to the directory of a topology, name one with --topology FILE, or hosts with -i INVENTORY", e.file)
}

// hasTopology reports whether the topology is the inventory.
func (p *project) hasTopology() bool { return len(p.inventories) == 0 && !p.hostless }

// topology reads the file. A cloud given on the command line wins.
func (p *project) topology(ctx context.Context) (*topology.Topology, error) {
	if _, err := os.Stat(p.topologyFile); errors.Is(err, os.ErrNotExist) {
		return nil, errNoTopology{p.topologyFile}
	}
	top, err := topology.Load(p.topologyFile, topology.Options{
		Render: func(text string, vars *value.Map) (any, error) { return p.render(ctx, text, vars) },
		Extra:  p.extra,
		Owner:  defaultOwner(), KeyFile: p.keyFile,
	})
	if err != nil {
		return nil, err
	}
	if p.cloudName != "" {
		top.Cloud = p.cloudName
	}
	p.told.Do(func() {
		for _, doubt := range top.Doubts(p.extra) {
			warn(doubt)
		}
	})
	return top, nil
}

// render evaluates a template of the topology over -e variables and its vars.
func (p *project) render(ctx context.Context, text string, own *value.Map) (any, error) {
	all := own.Clone()
	all.Update(p.extra)
	plain, _ := vars.Plain(all).(*value.Map)
	return p.engine.Value(ctx, text, template.MapScope{Vars: plain})
}

func defaultOwner() string {
	if s := os.Getenv("STUDENT"); s != "" {
		return s
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

// keyFile finds the private key of a key pair: one made here, beside the person's other keys,
// or in the practice cloud, which made its own.
func (p *project) keyFile(cloud, keyName string) string {
	places := []string{filepath.Join(p.stateDir(), "keys", keyName)} // of a class or a topology
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, ".ssh", keyName), filepath.Join(home, ".ssh", keyName+".pem"))
	}
	if cmp.Or(p.cloudName, cloud, os.Getenv("OS_CLOUD")) == lab.CloudName {
		places = append(places, filepath.Join(lab.StateDir(), keyName))
	}
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place
		}
	}
	return ""
}

// expand renders a template in the name of a static import.
func (p *project) expand(ctx context.Context) func(*document.Node, []*document.Node) (string, error) {
	return func(text *document.Node, scopes []*document.Node) (string, error) {
		all := value.NewMap()
		for _, n := range scopes {
			m, err := p.decoder().Map(n)
			if err != nil {
				return "", err
			}
			all.Update(m)
		}
		v, err := p.render(ctx, text.Text, all)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(v), nil
	}
}

// anyCloud opens the topology's cloud, or, without a topology, the one that
// --cloud, $OS_CLOUD or the OS_* variables name.
func (p *project) anyCloud(ctx context.Context) (*openstack.Cloud, error) {
	top, err := p.topology(ctx)
	var none errNoTopology
	switch {
	case errors.As(err, &none):
		return p.clouds.Open(ctx, clouds.Config{Cloud: p.cloudName})
	case err != nil:
		return nil, err
	}
	return p.cloud(ctx, top)
}

// cloud opens the topology's cloud.
func (p *project) cloud(ctx context.Context, top *topology.Topology) (*openstack.Cloud, error) {
	return p.clouds.Open(ctx, clouds.Config{Cloud: top.Cloud})
}

// newClouds returns a pool that also finds the practice cloud, by the name of
// its entry, where no clouds.yaml of the person's has one of that name.
func newClouds(cloudName string, trace func(string)) *openstack.Pool {
	return openstack.NewPool(clouds.Config{Cloud: cloudName, Trace: trace,
		Further: map[string]string{lab.CloudName: lab.CloudsFile()}})
}

// Load implements inventory.Source: the topology, with what the cloud has of it.
func (p *project) Load(ctx context.Context) (*inventory.Inventory, error) {
	top, err := p.topology(ctx)
	if err != nil {
		return nil, err
	}
	servers, err := p.servers(ctx, top)
	if err != nil {
		return nil, err
	}
	list := instances(servers)
	p.remember(list)
	return top.Inventory(list)
}

// offline is the topology without the cloud, for what reaches no host.
type offline struct{ project *project }

// Load implements inventory.Source.
func (o offline) Load(ctx context.Context) (*inventory.Inventory, error) {
	top, err := o.project.topology(ctx)
	if err != nil {
		return nil, err
	}
	return top.Inventory(nil)
}

// servers are those that carry the topology's metadata.
func (p *project) servers(ctx context.Context, top *topology.Topology) ([]openstack.Server, error) {
	cloud, err := p.cloud(ctx, top)
	if err != nil {
		return nil, err
	}
	return cloud.ListServers(ctx, openstack.Filter{
		NamePrefix: top.Owner + "-",
		Metadata:   map[string]string{"rollout_app": top.App, "rollout_owner": top.Owner},
	})
}

func instances(servers []openstack.Server) []topology.Instance {
	var out []topology.Instance
	for _, s := range servers {
		i := topology.Instance{ID: s.ID, Name: s.Name, Status: s.Status, Addresses: map[string]string{}}
		for _, a := range s.Addresses {
			if fixed := s.Fixed(a.Network); len(fixed) > 0 {
				i.Addresses[a.Network] = fixed[0]
			}
		}
		if floating := s.Floating(); len(floating) > 0 {
			i.FloatingIP = floating[0]
		}
		out = append(out, i)
	}
	return out
}

func (p *project) remember(list []topology.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances = map[string]topology.Instance{}
	for _, i := range list {
		p.instances[i.Name] = i
	}
}

func (p *project) instance(host string) topology.Instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.instances[host]
}

// serverID is the id of the server behind a host, "" where it is none of ours.
func (p *project) serverID(host string) string { return p.instance(host).ID }

// stateDir is where the project keeps what is its own, such as host keys.
func (p *project) stateDir() string { return filepath.Join(filepath.Dir(p.topologyFile), ".rollout") }
