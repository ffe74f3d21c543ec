package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"rollout/internal/classroom"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/playbook"
	"rollout/internal/runner/lookup"
	"rollout/internal/template"
	"rollout/internal/topology"
	"rollout/internal/value"
)

// classroomCommand is `rollout classroom`: a class of students, each with a
// step server to work from.
func classroomCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "classroom",
		Short: "Step servers for a class, how far everybody is, and the end of it all",
		Long: `Works on the class of ./classroom.yml: boots a step server for each student, with
rollout, the student's credentials, key and topology on it; shows who has come how far;
and deletes what the students made.`,
		Example: `  rollout classroom init
  rollout classroom status --watch
  rollout classroom cleanup student07
  rollout classroom cleanup --all`,
	}
	command.AddCommand(classroomInit(), classroomStatus(), classroomCleanup())
	return command
}

// defaultRoster is the class that is meant where none is named.
const defaultRoster = "classroom.yml"

// rosterFlags say which class is meant.
type rosterFlags struct {
	roster string
	cloud  string
}

func (f *rosterFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.roster, "roster", defaultRoster, "the roster `FILE`")
	flags.StringVar(&f.cloud, "cloud", "", "`ENTRY` of clouds.yaml, for all students, before the roster's")
}

// class is a roster, what its students roll out, and the clouds they do it on.
type class struct {
	roster *classroom.Roster
	layout classroom.Layout
	clouds *openstack.Pool
	read   func(student string) (*topology.Topology, error)
	engine *template.Engine
	vars   *value.Map // of the topology
}

func openClass(ctx context.Context, f *rosterFlags, trace func(string)) (*class, error) {
	roster, err := classroom.Load(f.roster)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s here: change to the directory of a class, or name its roster with --roster FILE", f.roster)
	}
	if err != nil {
		return nil, err
	}
	if f.cloud != "" {
		for i := range roster.Students {
			roster.Students[i].Cloud = f.cloud
		}
	}
	c := &class{roster: roster, clouds: newClouds(f.cloud, trace)}
	c.read = func(student string) (*topology.Topology, error) { return c.topologyOf(ctx, student) }
	top, err := c.read(roster.Students[0].Name)
	if err != nil {
		return nil, err
	}
	c.layout = layoutOf(top)
	c.engine, c.vars = template.New(template.Options{Env: os.LookupEnv}), top.Vars
	return c, nil
}

// topologyOf reads the topology as the student's step server would: with the
// student as its owner.
func (c *class) topologyOf(ctx context.Context, student string) (*topology.Topology, error) {
	env := func(key string) (string, bool) {
		if key == "STUDENT" {
			return student, true
		}
		return os.LookupEnv(key)
	}
	engine := template.New(template.Options{Env: env, Lookups: lookup.Table(lookup.Deps{Files: playbook.Files{}, Env: env})})
	top, err := topology.Load(c.roster.Topology, topology.Options{Owner: student,
		Render: func(text string, vars *value.Map) (any, error) {
			return engine.Value(ctx, text, template.MapScope{Vars: vars})
		}})
	if err != nil {
		return nil, err
	}
	if top.Owner != student {
		return nil, fmt.Errorf("%s names the owner %s: leave that out, so that each student is the owner of what he or she rolls out", top.Path, top.Owner)
	}
	return top, nil
}

func layoutOf(top *topology.Topology) classroom.Layout {
	l := classroom.Layout{App: top.App, Page: "http://{{ address }}/", PageStatus: http.StatusOK}
	for _, t := range top.Tiers {
		for _, container := range t.Containers {
			if ready := container.Ready; ready != nil && t.Machine.FloatingIP != nil {
				l.Page, l.PageStatus = ready.HTTP, ready.Status
			}
		}
		l.Tiers = append(l.Tiers, classroom.Tier{Name: t.Name, Count: t.Count, Front: t.Machine.FloatingIP != nil})
	}
	return l
}

// perCloud calls do for each cloud that the students work on, side by side.
func (c *class) perCloud(ctx context.Context, students []classroom.Student, do func(context.Context, *openstack.Cloud, []classroom.Student) error) error {
	var names []string
	of := map[string][]classroom.Student{}
	for _, s := range students {
		if of[s.Cloud] == nil {
			names = append(names, s.Cloud)
		}
		of[s.Cloud] = append(of[s.Cloud], s)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error {
			cloud, err := c.clouds.Open(ctx, clouds.Config{Cloud: name})
			if err != nil {
				return err
			}
			return do(ctx, cloud, of[name])
		})
	}
	return group.Wait()
}

// servers lists what the students have: one list for each cloud.
func (c *class) servers(ctx context.Context, students []classroom.Student) ([]classroom.Server, error) {
	found := make(chan []openstack.Server, len(students))
	err := c.perCloud(ctx, students, func(ctx context.Context, cloud *openstack.Cloud, group []classroom.Student) error {
		list, err := cloud.ListServers(ctx, openstack.Filter{NamePrefix: commonPrefix(group)})
		found <- list
		return err
	})
	close(found)
	var out []classroom.Server
	for list := range found {
		for _, s := range list {
			server := classroom.Server{Name: s.Name, Status: s.Status, Fault: s.Fault}
			if floating := s.Floating(); len(floating) > 0 {
				server.Address = floating[0]
			}
			if fixed := s.Fixed(""); len(fixed) > 0 {
				server.Fixed = fixed[0]
			}
			out = append(out, server)
		}
	}
	return out, err
}

// commonPrefix is what the names of all that the students have begin with.
func commonPrefix(students []classroom.Student) string {
	prefix := students[0].Prefix()
	for _, s := range students[1:] {
		other, n := s.Prefix(), 0
		for n < len(prefix) && n < len(other) && prefix[n] == other[n] {
			n++
		}
		prefix = prefix[:n]
	}
	return prefix
}
