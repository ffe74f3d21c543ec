package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rollout/internal/classroom"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
)

func classroomStatus() *cobra.Command {
	flags, watch := &rosterFlags{}, watchFlags{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [STUDENT...]",
		Short: "Show how far each student has come",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openClass(cmd.Context(), flags, nil)
			if err != nil {
				return err
			}
			students, err := c.roster.Choose(args)
			if err != nil {
				return err
			}
			return watch.show(cmd.Context(), func(ctx context.Context, out io.Writer) error {
				return c.showStatus(ctx, out, students, asJSON)
			})
		},
	}
	flags.register(cmd.Flags())
	watch.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	cmd.MarkFlagsMutuallyExclusive("json", "watch")
	return cmd
}

func (c *class) showStatus(ctx context.Context, out io.Writer, students []classroom.Student, asJSON bool) error {
	servers, err := c.servers(ctx, students)
	if err != nil {
		return err
	}
	all := c.roster.Progress(students, c.layout, servers)
	c.askPages(ctx, all)
	if asJSON {
		list := []any{}
		for _, p := range all {
			list = append(list, p.Map(c.layout))
		}
		text, err := value.ToJSONIndent(list, "    ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, string(text))
		return err
	}
	var rows [][]string
	for _, p := range all {
		rows = append(rows, p.Row(c.layout))
	}
	return report.Table(out, c.layout.Header(), rows)
}

// How long a page may take, and how many are asked at a time.
const (
	pageTimeout = 3 * time.Second
	pagesAtOnce = 32
)

// askPages asks for every page that should be there.
func (c *class) askPages(ctx context.Context, all []classroom.Progress) {
	client := &http.Client{Timeout: pageTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	var group errgroup.Group
	group.SetLimit(pagesAtOnce)
	for i := range all {
		page := &all[i].Page
		if page.Address == "" {
			continue
		}
		vars := c.vars.Clone()
		vars.Set("address", page.Address)
		url, err := c.engine.Value(ctx, c.layout.Page, template.MapScope{Vars: vars})
		if err != nil {
			page.Text = "cannot tell where: " + err.Error()
			continue
		}
		page.URL = fmt.Sprint(url)
		group.Go(func() error {
			page.Answers, page.Text = askPage(ctx, client, page.URL, c.layout.PageStatus)
			return nil
		})
	}
	_ = group.Wait() // every outcome is in the page
}

// askPage reports whether a page answers as it should, and what it answered.
func askPage(ctx context.Context, client *http.Client, url string, want int) (bool, string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err.Error()
	}
	response, err := client.Do(request)
	timeout := (interface{ Timeout() bool })(nil)
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return false, fmt.Sprintf("no answer within %s", pageTimeout)
	case err != nil:
		return false, "no answer"
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == want, response.Status
}
