package main

import (
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"golang.org/x/term"

	"rollout/internal/document"
	"rollout/internal/report"
	"rollout/internal/runner"
	"rollout/internal/settings"
	"rollout/internal/template"
)

// callbackNames are the forms of the output, by their names without collection.
func callbackNames() []string {
	return []string{"default", "minimal", "oneline", "json", "yaml", "null"}
}

// newReport returns what shows a run: in the form of the callback of that name,
// with further ones beside it.
func newReport(s *settings.Settings, callback string, verbose int, further []string) (runner.Observer, error) {
	opt, err := playOptions(s, verbose)
	if err != nil {
		return nil, err
	}
	opt.Live = opt.Live && len(further) == 0 // they would print into the lines that are drawn anew
	first, err := stdoutCallback(callback, opt)
	if err != nil || len(further) == 0 {
		return first, err
	}
	all := report.Observers{first}
	for _, name := range further {
		switch bare(name) {
		case "timer":
			all = append(all, report.NewTimer(opt, time.Now))
		case "profile_tasks":
			all = append(all, report.NewProfile(opt, s.ProfileLimit, s.ProfileOrder, time.Now))
		case "tree":
			all = append(all, report.NewTree(opt, s.TreeDir))
		default:
			warn("Skipping callback plugin '" + name + "', unable to load (there are timer, profile_tasks and tree)")
		}
	}
	return all, nil
}

// bare is a callback's name without its collection.
func bare(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func stdoutCallback(name string, opt report.PlayOptions) (runner.Observer, error) {
	switch bare(name) {
	case "default", "rollout":
		return report.NewPlay(opt), nil
	case "minimal":
		return report.NewMinimal(opt), nil
	case "oneline":
		return report.NewOneLine(opt), nil
	case "json":
		return report.NewJSONRun(opt, time.Now), nil
	case "yaml":
		opt.Look.Format.Kind = report.BriefYAML
		return report.NewPlay(opt), nil
	case "null":
		return report.NewQuiet(opt), nil
	}
	return nil, fmt.Errorf("cannot show the run as %q: stdout_callback may be %s (%s)", name,
		strings.Join(callbackNames(), ", "), document.Suggest(bare(name), callbackNames()))
}

// playOptions are what the settings and the terminal say of the output.
func playOptions(s *settings.Settings, verbose int) (report.PlayOptions, error) {
	out := int(os.Stdout.Fd())
	isTerminal := term.IsTerminal(out)
	width, _, err := term.GetSize(out)
	if err != nil {
		width = 0
	}
	opt := report.PlayOptions{
		Out: os.Stdout, Err: os.Stderr, Live: isTerminal, Width: width, Verbose: verbose, Look: look(s),
		Color: report.ColorWanted(isTerminal, s.ForceColor, s.NoColor, os.Getenv),
	}
	if s.LogPath == "" {
		return opt, nil
	}
	opt.Log, err = logFile(s.LogPath)
	return opt, err
}

func look(s *settings.Settings) report.Look {
	l := report.Look{
		HideSkipped: !s.DisplaySkipped, HideOK: !s.DisplayOK, FailedToErr: s.FailedToStderr, HostStarts: s.ShowPerHostStart,
		CheckMarkers: s.CheckModeMarkers, PathOnFailure: s.PathOnFailure, CustomStats: s.ShowCustomStats,
		DiffContext: s.DiffContext, NoDeprecations: !s.DeprecationWarnings, NoModuleWarnings: !s.ActionWarnings,
		YAML: template.ResultYAML,
	}
	if s.DiffContext <= 0 {
		l.DiffContext = -1
	}
	if s.ResultFormat == "yaml" {
		l.Format.Kind = report.YAML
	}
	switch strings.ToLower(s.PrettyResults) {
	case "":
	case "1", "true", "yes", "on", "y", "t":
		l.Format.Pretty = report.PrettyYes
	default:
		l.Format.Pretty = report.PrettyNo
	}
	c := s.Colors
	l.Palette = report.Palette{Ok: c.Ok, Changed: c.Changed, Skip: c.Skip, Error: c.Error, Unreachable: c.Unreachable, Warn: c.Warn,
		Deprecate: c.Deprecate, Verbose: c.Verbose, Debug: c.Debug, DiffAdd: c.DiffAdd, DiffRemove: c.DiffRemove, DiffLines: c.DiffLines}
	return l
}

// logFile appends lines to the file of the setting log_path, each with the time,
// the process and the person. It stays open until the program ends.
func logFile(path string) (func(string), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write the log: %w", err)
	}
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return func(text string) {
		if strings.TrimSpace(text) == "" {
			return
		}
		_, _ = fmt.Fprintf(file, "%s p=%d u=%s n=rollout | %s\n", time.Now().Format("2006-01-02 15:04:05,000"), os.Getpid(), name, strings.Trim(text, "\n"))
	}, nil
}
